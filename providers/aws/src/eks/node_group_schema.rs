//! `aws_eks_node_group`: attributes and checks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema, Timeouts};

use crate::checks::{Checks, Pattern};
use crate::eks::MINUTE;
use crate::resource;
use crate::tags::{self, Tags};

pub(super) const NAME: &str = "aws_eks_node_group";

/// A managed node group. Its id is `cluster:name`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodeGroup {
    pub(super) id: Option<String>,
    pub(super) arn: Option<String>,
    pub(super) cluster_name: String,
    pub(super) node_group_name: String,
    pub(super) node_role_arn: String,
    pub(super) subnet_ids: BTreeSet<String>,
    pub(super) scaling_config: Scaling,
    pub(super) update_config: Option<UpdateLimits>,
    pub(super) instance_types: Option<Vec<String>>,
    pub(super) ami_type: Option<String>,
    pub(super) capacity_type: Option<String>,
    pub(super) disk_size: Option<i32>,
    pub(super) launch_template: Option<Template>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) taint: Option<BTreeSet<Taint>>,
    pub(super) version: Option<String>,
    pub(super) release_version: Option<String>,
    pub(super) force_update_version: bool,
    pub(super) status: Option<String>,
    pub(super) tags: Option<Tags>,
    pub(super) tags_all: Option<Tags>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Scaling {
    pub(super) min_size: i32,
    pub(super) max_size: i32,
    /// Absent only where nothing is recorded.
    pub(super) desired_size: Option<i32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateLimits {
    pub(super) max_unavailable: Option<i32>,
    pub(super) max_unavailable_percentage: Option<i32>,
}

/// The launch template of the nodes: AWS tells id and name, whichever was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Template {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    /// A number, `$Latest` or `$Default`.
    pub(super) version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Taint {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) effect: String,
}

pub(super) fn schema() -> ResourceSchema {
    let text = || AttributeType::String;
    let schema = Schema::new([
        resource::id("Cluster and name, as `cluster:name`."),
        resource::arn(),
        super::cluster_name(),
        ("node_group_name", Attribute::required(text(), "Name, unique in the cluster.").replaces()),
        ("node_role_arn", Attribute::required(text(), "Role of the nodes.").replaces()),
        ("subnet_ids", Attribute::required(AttributeType::string_set(), "Subnets of the nodes.").replaces()),
        ("scaling_config", Attribute::required(scaling(), "How many nodes there are.")),
        ("update_config", Attribute::optional_computed(update_limits(), "How many nodes an update takes at once.")),
        (
            "instance_types",
            Attribute::optional_computed(AttributeType::strings(), "Instance types, most wanted first.").replaces(),
        ),
        (
            "ami_type",
            Attribute::optional_computed(text(), "Operating system of the nodes, such as `AL2023_x86_64_STANDARD`.").replaces(),
        ),
        ("capacity_type", Attribute::optional_computed(text(), "`ON_DEMAND`, `SPOT` or `CAPACITY_BLOCK`.").replaces()),
        ("disk_size", Attribute::optional_computed(AttributeType::Number, "Root disk of a node, in GiB.").replaces()),
        (
            "launch_template",
            Attribute::optional(template(), "Template of the machines. It says what their disk is like, and may name their image, as well as their type."),
        ),
        ("labels", Attribute::optional(AttributeType::string_map(), "Kubernetes labels of the nodes.")),
        (
            "taint",
            Attribute::optional(AttributeType::Set(Box::new(taint())), "Kubernetes taints of the nodes."),
        ),
        (
            "version",
            Attribute::optional_computed(text(), "Kubernetes version of the nodes; the cluster's at creation if left out. It must not be above the cluster's."),
        ),
        (
            "release_version",
            Attribute::optional_computed(text(), "Version of the machine image; the newest of its Kubernetes version if left out."),
        ),
        (
            "force_update_version",
            Attribute::optional(AttributeType::Bool, "Whether an update goes on where pods cannot be drained because of a disruption budget.")
                .default_value(false),
        ),
        ("status", Attribute::computed(text(), "Status, such as `ACTIVE`.")),
        tags::argument(),
        tags::all(),
    ]);
    ResourceSchema {
        consistency_window: super::CONSISTENCY_WINDOW,
        unique_name: Some("node_group_name"),
        timeouts: Timeouts {
            create: Duration::from_secs(60 * MINUTE),
            update: Duration::from_secs(60 * MINUTE),
            delete: Duration::from_secs(60 * MINUTE),
        },
        ..ResourceSchema::managed(
            NAME,
            Adoption::Name,
            schema,
            "Nodes of an EKS cluster that EKS looks after.",
        )
    }
}

fn scaling() -> AttributeType {
    let number = |description| Attribute::required(AttributeType::Number, description);
    AttributeType::object([
        ("min_size", number("Fewest nodes.")),
        ("max_size", number("Most nodes.")),
        (
            "desired_size",
            number(
                "Nodes to start with. Afterwards an autoscaler may change their number: only a change in the definition counts.",
            ),
        ),
    ])
}

