//! Types of machines, and where they are offered: nearly all of them in every zone, accelerators of the larger kind in
//! the first two zones of a region.

use serde_json::{Value, json};

use crate::aws::error::Answer;
use crate::aws::params::Params;
use crate::aws::service::{Cx, QueryOperation};
use crate::world::Tags;

use super::describe::take_page;
use super::filter::Filters;
use super::zone::{zone_id, zones_of};

pub(super) const OPERATIONS: &[QueryOperation] = &[QueryOperation::read(
    "DescribeInstanceTypeOfferings",
    describe,
)];

/// The sizes of most families.
const USUAL: &[&str] = &[
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge",
];
/// The sizes of machines that may burst.
const BURSTABLE: &[&str] = &[
    "nano", "micro", "small", "medium", "large", "xlarge", "2xlarge",
];
/// The sizes of Graviton families.
const GRAVITON: &[&str] = &[
    "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
];
/// The sizes of machines with a few accelerators.
const ACCELERATED: &[&str] = &[
    "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge",
];

/// Families with their sizes, and whether they are in every zone.
const FAMILIES: &[(&[&str], &[&str], bool)] = &[
    (&["t2", "t3", "t3a", "t4g"], BURSTABLE, true),
    (
        &[
            "m4", "m5", "m5a", "m5d", "m5n", "m6a", "m6i", "m6id", "m7a", "m7i", "m7i-flex", "c4",
            "c5", "c5a", "c5d", "c5n", "c6a", "c6i", "c7a", "c7i", "r4", "r5", "r5a", "r6a", "r6i",
            "r7a", "r7i", "i3", "i4i", "d3",
        ],
        USUAL,
        true,
    ),
    (
        &[
            "a1", "m6g", "m6gd", "m7g", "m7gd", "m8g", "c6g", "c6gd", "c6gn", "c7g", "c7gn", "c8g",
            "r6g", "r7g", "r8g", "i4g",
        ],
        GRAVITON,
        true,
    ),
    (
        &["g4dn", "g5", "g5g", "g6", "g6e", "gr6", "inf1", "inf2"],
        ACCELERATED,
        true,
    ),
    (&["p3"], &["2xlarge", "8xlarge", "16xlarge"], false),
    (&["p4d", "p4de"], &["24xlarge"], false),
    (&["p5", "p5e", "p5en"], &["48xlarge"], false),
    (
        &["trn1", "trn2"],
        &["2xlarge", "32xlarge", "48xlarge"],
        false,
    ),
];

/// Lists all types, and whether each is in every zone.
fn types() -> impl Iterator<Item = (String, bool)> {
    FAMILIES.iter().flat_map(|(families, sizes, everywhere)| {
        families.iter().flat_map(move |family| {
            let names = sizes.iter().map(move |size| format!("{family}.{size}"));
            names.map(|name| (name, *everywhere))
        })
    })
}

fn describe(cx: &mut Cx<'_>, p: &mut Params) -> Answer {
    let kinds = ["region", "availability-zone", "availability-zone-id"];
    let kind = p.one_of("LocationType", &kinds)?;
    let filters = Filters::take(p, &["instance-type", "location"])?;
    let (page, _) = take_page(cx, p, (5, 1000))?;
    p.finish()?;
    let kind = kind.unwrap_or_else(|| "region".to_owned());
    let zones = zones_of(&cx.region);
    let mut offers: Vec<(String, String)> = types()
        .flat_map(|(name, everywhere)| {
            let count = if everywhere { zones.len() } else { 2 };
            let places: Vec<String> = match kind.as_str() {
                "region" => vec![cx.region.clone()],
                "availability-zone" => zones.iter().take(count).cloned().collect(),
                _ => zones.iter().take(count).map(|zone| zone_id(zone)).collect(),
            };
            places.into_iter().map(move |place| (name.clone(), place))
        })
        .filter(|(name, place)| {
            filters.pass(&Tags::new(), |filter| match filter {
                "instance-type" => vec![name.clone()],
                "location" => vec![place.clone()],
                _ => Vec::new(),
            })
        })
        .collect();
    offers.sort();
    let (offers, token) = page.cut(offers, |(name, place)| format!("{name} {place}"));
    let views: Vec<Value> = offers
        .into_iter()
        .map(|(name, place)| json!({ "instanceType": name, "locationType": kind, "location": place }))
        .collect();
    Ok(json!({ "instanceTypeOfferingSet": views, "nextToken": token }))
}

/// Those of these types of machines that there are not.
pub(in crate::aws) fn unknown_types(names: &[String]) -> Vec<&str> {
    let is_known = |name: &str| types().any(|(known, _)| known == name);
    let unknown = names.iter().filter(|name| !is_known(name));
    unknown.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart() {
        let is_known = |name: &str| unknown_types(&[name.to_owned()]).is_empty();
        assert!(is_known("m7i.large") && is_known("t4g.nano") && is_known("p5.48xlarge"));
        assert!(!is_known("m7i.nano") && !is_known("m7i.larg") && !is_known("p5.large"));
    }
}
