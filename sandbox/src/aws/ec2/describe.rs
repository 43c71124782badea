//! What all Describe calls have in common: ids, filters, pages.

use serde_json::{Map, Value};

use crate::aws::error::{Answer, AwsError};
use crate::aws::page::PageRequest;
use crate::aws::params::Params;
use crate::aws::service::Cx;
use crate::world::{Kind, Object, World};

use super::filter::Filters;

/// How the objects of a type are described.
pub(super) struct Describe<T: Kind> {
    /// The parameter with ids, such as `VpcId`.
    pub(super) ids: &'static str,
    /// The member with the objects, such as `vpcSet`.
    pub(super) set: &'static str,
    /// The names of filters besides those for tags.
    pub(super) filters: &'static [&'static str],
    /// What an object has for a filter.
    pub(super) values: fn(&World, &Object<T>, &str) -> Vec<String>,
    /// The object as the answer shows it.
    pub(super) view: fn(&World, &Object<T>) -> Value,
    /// How many items a page may have.
    pub(super) page: (usize, usize),
}

impl<T: Kind> Describe<T> {
    /// Answers the call.
    pub(super) fn run(&self, cx: &Cx<'_>, p: &mut Params) -> Answer {
        let ids = p.list(self.ids);
        self.run_for(cx, p, &ids)
    }

    /// Answers the call for these ids, or for all if there are none.
    pub(super) fn run_for(&self, cx: &Cx<'_>, p: &mut Params, ids: &[String]) -> Answer {
        let filters = Filters::take(p, self.filters)?;
        let page = take_page(cx, p, self.page)?;
        p.finish()?;
        if !ids.is_empty() && page.1 {
            let text = format!(
                "The parameter {} cannot be used with the parameter MaxResults",
                self.ids
            );
            return Err(AwsError::new("InvalidParameterCombination", text));
        }
        for id in ids {
            find::<T>(cx, id)?;
        }
        let world = &*cx.world;
        let chosen = world
            .seen::<T>(&cx.region)
            .filter(|object| ids.is_empty() || ids.contains(&object.id))
            .filter(|object| filters.pass(&object.tags, |name| (self.values)(world, object, name)));
        let (objects, token) = page.0.cut(chosen.collect(), |object| object.id.clone());
        let views = objects
            .into_iter()
            .map(|object| (self.view)(world, object))
            .collect();
        let mut answer = Map::new();
        answer.insert(self.set.to_owned(), Value::Array(views));
        answer.insert(
            "nextToken".to_owned(),
            token.map_or(Value::Null, Value::String),
        );
        Ok(Value::Object(answer))
    }
}

/// Reads the paging of a call, and whether the caller set a size.
pub(super) fn take_page(
    cx: &Cx<'_>,
    p: &mut Params,
    (least, most): (usize, usize),
) -> Result<(PageRequest, bool), AwsError> {
    let limit = p.number::<usize>("MaxResults")?;
    if let Some(limit) = limit.filter(|limit| !(least..=most).contains(limit)) {
        let why = format!("Expecting a value between {least} and {most}.");
        return Err(p.invalid("MaxResults", &limit.to_string(), &why));
    }
    let token = p.opt("NextToken");
    let page = PageRequest::new(token.as_deref(), limit).map_err(|_bad| {
        AwsError::new("InvalidNextToken", "The specified NextToken is not valid.")
    })?;
    // Objects that are named come on one page; only lists are cut.
    Ok((page.at_most(cx.injected.page_limit), limit.is_some()))
}

/// Finds an object as the call sees it.
pub(super) fn find<'a, T: Kind>(cx: &'a Cx<'_>, id: &str) -> Result<&'a Object<T>, AwsError> {
    cx.world
        .get::<T>(&cx.region, id)
        .ok_or_else(|| not_found(T::TYPE, id))
}

/// The error for an id that does not exist.
pub(super) fn not_found(kind: &str, id: &str) -> AwsError {
    let (code, text) = match kind {
        "vpc" => (
            "InvalidVpcID.NotFound",
            format!("The vpc ID '{id}' does not exist"),
        ),
        "subnet" => (
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{id}' does not exist"),
        ),
        "internet-gateway" => (
            "InvalidInternetGatewayID.NotFound",
            format!("The internetGateway ID '{id}' does not exist"),
        ),
        "route-table" => (
            "InvalidRouteTableID.NotFound",
            format!("The routeTable ID '{id}' does not exist"),
        ),
        "route-table-association" => (
            "InvalidAssociationID.NotFound",
            format!("The association ID '{id}' does not exist"),
        ),
        "security-group" => (
            "InvalidGroup.NotFound",
            format!("The security group '{id}' does not exist"),
        ),
        "security-group-rule" => (
            "InvalidSecurityGroupRuleId.NotFound",
            format!("The security group rule ID '{id}' does not exist"),
        ),
        "elastic-ip" => (
            "InvalidAllocationID.NotFound",
            format!("The allocation ID '{id}' does not exist"),
        ),
        "natgateway" => (
            "NatGatewayNotFound",
            format!("The Nat Gateway {id} was not found"),
        ),
        "network-interface" => (
            "InvalidNetworkInterfaceID.NotFound",
            format!("The networkInterface ID '{id}' does not exist"),
        ),
        "egress-only-internet-gateway" => (
            "InvalidGatewayID.NotFound",
            format!("The egress only internet gateway ID '{id}' does not exist"),
        ),
        "vpc-cidr-block-association" => (
            "InvalidVpcCidrBlockAssociationID.NotFound",
            format!("The vpc CIDR block association ID '{id}' does not exist"),
        ),
        "vpc-endpoint" => (
            "InvalidVpcEndpointId.NotFound",
            format!("The Vpc Endpoint Id '{id}' does not exist"),
        ),
        "launch-template" => (
            "InvalidLaunchTemplateId.NotFound",
            format!("The specified launch template, with template ID {id}, does not exist."),
        ),
        other => ("InvalidID", format!("The {other} ID '{id}' is not valid")),
    };
    AwsError::new(code, text)
}

/// The error for deleting what others still need.
pub(super) fn dependency(text: impl Into<String>) -> AwsError {
    AwsError::new("DependencyViolation", text)
}
