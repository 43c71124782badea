//! `aws_subnet`.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType as TaggedType, Subnet as LiveSubnet, SubnetState,
    Tag,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cidr;
use crate::cloud::Cloud;
use crate::ec2::holders::{self, Held};
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::tagging;
use crate::error::{Failure, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_subnet`.
#[derive(Debug)]
pub(crate) struct Subnets;

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Subnet {
    id: Option<String>,
    arn: Option<String>,
    owner_id: Option<String>,
    vpc_id: String,
    cidr_block: String,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    map_public_ip_on_launch: bool,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for Subnets {
    type Object = Subnet;
    const NAME: &'static str = "aws_subnet";
    const TAGGED_AS: Option<&'static str> = Some("subnet");

    fn schema(&self) -> ResourceSchema {
        let text = AttributeType::String;
        let schema = Schema::new([
            resource::id("Id of the subnet, such as `subnet-0123456789abcdef0`."),
            resource::arn(),
            resource::owner_id(),
            (
                "vpc_id",
                Attribute::required(text.clone(), "The VPC that the subnet is part of.").replaces(),
            ),
            (
                "cidr_block",
                Attribute::required(
                    text.clone(),
                    "IPv4 addresses of the subnet, as a CIDR block from /16 to /28.",
                )
                .replaces(),
            ),
            (
                "availability_zone",
                Attribute::optional_computed(
                    text.clone(),
                    "Availability zone; AWS chooses one if left out.",
                )
                .replaces(),
            ),
            (
                "availability_zone_id",
                Attribute::computed(
                    text,
                    "Id of the availability zone, which is the same in all accounts.",
                ),
            ),
            (
                "map_public_ip_on_launch",
                Attribute::optional(
                    AttributeType::Bool,
                    "Whether new instances get a public IPv4 address.",
                )
                .default_value(false),
            ),
            tags::argument(),
            tags::all(),
        ]);
        super::managed(
            Self::NAME,
            schema,
            "A subnet of a VPC, in one availability zone.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cidr_block", |text| {
            Pattern::Cidr4.check(text).or_else(|| {
                let fits =
                    cidr::parse4(text).is_some_and(|(_, length)| (16..=28).contains(&length));
                (!fits).then(|| format!("must be a block from /16 to /28, not '{text}'."))
            })
        });
        checks.text("availability_zone", |zone| Pattern::Zone.check(zone));
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&[
            "id",
            "arn",
            "owner_id",
            "availability_zone",
            "availability_zone_id",
        ]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Subnet>],
    ) -> Vec<Result<Option<Seen<Subnet>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<Subnet>,
    ) -> Result<Vec<Found<Subnet>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &Subnet) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::Subnet, planned.tags.as_ref());
        let call = step
            .clients()
            .await?
            .ec2
            .create_subnet()
            .vpc_id(&planned.vpc_id)
            .cidr_block(&planned.cidr_block)
            .set_availability_zone(planned.availability_zone.clone())
            .tag_specifications(tags);
        let made = step.change("CreateSubnet", call.send()).await?;
        let id = made.subnet.and_then(|subnet| subnet.subnet_id);
        id.ok_or_else(|| super::no_id("CreateSubnet"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, Subnet>,
    ) -> Result<Subnet, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("subnet {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step
            .until(&what, look, |now| {
                now.live.state() == Some(&SubnetState::Available)
            })
            .await?;
        let difference = tagging::difference(step, now.live.tags(), planned.tags.as_ref());
        let mut changed = tagging::converge(step, id, difference).await?;
        if now.object.map_public_ip_on_launch != planned.map_public_ip_on_launch {
            let on = AttributeBooleanValue::builder()
                .value(planned.map_public_ip_on_launch)
                .build();
            let ec2 = &step.clients().await?.ec2;
            let call = ec2
                .modify_subnet_attribute()
                .subnet_id(id)
                .map_public_ip_on_launch(on);
            step.change("ModifySubnetAttribute", call.send()).await?;
            changed = true;
        }
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            now.object.map_public_ip_on_launch == planned.map_public_ip_on_launch
                && tagging::difference(step, now.live.tags(), planned.tags.as_ref()).is_empty()
        };
        Ok(step.until(&what, look, is_settled).await?.object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &Subnet) -> Result<(), Failure> {
        let call = step.clients().await?.ec2.delete_subnet().subnet_id(id);
        holders::delete(step, Held::Subnet(id), || async {
            let answer = step.change("DeleteSubnet", call.clone().send()).await;
            answer.map(|_| ())
        })
        .await?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

#[async_trait]
impl Listed for Subnets {
    type Live = LiveSubnet;
    const ID_FILTER: &'static str = "subnet-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveSubnet>, Failure> {
        let call = cloud
            .clients()
            .await?
            .ec2
            .describe_subnets()
            .filters(filter);
        let pages = call.into_paginator().items().send();
        send("DescribeSubnets", pages.collect::<Result<Vec<_>, _>>()).await
    }

    fn identity(live: &LiveSubnet) -> (&str, &[Tag]) {
        (live.subnet_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveSubnet,
        recorded: Option<&Subnet>,
    ) -> Result<Option<Seen<Subnet>>, Failure> {
        let (id, _) = Self::identity(live);
        let tags = listed::seen_tags(
            cloud,
            live.tags(),
            recorded.map(|subnet| subnet.tags.as_ref()),
        );
        let owner = live.owner_id().unwrap_or_default();
        Ok(Some(Seen {
            object: Subnet {
                id: live.subnet_id.clone(),
                arn: Some(super::arn(cloud, owner, "subnet", id).await?),
                owner_id: live.owner_id.clone(),
                vpc_id: live.vpc_id.clone().unwrap_or_default(),
                cidr_block: live.cidr_block.clone().unwrap_or_default(),
                availability_zone: live.availability_zone.clone(),
                availability_zone_id: live.availability_zone_id.clone(),
                map_public_ip_on_launch: live.map_public_ip_on_launch.unwrap_or(false),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: live.state() == Some(&SubnetState::Pending),
        }))
    }
}