fn update_limits() -> AttributeType {
    let number = |description| Attribute::optional(AttributeType::Number, description);
    AttributeType::object([
        ("max_unavailable", number("Nodes that may be away at once.")),
        (
            "max_unavailable_percentage",
            number("Nodes that may be away at once, in percent; in place of `max_unavailable`."),
        ),
    ])
}

fn template() -> AttributeType {
    let text = || AttributeType::String;
    AttributeType::object([
        (
            "id",
            Attribute::optional_computed(text(), "Id of the template; or its name.").replaces(),
        ),
        (
            "name",
            Attribute::optional_computed(text(), "Name of the template; or its id.").replaces(),
        ),
        (
            "version",
            Attribute::required(
                text(),
                "Version of the template. A number, such as the template's `latest_version`, brings each new version onto the nodes; `$Latest` and `$Default` stand for what they mean when the node group is made.",
            ),
        ),
    ])
}

fn taint() -> AttributeType {
    AttributeType::object([
        ("key", Attribute::required(AttributeType::String, "Key.")),
        (
            "value",
            Attribute::optional(AttributeType::String, "Value."),
        ),
        (
            "effect",
            Attribute::required(
                AttributeType::String,
                "`NO_SCHEDULE`, `NO_EXECUTE` or `PREFER_NO_SCHEDULE`.",
            ),
        ),
    ])
}

pub(super) fn validate(checks: &mut Checks<'_>) {
    checks.text("cluster_name", |name| Pattern::ClusterName.check(name));
    checks.text("node_group_name", |name| Pattern::NodeGroupName.check(name));
    checks.text("node_role_arn", |arn| Pattern::Arn.check(arn));
    checks.text("version", |version| {
        Pattern::KubernetesVersion.check(version)
    });
    checks.one_of("capacity_type", &["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]);
    checks.range("disk_size", 1, 16384);
    checks.range("scaling_config.min_size", 0, 450);
    checks.range("scaling_config.max_size", 1, 450);
    checks.range("scaling_config.desired_size", 0, 450);
    checks.range("update_config.max_unavailable", 1, 100);
    checks.range("update_config.max_unavailable_percentage", 1, 100);
    checks.each("taint", |taint| {
        taint.one_of(
            "effect",
            &["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"],
        );
    });
    check_template(checks);
    let number = |path| checks.known(path).and_then(Value::as_i64);
    let min = number("scaling_config.min_size");
    let max = number("scaling_config.max_size");
    let desired = number("scaling_config.desired_size");
    let both = number("update_config.max_unavailable")
        .zip(number("update_config.max_unavailable_percentage"));
    let subnets = checks.known("subnet_ids").and_then(Value::elements);
    if subnets.is_some_and(<[_]>::is_empty) {
        checks.fault("subnet_ids", "must name at least one subnet.");
    }
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        checks.fault("scaling_config.min_size", "must not be above max_size.");
    }
    if desired.zip(min).is_some_and(|(desired, min)| desired < min)
        || desired.zip(max).is_some_and(|(desired, max)| desired > max)
    {
        checks.fault(
            "scaling_config.desired_size",
            "must be between min_size and max_size.",
        );
    }
    if both.is_some() {
        checks.fault(
            "update_config.max_unavailable_percentage",
            "must not be given together with max_unavailable.",
        );
    }
}

/// What a launch template says is not said again.
fn check_template(checks: &mut Checks<'_>) {
    let Some(template) = checks.known("launch_template") else {
        return;
    };
    let is_given = |name| template.get(name).is_some_and(|value| !value.is_null());
    let (id, name) = (is_given("id"), is_given("name"));
    // With neither it stays as it is: only who makes a node group has to say which.
    if id && name {
        let message = "must not have both id and name.";
        checks.fault("launch_template", message);
    }
    checks.text("launch_template.version", |version| {
        let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        (!is_number && !["$Latest", "$Default"].contains(&version))
            .then(|| format!("must be a number, $Latest or $Default, not '{version}'."))
    });
    if checks.known("disk_size").is_some() {
        let message = "must not be given with launch_template, which says what the disk is like.";
        checks.fault("disk_size", message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: Value, disk: Value, expected: &[&str]) {
        let config = Value::object([("launch_template", template), ("disk_size", disk)]);
        let mut checks = Checks::new(&config);
        check_template(&mut checks);
        let faults = checks.finish();
        let paths: Vec<String> = faults.iter().map(|fault| fault.path.to_string()).collect();
        assert_eq!(paths, expected, "{config:?}");
    }

    #[test]
    fn a_template_is_named_once() {
        let none = || Value::null();
        let template = |id: Value, name: Value, version: &str| {
            Value::object([("id", id), ("name", name), ("version", version.into())])
        };
        check(template("lt-1".into(), none(), "1"), none(), &[]);
        check(template(none(), "a".into(), "$Latest"), none(), &[]);
        let unknown = Value::unknown(strata_model::Type::String);
        check(template(unknown, none(), "2"), none(), &[]);
        check(template(none(), none(), "1"), none(), &[]);
        check(
            template("lt-1".into(), "a".into(), "1"),
            none(),
            &["launch_template"],
        );
        check(
            template("lt-1".into(), none(), "new"),
            none(),
            &["launch_template.version"],
        );
        check(
            template("lt-1".into(), none(), "1"),
            20.into(),
            &["disk_size"],
        );
    }
}
