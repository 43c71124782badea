//! Availability zones: every region has three.

use serde_json::{Value, json};

use crate::aws::error::{Answer, AwsError};
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::Tags;

use super::filter::Filters;

pub(super) const OPERATIONS: &[QueryOperation] =
    &[QueryOperation::read("DescribeAvailabilityZones", describe)];

/// Returns the names of a region's zones.
pub(crate) fn zones_of(region: &str) -> Vec<String> {
    ["a", "b", "c"]
        .iter()
        .map(|letter| format!("{region}{letter}"))
        .collect()
}

/// Returns the id of a zone, such as `euw1-az1` for `eu-west-1a`.
pub(super) fn zone_id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let number = letter
        .bytes()
        .next()
        .map_or(1, |b| b.saturating_sub(b'a') + 1);
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let short: String = parts.map(short_word).collect();
    format!("{area}{short}-az{number}")
}

/// `northeast` is `ne`, `west` is `w`, `1` is `1`.
fn short_word(word: &str) -> String {
    let half = ["north", "south"]
        .iter()
        .find_map(|half| word.strip_prefix(half).map(|rest| (half, rest)));
    match half {
        Some((first, second)) => first
            .chars()
            .take(1)
            .chain(second.chars().take(1))
            .collect(),
        None if word == "gov" => "g".to_owned(),
        None => word.chars().take(1).collect(),
    }
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let (names, ids) = (p.list("ZoneName"), p.list("ZoneId"));
    let _all = p.bool("AllAvailabilityZones")?;
    let filters = Filters::take(
        p,
        &[
            "group-name",
            "message",
            "opt-in-status",
            "parent-zone-id",
            "parent-zone-name",
            "region-name",
            "state",
            "zone-id",
            "zone-name",
            "zone-type",
        ],
    )?;
    p.finish()?;
    let zones = zones_of(&cx.region);
    let unknown = names.iter().find(|name| !zones.contains(name));
    let unknown = unknown.or_else(|| {
        ids.iter()
            .find(|id| !zones.iter().any(|zone| zone_id(zone) == **id))
    });
    if let Some(name) = unknown {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid availability zone: [{name}]"),
        ));
    }
    let chosen = |zone: &&String| {
        (names.is_empty() || names.contains(zone))
            && (ids.is_empty() || ids.contains(&zone_id(zone)))
            && filters.pass(&Tags::new(), |filter| value_of(&cx.region, zone, filter))
    };
    let views: Vec<Value> = zones
        .iter()
        .filter(chosen)
        .map(|zone| view(&cx.region, zone))
        .collect();
    Ok(json!({ "availabilityZoneInfo": views }))
}

fn value_of(region: &str, zone: &str, filter: &str) -> Vec<String> {
    let value = match filter {
        "group-name" => format!("{region}-zg-1"),
        "opt-in-status" => "opt-in-not-required".to_owned(),
        "region-name" => region.to_owned(),
        "state" => "available".to_owned(),
        "zone-id" => zone_id(zone),
        "zone-name" => zone.to_owned(),
        "zone-type" => "availability-zone".to_owned(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn view(region: &str, zone: &str) -> Value {
    json!({
        "zoneName": zone,
        "zoneId": zone_id(zone),
        "zoneState": "available",
        "regionName": region,
        "messageSet": [],
        "optInStatus": "opt-in-not-required",
        "groupName": format!("{region}-zg-1"),
        "networkBorderGroup": region,
        "zoneType": "availability-zone",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, expected: &str) {
        assert_eq!(zone_id(zone), expected);
    }

    #[test]
    fn ids_of_zones() {
        check("eu-west-1a", "euw1-az1");
        check("us-east-1c", "use1-az3");
        check("ap-northeast-2b", "apne2-az2");
        check("eu-central-1a", "euc1-az1");
        check("us-gov-west-1a", "usgw1-az1");
    }
}
