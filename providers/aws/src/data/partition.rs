//! `aws_partition`.

use async_trait::async_trait;
use serde_json::{Value, json};
use strata_model::schema::{ResourceSchema, Schema};

use crate::cloud::{Cloud, partition};
use crate::data::{DataSource, text};
use crate::error::Failure;

/// `aws_partition`.
#[derive(Debug)]
pub(crate) struct Partition;

#[async_trait]
impl DataSource for Partition {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            text("id", "The partition."),
            text(
                "partition",
                "The partition: `aws`, `aws-cn`, `aws-us-gov`, ….",
            ),
            text("dns_suffix", "End of the host names of services."),
            text(
                "reverse_dns_prefix",
                "Beginning of the names of endpoint services.",
            ),
        ]);
        ResourceSchema::data(
            "aws_partition",
            schema,
            "The partition of the connection's region.",
        )
    }

    async fn read(&self, cloud: &Cloud, _arguments: &Value) -> Result<Value, Failure> {
        let partition = partition(&cloud.clients().await?.region);
        Ok(json!({
            "id": partition.id,
            "partition": partition.id,
            "dns_suffix": partition.dns_suffix,
            "reverse_dns_prefix": partition.reverse_dns_prefix,
        }))
    }
}
