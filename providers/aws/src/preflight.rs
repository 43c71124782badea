//! What can be known before a run changes anything: quotas, machines and versions that there are, and how long the
//! credentials last.
//!
//! What AWS does not let us see is passed over, and is the failure of a step later.

mod others;
mod quotas;
pub(crate) mod skew;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_ec2::types::LocationType;
use strata_model::preflight::{Finding, FindingKind, Intended, Preflight};
use strata_model::provider::Operation;
use strata_model::{Severity, Timestamp, Value};

use crate::cloud::Cloud;
use crate::ec2::launch_template::LaunchTemplates;
use crate::ec2::listed::filter;
use crate::ec2::nat_gateway::NatGateways;
use crate::ec2::subnet::Subnets;
use crate::eks::addon::Addons;
use crate::eks::cluster::Clusters;
use crate::eks::fargate::FargateProfiles;
use crate::eks::node_group::NodeGroups;
use crate::error::{Failure, send};
use crate::resource::ResourceType;

/// The most values of one filter.
const MOST_VALUES: usize = 200;
/// Whoever runs for less than this needs no look at the credentials: they are just in use.
const SHORT: Duration = Duration::from_secs(5 * 60);
/// When the credentials of the environment end, as the tools write it that put them there.
pub(crate) const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";

/// How long a change takes at least, by what AWS is known to take; short ones count as nothing.
pub(crate) fn takes(change: &Intended<'_>) -> Duration {
    let changes = |names: &[&str]| names.iter().any(|name| changes(change, name));
    let minutes = match (&*change.address.resource_type, change.operation) {
        (Clusters::NAME, Operation::Create) => 8,
        // Each minor is a change of its own.
        (Clusters::NAME, Operation::Update) if changes(&["version"]) => 8,
        (Clusters::NAME, Operation::Update) if changes(&["vpc_config"]) => 3,
        (Clusters::NAME, Operation::Delete) => 3,
        (NodeGroups::NAME, Operation::Create) => 2,
        // New nodes come as they do in a new group, and the old ones go after them.
        (NodeGroups::NAME, Operation::Update)
            if changes(&["version", "release_version", "launch_template"]) =>
        {
            2
        }
        (NodeGroups::NAME, Operation::Delete) => 4,
        (FargateProfiles::NAME | NatGateways::NAME, Operation::Create | Operation::Delete) => 1,
        _ => 0,
    };
    let seconds = match (&*change.address.resource_type, change.operation) {
        (Addons::NAME, Operation::Create) => 30,
        (Addons::NAME, Operation::Update) if changes(&["addon_version"]) => 30,
        _ => 60 * minutes,
    };
    Duration::from_secs(seconds)
}

/// Whether an argument becomes something else, as far as that is known.
fn changes(change: &Intended<'_>, name: &str) -> bool {
    let of = |object: &Option<Value>| object.as_ref().and_then(|object| object.get(name).cloned());
    let (before, after) = (of(&change.prior), of(&change.planned));
    after.is_some_and(|after| !after.has_unknown() && before != Some(after))
}

/// Looks at all of it at once.
pub(crate) async fn look(cloud: &Cloud, intended: &Preflight<'_>) -> Vec<Finding> {
    let (quotas, machines, versions, others, credentials) = futures::join!(
        quotas::look(cloud, intended),
        machines(cloud, intended),
        versions::look(cloud, intended),
        others::look(cloud, intended),
        credentials(cloud, intended.takes)
    );
    let seen = quotas
        .into_iter()
        .chain([machines, versions, others, credentials]);
    seen.flat_map(|seen| {
        seen.unwrap_or_else(|failure| {
            tracing::debug!(target: "strata::aws", error = %failure.error, "not looked at before the run");
            Vec::new()
        })
    })
    .collect()
}

fn of_type<'p>(
    intended: &'p Preflight<'_>,
    (name, operation): (&'static str, Operation),
) -> impl Iterator<Item = (usize, &'p Intended<'p>)> {
    let changes = intended.changes.iter().enumerate();
    changes.filter(move |(_, change)| {
        *change.address.resource_type == *name && change.operation == operation
    })
}

// --- machines

