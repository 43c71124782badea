//! `aws_internet_gateway`.

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, InternetGateway as LiveGateway, ResourceType as TaggedType, Tag};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::cloud::Cloud;
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_internet_gateway`.
#[derive(Debug)]
pub(crate) struct InternetGateways;

/// An internet gateway.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct InternetGateway {
    id: Option<String>,
    arn: Option<String>,
    owner_id: Option<String>,
    vpc_id: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for InternetGateways {
    type Object = InternetGateway;
    const NAME: &'static str = "aws_internet_gateway";
    const TAGGED_AS: Option<&'static str> = Some("internet-gateway");

    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            resource::id("Id of the gateway, such as `igw-0123456789abcdef0`."),
            resource::arn(),
            resource::owner_id(),
            (
                "vpc_id",
                Attribute::optional(
                    AttributeType::String,
                    "The VPC that the gateway is attached to.",
                ),
            ),
            tags::argument(),
            tags::all(),
        ]);
        super::managed(Self::NAME, schema, "A VPC's gateway to the internet.")
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "owner_id"]);
        // A VPC that is made anew has addresses that are mapped until the end: the gateway cannot leave it before.
        let goes_to_new = change
            .planned()
            .get("vpc_id")
            .is_some_and(Value::is_unknown);
        if change.prior_text("vpc_id").is_some() && goes_to_new {
            change.replace("vpc_id");
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<InternetGateway>],
    ) -> Vec<Result<Option<Seen<InternetGateway>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<InternetGateway>,
    ) -> Result<Vec<Found<InternetGateway>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &InternetGateway) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::InternetGateway, planned.tags.as_ref());
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.create_internet_gateway().tag_specifications(tags);
        let made = step.change("CreateInternetGateway", call.send()).await?;
        let id = made
            .internet_gateway
            .and_then(|gateway| gateway.internet_gateway_id);
        id.ok_or_else(|| super::no_id("CreateInternetGateway"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, InternetGateway>,
    ) -> Result<InternetGateway, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("internet gateway {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step.until(&what, look, |_| true).await?;
        let difference = tagging::difference(step, now.live.tags(), planned.tags.as_ref());
        let mut changed = tagging::converge(step, id, difference).await?;
        if now.object.vpc_id != planned.vpc_id {
            if let Some(old) = &now.object.vpc_id {
                detach(step, id, old).await?;
            }
            if let Some(new) = &planned.vpc_id {
                let ec2 = &step.clients().await?.ec2;
                let call = ec2
                    .attach_internet_gateway()
                    .internet_gateway_id(id)
                    .vpc_id(new);
                step.change("AttachInternetGateway", call.send()).await?;
            }
            changed = true;
        }
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            now.object.vpc_id == planned.vpc_id
                && tagging::difference(step, now.live.tags(), planned.tags.as_ref()).is_empty()
        };
        Ok(step.until(&what, look, is_settled).await?.object)
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &InternetGateway,
    ) -> Result<(), Failure> {
        let Some(live) = listed::one(self, step.cloud, id).await? else {
            return Ok(());
        };
        if let Some(vpc) = attached_to(&live) {
            detach(step, id, &vpc).await?;
        }
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.delete_internet_gateway().internet_gateway_id(id);
        found(step.change("DeleteInternetGateway", call.send()).await)?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

#[async_trait]
impl Listed for InternetGateways {
    type Live = LiveGateway;
    const ID_FILTER: &'static str = "internet-gateway-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveGateway>, Failure> {
        let ec2 = &cloud.clients().await?.ec2;
        let call = ec2.describe_internet_gateways().filters(filter);
        let pages = call.into_paginator().items().send();
        send(
            "DescribeInternetGateways",
            pages.collect::<Result<Vec<_>, _>>(),
        )
        .await
    }

    fn identity(live: &LiveGateway) -> (&str, &[Tag]) {
        (live.internet_gateway_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveGateway,
        recorded: Option<&InternetGateway>,
    ) -> Result<Option<Seen<InternetGateway>>, Failure> {
        let (id, _) = Self::identity(live);
        let recorded = recorded.map(|gateway| gateway.tags.as_ref());
        let tags = listed::seen_tags(cloud, live.tags(), recorded);
        let owner = live.owner_id().unwrap_or_default();
        Ok(Some(Seen {
            object: InternetGateway {
                id: live.internet_gateway_id.clone(),
                arn: Some(super::arn(cloud, owner, "internet-gateway", id).await?),
                owner_id: live.owner_id.clone(),
                vpc_id: attached_to(live),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: false,
        }))
    }
}

/// The VPC that a gateway is attached to, or about to be.
fn attached_to(live: &LiveGateway) -> Option<String> {
    let attachment = live.attachments().first()?;
    attachment.vpc_id.clone()
}

async fn detach(step: &Step<'_>, id: &str, vpc: &str) -> Result<(), Failure> {
    let ec2 = &step.clients().await?.ec2;
    let call = ec2
        .detach_internet_gateway()
        .internet_gateway_id(id)
        .vpc_id(vpc);
    found(step.change("DetachInternetGateway", call.send()).await)?;
    Ok(())
}
