//! The judge: holds the state against the cloud's ledger, and both against what the definitions ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strata_model::provider::Operation;
use strata_model::state::{OpenOp, RowStatus, StateRow, StateSnapshot};
use strata_sandbox::{Ledger, LedgerObject};

/// Which object of the cloud: the type of its resource and its id in the ledger.
pub(crate) type ObjectKey = (&'static str, String);

/// Resource types and what the ledger calls their objects.
const TYPES: [(&str, &str); 28] = [
    ("aws_vpc", "vpc"),
    ("aws_subnet", "subnet"),
    ("aws_internet_gateway", "internet-gateway"),
    (
        "aws_egress_only_internet_gateway",
        "egress-only-internet-gateway",
    ),
    (
        "aws_vpc_ipv4_cidr_block_association",
        "vpc-cidr-block-association",
    ),
    ("aws_vpc_endpoint", "vpc-endpoint"),
    ("aws_eip", "elastic-ip"),
    ("aws_nat_gateway", "natgateway"),
    ("aws_route_table", "route-table"),
    ("aws_security_group", "security-group"),
    ("aws_launch_template", "launch-template"),
    ("aws_iam_role", "role"),
    ("aws_iam_role_policy_attachment", "role-policy-attachment"),
    ("aws_iam_policy", "policy"),
    ("aws_iam_instance_profile", "instance-profile"),
    ("aws_iam_openid_connect_provider", "oidc-provider"),
    ("aws_kms_key", "key"),
    ("aws_kms_alias", "alias"),
    ("aws_cloudwatch_log_group", "log-group"),
    ("aws_ecr_repository", "repository"),
    ("aws_eks_cluster", "cluster"),
    ("aws_eks_node_group", "nodegroup"),
    ("aws_eks_access_entry", "access-entry"),
    (
        "aws_eks_access_policy_association",
        "access-policy-association",
    ),
    ("aws_eks_addon", "addon"),
    (
        "aws_eks_pod_identity_association",
        "pod-identity-association",
    ),
    ("aws_eks_fargate_profile", "fargate-profile"),
    (
        "aws_eks_identity_provider_config",
        "identity-provider-config",
    ),
];

/// A type whose objects have neither tags nor an id that is known before: a project of the tests has one of it at most.
const ONLY: &str = "aws_vpc_ipv4_cidr_block_association";

/// Tag of an object that names the address that it is declared at.
pub(crate) const NAME: &str = "Name";

/// What is wrong between state, cloud and definitions, each as a line for people.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// In the cloud, and neither a row nor an open intent knows.
    pub(crate) orphans: Vec<String>,
    /// Two live objects of one address.
    pub(crate) doubles: Vec<String>,
    /// The state says that it is there, and done, and the cloud has none.
    pub(crate) phantoms: Vec<String>,
    /// Success was reported with something else than what was asked for.
    pub(crate) lies: Vec<String>,
    /// What does not go on without a human.
    pub(crate) stuck: Vec<String>,
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.all().all(|(_, list)| list.is_empty())
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        [
            ("orphans", &self.orphans),
            ("doubles", &self.doubles),
            ("phantoms", &self.phantoms),
            ("lies", &self.lies),
            ("stuck", &self.stuck),
        ]
        .into_iter()
    }

    /// Takes over what another judgement found.
    pub(crate) fn add(&mut self, other: Faults) {
        self.orphans.extend(other.orphans);
        self.doubles.extend(other.doubles);
        self.phantoms.extend(other.phantoms);
        self.lies.extend(other.lies);
        self.stuck.extend(other.stuck);
    }

    /// The counts, as they are printed.
    pub(crate) fn counts(&self) -> String {
        let counts: Vec<String> = self
            .all()
            .map(|(name, list)| format!("{name}={}", list.len()))
            .collect();
        counts.join(" ")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, list) in self.all() {
            for line in list.iter().take(10) {
                writeln!(f, "{name}: {line}")?;
            }
        }
        Ok(())
    }
}

