//! What planner tests are made of: a provider of two types, a project with what is recorded and seen of it, and its steps in
//! words.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_language::decode::{InputFile, PackageKind, decode_package};
use strata_language::definition::{Definitions, PackageKey};
use strata_model::plan::{Action, Plan, PlanOptions, SourceRevision, Step};
use strata_model::provider::{
    ArgumentFault, ConnectContext, Connection, Object, Observation, PlanRequest, PlannedChange,
    Provider, ProviderConfig, ProviderError, ProviderErrorKind, ProviderName, Providers,
    ReadPurpose, ValidateRequest,
};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::state::{RowKey, StateRow, StateSnapshot};
use strata_model::wire::Encoded;
use strata_model::{Address, Lineage, Name, PlanId, SecretKey, SourceMap, Timestamp, Type, Value};

use crate::replay::{DefinitionGraph, Replay, ReplayInput, secrets_to_read};
use crate::resolve::{Resolved, Resolver};

use crate::plan::{PlanHeader, PlanInput, PlanOutcome, ReadNeed, Trees, plan};

#[derive(Debug)]
struct Fake {
    name: ProviderName,
    config: Schema,
    schemas: Vec<ResourceSchema>,
}

impl Fake {
    fn new() -> Self {
        let thing = Schema::new([
            (
                "name",
                Attribute::required(AttributeType::String, "").replaces(),
            ),
            ("value", Attribute::optional(AttributeType::String, "")),
            (
                "password",
                Attribute::optional(AttributeType::String, "").sensitive(),
            ),
            (
                "refs",
                Attribute::optional(AttributeType::strings(), "").learned(),
            ),
            ("id", Attribute::computed(AttributeType::String, "")),
        ]);
        let look = Schema::new([
            ("of", Attribute::optional(AttributeType::String, "")),
            ("found", Attribute::computed(AttributeType::String, "")),
        ]);
        let mut vault = ResourceSchema::managed("test_vault", Adoption::Tag, thing.clone(), "");
        vault.holds_data = true;
        vault.unique_name = Some("name");
        let mut host = ResourceSchema::managed("test_host", Adoption::Tag, thing.clone(), "");
        host.hosts = true;
        host.host_version = Some("value");
        Fake {
            name: ProviderName("test".into()),
            config: Schema::new([(
                "place",
                Attribute::optional(AttributeType::String, "").replaces(),
            )]),
            schemas: vec![
                ResourceSchema::managed("test_thing", Adoption::Tag, thing, ""),
                vault,
                host,
                ResourceSchema::data("test_look", look, ""),
            ],
        }
    }
}

impl Provider for Fake {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn config_schema(&self) -> &Schema {
        &self.config
    }

    fn schemas(&self) -> &[ResourceSchema] {
        &self.schemas
    }

    fn validate(&self, _request: ValidateRequest<'_>) -> Vec<ArgumentFault> {
        Vec::new()
    }

    fn plan_change(&self, request: PlanRequest<'_>) -> Result<PlannedChange, ProviderError> {
        let schema = self
            .schemas
            .iter()
            .find(|schema| schema.name == request.resource_type);
        let schema = schema.ok_or_else(|| ProviderError::bug("no such type"))?;
        let value = request.config.get("value").and_then(Value::as_str);
        if request.prior.is_some() && value == Some("refused") {
            let message = "not to this value";
            return Err(ProviderError::new(ProviderErrorKind::Invalid, message));
        }
        Ok(schema.schema.propose(request.prior, request.config).into())
    }

    fn leaves_alone(&self, _: &str, seen: &Value) -> Option<String> {
        let value = seen.get("value").and_then(Value::as_str);
        (value == Some("theirs")).then(|| "it is theirs".to_owned())
    }

    fn identity(&self, resource_type: &str) -> Option<&'static str> {
        (resource_type == "test_vault").then_some("value")
    }

    fn refuses_deletion(&self, _: &str, object: &Value) -> Option<(String, String)> {
        let value = object.get("value").and_then(Value::as_str);
        (value == Some("guarded")).then(|| ("It is guarded.".to_owned(), "Unguard it.".to_owned()))
    }

    fn connect(
        &self,
        _config: &ProviderConfig,
        _context: &ConnectContext,
    ) -> Result<Arc<dyn Connection>, ProviderError> {
        Err(ProviderError::new(
            ProviderErrorKind::Invalid,
            "a planner has no connection",
        ))
    }
}

