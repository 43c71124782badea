//! `aws_vpc`.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType as TaggedType, Tag, Tenancy, Vpc as LiveVpc,
    VpcAttributeName, VpcState,
};
use futures::try_join;
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cidr;
use crate::cloud::Cloud;
use crate::ec2::holders::{self, Held};
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_vpc`.
#[derive(Debug)]
pub(crate) struct Vpcs;

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Vpc {
    id: Option<String>,
    arn: Option<String>,
    owner_id: Option<String>,
    cidr_block: String,
    instance_tenancy: String,
    enable_dns_support: bool,
    enable_dns_hostnames: bool,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for Vpcs {
    type Object = Vpc;
    const NAME: &'static str = "aws_vpc";
    const TAGGED_AS: Option<&'static str> = Some("vpc");

    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            resource::id("Id of the VPC, such as `vpc-0123456789abcdef0`."),
            resource::arn(),
            resource::owner_id(),
            (
                "cidr_block",
                Attribute::required(
                    AttributeType::String,
                    "IPv4 addresses of the VPC, as a CIDR block from /16 to /28.",
                )
                .replaces(),
            ),
            (
                "instance_tenancy",
                Attribute::optional(
                    AttributeType::String,
                    "`default`, or `dedicated` for instances on hardware of their own.",
                )
                .default_value("default")
                .replaces(),
            ),
            (
                "enable_dns_support",
                Attribute::optional(
                    AttributeType::Bool,
                    "Whether Amazon's DNS server answers in the VPC.",
                )
                .default_value(true),
            ),
            (
                "enable_dns_hostnames",
                Attribute::optional(
                    AttributeType::Bool,
                    "Whether instances with public addresses get DNS names; EKS needs it.",
                )
                .default_value(false),
            ),
            tags::argument(),
            tags::all(),
        ]);
        super::managed(Self::NAME, schema, "A virtual network.")
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.text("cidr_block", |text| {
            Pattern::Cidr4.check(text).or_else(|| {
                let fits =
                    cidr::parse4(text).is_some_and(|(_, length)| (16..=28).contains(&length));
                (!fits).then(|| format!("must be a block from /16 to /28, not '{text}'."))
            })
        });
        checks.one_of("instance_tenancy", &["default", "dedicated"]);
        let off = checks.known("enable_dns_support").and_then(Value::as_bool) == Some(false);
        let names = checks
            .known("enable_dns_hostnames")
            .and_then(Value::as_bool);
        if off && names == Some(true) {
            checks.fault("enable_dns_hostnames", "needs enable_dns_support.");
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "owner_id"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<Vpc>],
    ) -> Vec<Result<Option<Seen<Vpc>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(&self, cloud: &Cloud, lost: &Lost<Vpc>) -> Result<Vec<Found<Vpc>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &Vpc) -> Result<String, Failure> {
        let call = step
            .clients()
            .await?
            .ec2
            .create_vpc()
            .cidr_block(&planned.cidr_block)
            .instance_tenancy(Tenancy::from(planned.instance_tenancy.as_str()))
            .tag_specifications(tagging::specification(
                step,
                TaggedType::Vpc,
                planned.tags.as_ref(),
            ));
        let made = step.change("CreateVpc", call.send()).await?;
        let id = made.vpc.and_then(|vpc| vpc.vpc_id);
        id.ok_or_else(|| super::no_id("CreateVpc"))
    }

    async fn converge(&self, step: &Step<'_>, target: &Target<'_, Vpc>) -> Result<Vpc, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("VPC {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step
            .until(&what, look, |now| {
                now.live.state() == Some(&VpcState::Available)
            })
            .await?;
        let mut changed = tagging::converge(
            step,
            id,
            tagging::difference(step, now.live.tags(), planned.tags.as_ref()),
        )
        .await?;
        changed |= converge_dns(step, id, (&now.object, planned)).await?;
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            same_dns(&now.object, planned)
                && tagging::difference(step, now.live.tags(), planned.tags.as_ref()).is_empty()
        };
        Ok(step.until(&what, look, is_settled).await?.object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &Vpc) -> Result<(), Failure> {
        let call = step.clients().await?.ec2.delete_vpc().vpc_id(id);
        holders::delete(step, Held::Vpc(id), || async {
            let answer = step.change("DeleteVpc", call.clone().send()).await;
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
impl Listed for Vpcs {
    type Live = LiveVpc;
    const ID_FILTER: &'static str = "vpc-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveVpc>, Failure> {
        let call = cloud.clients().await?.ec2.describe_vpcs().filters(filter);
        let pages = call.into_paginator().items().send();
        send("DescribeVpcs", pages.collect::<Result<Vec<_>, _>>()).await
    }

    fn identity(live: &LiveVpc) -> (&str, &[Tag]) {
        (live.vpc_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveVpc,
        recorded: Option<&Vpc>,
    ) -> Result<Option<Seen<Vpc>>, Failure> {
        let id = live.vpc_id().unwrap_or_default();
        let dns = try_join!(
            attribute(cloud, id, VpcAttributeName::EnableDnsSupport),
            attribute(cloud, id, VpcAttributeName::EnableDnsHostnames),
        );
        let Some((enable_dns_support, enable_dns_hostnames)) = found(dns)? else {
            return Ok(None);
        };
        let tags = listed::seen_tags(cloud, live.tags(), recorded.map(|vpc| vpc.tags.as_ref()));
        let owner = live.owner_id().unwrap_or_default();
        Ok(Some(Seen {
            object: Vpc {
                id: live.vpc_id.clone(),
                arn: Some(super::arn(cloud, owner, "vpc", id).await?),
                owner_id: live.owner_id.clone(),
                cidr_block: live.cidr_block.clone().unwrap_or_default(),
                instance_tenancy: tenancy(live),
                enable_dns_support,
                enable_dns_hostnames,
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: live.state() == Some(&VpcState::Pending),
        }))
    }
}

fn tenancy(live: &LiveVpc) -> String {
    let tenancy = live.instance_tenancy.as_ref().unwrap_or(&Tenancy::Default);
    tenancy.as_str().to_owned()
}

/// One switch of a VPC: each has a call of its own.
pub(crate) async fn attribute(
    cloud: &Cloud,
    id: &str,
    name: VpcAttributeName,
) -> Result<bool, Failure> {
    let call = cloud
        .clients()
        .await?
        .ec2
        .describe_vpc_attribute()
        .vpc_id(id)
        .attribute(name);
    let answer = send("DescribeVpcAttribute", call.send()).await?;
    let value = answer.enable_dns_support.or(answer.enable_dns_hostnames);
    Ok(value.and_then(|value| value.value).unwrap_or(false))
}

fn same_dns(now: &Vpc, planned: &Vpc) -> bool {
    now.enable_dns_support == planned.enable_dns_support
        && now.enable_dns_hostnames == planned.enable_dns_hostnames
}

/// Sets what differs, one attribute per call. Names need support, so support comes first and goes last.
async fn converge_dns(
    step: &Step<'_>,
    id: &str,
    (now, planned): (&Vpc, &Vpc),
) -> Result<bool, Failure> {
    let ec2 = &step.clients().await?.ec2;
    let value = |on| AttributeBooleanValue::builder().value(on).build();
    let support = (now.enable_dns_support != planned.enable_dns_support).then(|| {
        let call = ec2.modify_vpc_attribute().vpc_id(id);
        call.enable_dns_support(value(planned.enable_dns_support))
    });
    let names = (now.enable_dns_hostnames != planned.enable_dns_hostnames).then(|| {
        let call = ec2.modify_vpc_attribute().vpc_id(id);
        call.enable_dns_hostnames(value(planned.enable_dns_hostnames))
    });
    let mut calls = [support, names];
    if !planned.enable_dns_support {
        calls.reverse();
    }
    let mut changed = false;
    for call in calls.into_iter().flatten() {
        step.change("ModifyVpcAttribute", call.send()).await?;
        changed = true;
    }
    Ok(changed)
}
