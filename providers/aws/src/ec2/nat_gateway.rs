//! `aws_nat_gateway`.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    ConnectivityType, Filter, NatGateway as LiveGateway, NatGatewayState,
    ResourceType as TaggedType, Tag,
};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{OwnedObject, ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};
use crate::tags::{self, Tags};

/// How often a gateway that comes or goes is looked at.
const INTERVAL: Duration = Duration::from_secs(10);

/// `aws_nat_gateway`.
#[derive(Debug)]
pub(crate) struct NatGateways;

/// A NAT gateway.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NatGateway {
    id: Option<String>,
    arn: Option<String>,
    allocation_id: Option<String>,
    connectivity_type: String,
    network_interface_id: Option<String>,
    private_ip: Option<String>,
    public_ip: Option<String>,
    subnet_id: String,
    vpc_id: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for NatGateways {
    type Object = NatGateway;
    const NAME: &'static str = "aws_nat_gateway";
    const TAGGED_AS: Option<&'static str> = Some("natgateway");

    fn schema(&self) -> ResourceSchema {
        let text = || AttributeType::String;
        let schema = Schema::new([
            resource::id("Id of the gateway, such as `nat-0123456789abcdef0`."),
            resource::arn(),
            (
                "allocation_id",
                Attribute::optional(
                    text(),
                    "Public address of the gateway, as the id of its allocation; needed unless it is private.",
                )
                .replaces(),
            ),
            (
                "connectivity_type",
                Attribute::optional(
                    text(),
                    "`public`, or `private` for a way to other private networks only.",
                )
                .default_value("public")
                .replaces(),
            ),
            (
                "network_interface_id",
                Attribute::computed(text(), "The gateway's network interface."),
            ),
            (
                "private_ip",
                Attribute::optional_computed(
                    text(),
                    "Address inside the subnet; AWS chooses one if left out.",
                )
                .replaces(),
            ),
            (
                "public_ip",
                Attribute::computed(text(), "Public address; none of a private gateway."),
            ),
            (
                "subnet_id",
                Attribute::required(
                    text(),
                    "The subnet that the gateway is in: a public one, unless the gateway is private.",
                )
                .replaces(),
            ),
            (
                "vpc_id",
                Attribute::computed(text(), "The VPC of the subnet."),
            ),
            tags::argument(),
            tags::all(),
        ]);
        ResourceSchema {
            // An address serves one gateway at a time.
            unique_name: Some("allocation_id"),
            ..super::managed(
                Self::NAME,
                schema,
                "A way out for subnets whose machines have no public addresses.",
            )
        }
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.one_of("connectivity_type", &["public", "private"]);
        let kind = checks.known("connectivity_type").and_then(Value::as_str);
        let is_private = kind == Some("private");
        let allocation = checks.config().get("allocation_id");
        let is_given = allocation.is_some_and(|value| !value.is_null());
        if is_private && is_given {
            checks.fault("allocation_id", "must not be given to a private gateway.");
        }
        if !is_private && !is_given {
            checks.fault("allocation_id", "is needed, unless the gateway is private.");
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "network_interface_id", "private_ip", "vpc_id"]);
        if change.planned_text("connectivity_type") == Some("public") {
            change.forget_missing(&["public_ip"]);
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<NatGateway>],
    ) -> Vec<Result<Option<Seen<NatGateway>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<NatGateway>,
    ) -> Result<Vec<Found<NatGateway>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &NatGateway) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::Natgateway, planned.tags.as_ref());
        let ec2 = &step.clients().await?.ec2;
        let call = ec2
            .create_nat_gateway()
            .subnet_id(&planned.subnet_id)
            .connectivity_type(ConnectivityType::from(planned.connectivity_type.as_str()))
            .set_allocation_id(planned.allocation_id.clone())
            .set_private_ip_address(planned.private_ip.clone())
            .client_token(step.op.to_string())
            .tag_specifications(tags);
        let made = step.change("CreateNatGateway", call.send()).await?;
        let id = made.nat_gateway.and_then(|gateway| gateway.nat_gateway_id);
        id.ok_or_else(|| super::no_id("CreateNatGateway"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, NatGateway>,
    ) -> Result<NatGateway, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("NAT gateway {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        step.until(&what, look, |_| true).await?;
        let now = until_available(self, step, target).await?;
        let tags = planned.tags.as_ref();
        listed::converge_tags(self, step, target, (&what, now, tags)).await
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &NatGateway) -> Result<(), Failure> {
        let Some(live) = listed::one(self, step.cloud, id).await? else {
            return Ok(());
        };
        if live.state() != Some(&NatGatewayState::Deleting) {
            let ec2 = &step.clients().await?.ec2;
            let call = ec2.delete_nat_gateway().nat_gateway_id(id);
            found(step.change("DeleteNatGateway", call.send()).await)?;
        }
        let what = format!("NAT gateway {id}");
        // One that failed holds nothing any more, and AWS removes it within the hour.
        let look = || async move {
            let live = listed::one(self, step.cloud, id).await?;
            Ok(live.filter(|live| live.state() != Some(&NatGatewayState::Failed)))
        };
        step.until_gone(&what, INTERVAL, look).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

/// Waits until the gateway works.
async fn until_available(
    ty: &NatGateways,
    step: &Step<'_>,
    target: &Target<'_, NatGateway>,
) -> Result<Observed<NatGateways>, Failure> {
    let (id, planned) = (target.id, target.planned);
    let what = format!("NAT gateway {id}");
    let look = || async move {
        let Some(now) = listed::observe(ty, step.cloud, id, planned).await? else {
            let message = format!("NAT gateway {id}: it does not exist any more");
            return Err(Failure::refused(ProviderErrorKind::NotFound, message));
        };
        match now.live.state() {
            Some(NatGatewayState::Available) => Ok(Progress::Done(now)),
            Some(NatGatewayState::Failed) => Err(Failure::for_good(format!(
                "NAT gateway {id} failed: {}: {}",
                now.live.failure_code().unwrap_or("Unknown"),
                now.live.failure_message().unwrap_or_default()
            ))),
            Some(NatGatewayState::Deleting) => Err(Failure::refused(
                ProviderErrorKind::Failed,
                format!("NAT gateway {id} is being deleted"),
            )),
            state => Ok(Progress::Pending(
                state.map_or("unknown", NatGatewayState::as_str).to_owned(),
            )),
        }
    };
    step.wait(&what, INTERVAL, look).await
}

#[async_trait]
impl Listed for NatGateways {
    type Live = LiveGateway;
    const ID_FILTER: &'static str = "nat-gateway-id";

    /// A deleted gateway is told for an hour after its end: that is no object any more.
    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveGateway>, Failure> {
        let ec2 = &cloud.clients().await?.ec2;
        let pages = ec2
            .describe_nat_gateways()
            .filter(filter)
            .into_paginator()
            .items()
            .send();
        let list = send("DescribeNatGateways", pages.collect::<Result<Vec<_>, _>>()).await?;
        let live = list.into_iter();
        Ok(live
            .filter(|gateway| gateway.state() != Some(&NatGatewayState::Deleted))
            .collect())
    }

    fn identity(live: &LiveGateway) -> (&str, &[Tag]) {
        (live.nat_gateway_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveGateway,
        recorded: Option<&NatGateway>,
    ) -> Result<Option<Seen<NatGateway>>, Failure> {
        let (id, _) = Self::identity(live);
        let recorded = recorded.map(|gateway| gateway.tags.as_ref());
        let tags = listed::seen_tags(cloud, live.tags(), recorded);
        let owner = cloud.account().await?;
        let address = live.nat_gateway_addresses().first();
        let of_address = |part: fn(&aws_sdk_ec2::types::NatGatewayAddress) -> Option<&str>| {
            address.and_then(part).map(str::to_owned)
        };
        let kind = live.connectivity_type();
        Ok(Some(Seen {
            object: NatGateway {
                id: live.nat_gateway_id.clone(),
                arn: Some(super::arn(cloud, owner, "natgateway", id).await?),
                allocation_id: of_address(|address| address.allocation_id()),
                connectivity_type: kind.map_or("public", ConnectivityType::as_str).to_owned(),
                network_interface_id: of_address(|address| address.network_interface_id()),
                private_ip: of_address(|address| address.private_ip()),
                public_ip: of_address(|address| address.public_ip()),
                subnet_id: live.subnet_id.clone().unwrap_or_default(),
                vpc_id: live.vpc_id.clone(),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: matches!(
                live.state(),
                Some(NatGatewayState::Pending | NatGatewayState::Failed)
            ),
        }))
    }
}
