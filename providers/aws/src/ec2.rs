//! EC2: networks.
//!
//! All types here are found by tag and read by one paginated Describe call for many objects.

pub(crate) mod egress_only_gateway;
pub(crate) mod eip;
pub(crate) mod holders;
pub(crate) mod internet_gateway;
pub(crate) mod launch_template;
mod launch_template_data;
pub(crate) mod listed;
pub(crate) mod nat_gateway;
pub(crate) mod route_table;
pub(crate) mod routes;
pub(crate) mod rules;
pub(crate) mod security_group;
pub(crate) mod subnet;
pub(crate) mod tagging;
pub(crate) mod vpc;
pub(crate) mod vpc_cidr;
pub(crate) mod vpc_endpoint;

use std::time::Duration;

use strata_model::schema::{Adoption, ResourceSchema, Schema};

use crate::cloud::{Cloud, partition};
use crate::error::{Failure, no_id};

/// How long a Describe call may miss a new object, in the cloud's time.
const CONSISTENCY_WINDOW: Duration = Duration::from_secs(60);

fn managed(name: &'static str, schema: Schema, description: &'static str) -> ResourceSchema {
    ResourceSchema {
        consistency_window: CONSISTENCY_WINDOW,
        ..ResourceSchema::managed(name, Adoption::Tag, schema, description)
    }
}

/// The ARN of an object in the connection's region.
pub(crate) async fn arn(
    cloud: &Cloud,
    owner: &str,
    kind: &str,
    id: &str,
) -> Result<String, Failure> {
    let region = &cloud.clients().await?.region;
    let partition = partition(region).id;
    Ok(format!("arn:{partition}:ec2:{region}:{owner}:{kind}/{id}"))
}
