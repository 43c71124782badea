//! `aws_vpc` as a data source.

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, Vpc, VpcAttributeName};
use serde_json::{Value, json};
use strata_model::provider::ProviderErrorKind;
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::data::{DataSource, query, text};
use crate::ec2::listed::{filter, tag_map};
use crate::ec2::vpc::attribute;
use crate::error::{Failure, send};

/// `aws_vpc` as a data source.
#[derive(Debug)]
pub(crate) struct ExistingVpc;

#[async_trait]
impl DataSource for ExistingVpc {
    fn schema(&self) -> ResourceSchema {
        let flag = |description| Attribute::computed(AttributeType::Bool, description);
        let chosen = |ty, description| Attribute::optional_computed(ty, description);
        let block = AttributeType::object([
            text("association_id", "Id of the association."),
            text("cidr_block", "The block."),
            text("state", "State of the association, such as `associated`."),
        ]);
        let schema = Schema::new([
            ("id", chosen(AttributeType::String, "Id of the VPC.")),
            (
                "cidr_block",
                chosen(AttributeType::String, "Its first block."),
            ),
            (
                "default",
                chosen(
                    AttributeType::Bool,
                    "Whether it is the region's default VPC.",
                ),
            ),
            (
                "state",
                chosen(AttributeType::String, "State: `pending` or `available`."),
            ),
            ("tags", chosen(AttributeType::string_map(), "Its tags.")),
            query::argument(),
            text("arn", "ARN of the VPC."),
            text("dhcp_options_id", "Its DHCP options."),
            text("instance_tenancy", "Its tenancy."),
            text("owner_id", "Account that owns it."),
            ("enable_dns_hostnames", flag("Whether instances get names.")),
            (
                "enable_dns_support",
                flag("Whether AWS's name server answers in it."),
            ),
            (
                "cidr_block_associations",
                Attribute::computed(AttributeType::List(Box::new(block)), "All its blocks."),
            ),
        ]);
        ResourceSchema::data(
            "aws_vpc",
            schema,
            "The one VPC that fits all that is given, whoever made it.",
        )
    }

    async fn read(&self, cloud: &Cloud, arguments: &Value) -> Result<Value, Failure> {
        let vpc = only(describe(cloud, filters(arguments)).await?)?;
        let id = vpc.vpc_id().unwrap_or_default();
        let owner = vpc.owner_id().unwrap_or_default();
        let support = attribute(cloud, id, VpcAttributeName::EnableDnsSupport).await?;
        let names = attribute(cloud, id, VpcAttributeName::EnableDnsHostnames).await?;
        let blocks: Vec<Value> = vpc
            .cidr_block_association_set()
            .iter()
            .map(|block| {
                let state = block.cidr_block_state().and_then(|state| state.state());
                json!({
                    "association_id": block.association_id(),
                    "cidr_block": block.cidr_block(),
                    "state": state.map(|state| state.as_str()),
                })
            })
            .collect();
        Ok(json!({
            "id": id,
            "arn": crate::ec2::arn(cloud, owner, "vpc", id).await?,
            "cidr_block": vpc.cidr_block(),
            "default": vpc.is_default().unwrap_or_default(),
            "state": vpc.state().map(|state| state.as_str()),
            "tags": tag_map(vpc.tags()),
            "dhcp_options_id": vpc.dhcp_options_id(),
            "instance_tenancy": vpc.instance_tenancy().map(|tenancy| tenancy.as_str()),
            "owner_id": owner,
            "enable_dns_support": support,
            "enable_dns_hostnames": names,
            "cidr_block_associations": blocks,
        }))
    }
}

fn filters(arguments: &Value) -> Vec<Filter> {
    let mut filters = query::filters(arguments);
    let texts = [
        ("id", "vpc-id"),
        ("cidr_block", "cidr-block"),
        ("state", "state"),
    ];
    for (argument, name) in texts {
        if let Some(value) = arguments[argument].as_str() {
            filters.push(filter(name, vec![value.to_owned()]));
        }
    }
    if let Some(default) = arguments["default"].as_bool() {
        filters.push(filter("is-default", vec![default.to_string()]));
    }
    filters
}

async fn describe(cloud: &Cloud, filters: Vec<Filter>) -> Result<Vec<Vpc>, Failure> {
    let ec2 = &cloud.clients().await?.ec2;
    let filters = Some(filters).filter(|filters| !filters.is_empty());
    let pages = ec2
        .describe_vpcs()
        .set_filters(filters)
        .into_paginator()
        .items()
        .send();
    send("DescribeVpcs", pages.collect::<Result<Vec<_>, _>>()).await
}

fn only(mut vpcs: Vec<Vpc>) -> Result<Vpc, Failure> {
    match (vpcs.pop(), vpcs.len()) {
        (Some(vpc), 0) => Ok(vpc),
        (None, _) => Err(Failure::refused(
            ProviderErrorKind::NotFound,
            "no VPC fits all that is given",
        )),
        (Some(_), more) => Err(Failure::refused(
            ProviderErrorKind::Invalid,
            format!(
                "{} VPCs fit what is given; name one by id, tags or filter",
                more + 1
            ),
        )),
    }
}