/// The objects that resources declare, by key. What services make by themselves does not count, nor do parts of objects.
pub(crate) fn declared_objects(ledger: &Ledger) -> BTreeMap<ObjectKey, &LedgerObject> {
    let keyed = |object| {
        let (resource, _) = TYPES
            .iter()
            .find(|(_, kind)| *kind == object_kind(object))?;
        let is_declared = !is_made_with_another(object, ledger);
        is_declared.then(|| ((*resource, object.id.clone()), object))
    };
    ledger.live().filter_map(keyed).collect()
}

fn object_kind(object: &LedgerObject) -> &str {
    object.kind.as_str()
}

/// Whether the service made it by itself, in the call that made something else: a network comes with a group and a table,
/// a cluster with a group, and nodes with an entry for their role.
fn is_made_with_another(object: &LedgerObject, ledger: &Ledger) -> bool {
    let own = match object_kind(object) {
        "route-table" => "CreateRouteTable",
        "security-group" => "CreateSecurityGroup",
        "access-entry" => "CreateAccessEntry",
        "log-group" => "CreateLogGroup",
        "pod-identity-association" => "CreatePodIdentityAssociation",
        _ => return false,
    };
    let calls = &ledger.calls;
    let place = calls.binary_search_by_key(&object.created_seq, |call| call.seq);
    let made_by = place.map(|place| calls[place].operation.as_str());
    made_by != Ok(own)
}

/// The key of the object that a row or an intent names; nothing where the id is not known yet.
fn key_of(row: &StateRow, id: Option<&str>) -> Option<ObjectKey> {
    let address = row.address().to_string();
    let (resource, _) = TYPES
        .iter()
        .find(|(resource, _)| type_in(&address) == *resource)?;
    let id = id?;
    let id = match *resource {
        "aws_eks_access_policy_association" => id.replace('#', "/"),
        "aws_eks_pod_identity_association" => id.replacen(',', "/", 1),
        "aws_eks_node_group"
        | "aws_eks_access_entry"
        | "aws_eks_addon"
        | "aws_eks_fargate_profile"
        | "aws_eks_identity_provider_config" => id.replacen(':', "/", 1),
        _ => id.to_owned(),
    };
    Some((resource, id))
}

/// The resource type in an address such as `aws_vpc.net[0]` or `stack.a.aws_vpc.net`.
fn type_in(address: &str) -> &str {
    address
        .split('.')
        .find(|part| part.starts_with("aws_"))
        .unwrap_or_default()
}

/// Whether the cloud shows the effect of an op whose outcome is not recorded.
pub(crate) fn took_effect(open: &OpenOp, ledger: &Ledger) -> bool {
    let live = declared_objects(ledger);
    let row = &open.intent.row;
    match open.intent.operation {
        Operation::Create => live.values().any(|object| is_made_by(object, open)),
        Operation::Delete => {
            key_of(row, row.id.as_deref()).is_some_and(|key| !live.contains_key(&key))
        }
        Operation::Update => key_of(row, row.id.as_deref())
            .and_then(|key| live.get(&key).copied())
            .is_some_and(|object| tags_of(row).is_some_and(|tags| has_tags(object, &tags))),
    }
}

fn is_made_by(object: &LedgerObject, open: &OpenOp) -> bool {
    let op = open.intent.op.to_string();
    natural(object, open) || object.tags.get("strata:op") == Some(&op)
}

/// Whether an object without tags is what the op was to make, by what both say of themselves.
fn natural(object: &LedgerObject, open: &OpenOp) -> bool {
    let row = &open.intent.row;
    let json = row.attributes.json.value();
    let text = |name: &str| json.get(name).and_then(|value| value.as_str());
    let parts: &[&str] = match object_kind(object) {
        "role-policy-attachment" => &["role", "policy_arn"],
        "access-policy-association" => &["cluster_name", "principal_arn", "policy_arn"],
        "alias" => &["name"],
        "vpc-cidr-block-association" => {
            let is_create = open.intent.operation == Operation::Create;
            return is_create && row.address().resource_type.as_ref() == ONLY;
        }
        _ => return false,
    };
    let planned: Option<Vec<&str>> = parts.iter().map(|part| text(part)).collect();
    planned.is_some_and(|planned| planned.join("/") == object.id)
}

