//! The provider `strata`.

use std::sync::Arc;

use async_trait::async_trait;
use strata_model::provider::{
    Applied, ApplyError, ApplyRequest, ArgumentFault, Candidate, Checkpoint, ConnectContext,
    Connection, FindRequest, Object, Observation, Operation, OwnedObject, PlanRequest,
    PlannedChange, Provider, ProviderConfig, ProviderError, ProviderName, ReadPurpose, ReadRequest,
    ValidateRequest,
};
use strata_model::schema::{ResourceSchema, Schema};
use strata_model::{IdSource, Lineage, Mode, Value};

use crate::data::Data;
use crate::private_key::PrivateKey;
use crate::random_id::RandomId;
use crate::random_password::RandomPassword;
use crate::resource::{BuiltinType, with_attributes};

/// The registry: one line per resource type.
const TYPES: &[&dyn BuiltinType] = &[&Data, &PrivateKey, &RandomId, &RandomPassword];

/// The provider `strata`, whose objects live in the state only.
#[derive(Debug)]
pub struct Builtin {
    name: ProviderName,
    config: Schema,
    /// One per entry of the registry, in its order.
    schemas: Arc<[ResourceSchema]>,
}

impl Default for Builtin {
    fn default() -> Self {
        Self::new()
    }
}

impl Builtin {
    /// The provider.
    pub fn new() -> Self {
        Builtin {
            name: ProviderName("strata".into()),
            config: Schema::empty(),
            schemas: TYPES.iter().map(|ty| ty.schema()).collect(),
        }
    }
}

/// A resource type with its schema.
fn lookup<'a>(
    schemas: &'a [ResourceSchema],
    name: &str,
) -> Result<(&'static dyn BuiltinType, &'a ResourceSchema), ProviderError> {
    TYPES
        .iter()
        .zip(schemas)
        .find(|(_, schema)| schema.name == name)
        .map(|(ty, schema)| (*ty, schema))
        .ok_or_else(|| ProviderError::bug(format!("the provider strata has no type {name}")))
}

impl Provider for Builtin {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn config_schema(&self) -> &Schema {
        &self.config
    }

    fn schemas(&self) -> &[ResourceSchema] {
        &self.schemas
    }

    fn validate(&self, request: ValidateRequest<'_>) -> Vec<ArgumentFault> {
        let Some((Mode::Managed, name)) = request.resource_type else {
            return Vec::new();
        };
        match lookup(&self.schemas, name) {
            Ok((ty, _)) => ty.validate(request.config),
            Err(_) => Vec::new(),
        }
    }

    fn plan_change(&self, request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError> {
        let (ty, schema) = lookup(&self.schemas, request.resource_type)?;
        let mut proposal = ty.plan(schema.schema.propose(request.prior, request.config));
        if !proposal.replace.is_empty() {
            // What takes the object's place starts from nothing.
            proposal.planned = ty.plan(schema.schema.propose(None, request.config)).planned;
        }
        Ok(proposal.into())
    }

    fn connect(
        &self,
        _config: &ProviderConfig,
        context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        Ok(Arc::new(BuiltinConnection {
            schemas: Arc::clone(&self.schemas),
            ids: Arc::clone(&context.ids),
        }))
    }
}

#[derive(Debug)]
struct BuiltinConnection {
    schemas: Arc<[ResourceSchema]>,
    ids: Arc<dyn IdSource>,
}

impl BuiltinConnection {
    fn observe(&self, request: &ReadRequest<'_>) -> Result<Observation, ProviderError> {
        let (ty, schema) = lookup(&self.schemas, request.resource_type)?;
        let attributes = match (request.purpose, request.recorded, request.id) {
            (ReadPurpose::Import, _, Some(id)) => import(ty, schema, id)?,
            (ReadPurpose::Refresh | ReadPurpose::Import, Some(recorded), _) => recorded.clone(),
            (ReadPurpose::Refresh | ReadPurpose::Import, None, _)
            | (ReadPurpose::Data | ReadPurpose::Adopt, _, _) => {
                return Ok(Observation::Absent);
            }
        };
        let id = request.id.map(str::to_owned);
        Ok(Observation::Present(Object {
            id: id.or_else(|| own_id(&attributes)).unwrap_or_default(),
            attributes,
            incomplete: false,
        }))
    }

