//! `aws_egress_only_internet_gateway`.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    EgressOnlyInternetGateway as LiveGateway, Filter, ResourceType as TaggedType, Tag,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::cloud::Cloud;
use crate::ec2::listed::{self, Listed};
use crate::ec2::tagging;
use crate::error::{Failure, found, no_id, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_egress_only_internet_gateway`.
#[derive(Debug)]
pub(crate) struct EgressOnlyGateways;

/// A gateway that lets IPv6 out and nothing in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EgressOnlyGateway {
    id: Option<String>,
    arn: Option<String>,
    vpc_id: String,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for EgressOnlyGateways {
    type Object = EgressOnlyGateway;
    const NAME: &'static str = "aws_egress_only_internet_gateway";
    const TAGGED_AS: Option<&'static str> = Some("egress-only-internet-gateway");

    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            resource::id("Id of the gateway, such as `eigw-0123456789abcdef0`."),
            resource::arn(),
            (
                "vpc_id",
                Attribute::required(
                    AttributeType::String,
                    "The VPC that the gateway is part of.",
                )
                .replaces(),
            ),
            tags::argument(),
            tags::all(),
        ]);
        super::managed(
            Self::NAME,
            schema,
            "A way out for IPv6 by which nothing comes in.",
        )
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<EgressOnlyGateway>],
    ) -> Vec<Result<Option<Seen<EgressOnlyGateway>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<EgressOnlyGateway>,
    ) -> Result<Vec<Found<EgressOnlyGateway>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(
        &self,
        step: &Step<'_>,
        planned: &EgressOnlyGateway,
    ) -> Result<String, Failure> {
        let tags = planned.tags.as_ref();
        let tags = tagging::specification(step, TaggedType::EgressOnlyInternetGateway, tags);
        let ec2 = &step.clients().await?.ec2;
        let call = ec2
            .create_egress_only_internet_gateway()
            .vpc_id(&planned.vpc_id)
            .client_token(step.op.to_string())
            .tag_specifications(tags);
        let operation = "CreateEgressOnlyInternetGateway";
        let made = step.change(operation, call.send()).await?;
        made.egress_only_internet_gateway
            .and_then(|gateway| gateway.egress_only_internet_gateway_id)
            .ok_or_else(|| no_id(operation))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, EgressOnlyGateway>,
    ) -> Result<EgressOnlyGateway, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("egress-only internet gateway {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step.until(&what, look, |_| true).await?;
        let tags = planned.tags.as_ref();
        listed::converge_tags(self, step, target, (&what, now, tags)).await
    }

    async fn delete(
        &self,
        step: &Step<'_>,
        id: &str,
        _prior: &EgressOnlyGateway,
    ) -> Result<(), Failure> {
        let ec2 = &step.clients().await?.ec2;
        let call = ec2
            .delete_egress_only_internet_gateway()
            .egress_only_internet_gateway_id(id);
        let operation = "DeleteEgressOnlyInternetGateway";
        found(step.change(operation, call.send()).await)?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

#[async_trait]
impl Listed for EgressOnlyGateways {
    type Live = LiveGateway;
    /// The call has no such filter: ids are picked from the list here.
    const ID_FILTER: &'static str = "egress-only-internet-gateway-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveGateway>, Failure> {
        let is_by_id = filter.name() == Some(Self::ID_FILTER);
        let filters = (!is_by_id).then(|| vec![filter.clone()]);
        let ec2 = &cloud.clients().await?.ec2;
        let pages = ec2
            .describe_egress_only_internet_gateways()
            .set_filters(filters)
            .into_paginator()
            .items()
            .send();
        let operation = "DescribeEgressOnlyInternetGateways";
        let list = send(operation, pages.collect::<Result<Vec<_>, _>>()).await?;
        let wanted = |live: &LiveGateway| {
            let id = live.egress_only_internet_gateway_id().unwrap_or_default();
            !is_by_id || filter.values().iter().any(|value| value == id)
        };
        Ok(list.into_iter().filter(wanted).collect())
    }

    fn identity(live: &LiveGateway) -> (&str, &[Tag]) {
        let id = live.egress_only_internet_gateway_id();
        (id.unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveGateway,
        recorded: Option<&EgressOnlyGateway>,
    ) -> Result<Option<Seen<EgressOnlyGateway>>, Failure> {
        let (id, _) = Self::identity(live);
        let recorded = recorded.map(|gateway| gateway.tags.as_ref());
        let tags = listed::seen_tags(cloud, live.tags(), recorded);
        let owner = cloud.account().await?;
        let attachment = live.attachments().first();
        let vpc = attachment.and_then(|attachment| attachment.vpc_id.clone());
        Ok(Some(Seen {
            object: EgressOnlyGateway {
                id: Some(id.to_owned()),
                arn: Some(super::arn(cloud, owner, "egress-only-internet-gateway", id).await?),
                vpc_id: vpc.unwrap_or_default(),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: false,
        }))
    }
}
