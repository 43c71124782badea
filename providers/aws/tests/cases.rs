//! What the suite knows of each resource type: what it needs, and what can be said of each of its arguments.

mod ec2;
mod ecr;
mod eks;
mod iam;
mod kms;
mod logs;

use futures::future::BoxFuture;
use serde_json::Value as Json;

use crate::world::{Needs, Outcome, World};

pub(crate) use eks::with_cluster;

/// A type under test.
pub(crate) struct TypeCase {
    pub(crate) name: &'static str,
    /// Tells two cases of one type apart.
    pub(crate) variant: &'static str,
    /// Makes what all objects of the type refer to.
    pub(crate) needs: for<'a> fn(&'a World) -> BoxFuture<'a, Outcome<Needs>>,
    /// The arguments of the n-th object. Objects of numbers that follow each other do not get in each other's way.
    pub(crate) config: fn(&Needs, u64) -> Json,
    /// Arguments by path, with a value that they can be changed to in place.
    pub(crate) updates: fn(&Needs, u64) -> Vec<(&'static str, Json)>,
    /// Arguments by path, with a value that replaces the object.
    pub(crate) replaces: fn(&Needs, u64) -> Vec<(&'static str, Json)>,
    /// Arguments that lead to no call, by path: they say how other calls are made.
    pub(crate) silent: &'static [&'static str],
    /// Arguments that AWS does not tell, so that an import cannot see them, with what the import takes them to be.
    pub(crate) untold: &'static [&'static str],
}

/// All types under test.
pub(crate) const ALL: &[&TypeCase] = &[
    &ec2::VPC,
    &ec2::VPC_WITHOUT_NAMES,
    &ec2::SUBNET,
    &ec2::INTERNET_GATEWAY,
    &ec2::EIP,
    &ec2::NAT_GATEWAY,
    &ec2::PRIVATE_NAT_GATEWAY,
    &ec2::ROUTE_TABLE,
    &ec2::SECURITY_GROUP,
    &ec2::EGRESS_ONLY_GATEWAY,
    &ec2::CIDR_ASSOCIATION,
    &ec2::GATEWAY_ENDPOINT,
    &ec2::INTERFACE_ENDPOINT,
    &ec2::LAUNCH_TEMPLATE,
    &ec2::LAUNCH_TEMPLATE_BARE,
    &iam::ROLE,
    &iam::ROLE_POLICY_ATTACHMENT,
    &iam::POLICY,
    &iam::INSTANCE_PROFILE,
    &iam::OIDC_PROVIDER,
    &eks::CLUSTER,
    &eks::ENCRYPTED_CLUSTER,
    &eks::AUTO_CLUSTER,
    &eks::NODE_GROUP,
    &eks::RELEASED_NODE_GROUP,
    &eks::TEMPLATE_NODE_GROUP,
    &eks::CUSTOM_NODE_GROUP,
    &eks::ACCESS_ENTRY,
    &eks::ACCESS_POLICY,
    &eks::ADDON,
    &eks::ADDON_BARE,
    &eks::POD_IDENTITY,
    &eks::POD_IDENTITY_BOUNDED,
    &eks::FARGATE,
    &eks::IDENTITY_PROVIDER,
    &kms::KEY,
    &kms::ROTATING_KEY,
    &kms::SIGNING_KEY,
    &kms::ALIAS,
    &logs::LOG_GROUP,
    &logs::ENCRYPTED_LOG_GROUP,
    &ecr::REPOSITORY,
    &ecr::ENCRYPTED_REPOSITORY,
];

/// No arguments.
fn none(_: &Needs, _: u64) -> Vec<(&'static str, Json)> {
    Vec::new()
}
