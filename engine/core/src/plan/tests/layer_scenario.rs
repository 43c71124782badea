//! Projects with layers: a provider whose manifests are lines, files in memory, a stack that carries a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_language::scope::SourceTree;
use strata_model::Value;
use strata_model::judge::{Judge, Outlook};
use strata_model::provider::{
    ArgumentFault, ConnectContext, Connection, Member, MemberFault, MembersRequest, Observation,
    PlanRequest, PlannedChange, Provider, ProviderConfig, ProviderError, ProviderErrorKind,
    ProviderName, ValidateRequest,
};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::state::{RowKey, StateRow};

use super::scenario::Scenario;

/// A provider whose manifests are lines: `STAGE KEY TEXT`.
#[derive(Debug)]
pub(super) struct FakeLayers {
    name: ProviderName,
    config: Schema,
    schemas: Vec<ResourceSchema>,
}

impl FakeLayers {
    pub(super) fn new() -> Self {
        let text = || Attribute::optional(AttributeType::String, "");
        let layer = Schema::new([
            ("manifest", Attribute::required(AttributeType::Any, "")),
            ("conflicts", text().default_value("error")),
            (
                "wait",
                Attribute::optional(AttributeType::Bool, "").default_value(true),
            ),
            ("id", Attribute::computed(AttributeType::String, "")),
        ]);
        FakeLayers {
            name: ProviderName("kubernetes".into()),
            config: Schema::new([("place", text()), ("cluster", text())]),
            schemas: vec![
                ResourceSchema::managed("layer", Adoption::Natural, layer.clone(), ""),
                ResourceSchema::managed("kubernetes_object", Adoption::Natural, layer, ""),
                ResourceSchema::data(
                    "kubernetes_object",
                    Schema::new([
                        ("kind", text()),
                        ("found", Attribute::computed(AttributeType::String, "")),
                    ]),
                    "",
                ),
            ],
        }
    }
}

impl Provider for FakeLayers {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn config_schema(&self) -> &Schema {
        &self.config
    }

    fn schemas(&self) -> &[ResourceSchema] {
        &self.schemas
    }

    fn validate(&self, _: ValidateRequest<'_>) -> Vec<ArgumentFault> {
        Vec::new()
    }

    fn plan_change(&self, request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError> {
        let schema = &self.schemas[0].schema;
        Ok(schema.propose(request.prior, request.config).into())
    }

    fn id_of(&self, _: &str, config: &Value) -> Option<String> {
        let key = config.get("manifest")?.get("key")?;
        key.as_str().map(str::to_owned)
    }

    fn holds_data(&self, _: &str, object: &Value) -> bool {
        let key = object.get("manifest").and_then(|value| value.get("key"));
        key.and_then(Value::as_str)
            .is_some_and(|key| key.starts_with("/Volume/"))
    }

    fn judge(&self, outlook: Outlook<'_>) -> Option<Arc<dyn Judge>> {
        Some(Arc::new(super::judged::FakeJudge::new(outlook)))
    }

    fn defines(&self, _: &str, config: &Value) -> bool {
        let key = config.get("manifest").and_then(|value| value.get("key"));
        key.and_then(Value::as_str)
            .is_some_and(|key| key.starts_with("/Kind/"))
    }

    fn members(&self, request: MembersRequest<'_>) -> Result<Vec<Member>, Vec<MemberFault>> {
        let mut members = Vec::new();
        let mut faults = Vec::new();
        for (file, text) in request.files {
            for (at, line) in text.lines().enumerate() {
                let at = u32::try_from(at + 1).unwrap();
                if line.is_empty() {
                    continue;
                }
                match member(line) {
                    Some((stage, key, manifest)) => members.push(Member {
                        key: key.into(),
                        stage,
                        manifest,
                        file: file.clone(),
                        line: at,
                    }),
                    None => faults.push(MemberFault {
                        file: file.clone(),
                        line: at,
                        message: "This is no object.".to_owned(),
                        hint: None,
                    }),
                }
            }
        }
        if faults.is_empty() {
            Ok(members)
        } else {
            Err(faults)
        }
    }

    fn upgrade(&self, row: StateRow) -> Result<StateRow, ProviderError> {
        Ok(row)
    }

    fn connect(
        &self,
        _: &ProviderConfig,
        _: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        Err(ProviderError::bug("a planner has no connection"))
    }
}

fn member(line: &str) -> Option<(u8, &str, Value)> {
    let (stage, rest) = line.split_once(' ')?;
    let (key, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((stage.parse().ok()?, key, manifest(key, text)))
}

pub(super) fn manifest(key: &str, text: &str) -> Value {
    Value::object([("key", Value::string(key)), ("text", text.into())])
}

/// Files in memory.
#[derive(Debug)]
struct Files(BTreeMap<String, Arc<[u8]>>);

impl SourceTree for Files {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let found = self.0.get(path.trim_start_matches("./")).cloned();
        found.ok_or_else(|| "there is no such file".to_owned())
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(self.read(path).is_ok())
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, String> {
        let prefix = format!("{}/", directory.trim_start_matches("./"));
        let inside = self.0.keys().filter(|path| path.starts_with(&prefix));
        let inside: Vec<String> = inside.cloned().collect();
        if inside.is_empty() {
            return Err("there is no such file".to_owned());
        }
        Ok(inside)
    }
}

impl Scenario {
    /// With files of the project.
    pub(super) fn files(&mut self, files: &[(&str, &str)]) -> &mut Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().into()));
        self.trees
            .insert("".into(), Arc::new(Files(files.collect())));
        self
    }

    /// With a stack that carries a cluster: a host, and what a pod needs to run.
    pub(super) fn cluster() -> Scenario {
        let mut scenario = Scenario::new();
        scenario.packages.push((
            "./host",
            r#"
            variable "name" {
              type    = string
              default = "main"
            }
            resource "test_host" "main" { name = var.name }
            resource "test_thing" "nodes" {
              name  = "nodes"
              value = test_host.main.id
            }
            output "kubernetes" {
              value = { cluster = test_host.main.id, ready_after = [test_thing.nodes.id] }
            }
            "#,
        ));
        scenario
    }

    pub(super) fn unreachable(&mut self) {
        let error = ProviderError::new(ProviderErrorKind::Unreachable, "no route to host");
        let rows = self.snapshot.rows.keys();
        let objects = rows.filter(|key| &*key.address.resource_type == "layer");
        let unreadable = |key: &RowKey| (key.clone(), Observation::Unreadable(error.clone()));
        self.observed = objects.map(unreadable).collect();
    }

    pub(super) fn details(&self, hcl: &str) -> Vec<String> {
        let outcome = self.outcome(hcl);
        let diagnostics = outcome.diagnostics.iter();
        diagnostics
            .map(|found| format!("{} {}", found.code, found.detail))
            .collect()
    }
}
