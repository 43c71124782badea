//! `aws_availability_zones`.

use async_trait::async_trait;
use aws_sdk_ec2::types::AvailabilityZone;
use serde::Deserialize;
use serde_json::{Value, json};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::data::{DataSource, text};
use crate::ec2::listed::filter;
use crate::error::{Failure, send};

/// `aws_availability_zones`.
#[derive(Debug)]
pub(crate) struct AvailabilityZones;

#[derive(Debug, Default, Deserialize)]
struct Arguments {
    state: Option<String>,
    all_availability_zones: Option<bool>,
    exclude_names: Option<Vec<String>>,
    exclude_zone_ids: Option<Vec<String>>,
}

#[async_trait]
impl DataSource for AvailabilityZones {
    fn schema(&self) -> ResourceSchema {
        let texts = |description| Attribute::computed(AttributeType::strings(), description);
        let except = |description| Attribute::optional(AttributeType::string_set(), description);
        let schema = Schema::new([
            text("id", "The region."),
            (
                "state",
                Attribute::optional(
                    AttributeType::String,
                    "Only zones in this state: `available`, `information`, `impaired` or `unavailable`.",
                ),
            ),
            (
                "all_availability_zones",
                Attribute::optional(
                    AttributeType::Bool,
                    "Whether local and wavelength zones are listed too, used or not.",
                )
                .default_value(false),
            ),
            ("exclude_names", except("Names of zones to leave out.")),
            ("exclude_zone_ids", except("Ids of zones to leave out.")),
            ("names", texts("Names of the zones, in order.")),
            (
                "zone_ids",
                texts("Ids of the zones, in the order of their names."),
            ),
            (
                "group_names",
                Attribute::computed(AttributeType::string_set(), "Groups of the zones."),
            ),
        ]);
        ResourceSchema::data(
            "aws_availability_zones",
            schema,
            "The availability zones of the region.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.one_of(
            "state",
            &["available", "information", "impaired", "unavailable"],
        );
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let arguments: Arguments = serde_json::from_value(arguments.clone()).unwrap_or_default();
        let clients = cloud.clients().await?;
        let mut call = clients.ec2.describe_availability_zones();
        if arguments.all_availability_zones == Some(true) {
            call = call.all_availability_zones(true);
        }
        if let Some(state) = arguments.state {
            call = call.filters(filter("state", vec![state]));
        }
        let answer = send("DescribeAvailabilityZones", call.send()).await?;
        let excluded = |list: &Option<Vec<String>>, value: Option<&str>| {
            list.iter()
                .flatten()
                .any(|excluded| Some(excluded.as_str()) == value)
        };
        let mut zones: Vec<&AvailabilityZone> = answer
            .availability_zones()
            .iter()
            .filter(|zone| !excluded(&arguments.exclude_names, zone.zone_name()))
            .filter(|zone| !excluded(&arguments.exclude_zone_ids, zone.zone_id()))
            .collect();
        zones.sort_by_key(|zone| zone.zone_name());
        let all = |of: fn(&AvailabilityZone) -> Option<&str>| {
            zones.iter().filter_map(|zone| of(zone)).collect::<Vec<_>>()
        };
        Ok(json!({
            "id": clients.region,
            "names": all(AvailabilityZone::zone_name),
            "zone_ids": all(AvailabilityZone::zone_id),
            "group_names": all(AvailabilityZone::group_name),
        }))
    }
}