    fn change(&self, request: &ApplyRequest<'_>) -> Result<Applied, ProviderError> {
        if request.operation == Operation::Delete {
            return Ok(Applied {
                id: None,
                attributes: Value::null(),
            });
        }
        let (ty, _) = lookup(&self.schemas, request.resource_type)?;
        let computed = match request.operation {
            Operation::Create => ty.generate(request.planned, self.ids.as_ref())?,
            Operation::Update | Operation::Delete => ty.update(request.planned),
        };
        let attributes = with_attributes(request.planned, computed);
        Ok(Applied {
            id: own_id(&attributes),
            attributes,
        })
    }
}

fn own_id(attributes: &Value) -> Option<String> {
    attributes.get("id")?.as_str().map(str::to_owned)
}

fn import(ty: &dyn BuiltinType, schema: &ResourceSchema, id: &str) -> Result<Value, ProviderError> {
    let blank = Value::object(schema.schema.attributes().iter().map(|(name, attribute)| {
        let default = attribute.default.clone();
        (
            Arc::clone(name),
            default.unwrap_or_else(|| Value::null_of(attribute.ty.ty())),
        )
    }));
    Ok(schema
        .schema
        .mark_sensitive(&with_attributes(&blank, ty.import(id)?)))
}

#[async_trait]
impl Connection for BuiltinConnection {
    async fn read(&self, batch: &[ReadRequest<'_>]) -> Vec<Observation> {
        batch
            .iter()
            .map(|request| {
                self.observe(request)
                    .unwrap_or_else(Observation::Unreadable)
            })
            .collect()
    }

    /// Finds nothing: a create that was not recorded left nothing behind.
    async fn find(&self, _request: FindRequest<'_>) -> Result<Vec<Candidate>, ProviderError> {
        Ok(Vec::new())
    }

    async fn apply_change(
        &self,
        request: ApplyRequest<'_>,
        _checkpoint: &dyn Checkpoint,
    ) -> Result<Applied, ApplyError> {
        self.change(&request).map_err(ApplyError::nothing)
    }

    async fn list_owned(&self, _lineage: Lineage) -> Result<Vec<OwnedObject>, ProviderError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use strata_model::{Clock, OpId, Timestamp};

    use super::*;

    /// Counts up from zero, byte by byte.
    #[derive(Debug, Default)]
    pub(crate) struct Counting(Mutex<u8>);

    impl IdSource for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            let mut next = self.0.lock().unwrap();
            for byte in buffer {
                *byte = *next;
                *next = next.wrapping_add(1);
            }
        }
    }

    #[derive(Debug)]
    struct Stopped;