/// A project, what is recorded of it, and what a refresh would see.
pub(super) struct Scenario {
    pub(super) providers: Providers,
    pub(super) snapshot: StateSnapshot,
    pub(super) observed: BTreeMap<RowKey, Observation>,
    pub(super) variables: BTreeMap<Name, Value>,
    pub(super) options: PlanOptions,
    pub(super) imports: BTreeMap<Address, String>,
    pub(super) packages: Vec<(&'static str, &'static str)>,
    pub(super) made: u32,
    /// The files of packages.
    pub(super) trees: Trees,
    /// What a look at an object to be made sees, by its id; nothing by default.
    pub(super) there: BTreeMap<String, Observation>,
}

pub(super) fn key() -> SecretKey {
    SecretKey::from_bytes([3; 32])
}

impl Scenario {
    pub(super) fn new() -> Self {
        let provider: Arc<dyn Provider> = Arc::new(Fake::new());
        let layers: Arc<dyn Provider> = Arc::new(super::layer_scenario::FakeLayers::new());
        let snapshot = StateSnapshot {
            lineage: Some(Lineage::from_bits([1; 16])),
            ..StateSnapshot::default()
        };
        Scenario {
            providers: Providers::new([provider, layers]),
            snapshot,
            observed: BTreeMap::new(),
            variables: BTreeMap::new(),
            options: PlanOptions {
                refresh: true,
                ..PlanOptions::default()
            },
            imports: BTreeMap::new(),
            packages: Vec::new(),
            made: 0,
            trees: Trees::new(),
            there: BTreeMap::new(),
        }
    }

    pub(super) fn definitions(&self, hcl: &str) -> (Definitions, SourceMap) {
        let mut sources = SourceMap::default();
        let mut definitions = Definitions::default();
        let project: [(&str, &str); 1] = [("", hcl)];
        for (package_key, text) in project.iter().chain(&self.packages) {
            let package_key: PackageKey = (*package_key).into();
            let kind = if package_key.is_empty() {
                PackageKind::Project
            } else {
                PackageKind::Stack
            };
            let file = InputFile {
                path: "main.strata.hcl".into(),
                bytes: text.as_bytes().into(),
            };
            let (package, diagnostics) = decode_package(&package_key, kind, &[file], &mut sources);
            assert!(!diagnostics.has_errors(), "{diagnostics:?}");
            definitions.packages.insert(package_key, package);
        }
        (definitions, sources)
    }

    pub(super) fn outcome(&self, hcl: &str) -> PlanOutcome {
        let (definitions, sources) = self.definitions(hcl);
        let mut read = BTreeMap::new();
        loop {
            let outcome = plan(PlanInput {
                definitions: &definitions,
                sources: &sources,
                trees: &self.trees,
                project_name: "test",
                variables: &self.variables,
                providers: &self.providers,
                snapshot: &self.snapshot,
                observed: &self.observed,
                read: &read,
                imports: &self.imports,
                late: &[],
                options: &self.options,
                key: &key(),
                header: &header(),
                validate_only: false,
                generate: false,
                record_unchanged: true,
                layer_needs: true,
                reads_may_fail: false,
            });
            if outcome.needs.is_empty() {
                return outcome;
            }
            read.extend(self.read(&outcome.needs));
        }
    }

    /// What a read tells of each.
    pub(super) fn read(&self, needs: &[ReadNeed]) -> BTreeMap<Address, Observation> {
        let seen = |need: &ReadNeed| match (need.purpose, &need.id) {
            (ReadPurpose::Adopt, Some(id)) => {
                let there = self.there.get(id).cloned();
                there.unwrap_or(Observation::Absent)
            }
            _ => {
                let known = self.there.get(&need.address.to_string()).cloned();
                known.unwrap_or_else(|| Observation::Present(self.see(need)))
            }
        };
        let told = needs.iter().map(|need| (need.address.clone(), seen(need)));
        told.collect()
    }

