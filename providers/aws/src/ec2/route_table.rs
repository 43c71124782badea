//! `aws_route_table`, with its routes and its associations with subnets.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, ResourceType as TaggedType, RouteTable as LiveTable, RouteTableAssociationStateCode,
    Tag,
};
use serde::{Deserialize, Serialize};
use strata_model::provider::{OwnedObject, ProviderError};
use strata_model::schema::{Attribute, AttributeType, ResourceSchema, Schema};

use crate::change::Change;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::ec2::listed::{self, Listed, Observed};
use crate::ec2::routes::{self, Route};
use crate::ec2::tagging;
use crate::error::{Failure, found, send};
use crate::resource::{self, Found, Lost, ResourceType, Seen, Target, Wanted};
use crate::step::Step;
use crate::tags::{self, Tags};

/// `aws_route_table`.
#[derive(Debug)]
pub(crate) struct RouteTables;

/// A route table. Absent routes and subnets are not managed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RouteTable {
    id: Option<String>,
    arn: Option<String>,
    owner_id: Option<String>,
    vpc_id: String,
    route: Option<BTreeSet<Route>>,
    subnet_ids: Option<BTreeSet<String>>,
    tags: Option<Tags>,
    tags_all: Option<Tags>,
}

#[async_trait]
impl ResourceType for RouteTables {
    type Object = RouteTable;
    const NAME: &'static str = "aws_route_table";
    const TAGGED_AS: Option<&'static str> = Some("route-table");

    fn schema(&self) -> ResourceSchema {
        let schema = Schema::new([
            resource::id("Id of the route table, such as `rtb-0123456789abcdef0`."),
            resource::arn(),
            resource::owner_id(),
            (
                "vpc_id",
                Attribute::required(AttributeType::String, "The VPC that the table is part of.")
                    .replaces(),
            ),
            (
                "route",
                Attribute::optional_computed(
                    AttributeType::Set(Box::new(routes::attribute_type())),
                    "The table's routes, all of them: others are removed. Left out, they are not managed; `[]` \
                     removes all. The route inside the VPC is always there and does not count.",
                ),
            ),
            (
                "subnet_ids",
                Attribute::optional_computed(
                    AttributeType::string_set(),
                    "The subnets that use the table, all of them, in place of separate association resources. Left \
                     out, they are not managed; `[]` removes all.",
                ),
            ),
            tags::argument(),
            tags::all(),
        ]);
        super::managed(
            Self::NAME,
            schema,
            "A route table of a VPC, with its routes and the subnets that use it.",
        )
    }

    fn validate(&self, checks: &mut Checks<'_>) {
        checks.each("route", routes::validate);
        routes::check_destinations(checks, "route");
    }

    fn plan(&self, change: &mut Change<'_>) -> Result<(), ProviderError> {
        change.forget_missing(&["id", "arn", "owner_id", "route", "subnet_ids"]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Cloud,
        wanted: &[Wanted<RouteTable>],
    ) -> Vec<Result<Option<Seen<RouteTable>>, Failure>> {
        listed::read(self, cloud, wanted).await
    }

    async fn find(
        &self,
        cloud: &Cloud,
        lost: &Lost<RouteTable>,
    ) -> Result<Vec<Found<RouteTable>>, Failure> {
        listed::find(self, cloud, lost).await
    }

    async fn create(&self, step: &Step<'_>, planned: &RouteTable) -> Result<String, Failure> {
        let tags = tagging::specification(step, TaggedType::RouteTable, planned.tags.as_ref());
        let call = step
            .clients()
            .await?
            .ec2
            .create_route_table()
            .vpc_id(&planned.vpc_id)
            .client_token(step.op.to_string())
            .tag_specifications(tags);
        let made = step.change("CreateRouteTable", call.send()).await?;
        let id = made.route_table.and_then(|table| table.route_table_id);
        id.ok_or_else(|| super::no_id("CreateRouteTable"))
    }

    async fn converge(
        &self,
        step: &Step<'_>,
        target: &Target<'_, RouteTable>,
    ) -> Result<RouteTable, Failure> {
        let (id, planned) = (target.id, target.planned);
        let what = format!("route table {id}");
        let look = || listed::observe(self, step.cloud, id, planned);
        let now = step.until(&what, look, |_| true).await?;
        let difference = tagging::difference(step, now.live.tags(), planned.tags.as_ref());
        let mut changed = tagging::converge(step, id, difference).await?;
        if let Some(wanted) = &planned.route {
            changed |= routes::converge(step, id, (&routes::read(&now.live), wanted)).await?;
        }
        if let Some(wanted) = &planned.subnet_ids {
            changed |= associate(step, &now.live, wanted).await?;
        }
        if !changed {
            return Ok(now.object);
        }
        let is_settled = |now: &Observed<Self>| {
            let same_routes = planned.route.is_none() || now.object.route == planned.route;
            let same_subnets =
                planned.subnet_ids.is_none() || now.object.subnet_ids == planned.subnet_ids;
            same_routes
                && same_subnets
                && tagging::difference(step, now.live.tags(), planned.tags.as_ref()).is_empty()
        };
        Ok(step.until(&what, look, is_settled).await?.object)
    }

    async fn delete(&self, step: &Step<'_>, id: &str, _prior: &RouteTable) -> Result<(), Failure> {
        let Some(live) = listed::one(self, step.cloud, id).await? else {
            return Ok(());
        };
        associate(step, &live, &BTreeSet::new()).await?;
        let ec2 = &step.clients().await?.ec2;
        let call = ec2.delete_route_table().route_table_id(id);
        found(step.change("DeleteRouteTable", call.send()).await)?;
        listed::until_gone(self, step, id).await
    }

    async fn owned(&self, cloud: &Cloud) -> Result<Vec<OwnedObject>, Failure> {
        listed::owned(self, cloud).await
    }
}

#[async_trait]
impl Listed for RouteTables {
    type Live = LiveTable;
    const ID_FILTER: &'static str = "route-table-id";

