//! What stands in the way of a change, and what waits for what because something failed before.

use super::scenario::*;
use strata_model::plan::PlanMode;
use strata_model::provider::{Object, Observation, ProviderError, ProviderErrorKind};
use strata_model::state::{RowKey, RowStatus, StateRow};
use strata_model::wire::Encoded;
use strata_model::{Address, DeposedId, Type, Value};

use crate::replay::{DefinitionGraph, Replay, ReplayInput};
use crate::resolve::Resolver;

fn key_of(address: &str) -> RowKey {
    RowKey::current(Address::parse(address).unwrap())
}

#[test]
fn what_failed_goes_first_where_its_name_is_wanted() {
    let hcl = "resource \"test_vault\" \"a\" {\n name = \"a\"\n lifecycle { create_before_destroy = true }\n }";
    let mut scenario = Scenario::new();
    scenario.given(hcl);
    let row = scenario
        .snapshot
        .rows
        .get_mut(&key_of("test_vault.a"))
        .unwrap();
    row.status = RowStatus::Failed;
    row.created_by = row.op;
    let plan = scenario.plan(hcl);
    assert_eq!(
        lines(&plan),
        [
            "delete test_vault.a",
            "create test_vault.a <- delete test_vault.a"
        ]
    );
}

#[test]
fn a_predecessor_goes_when_what_takes_its_place_is_there() {
    let mut scenario = Scenario::new();
    scenario.given("resource \"test_thing\" \"a\" {\n name = \"a\"\n }");
    let current = scenario.snapshot.rows[&key_of("test_thing.a")].clone();
    let key = RowKey {
        deposed: Some(DeposedId::from_bits([7; 16])),
        ..current.key.clone()
    };
    let deposed = StateRow {
        key: key.clone(),
        ..current
    };
    scenario.snapshot.rows.insert(key, deposed);
    let row = scenario
        .snapshot
        .rows
        .get_mut(&key_of("test_thing.a"))
        .unwrap();
    row.status = RowStatus::Incomplete;
    let plan =
        scenario.plan("resource \"test_thing\" \"a\" {\n name = \"a\"\n value = \"new\"\n }");
    assert_eq!(
        lines(&plan),
        [
            "update test_thing.a",
            "delete test_thing.a (deposed) <- update test_thing.a"
        ]
    );
}

/// A scenario in which a replacement by another name failed after its object was begun.
fn failed_replacement() -> Scenario {
    let mut scenario = Scenario::new();
    scenario.given(&vault("old", ""));
    let rows = &mut scenario.snapshot.rows;
    let old = rows.remove(&key_of("test_vault.a")).unwrap();
    let key = RowKey {
        deposed: Some(DeposedId::from_bits([7; 16])),
        ..old.key.clone()
    };
    let failed = StateRow {
        status: RowStatus::Failed,
        attributes: Encoded::of(&thing("new", "v-2"), &thing("", "").ty()),
        ..old.clone()
    };
    rows.insert(old.key.clone(), failed);
    rows.insert(key.clone(), StateRow { key, ..old });
    scenario
}

fn vault(name: &str, more: &str) -> String {
    format!(
        "resource \"test_vault\" \"a\" {{\n name = \"{name}\"\n {more}\n lifecycle {{ create_before_destroy = true }}\n }}\n\
         resource \"test_thing\" \"b\" {{\n name = test_vault.a.name\n }}"
    )
}

#[test]
fn who_goes_back_after_a_failed_replacement_gets_the_old_object_back() {
    let back = "move test_vault.a";
    let gone = "delete test_vault.a (deposed) <- move test_vault.a";
    failed_replacement().applies(&vault("old", ""), &[back, gone]);
    failed_replacement().applies(
        &vault("old", "value = \"more\""),
        &[back, gone, "update test_vault.a <- move test_vault.a"],
    );
    // Whoever stays with the new name gets a new object, and whoever asks for a replacement.
    let is_moved = |hcl: &str, replace: &[&str]| {
        let mut scenario = failed_replacement();
        scenario.options.allow_delete = vec!["test_vault.a".to_owned()];
        scenario.options.replace = replace.iter().map(|&at| at.to_owned()).collect();
        let steps = lines(&scenario.plan(hcl));
        steps.iter().any(|step| step.starts_with("move"))
    };
    assert!(!is_moved(&vault("new", ""), &[]));
    assert!(!is_moved(&vault("old", ""), &["test_vault.a"]));
    assert!(is_moved(&vault("old", ""), &[]));
}