    pub(super) fn see(&self, need: &ReadNeed) -> Object {
        let attributes = match (need.purpose, &need.config) {
            (ReadPurpose::Data, Some(config)) => config.with_at(&path("found"), "seen".into()),
            _ => thing("imported", need.id.as_deref().unwrap_or_default()),
        };
        Object {
            id: need.id.clone().unwrap_or_default(),
            attributes,
            incomplete: false,
        }
    }

    pub(super) fn plan(&self, hcl: &str) -> Plan {
        let outcome = self.outcome(hcl);
        outcome
            .plan
            .unwrap_or_else(|| panic!("no plan: {:#?}", outcome.diagnostics))
    }

    pub(super) fn codes(&self, hcl: &str) -> Vec<&'static str> {
        self.outcome(hcl)
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code.0)
            .collect()
    }

    /// Plans, checks the steps, and takes them into the recorded state as an apply would.
    pub(super) fn applies(&mut self, hcl: &str, expected: &[&str]) {
        let plan = self.plan(hcl);
        assert_eq!(lines(&plan), expected);
        self.settle(hcl, &plan);
        let again = self.plan(hcl);
        assert_eq!(
            lines(&again),
            Vec::<String>::new(),
            "a second plan is empty"
        );
    }

    /// Plans and takes the result into the recorded state.
    pub(super) fn given(&mut self, hcl: &str) {
        let plan = self.plan(hcl);
        self.settle(hcl, &plan);
    }

    /// Does in memory what an apply does, with the plan's resolver.
    pub(super) fn settle(&mut self, hcl: &str, plan: &Plan) {
        let (definitions, _) = self.definitions(hcl);
        let before = self.snapshot.clone();
        let variables = self.variables.clone();
        let providers = self.providers.clone();
        let (trees, key) = (self.trees.clone(), key());
        let graph = DefinitionGraph::build(&definitions, &trees, &providers).unwrap();
        let input = ReplayInput {
            plan,
            snapshot: &before,
            done: &[],
            variables: &variables,
            project_name: "test",
            trees: &trees,
            providers: &providers,
            key: &key,
            told: &BTreeMap::new(),
        };
        let told = self.told(&graph, input);
        let mut replay = Replay::new(
            &graph,
            ReplayInput {
                told: &told,
                ..input
            },
        )
        .unwrap();
        for number in order(plan) {
            self.carry_out(plan, &plan.steps[number], &mut replay);
        }
        let (outputs, diagnostics) = replay.outputs();
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        self.snapshot.outputs = outputs;
    }

    /// Reads again what a plan does not hold.
    pub(super) fn told(
        &self,
        graph: &DefinitionGraph<'_>,
        input: ReplayInput<'_>,
    ) -> BTreeMap<Address, Observation> {
        let mut told = BTreeMap::new();
        loop {
            let needs = secrets_to_read(
                graph,
                ReplayInput {
                    told: &told,
                    ..input
                },
            );
            if needs.is_empty() {
                return told;
            }
            told.extend(self.read(&needs));
        }
    }

    pub(super) fn carry_out(&mut self, plan: &Plan, step: &Step, replay: &mut Replay<'_>) {
        match (step.action, replay.resolve(step).unwrap()) {
            (Action::Delete | Action::Forget, _) => {
                self.snapshot.rows.remove(&step.key);
                replay.record(&step.key, None);
            }
            (Action::Move, _) => {
                let deposed = |id| RowKey {
                    deposed: Some(id),
                    ..step.key.clone()
                };
                if let Some(back) = step.taken_back {
                    let row = self.snapshot.rows.remove(&step.key).unwrap();
                    let key = deposed(back.gives_way);
                    let row = StateRow {
                        key: key.clone(),
                        ..row
                    };
                    self.snapshot.rows.insert(key, row);
                }
                let from = match step.taken_back {
                    Some(back) => deposed(back.deposed),
                    None => RowKey::current(step.moved_from.clone().unwrap()),
                };
                let row = self.snapshot.rows.remove(&from).unwrap();
                self.snapshot.rows.insert(
                    step.key.clone(),
                    StateRow {
                        key: step.key.clone(),
                        ..row
                    },
                );
            }
            (_, Resolved::Nothing) => {}
            (_, Resolved::Read { config, .. }) => {
                let seen = config.with_at(&path("found"), "seen".into());
                replay.record(&step.key, Some(&seen));
            }
            (
                _,
                Resolved::Change {
                    planned, provider, ..
                },
            ) => {
                let depose = plan.steps.iter().find(|other| {
                    other.group.is_some()
                        && other.group == step.group
                        && other.key.deposed.is_some()
                });
                if let (Some(old), Some(depose)) = (self.snapshot.rows.remove(&step.key), depose) {
                    let key = depose.key.clone();
                    self.snapshot
                        .rows
                        .insert(key.clone(), StateRow { key, ..old });
                }
                let made = self.make(&planned);
                let row = self.row(step, &made, provider);
                self.snapshot.rows.insert(step.key.clone(), row);
                replay.record(&step.key, Some(&made));
            }
        }
    }

    /// Fills in what the provider chooses.
    pub(super) fn make(&mut self, planned: &Value) -> Value {
        planned
            .unknown_paths()
            .iter()
            .fold(planned.clone(), |value, path| {
                self.made += 1;
                value.with_at(path, Value::string(format!("made-{}", self.made)))
            })
    }

    pub(super) fn row(&self, step: &Step, made: &Value, provider: ProviderConfig) -> StateRow {
        let (_, schema) = self
            .providers
            .schema(step.key.address.mode, &step.key.address.resource_type)
            .unwrap();
        let mut row = strata_model::plan::row_template(step, provider, schema.version);
        row.status = strata_model::state::RowStatus::Ready;
        row.id = made.get("id").and_then(Value::as_str).map(str::to_owned);
        row.attributes =
            Encoded::of(made, schema.schema.object_type())
                .take_fingerprints(made, &key(), &|_| true);
        row
    }
}