/// A change that names types of machines.
struct Machines<'p> {
    change: usize,
    types: Vec<&'p str>,
    zones: Zones,
}

/// The zones in which machines are to run.
enum Zones {
    /// Exactly these.
    These(BTreeSet<String>),
    /// Those of these subnets, by their ids.
    OfSubnets(Vec<String>),
    /// Some of these: which subnets it will be is not known before they are made.
    Among(BTreeSet<String>),
    /// Any of the region.
    Any,
}

/// The zones in which each type of machine is offered.
type Offers = BTreeMap<String, BTreeSet<String>>;

async fn machines(cloud: &Cloud, intended: &Preflight<'_>) -> Result<Vec<Finding>, Failure> {
    let mut wanted: Vec<Machines<'_>> = of_type(intended, (NodeGroups::NAME, Operation::Create))
        .map(|(change, pool)| Machines {
            change,
            types: texts(pool.planned.as_ref(), "instance_types").unwrap_or_default(),
            zones: zones_of(intended, change, pool),
        })
        .collect();
    for operation in [Operation::Create, Operation::Update] {
        let templates = of_type(intended, (LaunchTemplates::NAME, operation));
        wanted.extend(templates.map(|(change, template)| {
            Machines {
                change,
                types: text(template.planned.as_ref(), "instance_type")
                    .into_iter()
                    .collect(),
                zones: Zones::Any,
            }
        }));
    }
    wanted.retain(|one| !one.types.is_empty());
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let types: BTreeSet<&str> = wanted.iter().flat_map(|one| one.types.clone()).collect();
    let offers = offers(cloud, &types).await?;
    let region = cloud.region().await?;
    let subnets = zones_of_subnets(cloud, &wanted).await?;
    for one in &mut wanted {
        if let Zones::OfSubnets(ids) = &one.zones {
            let zones: Option<_> = ids.iter().map(|id| subnets.get(id).cloned()).collect();
            one.zones = zones.map_or(Zones::Any, Zones::These);
        }
    }
    let found = wanted.iter().filter_map(|one| judge(one, &offers, region));
    Ok(found.collect())
}

fn text<'v>(value: Option<&'v Value>, name: &str) -> Option<&'v str> {
    value?.get(name)?.as_str()
}

/// The texts of a list; `None` where not all are known.
fn texts<'v>(value: Option<&'v Value>, name: &str) -> Option<Vec<&'v str>> {
    let list = value?.get(name)?.elements()?;
    list.iter().map(Value::as_str).collect()
}

fn zones_of(intended: &Preflight<'_>, change: usize, pool: &Intended<'_>) -> Zones {
    if let Some(ids) = texts(pool.planned.as_ref(), "subnet_ids") {
        return Zones::OfSubnets(ids.into_iter().map(str::to_owned).collect());
    }
    let subnets = intended.before(change).filter(|before| {
        *before.address.resource_type == *Subnets::NAME && before.operation == Operation::Create
    });
    let zones: Option<BTreeSet<String>> = subnets
        .map(|subnet| text(subnet.planned.as_ref(), "availability_zone").map(str::to_owned))
        .collect();
    match zones {
        Some(zones) if !zones.is_empty() => Zones::Among(zones),
        Some(_) | None => Zones::Any,
    }
}

