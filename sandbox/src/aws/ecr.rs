//! ECR: repositories, and as much of images as says whether a repository is empty.

mod image;
mod repository;
mod tagging;

use crate::world::Object;

pub(super) use repository::Repository;

use super::ACCOUNT;
use super::arn::partition;
use super::error::AwsError;
use super::json::violated;
use super::service::{Api, Cx, Service};

/// By which arguments are refused.
const INVALID: &str = "InvalidParameterException";

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "ecr",
    global: false,
    api: Api::Json {
        target: "AmazonEC2ContainerRegistry_V20150921",
        invalid: INVALID,
        tables: &[
            repository::OPERATIONS,
            image::OPERATIONS,
            tagging::OPERATIONS,
        ],
    },
    register: |world| {
        world.register::<Repository>();
        world.register::<image::Image>();
    },
};

pub(super) fn arn(region: &str, name: &str) -> String {
    let partition = partition(region);
    format!("arn:{partition}:ecr:{region}:{ACCOUNT}:repository/{name}")
}

fn find<'a>(cx: &'a Cx<'_>, name: &str) -> Result<&'a Object<Repository>, AwsError> {
    check_name(name)?;
    cx.world
        .get::<Repository>(&cx.region, name)
        .ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> AwsError {
    let text = format!(
        "The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
    );
    AwsError::new("RepositoryNotFoundException", text)
}

/// Refuses another registry than the account's own.
fn check_registry(id: Option<&str>) -> Result<(), AwsError> {
    match id {
        None | Some(ACCOUNT) => Ok(()),
        Some(other) => Err(AwsError::new(
            INVALID,
            format!("the sandbox has no registry {other}"),
        )),
    }
}

/// Parts of small letters and digits, joined inside by single signs, and with each other by slashes.
fn check_name(name: &str) -> Result<(), AwsError> {
    if (2..=256).contains(&name.len()) && name.split('/').all(is_part) {
        return Ok(());
    }
    let constraint = "must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'";
    Err(violated(INVALID, ("repositoryName", name), constraint))
}

fn is_part(part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut joints = part.split(is_word).filter(|joint| !joint.is_empty());
    part.starts_with(is_word)
        && part.ends_with(is_word)
        && joints.all(|joint| {
            matches!(joint, "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names() {
        for (name, expected) in [
            ("shop/front-end", true),
            ("a__b", true),
            ("a", false),
            ("a___b", false),
            ("a//b", false),
            ("Shop", false),
            ("-ab", false),
        ] {
            assert_eq!(check_name(name).is_ok(), expected, "{name}");
        }
    }
}
