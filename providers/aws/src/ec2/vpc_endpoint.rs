//! `aws_vpc_endpoint`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, ResourceType as TaggedType, Tag, VpcEndpoint as LiveEndpoint, VpcEndpointType,
};
use serde::{Deserialize, Serialize};
use strata_model::Value;
use strata_model::provider::{OwnedObject, ProviderError, ProviderErrorKind};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::{Checks, Pattern};
use crate::cloud::Cloud;
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::tagging;
use crate::error::{Failure, no_id, send};
use crate::iam::policy;
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::{Progress, Step};
use crate::tags::{self, Tags};

/// How often an endpoint that comes, changes or goes is looked at.
const INTERVAL: Duration = Duration::from_secs(10);

/// `aws_vpc_endpoint`.
#[derive(Debug)]
pub(crate) struct VpcEndpoints;

/// A VPC endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct VpcEndpoint {
    id: Option<String>,
    arn: Option<String>,
    vpc_id: String,
    service_name: String,
    vpc_endpoint_type: String,
    policy: Option<String>,
    private_dns_enabled: Option<bool>,
    route_table_ids: Option<BTreeSet<String>>,
    security_group_ids: Option<BTreeSet<String>>,
    subnet_ids: Option<BTreeSet<String>>,
    network_interface_ids: Option<BTreeSet<String>>,
    owner_id: Option<String>,
    state: Option<String>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for VpcEndpoints {
    type Object = VpcEndpoint;
    const NAME: &'static str = "aws_vpc_endpoint";
    const TAGGED_AS: Option<&'static str> = Some("vpc-endpoint");

    fn schema(&self) -> ResourceSchema {
        super::managed(
            Self::NAME,
            attributes(),
            "A way from a VPC to a service of AWS that does not lead through the internet.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.one_of("vpc_endpoint_type", &["Gateway", "Interface"]);
        checks.text("policy", |text| Pattern::JsonObject.check(text));
        let kind = checks.known("vpc_endpoint_type").and_then(Value::as_str);
        let is_interface = kind == Some("Interface");
        let of_others: &[&str] = if is_interface {
            &["route_table_ids"]
        } else {
            &["subnet_ids", "security_group_ids", "private_dns_enabled"]
        };
        let other = if is_interface { "Gateway" } else { "Interface" };
        for path in of_others {
            let given = checks.config().get(path);
            if given.is_some_and(|value| !value.is_null()) {
                checks.fault(
                    path,
                    format!("must not be given, unless vpc_endpoint_type is {other}."),
                );
            }
        }
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "owner_id"]);
        policy::keep_planned(change, "policy");
        if change.prior.is_some() && change.prior_text("state") != Some("available") {
            change.forget("state");
            change.forget("network_interface_ids");
        }
        if change.changes("subnet_ids") {
            change.forget("network_interface_ids");
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<VpcEndpoint>],
    ) -> Vec<Result<Option<Seen<VpcEndpoint>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<VpcEndpoint>,
    ) -> Result<Vec<Found<VpcEndpoint>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &VpcEndpoint) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::VpcEndpoint, planned.tags.as_ref());
        let ec2 = &step.clients().await?.ec2;
        let list = |set: &Option<BTreeSet<String>>| {
            let list: Vec<String> = set.iter().flatten().cloned().collect();
            (!list.is_empty()).then_some(list)
        };
        let call = ec2
            .create_vpc_endpoint()
            .vpc_id(&planned.vpc_id)
            .service_name(&planned.service_name)
            .vpc_endpoint_type(VpcEndpointType::from(planned.vpc_endpoint_type.as_str()))
            .set_policy_document(planned.policy.clone())
            .set_route_table_ids(list(&planned.route_table_ids))
            .set_subnet_ids(list(&planned.subnet_ids))
            .set_security_group_ids(list(&planned.security_group_ids))
            .set_private_dns_enabled(planned.private_dns_enabled)
            .client_token(step.op.to_string())
            .tag_specifications(tags);
        let made = step.change("CreateVpcEndpoint", call.send()).await?;
        let id = made.vpc_endpoint.and_then(|made| made.vpc_endpoint_id);
        id.ok_or_else(|| no_id("CreateVpcEndpoint"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, VpcEndpoint>,
    ) -> Result<VpcEndpoint, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("VPC endpoint {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        step.until(&what, look, |_| true).await?;
        let now = until_available(self, step, target, |_| true).await?;
        let difference = tagging::difference(step, now.live.tags(), planned.tags.as_ref());
        let mut changed = tagging::converge(step, id, difference).await?;
        if !is_same(&now.object, planned) {
            modify(step, id, (&now.object, planned)).await?;
            changed = true;
        }
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            let tags = tagging::difference(step, now.live.tags(), planned.tags.as_ref());
            is_same(&now.object, planned) && tags.is_empty()
        };
        let settled = until_available(self, step, target, is_settled).await?;
        Ok(settled.object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &VpcEndpoint) -> Result<(), Failure> {
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.delete_vpc_endpoints().vpc_endpoint_ids(id);
        let answer = step.change("DeleteVpcEndpoints", call.send()).await?;
        // The call succeeds as a whole even where it deleted nothing.
        let refused = answer.unsuccessful().iter().find_map(|item| item.error());
        if let Some(error) = refused
            && !error.code().unwrap_or_default().ends_with("NotFound")
        {
            let (code, message) = (error.code(), error.message());
            return Err(Failure::refused(
                ProviderErrorKind::Dependency,
                format!(
                    "DeleteVpcEndpoints: {}: {}",
                    code.unwrap_or_default(),
                    message.unwrap_or_default()
                ),
            ));
        }
        let what = format!("VPC endpoint {id}");
        let look = || listed::one(self, step.cloud, id);
        step.until_gone(&what, INTERVAL, look).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

fn attributes() -> Schema {
    let text = || AttributeType::String;
    let set = || AttributeType::string_set();
    Schema::new([
        resource::id("Id of the endpoint, such as `vpce-0123456789abcdef0`."),
        resource::arn(),
        resource::owner_id(),
        (
            "vpc_id",
            Attribute::required(text(), "The VPC that the endpoint is in.").replaces(),
        ),
        (
            "service_name",
            Attribute::required(text(), "The service, such as `com.amazonaws.eu-west-1.s3`.")
                .replaces(),
        ),
        (
            "vpc_endpoint_type",
            Attribute::optional(
                text(),
                "`Gateway`, which is a route and costs nothing, for S3 and DynamoDB; `Interface` for all others.",
            )
            .default_value("Gateway")
            .replaces(),
        ),
        (
            "policy",
            Attribute::optional_computed(
                AttributeType::Json,
                "Policy that says what may be done by way of the endpoint; everything if left out.",
            ),
        ),
        (
            "private_dns_enabled",
            Attribute::optional_computed(
                AttributeType::Bool,
                "Whether the service's own name leads to the endpoint inside the VPC; needs its DNS support and hostnames.",
            ),
        ),
        (
            "route_table_ids",
            Attribute::optional_computed(
                set(),
                "Route tables that get a route to a gateway endpoint, all of them.",
            ),
        ),
        (
            "security_group_ids",
            Attribute::optional_computed(
                set(),
                "Security groups of an interface endpoint; the VPC's default one if left out.",
            ),
        ),
        (
            "subnet_ids",
            Attribute::optional_computed(
                set(),
                "Subnets of an interface endpoint, one for each zone.",
            ),
        ),
        (
            "network_interface_ids",
            Attribute::computed(set(), "Network interfaces of the endpoint."),
        ),
        (
            "state",
            Attribute::computed(text(), "State, such as `available`."),
        ),
        tags::argument(),
        tags::all(),
    ])
}

/// Whether what a change can bring about is as planned; what is not planned is AWS's choice.
fn is_same(now: &VpcEndpoint, planned: &VpcEndpoint) -> bool {
    let same = |now: &Option<BTreeSet<String>>, planned: &Option<BTreeSet<String>>| {
        planned
            .as_ref()
            .is_none_or(|planned| *planned == now.clone().unwrap_or_default())
    };
    same(&now.route_table_ids, &planned.route_table_ids)
        && same(&now.subnet_ids, &planned.subnet_ids)
        && same(&now.security_group_ids, &planned.security_group_ids)
        && planned
            .private_dns_enabled
            .is_none_or(|on| now.private_dns_enabled == Some(on))
        && same_policy(now, planned)
}

fn same_policy(now: &VpcEndpoint, planned: &VpcEndpoint) -> bool {
    planned.policy.as_ref().is_none_or(|planned| {
        let now = now.policy.as_deref().unwrap_or_default();
        policy::same(now, planned)
    })
}

/// What one set has and the other has not.
fn beyond(one: &Option<BTreeSet<String>>, other: &Option<BTreeSet<String>>) -> Option<Vec<String>> {
    let none = BTreeSet::new();
    let (one, other) = (one.as_ref()?, other.as_ref().unwrap_or(&none));
    let list: Vec<String> = one.difference(other).cloned().collect();
    (!list.is_empty()).then_some(list)
}

/// Sends all that differs in one call.
async fn modify(
    step: &Step<'_>,
    id: &str,
    (now, planned): (&VpcEndpoint, &VpcEndpoint),
) -> Result<(), Failure> {
    let added = |of: fn(&VpcEndpoint) -> &Option<BTreeSet<String>>| beyond(of(planned), of(now));
    let removed = |of: fn(&VpcEndpoint) -> &Option<BTreeSet<String>>| {
        of(planned)
            .as_ref()
            .and_then(|_| beyond(of(now), of(planned)))
    };
    let policy = planned
        .policy
        .clone()
        .filter(|_| !same_policy(now, planned));
    let dns = planned.private_dns_enabled;
    let ec2 = &step.clients().await?.ec2;
    let call = ec2
        .modify_vpc_endpoint()
        .vpc_endpoint_id(id)
        .set_add_route_table_ids(added(|endpoint| &endpoint.route_table_ids))
        .set_remove_route_table_ids(removed(|endpoint| &endpoint.route_table_ids))
        .set_add_subnet_ids(added(|endpoint| &endpoint.subnet_ids))
        .set_remove_subnet_ids(removed(|endpoint| &endpoint.subnet_ids))
        .set_add_security_group_ids(added(|endpoint| &endpoint.security_group_ids))
        .set_remove_security_group_ids(removed(|endpoint| &endpoint.security_group_ids))
        .set_policy_document(policy)
        .set_private_dns_enabled(dns.filter(|on| now.private_dns_enabled != Some(*on)));
    step.change("ModifyVpcEndpoint", call.send()).await?;
    Ok(())
}

/// Waits until the endpoint works and is as wanted.
async fn until_available(
    ty: &VpcEndpoints,
    step: &Step<'_>,
    target: &Target<'_, VpcEndpoint>,
    is_settled: impl Fn(&Observed<VpcEndpoints>) -> bool + Send + Sync,
) -> Result<Observed<VpcEndpoints>, Failure> {
    let (id, planned) = (target.id, target.planned);
    let what = format!("VPC endpoint {id}");
    let is_settled = &is_settled;
    let look = || async move {
        let Some(now) = listed::observe(ty, step.cloud, id, planned).await? else {
            let message = format!("VPC endpoint {id}: it does not exist any more");
            return Err(Failure::refused(ProviderErrorKind::NotFound, message));
        };
        let state = now.object.state.clone().unwrap_or_default();
        match state.as_str() {
            "available" if is_settled(&now) => Ok(Progress::Done(now)),
            "available" => Ok(Progress::Pending("not as wanted yet".to_owned())),
            "failed" | "rejected" | "expired" => Err(Failure::for_good(format!(
                "VPC endpoint {id} is {state}: {}",
                now.live
                    .last_error()
                    .and_then(|error| error.message())
                    .unwrap_or_default()
            ))),
            "deleting" => Err(Failure::refused(
                ProviderErrorKind::Failed,
                format!("VPC endpoint {id} is being deleted"),
            )),
            _ => Ok(Progress::Pending(state)),
        }
    };
    step.wait(&what, INTERVAL, look).await
}

/// The state in small letters: the API writes it so, and its model does not.
fn state_of(live: &LiveEndpoint) -> String {
    live.state()
        .map(|state| state.as_str().to_lowercase())
        .unwrap_or_default()
}

#[async_trait]
impl Listed for VpcEndpoints {
    type Live = LiveEndpoint;
    const ID_FILTER: &'static str = "vpc-endpoint-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveEndpoint>, Failure> {
        let ec2 = &cloud.clients().await?.ec2;
        let pages = ec2
            .describe_vpc_endpoints()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        let list = send("DescribeVpcEndpoints", pages.collect::<Result<Vec<_>, _>>()).await?;
        let there = |live: &LiveEndpoint| state_of(live) != "deleted";
        Ok(list.into_iter().filter(there).collect())
    }

    fn identity(live: &LiveEndpoint) -> (&str, &[Tag]) {
        (live.vpc_endpoint_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveEndpoint,
        recorded: Option<&VpcEndpoint>,
    ) -> Result<Option<Seen<VpcEndpoint>>, Failure> {
        let (id, _) = Self::identity(live);
        let own = recorded.map(|endpoint| endpoint.tags.as_ref());
        let tags = listed::seen_tags(cloud, live.tags(), own);
        let owner = match live.owner_id() {
            Some(owner) => owner,
            None => cloud.account().await?,
        };
        let set = |list: &[String]| Some(list.iter().cloned().collect());
        let declared = recorded.and_then(|endpoint| endpoint.policy.as_deref());
        let document = live.policy_document.clone();
        let kind = live.vpc_endpoint_type();
        let state = state_of(live);
        Ok(Some(Seen {
            incomplete: matches!(state.as_str(), "pending" | "failed" | "rejected"),
            object: VpcEndpoint {
                id: Some(id.to_owned()),
                arn: Some(super::arn(cloud, owner, "vpc-endpoint", id).await?),
                owner_id: Some(owner.to_owned()),
                vpc_id: live.vpc_id.clone().unwrap_or_default(),
                service_name: live.service_name.clone().unwrap_or_default(),
                vpc_endpoint_type: kind.map_or("Gateway", VpcEndpointType::as_str).to_owned(),
                policy: document.map(|document| match declared {
                    Some(declared) => policy::keep(declared, document),
                    None => document,
                }),
                private_dns_enabled: Some(live.private_dns_enabled().unwrap_or_default()),
                route_table_ids: set(live.route_table_ids()),
                security_group_ids: Some(
                    live.groups()
                        .iter()
                        .filter_map(|group| group.group_id.clone())
                        .collect(),
                ),
                subnet_ids: set(live.subnet_ids()),
                network_interface_ids: set(live.network_interface_ids()),
                state: Some(state),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
        }))
    }
}