async fn zones_of_subnets(
    cloud: &Cloud,
    wanted: &[Machines<'_>],
) -> Result<BTreeMap<String, String>, Failure> {
    let ids: BTreeSet<&String> = wanted
        .iter()
        .flat_map(|one| match &one.zones {
            Zones::OfSubnets(ids) => ids.iter(),
            Zones::These(_) | Zones::Among(_) | Zones::Any => [].iter(),
        })
        .collect();
    let ids: Vec<String> = ids.into_iter().cloned().collect();
    let mut zones = BTreeMap::new();
    for ids in ids.chunks(MOST_VALUES) {
        let call = cloud.clients().await?.ec2.describe_subnets();
        let call = call.filters(filter("subnet-id", ids.to_vec()));
        let pages = call.into_paginator().items().send();
        let subnets = send("DescribeSubnets", pages.collect::<Result<Vec<_>, _>>()).await?;
        zones.extend(subnets.into_iter().filter_map(|subnet| {
            let (id, zone) = (subnet.subnet_id?, subnet.availability_zone?);
            Some((id, zone))
        }));
    }
    Ok(zones)
}

async fn offers(cloud: &Cloud, types: &BTreeSet<&str>) -> Result<Offers, Failure> {
    let types: Vec<String> = types.iter().map(|one| (*one).to_owned()).collect();
    let mut offers = Offers::new();
    for types in types.chunks(MOST_VALUES) {
        let call = cloud
            .clients()
            .await?
            .ec2
            .describe_instance_type_offerings()
            .location_type(LocationType::AvailabilityZone)
            .filters(filter("instance-type", types.to_vec()));
        let pages = call.into_paginator().items().send();
        let pages = pages.collect::<Result<Vec<_>, _>>();
        for offer in send("DescribeInstanceTypeOfferings", pages).await? {
            if let (Some(name), Some(zone)) = (&offer.instance_type, offer.location) {
                let zones: &mut BTreeSet<String> =
                    offers.entry(name.as_str().to_owned()).or_default();
                zones.insert(zone);
            }
        }
    }
    Ok(offers)
}

fn judge(machines: &Machines<'_>, offers: &Offers, region: &str) -> Option<Finding> {
    let finding = |severity, message| {
        Finding {
        severity,
        kind: FindingKind::NotOffered,
        change: Some(machines.change),
        message,
        hint: "`aws ec2 describe-instance-type-offerings --location-type availability-zone` lists what there is. Name \
               another type, or take subnets of other zones."
            .to_owned(),
    }
    };
    let missing = machines
        .types
        .iter()
        .find(|name| !offers.contains_key(**name));
    if let Some(name) = missing {
        let message = format!("The instance type {name} is not offered in {region}.");
        return Some(finding(Severity::Error, message));
    }
    let offered = |zone: &&String| {
        let mut zones = machines.types.iter().filter_map(|name| offers.get(*name));
        zones.any(|zones| zones.contains(*zone))
    };
    let (zones, exact) = match &machines.zones {
        Zones::These(zones) => (zones, true),
        Zones::Among(zones) => (zones, false),
        Zones::Any | Zones::OfSubnets(_) => return None,
    };
    let without: Vec<&str> = zones
        .iter()
        .filter(|zone| !offered(zone))
        .map(String::as_str)
        .collect();
    if without.is_empty() {
        return None;
    }
    let names = machines.types.join(", ");
    let without_any = without.len() == zones.len();
    let severity = if exact || without_any {
        Severity::Error
    } else {
        Severity::Warning
    };
    let message = format!("{names}: not offered in {}.", without.join(", "));
    Some(finding(severity, message))
}

// --- credentials

async fn credentials(cloud: &Cloud, takes: Duration) -> Result<Vec<Finding>, Failure> {
    // The sandbox takes any credentials, and a role that is assumed is assumed again.
    if takes < SHORT || cloud.sandbox_url().is_some() || cloud.assumes_role() {
        return Ok(Vec::new());
    }
    let Ok(credentials) = cloud
        .clients()
        .await?
        .credentials
        .provide_credentials()
        .await
    else {
        return Ok(Vec::new());
    };
    let told = cloud.variable(EXPIRATION);
    let known = credentials.expiry().map(Timestamp::try_from);
    let ends = match (known, told) {
        (Some(Ok(ends)), _) => Some((ends, Severity::Warning)),
        // What has no end and no token lasts, whatever the environment says.
        (None, Some(told)) if credentials.session_token().is_some() => {
            told.parse().ok().map(|ends| (ends, Severity::Error))
        }
        (Some(Err(_)) | None, _) => None,
    };
    let now = cloud.clock().now();
    Ok(ends
        .and_then(|ends| ends_too_early(ends, now, takes))
        .into_iter()
        .collect())
}

/// Credentials that a source may renew are only warned of; those of the environment cannot be.
fn ends_too_early(
    (ends, severity): (Timestamp, Severity),
    now: Timestamp,
    takes: Duration,
) -> Option<Finding> {
    if now.saturating_add(takes).is_ok_and(|needed| needed <= ends) {
        return None;
    }
    let left = ends.duration_since(now).as_secs().max(0) / 60;
    let needed = takes.as_secs().div_ceil(60);
    let renewed = match severity {
        Severity::Error => "they cannot be renewed while it goes on",
        Severity::Warning => "it goes on only if their source gives new ones by itself",
    };
    Some(Finding {
        severity,
        kind: FindingKind::Credentials,
        change: None,
        message: format!(
            "The AWS credentials end in {left} minutes, at {ends}, and the run takes {needed} minutes or more: {renewed}."
        ),
        hint: "Log in again, and apply then.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_changes_take() {
        let of = |text: &str, version: &str| {
            let address = strata_model::Address::parse(text).unwrap();
            let object = |version: &str| {
                Some(Value::object([
                    ("version", Value::from(version)),
                    ("addon_version", version.into()),
                    ("tags", version.into()),
                ]))
            };
            let change = Intended {
                address: &address,
                operation: Operation::Update,
                prior: object("1.34"),
                planned: object(version),
                elsewhere: None,
            };
            takes(&change).as_secs()
        };
        assert_eq!(of("aws_eks_cluster.a", "1.35"), 480);
        assert_eq!(of("aws_eks_cluster.a", "1.34"), 0);
        assert_eq!(of("aws_eks_node_group.a", "1.35"), 120);
        assert_eq!(of("aws_eks_addon.a", "1.35"), 30);
        assert_eq!(of("aws_vpc.a", "1.35"), 0);
    }

    #[test]
    fn ends_of_credentials() {
        let now = at("2026-11-22T03:00:00Z");
        let takes = Duration::from_secs(11 * 60);
        let check = |ends: &str, severity| {
            let found = ends_too_early((at(ends), severity), now, takes);
            found.map(|finding| (finding.severity, finding.message))
        };
        assert_eq!(check("2026-11-22T03:11:00Z", Severity::Error), None);
        let (severity, message) = check("2026-11-22T03:10:59Z", Severity::Error).unwrap();
        assert_eq!(severity, Severity::Error);
        assert!(
            message.contains("end in 10 minutes") && message.contains("11 minutes or more"),
            "{message}"
        );
        let (_, message) = check("2026-11-22T02:00:00Z", Severity::Warning).unwrap();
        assert!(message.contains("end in 0 minutes"), "{message}");
    }

    fn offers() -> Offers {
        let zones = |letters: &str| letters.chars().map(|zone| format!("r{zone}")).collect();
        [("m7i.large", zones("abc")), ("p5.48xlarge", zones("ab"))]
            .map(|(name, zones)| (name.to_owned(), zones))
            .into()
    }

    #[track_caller]
    fn check(types: &[&str], zones: Zones, expected: Option<(Severity, &str)>) {
        let machines = Machines {
            change: 4,
            types: types.to_vec(),
            zones,
        };
        let found = judge(&machines, &offers(), "r");
        let found = found
            .as_ref()
            .map(|one| (one.severity, one.message.as_str()));
        assert_eq!(found, expected);
    }

    fn zones(letters: &str) -> BTreeSet<String> {
        letters.chars().map(|zone| format!("r{zone}")).collect()
    }

    #[test]
    fn machines_are_offered_or_not() {
        check(&["m7i.large"], Zones::These(zones("abc")), None);
        check(
            &["m7i.large", "m7i.larg"],
            Zones::Any,
            Some((
                Severity::Error,
                "The instance type m7i.larg is not offered in r.",
            )),
        );
        check(
            &["p5.48xlarge"],
            Zones::These(zones("bc")),
            Some((Severity::Error, "p5.48xlarge: not offered in rc.")),
        );
        // One of several types suffices in a zone.
        check(
            &["p5.48xlarge", "m7i.large"],
            Zones::These(zones("bc")),
            None,
        );
        check(
            &["p5.48xlarge"],
            Zones::Among(zones("bc")),
            Some((Severity::Warning, "p5.48xlarge: not offered in rc.")),
        );
        check(
            &["p5.48xlarge"],
            Zones::Among(zones("cd")),
            Some((Severity::Error, "p5.48xlarge: not offered in rc, rd.")),
        );
    }
}