    #[async_trait]
    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        async fn sleep(&self, _duration: Duration) {}
    }

    struct Silent;

    #[async_trait]
    impl Checkpoint for Silent {
        async fn created(&self, _id: &str, _attributes: &Value) -> Result<(), ProviderError> {
            Ok(())
        }
        fn progress(&self, _message: &str) {}
    }

    /// The provider with a connection, and the verbs in the form that tests need.
    pub(crate) struct Bench {
        pub(crate) provider: Builtin,
        connection: Arc<dyn Connection>,
        resource_type: &'static str,
    }

    impl Bench {
        pub(crate) fn new(resource_type: &'static str) -> Self {
            let provider = Builtin::new();
            let config = ProviderConfig {
                provider: provider.name().clone(),
                values: Default::default(),
            };
            let context = ConnectContext {
                clock: Arc::new(Stopped),
                ids: Arc::new(Counting::default()),
                lineage: Lineage::from_bits([1; 16]),
                variables: Arc::new(strata_model::NoVariables),
                clusters: Arc::new(strata_model::NoClusters),
                conditions: Arc::new(strata_model::NoConditions),
                sandbox: None,
            };
            let connection = provider.connect(&config, &context).unwrap();
            Bench {
                provider,
                connection,
                resource_type,
            }
        }

        /// A configuration with every attribute.
        pub(crate) fn config(&self, given: &[(&'static str, Value)]) -> Value {
            let (_, schema) = lookup(&self.provider.schemas, self.resource_type).unwrap();
            let blank = schema
                .schema
                .attributes()
                .keys()
                .map(|name| (name.clone(), Value::null()));
            with_attributes(&Value::object(blank), given.to_vec())
        }

        pub(crate) fn plan(&self, prior: Option<&Value>, config: &Value) -> PlannedChange {
            self.provider
                .plan_change(PlanRequest {
                    resource_type: self.resource_type,
                    prior,
                    config,
                    provider: None,
                    is_replaced: false,
                })
                .unwrap()
        }

        pub(crate) async fn apply(
            &self,
            operation: Operation,
            prior: Option<&Value>,
            planned: &Value,
        ) -> Value {
            let request = ApplyRequest {
                operation,
                resource_type: self.resource_type,
                op: OpId::from_bits([2; 16]),
                id: None,
                prior,
                planned,
                successor: None,
                timeouts: Default::default(),
            };
            let applied = self
                .connection
                .apply_change(request, &Silent)
                .await
                .unwrap();
            assert!(!applied.attributes.has_unknown());
            applied.attributes
        }

        pub(crate) async fn import(&self, id: &str) -> Observation {
            let request = ReadRequest {
                purpose: ReadPurpose::Import,
                resource_type: self.resource_type,
                id: Some(id),
                recorded: None,
                config: None,
            };
            self.connection.read(&[request]).await.remove(0)
        }

        /// Creates an object, and checks that reading it back and planning it again change nothing.
        pub(crate) async fn settle(&self, given: &[(&'static str, Value)]) -> Value {
            let config = self.config(given);
            let planned = self.plan(None, &config).planned;
            let made = self.apply(Operation::Create, None, &planned).await;
            let request = ReadRequest {
                purpose: ReadPurpose::Refresh,
                resource_type: self.resource_type,
                id: None,
                recorded: Some(&made),
                config: None,
            };
            let Observation::Present(seen) = self.connection.read(&[request]).await.remove(0)
            else {
                panic!("what was recorded is there");
            };
            assert_eq!(seen.attributes, made);
            let again = self.plan(Some(&seen.attributes), &config);
            assert_eq!(again.planned, made);
            assert!(again.replace.is_empty());
            made
        }
    }

    #[tokio::test]
    async fn data_comes_back_as_output() {
        let bench = Bench::new("strata_data");
        let given = [(
            "input",
            Value::tuple(vec![1.into(), "a".into()]).into_secret(),
        )];
        let made = bench.settle(&given).await;
        assert_eq!(made.get("output"), made.get("input"));
        assert!(made.get("output").unwrap().is_secret());
        assert_eq!(made.get("id").unwrap().as_str().map(str::len), Some(36));

        let change = bench.plan(Some(&made), &bench.config(&[("input", true.into())]));
        assert!(change.replace.is_empty());
        let changed = bench
            .apply(Operation::Update, Some(&made), &change.planned)
            .await;
        assert_eq!(changed.get("output"), Some(&Value::from(true)));
        assert_eq!(changed.get("id"), made.get("id"));
    }

    #[tokio::test]
    async fn data_is_replaced_by_its_trigger() {
        let bench = Bench::new("strata_data");
        let made = bench.settle(&[("triggers_replace", "a".into())]).await;
        let change = bench.plan(
            Some(&made),
            &bench.config(&[("triggers_replace", "b".into())]),
        );
        assert_eq!(change.replace.len(), 1);
        assert!(change.planned.get("id").unwrap().is_unknown());
    }

    #[tokio::test]
    async fn data_is_imported_by_its_id() {
        let Observation::Present(object) = Bench::new("strata_data").import("x").await else {
            panic!("any id is one");
        };
        assert_eq!(object.id, "x");
        assert!(object.attributes.get("output").unwrap().is_null());
    }
}