    async fn describe(&self, cloud: &Cloud, filter: Filter) -> Result<Vec<LiveTable>, Failure> {
        let ec2 = &cloud.clients().await?.ec2;
        let pages = ec2
            .describe_route_tables()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        send("DescribeRouteTables", pages.collect::<Result<Vec<_>, _>>()).await
    }

    fn identity(live: &LiveTable) -> (&str, &[Tag]) {
        (live.route_table_id().unwrap_or_default(), live.tags())
    }

    async fn complete(
        &self,
        cloud: &Cloud,
        live: &LiveTable,
        recorded: Option<&RouteTable>,
    ) -> Result<Option<Seen<RouteTable>>, Failure> {
        let (id, _) = Self::identity(live);
        let recorded = recorded.map(|table| table.tags.as_ref());
        let tags = listed::seen_tags(cloud, live.tags(), recorded);
        let owner = live.owner_id().unwrap_or_default();
        Ok(Some(Seen {
            object: RouteTable {
                id: live.route_table_id.clone(),
                arn: Some(super::arn(cloud, owner, "route-table", id).await?),
                owner_id: live.owner_id.clone(),
                vpc_id: live.vpc_id.clone().unwrap_or_default(),
                route: Some(routes::read(live)),
                subnet_ids: Some(associations(live).into_keys().collect()),
                tags: Some(tags.tags),
                tags_all: Some(tags.tags_all),
            },
            incomplete: false,
        }))
    }
}

/// The subnets that use a table, with the ids of their associations.
fn associations(live: &LiveTable) -> BTreeMap<String, String> {
    use RouteTableAssociationStateCode::{Disassociated, Disassociating, Failed};
    let associations = live.associations().iter().filter(|association| {
        let state = association.association_state();
        let code = state.and_then(|state| state.state());
        !matches!(code, Some(Disassociated | Disassociating | Failed))
    });
    associations
        .filter_map(|association| {
            let subnet = association.subnet_id.clone()?;
            Some((subnet, association.route_table_association_id.clone()?))
        })
        .collect()
}

/// Associates the table with the subnets that lack it, and others no more. Says whether there were calls.
async fn associate(
    step: &Step<'_>,
    live: &LiveTable,
    wanted: &BTreeSet<String>,
) -> Result<bool, Failure> {
    let ec2 = &step.clients().await?.ec2;
    let now = associations(live);
    let mut changed = false;
    for (_, association) in now.iter().filter(|(subnet, _)| !wanted.contains(*subnet)) {
        let call = ec2.disassociate_route_table().association_id(association);
        found(step.change("DisassociateRouteTable", call.send()).await)?;
        changed = true;
    }
    for subnet in wanted.iter().filter(|subnet| !now.contains_key(*subnet)) {
        let call = ec2
            .associate_route_table()
            .set_route_table_id(live.route_table_id.clone())
            .subnet_id(subnet);
        step.change("AssociateRouteTable", call.send()).await?;
        changed = true;
    }
    Ok(changed)
}
