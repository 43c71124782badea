//! The AWS APIs on one endpoint. A call finds its service and region by the scope of its signature, as the SDKs sign it.
//!
//! Adding an operation is one function and one row in its file's `OPERATIONS`; adding a type of object is one `Kind` and one line in
//! its service's `register`; adding a service is one folder and one line in [`SERVICES`].

mod arn;
mod dispatch;
mod ec2;
mod ecr;
mod eks;
mod error;
mod faulty;
mod iam;
mod json;
mod kms;
mod logs;
mod page;
mod params;
mod policy;
mod rest;
mod service;
mod servicequotas;
mod ssm;
mod sts;
mod tagging;
mod tags;
mod time;
mod token;
mod xml;

pub(crate) use dispatch::{HttpAnswer, HttpRequest, Outcome, State, handle};

use crate::world::World;
use service::Service;

/// The account that everything in the sandbox belongs to.
pub(crate) const ACCOUNT: &str = "123456789012";

/// All services.
static SERVICES: [&Service; 10] = [
    &ec2::SERVICE,
    &iam::SERVICE,
    &sts::SERVICE,
    &eks::SERVICE,
    &kms::SERVICE,
    &logs::SERVICE,
    &ecr::SERVICE,
    &ssm::SERVICE,
    &servicequotas::SERVICE,
    &tagging::SERVICE,
];

/// Makes the types of all services known to a world.
pub(crate) fn register(world: &mut World) {
    for service in SERVICES {
        (service.register)(world);
    }
    world.register::<token::Token>();
}

/// Lists the service and name of every operation that is emulated.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    SERVICES
        .into_iter()
        .flat_map(|service| service.api.operations().map(|name| (service.name, name)))
}