pub(super) fn path(text: &str) -> strata_model::AttributePath {
    strata_model::AttributePath::parse(text).unwrap()
}

pub(super) fn thing(name: &str, id: &str) -> Value {
    Value::object([
        ("name", Value::from(name)),
        ("value", Value::null_of(Type::String)),
        ("password", Value::null_of(Type::String)),
        ("refs", Value::null_of(Type::list(Type::String))),
        ("id", id.into()),
    ])
}

pub(super) fn header() -> PlanHeader {
    PlanHeader {
        id: PlanId::from_bits([2; 16]),
        engine_version: "0".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        source: SourceRevision::default(),
        files: BTreeMap::new(),
    }
}

/// A topological order of the steps; fails when there is none.
pub(super) fn order(plan: &Plan) -> Vec<usize> {
    let after = |at: usize| match plan.steps.get(at) {
        Some(step) => &step.after,
        None => &plan.barriers[at - plan.steps.len()].after,
    };
    let mut done = vec![false; plan.steps.len() + plan.barriers.len()];
    let mut order = Vec::new();
    while order.len() < done.len() {
        let next = (0..done.len())
            .find(|at| !done[*at] && after(*at).iter().all(|other| done[*other as usize]));
        let next = next.expect("the graph has no circle");
        done[next] = true;
        order.push(next);
    }
    order.retain(|at| *at < plan.steps.len());
    order
}

/// The steps in words: `create test_thing.b <- test_thing.a`.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    fn names(plan: &Plan, after: &[u32], out: &mut Vec<String>) {
        for at in after {
            match plan.steps.get(*at as usize) {
                Some(step) => out.push(format!("{} {}", verb(step.action), name(&step.key))),
                None => names(
                    plan,
                    &plan.barriers[*at as usize - plan.steps.len()].after,
                    out,
                ),
            }
        }
    }
    fn verb(action: Action) -> String {
        format!("{action:?}").to_lowercase()
    }
    fn name(key: &RowKey) -> String {
        let deposed = if key.deposed.is_some() {
            " (deposed)"
        } else {
            ""
        };
        format!("{}{deposed}", key.address)
    }
    order(plan)
        .into_iter()
        .map(|at| {
            let step = &plan.steps[at];
            let mut after = Vec::new();
            names(plan, &step.after, &mut after);
            after.sort();
            after.dedup();
            let waits = if after.is_empty() {
                String::new()
            } else {
                format!(" <- {}", after.join(", "))
            };
            format!("{} {}{waits}", verb(step.action), name(&step.key))
        })
        .collect()
}
