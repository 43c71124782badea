//! Data sources.

pub(crate) mod availability_zones;
pub(crate) mod caller_identity;
pub(crate) mod eks_addon_version;
pub(crate) mod eks_cluster;
pub(crate) mod eks_cluster_versions;
pub(crate) mod iam_policy_document;
pub(crate) mod iam_session_context;
pub(crate) mod partition;
mod query;
pub(crate) mod region;
pub(crate) mod ssm_parameter;
pub(crate) mod subnets;
pub(crate) mod vpc;

use std::fmt;

use async_trait::async_trait;
use strata_model::Value;
use strata_model::provider::{Object, ProviderError};
use strata_model::schema::{Attribute, AttributeType, Presence, ResourceSchema};

use crate::adapter::Access;
use crate::checks::Checks;
use crate::cloud::Cloud;
use crate::error::Failure;
use crate::form;

/// A data source.
#[async_trait]
pub(crate) trait DataSource: fmt::Debug + Send + Sync {
    /// The schema.
    fn schema(&self) -> ResourceSchema;

    /// Checks arguments beyond their types.
    fn validate(&self, _checks: &mut Checks<'_>) {}

    /// All attributes, as the schema names them; arguments may be left out.
    async fn read(
        &self,
        cloud: &Cloud,
        arguments: &serde_json::Value,
    ) -> Result<serde_json::Value, Failure>;
}

/// Reads a data source. Its arguments come back as they are.
pub(crate) async fn observe(
    source: &dyn DataSource,
    access: Access<'_>,
    config: Option<&Value>,
) -> Result<Object, ProviderError> {
    let arguments = config.map_or(serde_json::Value::Null, Value::to_json);
    let read = source.read(access.cloud, &arguments).await;
    let read = read.map_err(|failure| failure.error)?;
    let mut attributes = form::encode(access.schema, &read, None)?;
    for (name, attribute) in access.schema.schema.attributes() {
        let given = config.and_then(|config| config.get(name));
        // What can be given and is not, the source tells.
        let is_told =
            attribute.presence == Presence::OptionalComputed && given.is_none_or(Value::is_null);
        if let (true, Some(given)) = (attribute.is_argument() && !is_told, given) {
            let given = match &attribute.default {
                Some(default) if given.is_null() => default,
                Some(_) | None => given,
            };
            attributes = attributes.with_at(
                &strata_model::AttributePath::attribute(name.clone()),
                given.clone(),
            );
        }
    }
    let id = attributes
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(Object {
        id: id.to_owned(),
        attributes,
        incomplete: false,
    })
}

/// The arguments of a data source, as it declares them.
fn arguments<T: serde::de::DeserializeOwned>(given: &serde_json::Value) -> Result<T, Failure> {
    let read = serde_json::from_value(given.clone());
    read.map_err(|error| ProviderError::bug(format!("arguments of a data source: {error}")).into())
}

fn text(name: &'static str, description: &'static str) -> (&'static str, Attribute) {
    (
        name,
        Attribute::computed(AttributeType::String, description),
    )
}
