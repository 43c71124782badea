//! Repositories.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ACCOUNT;
use crate::aws::error::{Answer, AwsError};
use crate::aws::json::{JsonRequest, violated};
use crate::aws::kms::{self, Unusable};
use crate::aws::page::PageRequest;
use crate::aws::service::{Cx, JsonOperation};
use crate::aws::time::seconds;
use crate::world::{Kind, New, Object};

use super::image::Image;
use super::tagging::{self, Tag};
use super::{INVALID, arn, check_name, check_registry, find, not_found};

pub(super) const OPERATIONS: &[JsonOperation] = &[
    JsonOperation::write("CreateRepository", create),
    JsonOperation::read("DescribeRepositories", describe),
    JsonOperation::write("PutImageTagMutability", put_mutability),
    JsonOperation::write("PutImageScanningConfiguration", put_scanning),
    JsonOperation::write("DeleteRepository", delete),
];

/// What a repository is made of; its name is its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(super) mutability: String,
    scan_on_push: bool,
    encryption: Encryption,
}

impl Kind for Repository {
    const SERVICE: &'static str = "ecr";
    const TYPE: &'static str = "repository";
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Encryption {
    encryption_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scanning {
    #[serde(default)]
    scan_on_push: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    image_tag_mutability: Option<String>,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Encryption>,
}

fn create(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: CreateRepository = request.body()?;
    check_registry(wanted.registry_id.as_deref())?;
    let name = wanted.repository_name;
    check_name(&name)?;
    let tags = tagging::read(&wanted.tags)?;
    let mutability = wanted
        .image_tag_mutability
        .unwrap_or_else(|| "MUTABLE".to_owned());
    check_mutability(&mutability)?;
    let encryption = check_encryption(cx, wanted.encryption_configuration)?;
    let region = cx.region.clone();
    if cx.world.raw::<Repository>(&region, &name).is_some() {
        let text = format!(
            "The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'"
        );
        return Err(AwsError::new("RepositoryAlreadyExistsException", text));
    }
    let repository = Repository {
        mutability,
        scan_on_push: wanted
            .image_scanning_configuration
            .unwrap_or_default()
            .scan_on_push,
        encryption,
    };
    let new = New::plain(&region, name.clone(), repository)
        .name(&name)
        .tags(tags);
    let repository = cx.world.insert(new);
    Ok(json!({ "repository": view(&repository) }))
}

fn check_mutability(text: &str) -> Result<(), AwsError> {
    if ["MUTABLE", "IMMUTABLE"].contains(&text) {
        return Ok(());
    }
    let constraint = "Member must satisfy enum value set: [MUTABLE, IMMUTABLE]";
    Err(violated(INVALID, ("imageTagMutability", text), constraint))
}

/// Without a key, KMS uses the one that AWS keeps for ECR.
fn check_encryption(cx: &Cx<'_>, wanted: Option<Encryption>) -> Result<Encryption, AwsError> {
    let Some(mut wanted) = wanted else {
        return Ok(Encryption {
            encryption_type: "AES256".to_owned(),
            kms_key: None,
        });
    };
    match (wanted.encryption_type.as_str(), &wanted.kms_key) {
        ("AES256", None) => {}
        ("AES256", Some(_)) => {
            let text = "Invalid parameter at 'encryptionConfiguration': a KMS key cannot be given with the encryption type AES256";
            return Err(AwsError::new(INVALID, text));
        }
        ("KMS" | "KMS_DSSE", Some(key)) => {
            check_key(cx, key)?;
            let id = key.rsplit('/').next().unwrap_or_default();
            wanted.kms_key = Some(key_arn(&cx.region, id));
        }
        ("KMS" | "KMS_DSSE", None) => {
            let id = "00000000-0000-4000-8000-0000000000ec";
            wanted.kms_key = Some(key_arn(&cx.region, id));
        }
        (other, _) => {
            let constraint = "Member must satisfy enum value set: [AES256, KMS, KMS_DSSE]";
            return Err(violated(INVALID, ("encryptionType", other), constraint));
        }
    }
    Ok(wanted)
}

fn key_arn(region: &str, id: &str) -> String {
    let partition = crate::aws::arn::partition(region);
    format!("arn:{partition}:kms:{region}:{ACCOUNT}:key/{id}")
}

fn check_key(cx: &Cx<'_>, key: &str) -> Result<(), AwsError> {
    let text = match kms::check_usable(cx.world, (&cx.region, key), None) {
        Ok(()) => return Ok(()),
        Err(Unusable::Missing | Unusable::NotAllowed) => {
            format!("KMS returned NotFoundException: the key '{key}' does not exist")
        }
        Err(Unusable::NotEnabled) => {
            format!("KMS returned DisabledException: the key '{key}' is not enabled")
        }
        Err(Unusable::Asymmetric) => {
            format!("KMS returned InvalidKeyUsageException: the key '{key}' is not symmetric")
        }
    };
    Err(AwsError::new("KmsException", text))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeRepositories {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

fn describe(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: DescribeRepositories = request.body()?;
    check_registry(wanted.registry_id.as_deref())?;
    if let Some(names) = &wanted.repository_names {
        if wanted.max_results.is_some() || wanted.next_token.is_some() {
            let text =
                "Invalid parameter: repositoryNames cannot be used with maxResults or nextToken";
            return Err(AwsError::new(INVALID, text));
        }
        if !(1..=100).contains(&names.len()) {
            let constraint = "Member must have length between 1 and 100";
            return Err(violated(INVALID, ("repositoryNames", "null"), constraint));
        }
        let found: Result<Vec<Value>, AwsError> =
            names.iter().map(|name| Ok(view(find(cx, name)?))).collect();
        return Ok(json!({ "repositories": found? }));
    }
    let limit = wanted.max_results.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        let constraint = "Member must have value between 1 and 1000";
        return Err(violated(
            INVALID,
            ("maxResults", &limit.to_string()),
            constraint,
        ));
    }
    let page = PageRequest::new(wanted.next_token.as_deref(), Some(limit))
        .map_err(|_bad| AwsError::new(INVALID, "Invalid parameter: nextToken"))?
        .at_most(cx.injected.page_limit);
    let all = cx.world.seen::<Repository>(&cx.region).collect();
    let (found, token) = page.cut(all, |repository: &&Object<Repository>| {
        repository.id.clone()
    });
    let views: Vec<Value> = found.into_iter().map(view).collect();
    let mut answer = json!({ "repositories": views });
    if let Some(token) = token {
        answer["nextToken"] = Value::String(token);
    }
    Ok(answer)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutImageTagMutability {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: String,
}

fn put_mutability(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: PutImageTagMutability = request.body()?;
    check_registry(wanted.registry_id.as_deref())?;
    check_mutability(&wanted.image_tag_mutability)?;
    let name = find(cx, &wanted.repository_name)?.id.clone();
    let region = cx.region.clone();
    cx.world.update::<Repository>(&region, &name, |repository| {
        repository
            .body
            .mutability
            .clone_from(&wanted.image_tag_mutability);
    });
    Ok(json!({
        "registryId": ACCOUNT,
        "repositoryName": name,
        "imageTagMutability": wanted.image_tag_mutability,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutImageScanningConfiguration {
    registry_id: Option<String>,
    repository_name: String,
    image_scanning_configuration: Scanning,
}

fn put_scanning(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: PutImageScanningConfiguration = request.body()?;
    check_registry(wanted.registry_id.as_deref())?;
    let name = find(cx, &wanted.repository_name)?.id.clone();
    let scan_on_push = wanted.image_scanning_configuration.scan_on_push;
    let region = cx.region.clone();
    cx.world.update::<Repository>(&region, &name, |repository| {
        repository.body.scan_on_push = scan_on_push;
    });
    Ok(json!({
        "registryId": ACCOUNT,
        "repositoryName": name,
        "imageScanningConfiguration": { "scanOnPush": scan_on_push },
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeleteRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    force: bool,
}

fn delete(cx: &mut Cx<'_>, request: &mut JsonRequest) -> Answer {
    let wanted: DeleteRepository = request.body()?;
    check_registry(wanted.registry_id.as_deref())?;
    let name = wanted.repository_name;
    check_name(&name)?;
    let region = cx.region.clone();
    if cx.world.get::<Repository>(&region, &name).is_none() {
        return Err(not_found(&name));
    }
    let images = format!("{name}@");
    let is_empty = cx.world.under::<Image>(&region, &images).next().is_none();
    if !is_empty && !wanted.force {
        let text = format!(
            "The repository with name '{name}' in registry with id '{ACCOUNT}' cannot be deleted because it still contains images"
        );
        return Err(AwsError::new("RepositoryNotEmptyException", text));
    }
    cx.world
        .remove_where::<Image>(&region, |image| image.id.starts_with(&images));
    let gone = cx.world.remove::<Repository>(&region, &name);
    Ok(json!({ "repository": gone.as_ref().map(view) }))
}

fn view(repository: &Object<Repository>) -> Value {
    let (region, name) = (&repository.region, &repository.id);
    let suffix = match crate::aws::arn::partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    json!({
        "repositoryArn": arn(region, name),
        "registryId": ACCOUNT,
        "repositoryName": name,
        "repositoryUri": format!("{ACCOUNT}.dkr.ecr.{region}.{suffix}/{name}"),
        "createdAt": seconds(repository.created_ms),
        "imageTagMutability": repository.body.mutability,
        "imageScanningConfiguration": { "scanOnPush": repository.body.scan_on_push },
        "encryptionConfiguration": repository.body.encryption,
    })
}
