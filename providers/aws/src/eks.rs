//! EKS: clusters, managed node groups, add-ons, and who may use a cluster.

pub(crate) mod access_entry;
pub(crate) mod access_policy;
pub(crate) mod addon;
pub(crate) mod addon_versions;
pub(crate) mod auto_mode;
pub(crate) mod cluster;
pub(crate) mod cluster_access;
pub(crate) mod cluster_change;
pub(crate) mod cluster_schema;
pub(crate) mod fargate;
pub(crate) mod identity_provider;
pub(crate) mod node_group;
pub(crate) mod node_group_change;
pub(crate) mod node_group_schema;
pub(crate) mod pod_identity;
mod reach;
pub(crate) mod tagging;
pub(crate) mod updates;
mod upgrade;

use std::time::Duration;

use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType};

use crate::error::Failure;

/// How long EKS may miss a new object, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(10);
/// How often a cluster or an update of one is looked at, in the cloud's time.
const CLUSTER_INTERVAL: Duration = Duration::from_secs(15);
/// How often a node group is looked at, in the cloud's time.
const NODE_GROUP_INTERVAL: Duration = Duration::from_secs(10);

const MINUTE: u64 = 60;

/// What EKS says of something that is wrong, with the objects that it is about.
fn issue(code: &str, text: Option<&str>, objects: &[String]) -> String {
    let text = text.unwrap_or_default();
    if objects.is_empty() {
        format!("{code}: {text}")
    } else {
        format!("{code}: {text} ({})", objects.join(", "))
    }
}

/// The argument of what belongs to a cluster that says to which one.
fn cluster_name() -> (&'static str, Attribute) {
    let name = Attribute::required(AttributeType::String, "Name of the cluster.");
    let name = name.replaces().names(cluster_schema::NAME, "name");
    ("cluster_name", name)
}

/// Cluster and part in the id of an object that belongs to a cluster, such as `cluster:profile`.
///
/// `what` is the object, and the form of its id, for people.
fn parts<'i>(
    id: &'i str,
    separator: char,
    (what, form): (&str, &str),
) -> Result<(&'i str, &'i str), Failure> {
    let parts = id.split_once(separator);
    parts
        .filter(|(cluster, part)| !cluster.is_empty() && !part.is_empty())
        .ok_or_else(|| {
            let message = format!("'{id}' is not the id of {what}, which is {form}");
            Failure::refused(ProviderErrorKind::Invalid, message)
        })
}

#[cfg(test)]
mod tests {
    use super::issue;

    #[test]
    fn an_issue_names_what_it_is_about() {
        let text = Some("It failed.");
        assert_eq!(issue("A", text, &[]), "A: It failed.");
        let objects = ["i-1".to_owned(), "i-2".to_owned()];
        assert_eq!(issue("A", text, &objects), "A: It failed. (i-1, i-2)");
    }
}