#[test]
fn what_gave_way_and_is_gone_is_forgotten() {
    let mut scenario = failed_replacement();
    let failed = key_of("test_vault.a");
    scenario.observed.insert(failed, Observation::Absent);
    assert_eq!(
        lines(&scenario.plan(&vault("old", ""))),
        [
            "move test_vault.a",
            "forget test_vault.a (deposed) <- move test_vault.a"
        ]
    );
}

const REFUSED: &str = r#"
    resource "test_thing" "a" {
      name  = "a"
      value = "refused"
    }
    resource "test_thing" "b" { name = "b" }
"#;

#[test]
fn a_refused_change_is_shown_beside_the_others_and_can_be_left_out() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_thing" "a" { name = "a" }"#);
    let outcome = scenario.outcome(REFUSED);
    assert_eq!(scenario.codes(REFUSED), ["E0604"]);
    assert_eq!(lines(&outcome.refused.unwrap()), ["create test_thing.b"]);
    scenario.options.excludes = vec!["test_thing.a".to_owned()];
    assert_eq!(lines(&scenario.plan(REFUSED)), ["create test_thing.b"]);
}

#[test]
fn what_its_system_protects_is_not_deleted() {
    let mut scenario = Scenario::new();
    scenario.given("resource \"test_thing\" \"a\" {\n name = \"a\"\n value = \"guarded\"\n }");
    assert_eq!(scenario.codes(""), ["E0601"]);
    scenario.options.mode = PlanMode::Destroy;
    assert_eq!(scenario.codes(""), ["E0601"]);
}

#[test]
fn what_is_somebody_elses_by_now_is_forgotten_and_not_deleted() {
    let mut scenario = Scenario::new();
    scenario.given("resource \"test_vault\" \"a\" {\n name = \"a\"\n }");
    let theirs = thing("a", "made-1").with_at(&path("value"), "theirs".into());
    // It holds data, and to delete it needs permission.
    assert_eq!(scenario.codes(""), ["E0602"]);
    let seen = Observation::Present(Object {
        id: "made-1".to_owned(),
        attributes: theirs,
        incomplete: false,
    });
    scenario.observed.insert(key_of("test_vault.a"), seen);
    for mode in [PlanMode::Normal, PlanMode::Destroy] {
        scenario.options.mode = mode;
        let plan = scenario.plan("");
        assert_eq!(lines(&plan), ["forget test_vault.a"]);
        assert_eq!(plan.steps[0].left_alone.as_deref(), Some("it is theirs"));
    }
}

#[test]
fn a_connection_that_cannot_be_made_is_told_once_and_where_it_is_configured() {
    let hcl = "resource \"test_thing\" \"a\" {\n name = \"a\"\n}\nresource \"test_thing\" \"b\" {\n name = \"b\"\n}\nprovider \"test\" {\n place = \"here\"\n}\n";
    let mut scenario = Scenario::new();
    scenario.given(hcl);
    let error = ProviderError::new(ProviderErrorKind::Invalid, "there is no such place");
    let mut told = |error: &ProviderError| {
        for name in ["test_thing.a", "test_thing.b"] {
            let seen = Observation::Unreadable(error.clone());
            scenario.observed.insert(key_of(name), seen);
        }
        let outcome = scenario.outcome(hcl);
        let places = outcome.diagnostics.iter().map(|found| {
            assert_eq!(found.code.0, "E0603");
            let begin = found.span.unwrap().start as usize;
            hcl[begin..].split(' ').next().unwrap().to_owned()
        });
        places.collect::<Vec<_>>()
    };
    assert_eq!(told(&error), ["resource", "resource"]);
    assert_eq!(told(&error.of_connection()), ["provider"]);
}

