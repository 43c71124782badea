//! `aws_subnets`.

use async_trait::async_trait;
use serde_json::{Value, json};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::data::{DataSource, query, text};
use crate::error::{Failure, send};

/// `aws_subnets`.
#[derive(Debug)]
pub(crate) struct ExistingSubnets;

#[async_trait]
impl DataSource for ExistingSubnets {
    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            text("id", "The region."),
            (
                "tags",
                Attribute::optional(
                    AttributeType::string_map(),
                    "Tags that the subnets have, with their values.",
                ),
            ),
            query::argument(),
            (
                "ids",
                Attribute::computed(AttributeType::strings(), "Ids of the subnets, in order."),
            ),
        ]);
        ResourceSchema::data(
            "aws_subnets",
            schema,
            "The subnets that fit all that is given, whoever made them.",
        )
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let clients = cloud.clients().await?;
        let filters = Some(query::filters(arguments)).filter(|filters| !filters.is_empty());
        let pages = clients
            .ec2
            .describe_subnets()
            .set_filters(filters)
            .into_paginator()
            .items()
            .send();
        let subnets = send("DescribeSubnets", pages.collect::<Result<Vec<_>, _>>()).await?;
        let mut ids: Vec<&str> = subnets
            .iter()
            .filter_map(|subnet| subnet.subnet_id())
            .collect();
        ids.sort_unstable();
        Ok(json!({ "id": clients.region, "ids": ids }))
    }
}
