//! Planner scenarios: definitions in, steps out, on a provider of two types.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_language::decode::{InputFile, PackageKind, decode_package};
use strata_language::definition::{Definitions, PackageKey};
use strata_model::plan::{Action, Plan, PlanMode, PlanOptions, SourceRevision, Step};
use strata_model::provider::{
    ArgumentFault, ConnectContext, Connection, Object, Observation, PlanRequest, PlannedChange,
    Provider, ProviderConfig, ProviderError, ProviderErrorKind, ProviderName, Providers,
    ValidateRequest,
};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema};
use strata_model::state::{RowKey, StateRow, StateSnapshot};
use strata_model::wire::Encoded;
use strata_model::{Address, Lineage, Name, PlanId, SecretKey, SourceMap, Timestamp, Type, Value};

use crate::replay::{DefinitionGraph, Replay, ReplayInput};
use crate::resolve::{Resolved, Resolver};

use super::{PlanHeader, PlanInput, PlanOutcome, Trees, plan};

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
            ("refs", Attribute::optional(AttributeType::strings(), "")),
            ("id", Attribute::computed(AttributeType::String, "")),
        ]);
        let look = Schema::new([
            ("of", Attribute::optional(AttributeType::String, "")),
            ("found", Attribute::computed(AttributeType::String, "")),
        ]);
        let mut vault = ResourceSchema::managed("test_vault", Adoption::Tag, thing.clone(), "");
        vault.holds_data = true;
        vault.unique_name = Some("name");
        Fake {
            name: ProviderName("test".into()),
            config: Schema::new([(
                "place",
                Attribute::optional(AttributeType::String, "").replaces(),
            )]),
            schemas: vec![
                ResourceSchema::managed("test_thing", Adoption::Tag, thing, ""),
                vault,
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
        Ok(schema.schema.propose(request.prior, request.config).into())
    }

    fn upgrade(&self, row: StateRow) -> Result<StateRow, ProviderError> {
        Ok(row)
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
struct Scenario {
    providers: Providers,
    snapshot: StateSnapshot,
    observed: BTreeMap<RowKey, Observation>,
    variables: BTreeMap<Name, Value>,
    options: PlanOptions,
    imports: BTreeMap<Address, String>,
    packages: Vec<(&'static str, &'static str)>,
    made: u32,
}

fn key() -> SecretKey {
    SecretKey::from_bytes([3; 32])
}

impl Scenario {
    fn new() -> Self {
        let provider: Arc<dyn Provider> = Arc::new(Fake::new());
        let snapshot = StateSnapshot {
            lineage: Some(Lineage::from_bits([1; 16])),
            ..StateSnapshot::default()
        };
        Scenario {
            providers: Providers::new([provider]),
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
        }
    }

    fn definitions(&self, hcl: &str) -> (Definitions, SourceMap) {
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

    fn outcome(&self, hcl: &str) -> PlanOutcome {
        let (definitions, sources) = self.definitions(hcl);
        let mut read = BTreeMap::new();
        loop {
            let outcome = plan(PlanInput {
                definitions: &definitions,
                sources: &sources,
                trees: &Trees::new(),
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
            });
            if outcome.needs.is_empty() {
                return outcome;
            }
            for need in &outcome.needs {
                read.insert(need.address.clone(), Observation::Present(self.see(need)));
            }
        }
    }

    fn see(&self, need: &super::ReadNeed) -> Object {
        let attributes = match &need.config {
            Some(config) => config.with_at(&path("found"), "seen".into()),
            None => thing("imported", need.id.as_deref().unwrap_or_default()),
        };
        Object {
            id: need.id.clone().unwrap_or_default(),
            attributes,
            incomplete: false,
        }
    }

    fn plan(&self, hcl: &str) -> Plan {
        let outcome = self.outcome(hcl);
        outcome
            .plan
            .unwrap_or_else(|| panic!("no plan: {:#?}", outcome.diagnostics))
    }

    fn codes(&self, hcl: &str) -> Vec<&'static str> {
        self.outcome(hcl)
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code.0)
            .collect()
    }

    /// Plans, checks the steps, and takes them into the recorded state as an apply would.
    fn applies(&mut self, hcl: &str, expected: &[&str]) {
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
    fn given(&mut self, hcl: &str) {
        let plan = self.plan(hcl);
        self.settle(hcl, &plan);
    }

    /// Does in memory what an apply does, with the plan's resolver.
    fn settle(&mut self, hcl: &str, plan: &Plan) {
        let (definitions, _) = self.definitions(hcl);
        let before = self.snapshot.clone();
        let variables = self.variables.clone();
        let providers = self.providers.clone();
        let (trees, key) = (Trees::new(), key());
        let graph = DefinitionGraph::build(&definitions).unwrap();
        let mut replay = Replay::new(
            &graph,
            ReplayInput {
                plan,
                snapshot: &before,
                done: &[],
                variables: &variables,
                project_name: "test",
                trees: &trees,
                providers: &providers,
                key: &key,
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

    fn carry_out(&mut self, plan: &Plan, step: &Step, replay: &mut Replay<'_>) {
        match (step.action, replay.resolve(step).unwrap()) {
            (Action::Delete | Action::Forget, _) => {
                self.snapshot.rows.remove(&step.key);
                replay.record(&step.key, None);
            }
            (Action::Move, _) => {
                let from = RowKey::current(step.moved_from.clone().unwrap());
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
    fn make(&mut self, planned: &Value) -> Value {
        planned
            .unknown_paths()
            .iter()
            .fold(planned.clone(), |value, path| {
                self.made += 1;
                value.with_at(path, Value::string(format!("made-{}", self.made)))
            })
    }

    fn row(&self, step: &Step, made: &Value, provider: ProviderConfig) -> StateRow {
        let (_, schema) = self
            .providers
            .schema(step.key.address.mode, &step.key.address.resource_type)
            .unwrap();
        let mut row = strata_model::plan::row_template(step, provider, schema.version);
        row.status = strata_model::state::RowStatus::Ready;
        row.attributes =
            Encoded::of(made, schema.schema.object_type())
                .take_fingerprints(made, &key(), &|_| true);
        row
    }
}

fn path(text: &str) -> strata_model::AttributePath {
    strata_model::AttributePath::parse(text).unwrap()
}

fn thing(name: &str, id: &str) -> Value {
    Value::object([
        ("name", Value::from(name)),
        ("value", Value::null_of(Type::String)),
        ("password", Value::null_of(Type::String)),
        ("refs", Value::null_of(Type::list(Type::String))),
        ("id", id.into()),
    ])
}

fn header() -> PlanHeader {
    PlanHeader {
        id: PlanId::from_bits([2; 16]),
        engine_version: "0".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        source: SourceRevision::default(),
        files: BTreeMap::new(),
    }
}

/// A topological order of the steps; fails when there is none.
fn order(plan: &Plan) -> Vec<usize> {
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
fn lines(plan: &Plan) -> Vec<String> {
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

const PAIR: &str = r#"
    resource "test_thing" "a" { name = "a" }
    resource "test_thing" "b" {
      name  = "b"
      value = test_thing.a.id
    }
"#;

#[test]
fn creates_follow_references_and_converge() {
    Scenario::new().applies(
        PAIR,
        &[
            "create test_thing.a",
            "create test_thing.b <- create test_thing.a",
        ],
    );
}

#[test]
fn references_through_locals_outputs_and_stacks_order_steps() {
    let mut scenario = Scenario::new();
    scenario.packages.push((
        "./web",
        r#"
        variable "from" { type = string }
        resource "test_thing" "inner" {
          name  = "inner"
          value = var.from
        }
        output "id" { value = test_thing.inner.id }
        "#,
    ));
    let hcl = r#"
        resource "test_thing" "a" { name = "a" }
        locals { first = test_thing.a.id }
        stack "web" {
          source = "./web"
          inputs = { from = local.first }
        }
        resource "test_thing" "z" {
          name  = "z"
          value = stack.web.id
        }
    "#;
    scenario.applies(
        hcl,
        &[
            "create test_thing.a",
            "create stack.web.test_thing.inner <- create test_thing.a",
            "create test_thing.z <- create stack.web.test_thing.inner",
        ],
    );
}

#[test]
fn an_instance_reference_touches_that_instance_only() {
    let hcl = r#"
        resource "test_thing" "many" {
          for_each = toset(["x", "y"])
          name     = each.key
        }
        resource "test_thing" "one" {
          name  = "one"
          value = test_thing.many["x"].id
        }
        resource "test_thing" "all" {
          name = "all"
          refs = [for thing in test_thing.many : thing.id]
        }
    "#;
    Scenario::new().applies(
        hcl,
        &[
            r#"create test_thing.many["x"]"#,
            r#"create test_thing.many["y"]"#,
            r#"create test_thing.one <- create test_thing.many["x"]"#,
            r#"create test_thing.all <- create test_thing.many["x"], create test_thing.many["y"]"#,
        ],
    );
}

#[test]
fn a_replacement_destroys_dependents_first() {
    let mut scenario = Scenario::new();
    scenario.given(PAIR);
    scenario.applies(
        &PAIR
            .replace("name = \"a\"", "name = \"new\"")
            .replace("name  = \"b\"", "name  = \"newer\""),
        &[
            "delete test_thing.b",
            "delete test_thing.a <- delete test_thing.b",
            "create test_thing.a <- delete test_thing.a",
            "create test_thing.b <- create test_thing.a, delete test_thing.b",
        ],
    );
}

#[test]
fn create_before_destroy_keeps_the_old_until_dependents_moved_on() {
    let mut scenario = Scenario::new();
    scenario.given(PAIR);
    let hcl = PAIR.replace(
        r#"resource "test_thing" "a" { name = "a" }"#,
        "resource \"test_thing\" \"a\" {\n name = \"new\"\n lifecycle { create_before_destroy = true }\n }",
    );
    scenario.applies(
        &hcl,
        &[
            "create test_thing.a",
            "update test_thing.b <- create test_thing.a",
            "delete test_thing.a (deposed) <- create test_thing.a, update test_thing.b",
        ],
    );
}

#[test]
fn what_is_no_longer_declared_goes_in_reverse_order() {
    let mut scenario = Scenario::new();
    scenario.given(PAIR);
    scenario.applies(
        "",
        &[
            "delete test_thing.b",
            "delete test_thing.a <- delete test_thing.b",
        ],
    );
}

#[test]
fn destroy_needs_no_definitions() {
    let mut scenario = Scenario::new();
    scenario.given(PAIR);
    scenario.options.mode = PlanMode::Destroy;
    assert_eq!(
        lines(&scenario.plan("")),
        [
            "delete test_thing.b",
            "delete test_thing.a <- delete test_thing.b"
        ]
    );
}

#[test]
fn targets_take_what_they_need_and_excludes_leave_what_needs_them() {
    let mut scenario = Scenario::new();
    scenario.options.targets = vec!["test_thing.a".to_owned()];
    assert_eq!(lines(&scenario.plan(PAIR)), ["create test_thing.a"]);
    scenario.options.targets = vec!["test_thing.b".to_owned()];
    assert_eq!(scenario.plan(PAIR).steps.len(), 2);
    scenario.options.targets.clear();
    scenario.options.excludes = vec!["test_thing.a".to_owned()];
    assert_eq!(lines(&scenario.plan(PAIR)), Vec::<String>::new());
    scenario.options.excludes = vec!["test_thing.b".to_owned()];
    assert_eq!(lines(&scenario.plan(PAIR)), ["create test_thing.a"]);
    scenario.options.excludes = vec!["test_thing".to_owned()];
    assert_eq!(scenario.codes(PAIR), ["E0606"]);
}

#[test]
fn moved_blocks_chain_and_touch_nothing() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_thing" "a" { name = "a" }"#);
    scenario.applies(
        r#"
        resource "test_thing" "c" { name = "a" }
        moved {
          from = test_thing.a
          to   = test_thing.b
        }
        moved {
          from = test_thing.b
          to   = test_thing.c
        }
        "#,
        &["move test_thing.c"],
    );
}

#[test]
fn adding_count_keeps_the_object() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_thing" "a" { name = "a" }"#);
    let counted = "resource \"test_thing\" \"a\" {\n count = 2\n name = \"a\"\n }";
    scenario.applies(counted, &["move test_thing.a[0]", "create test_thing.a[1]"]);
}

#[test]
fn removed_blocks_forget() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_thing" "a" { name = "a" }"#);
    scenario.applies(
        "removed {\n from = test_thing.a\n lifecycle { destroy = false }\n }",
        &["forget test_thing.a"],
    );
}

#[test]
fn imports_are_read_and_compared() {
    let mut scenario = Scenario::new();
    let hcl = r#"
        resource "test_thing" "a" { name = "imported" }
        import {
          to = test_thing.a
          id = "i-1"
        }
    "#;
    scenario.applies(hcl, &["import test_thing.a"]);
}

#[test]
fn a_secret_argument_is_compared_by_its_fingerprint() {
    let mut scenario = Scenario::new();
    let hcl = r#"
        variable "password" {
          type      = string
          sensitive = true
        }
        resource "test_thing" "a" {
          name     = "a"
          password = var.password
        }
    "#;
    scenario
        .variables
        .insert("password".into(), "canary".into());
    let plan = scenario.plan(hcl);
    assert!(
        !String::from_utf8(plan.to_bytes().unwrap())
            .unwrap()
            .contains("canary")
    );
    scenario.applies(hcl, &["create test_thing.a"]);
    scenario.variables.insert("password".into(), "other".into());
    assert_eq!(lines(&scenario.plan(hcl)), ["update test_thing.a"]);
}

#[test]
fn protection_outlives_its_block() {
    let mut scenario = Scenario::new();
    let hcl =
        "resource \"test_thing\" \"a\" {\n name = \"a\"\n lifecycle { prevent_destroy = true }\n }";
    scenario.applies(hcl, &["create test_thing.a"]);
    assert_eq!(scenario.codes(""), ["E0601"]);
    scenario.options.unprotect = vec!["test_thing.a".to_owned()];
    assert_eq!(
        lines(&scenario.plan("")),
        [
            "record test_thing.a",
            "delete test_thing.a <- record test_thing.a"
        ]
    );
    scenario.options.unprotect.clear();
    scenario.applies(
        r#"resource "test_thing" "a" { name = "a" }"#,
        &["record test_thing.a"],
    );
}

#[test]
fn what_holds_data_needs_permission() {
    let mut scenario = Scenario::new();
    scenario.applies(
        r#"resource "test_vault" "a" { name = "a" }"#,
        &["create test_vault.a"],
    );
    assert_eq!(scenario.codes(""), ["E0602"]);
    scenario.options.allow_delete = vec!["test_vault.a".to_owned()];
    assert_eq!(lines(&scenario.plan("")), ["delete test_vault.a"]);
    scenario.options.allow_delete.clear();
    scenario.options.mode = PlanMode::Destroy;
    assert_eq!(lines(&scenario.plan("")), ["delete test_vault.a"]);
}

#[test]
fn a_unique_name_cannot_be_created_first() {
    let mut scenario = Scenario::new();
    let hcl = |place: &str| {
        format!(
            "provider \"test\" {{ place = \"{place}\" }}\nresource \"test_vault\" \"a\" {{\n name = \"a\"\n lifecycle {{ create_before_destroy = true }}\n }}"
        )
    };
    scenario.given(&hcl("here"));
    scenario.options.allow_delete = vec!["test_vault.a".to_owned()];
    assert_eq!(scenario.codes(&hcl("there")), ["E0251"]);
}

#[test]
fn gone_objects_are_made_again_and_unreadable_ones_stop_the_plan() {
    let mut scenario = Scenario::new();
    scenario.given(PAIR);
    let key = RowKey::current(Address::parse("test_thing.b").unwrap());
    scenario.observed.insert(key.clone(), Observation::Absent);
    let plan = scenario.plan(PAIR);
    assert_eq!(lines(&plan), ["create test_thing.b"]);
    assert_eq!(plan.drift.len(), 1);
    let denied = ProviderError::new(ProviderErrorKind::AccessDenied, "not allowed");
    scenario
        .observed
        .insert(key, Observation::Unreadable(denied));
    assert_eq!(scenario.codes(PAIR), ["E0603"]);
}

#[test]
fn faults_are_told_all_at_once() {
    let hcl = r#"
        resource "test_thing" "a" {
          name  = test_thing.missing.id
          extra = 1
        }
        resource "test_thng" "b" { name = "b" }
        resource "test_thing" "c" {
          count = test_thing.a.id
          name  = "c"
        }
        output "o" { value = var.nothing }
    "#;
    let codes = Scenario::new().codes(hcl);
    for expected in ["E0202", "E0241"] {
        assert!(codes.contains(&expected), "{expected} in {codes:?}");
    }
    assert!(codes.len() >= 4, "{codes:?}");
}

#[test]
fn cycles_are_named() {
    let hcl = r#"
        resource "test_thing" "a" { name = test_thing.b.id }
        resource "test_thing" "b" { name = test_thing.a.id }
    "#;
    let outcome = Scenario::new().outcome(hcl);
    let detail = &outcome.diagnostics.iter().next().unwrap().detail;
    assert_eq!(
        detail,
        "These need each other: test_thing.a → test_thing.b → test_thing.a."
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let scenario = Scenario::new();
    assert_eq!(
        scenario.plan(PAIR).to_bytes().unwrap(),
        scenario.plan(PAIR).to_bytes().unwrap()
    );
}

#[test]
fn data_sources_are_read_when_planning_or_deferred() {
    let hcl = r#"
        data "test_look" "now" { of = "x" }
        resource "test_thing" "a" {
          name  = "a"
          value = data.test_look.now.found
        }
        data "test_look" "later" { of = test_thing.a.id }
        resource "test_thing" "b" {
          name  = "b"
          value = data.test_look.later.found
        }
    "#;
    let plan = Scenario::new().plan(hcl);
    assert_eq!(
        lines(&plan),
        [
            "create test_thing.a",
            "read data.test_look.later <- create test_thing.a",
            "create test_thing.b <- read data.test_look.later",
        ]
    );
    assert!(plan.data.contains_key("data.test_look.now"));
}

#[test]
fn keys_may_come_from_a_data_source_that_is_read_when_planning() {
    let hcl = r#"
        data "test_look" "now" { of = "x" }
        resource "test_thing" "a" {
          for_each = toset([data.test_look.now.found])
          name     = each.key
        }
    "#;
    assert_eq!(
        lines(&Scenario::new().plan(hcl)),
        [r#"create test_thing.a["seen"]"#]
    );
}
