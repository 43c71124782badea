//! The provider `aws`.

use std::sync::Arc;
use std::time::Duration;

use strata_model::Value;
use strata_model::preflight::{Finding, Intended, Preflight};
use strata_model::provider::{
    ArgumentFault, ConnectContext, Connection, PlanRequest, PlannedChange, Provider,
    ProviderConfig, ProviderError, ProviderName, ValidateRequest,
};
use strata_model::schema::{ResourceSchema, Schema};

use crate::cloud::Cloud;
use crate::config::{self, Config};
use crate::connection::AwsConnection;
use crate::eks::cluster::Clusters;
use crate::eks::node_group::NodeGroups;
use crate::leaning;
use crate::preflight;
use crate::registry::Registry;
use crate::resource::ResourceType;
use crate::written;

/// The provider `aws`: networks, identities and EKS.
#[derive(Debug)]
pub struct Aws {
    name: ProviderName,
    config: Schema,
    registry: Arc<Registry>,
}

impl Default for Aws {
    fn default() -> Self {
        Self::new()
    }
}

impl Aws {
    /// The provider. It reads and calls nothing until a connection is used.
    pub fn new() -> Self {
        Aws {
            name: ProviderName("aws".into()),
            config: config::schema(),
            registry: Arc::new(Registry::new()),
        }
    }
}

impl Provider for Aws {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn config_schema(&self) -> &Schema {
        &self.config
    }

    fn schemas(&self) -> &[ResourceSchema] {
        self.registry.schemas()
    }

    fn validate(&self, request: ValidateRequest<'_>) -> Vec<ArgumentFault> {
        match request.resource_type {
            None => config::validate(request.config),
            Some((mode, name)) => self.registry.validate(mode, name, request.config),
        }
    }

    fn plan_change(&self, request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError> {
        let (ty, schema) = self.registry.managed(request.resource_type)?;
        ty.plan(schema, &request)
    }

    fn written(&self, resource_type: &str, object: &Value) -> Value {
        let said = written::written(resource_type, object);
        match self.registry.managed(resource_type) {
            Ok((_, schema)) => written::without_empty(schema.schema.attributes(), &said),
            Err(_) => said,
        }
    }

    fn leans_on(&self, objects: &[(&str, &Value)]) -> Vec<(usize, usize)> {
        leaning::pairs(objects)
    }

    fn refuses_deletion(&self, resource_type: &str, object: &Value) -> Option<(String, String)> {
        let on = object.get("deletion_protection").and_then(Value::as_bool);
        let is_cluster = resource_type == Clusters::NAME;
        (is_cluster && on == Some(true)).then(|| {
            let name = object.get("name").and_then(Value::as_str);
            let why = format!(
                "EKS protects the cluster {} against deletion.",
                name.unwrap_or_default()
            );
            let hint = "Set deletion_protection to false, apply that, and delete it then.";
            (why, hint.to_owned())
        })
    }

    fn has_preflight(&self) -> bool {
        true
    }

    fn considers(&self, resource_type: &str) -> bool {
        matches!(resource_type, Clusters::NAME | NodeGroups::NAME)
    }

    fn consider(&self, intended: &Preflight<'_>) -> Vec<Finding> {
        preflight::skew::find(intended)
    }

    fn takes(&self, change: &Intended<'_>) -> Duration {
        preflight::takes(change)
    }

    fn connect(
        &self,
        config: &ProviderConfig,
        context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        let cloud = Cloud::new(Config::read(config)?, context.clone());
        Ok(Arc::new(AwsConnection::new(
            cloud,
            Arc::clone(&self.registry),
        )))
    }
}
