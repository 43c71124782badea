//! SSM: the public parameters that name machine images.

mod parameter;

use super::service::{Api, Service};

/// The service.
pub(super) static SERVICE: Service = Service {
    name: "ssm",
    global: false,
    api: Api::Json {
        target: "AmazonSSM",
        invalid: "ValidationException",
        tables: &[parameter::OPERATIONS],
    },
    // What AWS publishes follows from its name: nothing is kept.
    register: |_world| {},
};
