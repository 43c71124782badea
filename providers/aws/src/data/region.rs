//! `aws_region`.

use async_trait::async_trait;
use serde_json::{Value, json};
use strata_model::schema::{ResourceSchema, Schema};

use crate::cloud::{Cloud, partition};
use crate::data::{DataSource, text};
use crate::error::Failure;

/// `aws_region`.
#[derive(Debug)]
pub(crate) struct Region;

#[async_trait]
impl DataSource for Region {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            text("id", "The region."),
            text("name", "The region."),
            text("region", "The region."),
            text("endpoint", "Host of EC2 in the region."),
        ]);
        ResourceSchema::data("aws_region", schema, "The region of the connection.")
    }

    async fn read(&self, cloud: &Cloud, _arguments: &Value) -> Result<Value, Failure> {
        let region = &cloud.clients().await?.region;
        let suffix = partition(region).dns_suffix;
        Ok(json!({
            "id": region,
            "name": region,
            "region": region,
            "endpoint": format!("ec2.{region}.{suffix}"),
        }))
    }
}