#[test]
fn a_destruction_tells_once_that_a_connection_cannot_be_used() {
    let hcl = "resource \"test_thing\" \"a\" {\n name = \"a\"\n}\nresource \"test_thing\" \"b\" {\n name = \"b\"\n}\n";
    let mut scenario = Scenario::new();
    scenario.given(hcl);
    scenario.options.mode = PlanMode::Destroy;
    let mut told = |error: ProviderError| {
        for name in ["test_thing.a", "test_thing.b"] {
            let seen = Observation::Unreadable(error.clone());
            scenario.observed.insert(key_of(name), seen);
        }
        let outcome = scenario.outcome("");
        assert!(outcome.plan.is_none());
        let found = outcome.diagnostics.iter().map(|found| {
            assert_eq!(found.code.0, "E0603");
            found.detail.clone()
        });
        found.collect::<Vec<_>>()
    };
    let error = |kind| ProviderError::new(kind, "nobody answers");
    let once =
        "test_thing.a and 1 more behind the same connection could not be read: nobody answers.";
    assert_eq!(told(error(ProviderErrorKind::Unreachable)), [once]);
    assert_eq!(told(error(ProviderErrorKind::Credentials)), [once]);
    let wrong = error(ProviderErrorKind::Invalid);
    assert_eq!(
        told(wrong.clone()),
        [
            "test_thing.a could not be read: nobody answers",
            "test_thing.b could not be read: nobody answers"
        ]
    );
    assert_eq!(told(wrong.of_connection()), [once]);
}

fn triggered(value: &str, name: &str, by: &str) -> String {
    format!(
        r#"
        resource "test_thing" "a" {{
          name  = "{name}"
          value = "{value}"
        }}
        resource "test_thing" "b" {{
          name = "b"
          lifecycle {{ replace_triggered_by = [test_thing.a{by}] }}
        }}
        "#
    )
}

#[test]
fn an_attribute_triggers_by_its_own_change_only() {
    let mut scenario = Scenario::new();
    scenario.given(&triggered("1", "a", ".id"));
    assert_eq!(
        lines(&scenario.plan(&triggered("2", "a", ".id"))),
        ["update test_thing.a"]
    );
    let replaced = |by: &str, value: &str, name: &str| {
        let plan = scenario.plan(&triggered(value, name, by));
        lines(&plan)
            .iter()
            .any(|line| line.starts_with("create test_thing.b"))
    };
    assert!(replaced(".value", "2", "a"), "the attribute changes");
    assert!(replaced("", "2", "a"), "anything changes");
    assert!(replaced(".id", "1", "b"), "it is another object");
}

#[test]
fn outputs_of_a_run_that_did_not_come_so_far_are_of_what_is_there() {
    let hcl = |value: &str| {
        format!(
            r#"
            resource "test_thing" "a" {{
              name  = "a"
              value = "{value}"
            }}
            resource "test_thing" "b" {{ name = "b" }}
            output "a" {{ value = test_thing.a.value }}
            output "b" {{ value = test_thing.b.name }}
            "#
        )
    };
    let mut scenario = Scenario::new();
    scenario.given(
        r#"
        resource "test_thing" "a" {
          name  = "a"
          value = "1"
        }
    "#,
    );
    let text = hcl("2");
    let plan = scenario.plan(&text);
    let (definitions, _) = scenario.definitions(&text);
    let (key, told) = (key(), std::collections::BTreeMap::new());
    let graph = DefinitionGraph::build(&definitions, &scenario.trees, &scenario.providers).unwrap();
    let mut replay = Replay::new(
        &graph,
        ReplayInput {
            plan: &plan,
            snapshot: &scenario.snapshot,
            done: &[],
            variables: &scenario.variables,
            project_name: "test",
            trees: &scenario.trees,
            providers: &scenario.providers,
            key: &key,
            told: &told,
        },
    )
    .unwrap();
    let (outputs, _) = replay.outputs();
    let names: Vec<&String> = outputs.keys().collect();
    assert_eq!(names, ["a"], "what was never made says nothing");
    assert_eq!(
        outputs["a"].value,
        Encoded::of(&Value::from("1"), &Type::Any)
    );
}