fn tags_of(row: &StateRow) -> Option<BTreeMap<String, String>> {
    serde_json::from_value(row.attributes.json.value().get("tags")?.clone()).ok()
}

fn has_tags(object: &LedgerObject, tags: &BTreeMap<String, String>) -> bool {
    tags.iter()
        .all(|(key, value)| object.tags.get(key) == Some(value))
}

/// Judges a state at any moment at which nothing runs: what the cloud has must be known, and what is said to be there
/// must be there, unless an open intent says that this is not known.
pub(crate) fn judge_known(state: &StateSnapshot, ledger: &Ledger) -> Faults {
    let live = declared_objects(ledger);
    let rows: BTreeMap<ObjectKey, &StateRow> = state
        .rows
        .values()
        .filter_map(|row| Some((key_of(row, row.id.as_deref())?, row)))
        .collect();
    let mut faults = Faults::default();
    for (key, object) in &live {
        let intended = |open: &OpenOp| {
            let checkpoint = open.checkpoint.as_ref().map(|record| record.id.as_str());
            is_made_by(object, open) || key_of(&open.intent.row, checkpoint).as_ref() == Some(key)
        };
        if !rows.contains_key(key) && !state.open_ops.iter().any(intended) {
            faults
                .orphans
                .push(format!("{} {} {:?}", key.0, key.1, object.tags));
        }
    }
    for (key, row) in &rows {
        let is_open = state
            .open_ops
            .iter()
            .any(|open| open.intent.row.key == row.key);
        let says_done = row.status == RowStatus::Ready;
        if !live.contains_key(key) && says_done && !is_open {
            faults.phantoms.push(format!("{} {}", row.key, key.1));
        }
    }
    faults
}

/// What must be there once a run said that it is done: a name for every object, and tags that it must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    /// The resource type.
    pub(crate) resource: &'static str,
    /// The tag `Name`; without tags the id, or the type where there is no telling the id before.
    pub(crate) name: String,
    /// Further tags.
    pub(crate) tags: BTreeMap<String, String>,
}

/// Judges a state after a run that ended with success: exactly what is expected is there, once, and all rows are ready.
pub(crate) fn judge_done(state: &StateSnapshot, ledger: &Ledger, expected: &[Expected]) -> Faults {
    let mut faults = judge_known(state, ledger);
    let mut there: BTreeMap<(&str, &str), Vec<&LedgerObject>> = BTreeMap::new();
    for ((resource, id), object) in declared_objects(ledger) {
        let untagged = if resource == ONLY { ONLY } else { &object.id };
        let name = object.tags.get(NAME).map_or(untagged, String::as_str);
        debug_assert_eq!(id, object.id);
        there.entry((resource, name)).or_default().push(object);
    }
    let wanted: BTreeSet<(&str, &str)> = expected
        .iter()
        .map(|e| (e.resource, e.name.as_str()))
        .collect();
    for (key, objects) in &there {
        if objects.len() > 1 {
            let ids: Vec<&str> = objects.iter().map(|object| object.id.as_str()).collect();
            faults
                .doubles
                .push(format!("{} {}: {}", key.0, key.1, ids.join(", ")));
        }
        if !wanted.contains(key) {
            faults.lies.push(format!(
                "{} {} is there and was not asked for",
                key.0, key.1
            ));
        }
    }
    for wanted in expected {
        match there
            .get(&(wanted.resource, wanted.name.as_str()))
            .and_then(|all| all.first())
        {
            None => faults
                .lies
                .push(format!("{} {} is not there", wanted.resource, wanted.name)),
            Some(object) if !has_tags(object, &wanted.tags) => faults.lies.push(format!(
                "{} {} has the tags {:?}, not {:?}",
                wanted.resource, wanted.name, object.tags, wanted.tags
            )),
            Some(_) => {}
        }
    }
    for open in &state.open_ops {
        faults
            .lies
            .push(format!("an op on {} is open", open.intent.row.key));
    }
    let unfinished = state
        .rows
        .values()
        .filter(|row| row.status != RowStatus::Ready || row.key.deposed.is_some());
    faults
        .lies
        .extend(unfinished.map(|row| format!("{} is {:?}", row.key, row.status)));
    faults
}
