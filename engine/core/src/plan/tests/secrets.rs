//! Secrets that data sources tell: a plan does not hold them, and its run reads them again.

use std::collections::BTreeMap;

use strata_model::plan::Plan;
use strata_model::provider::{Object, Observation, ProviderError, ProviderErrorKind};

use strata_model::{Type, Value};

use super::scenario::{Scenario, key, lines};
use crate::replay::{DefinitionGraph, Replay, ReplayInput, secrets_to_read};
use crate::resolve::{ResolveError, Resolver};

/// The second is read with what the first tells.
const CHAIN: &str = r#"
    data "test_look" "first" { of = "x" }
    data "test_look" "second" { of = data.test_look.first.found }
    locals { word = data.test_look.second.found }
    resource "test_thing" "a" {
      name  = "a"
      value = local.word
    }
    resource "test_thing" "b" {
      name  = "b"
      value = test_thing.a.id
    }
    output "word" {
      value     = data.test_look.second.found
      sensitive = true
    }
"#;

fn told(of: &str, found: &str) -> Observation {
    Observation::Present(Object {
        id: String::new(),
        attributes: Value::object([
            ("of", Value::from(of)),
            ("found", Value::from(found).into_secret()),
        ]),
        incomplete: false,
    })
}

fn telling(first: &str, second: &str) -> Scenario {
    let mut scenario = Scenario::new();
    scenario.there = [
        ("data.test_look.first", told("x", first)),
        ("data.test_look.second", told(first, second)),
    ]
    .map(|(address, seen)| (address.to_owned(), seen))
    .into();
    scenario
}

#[test]
fn a_step_is_made_of_what_a_data_source_tells_in_secret() {
    let mut scenario = telling("one", "two");
    let plan = scenario.plan(CHAIN);
    assert!(!serde_json::to_string(&plan).unwrap().contains("two"));
    assert_eq!(
        lines(&plan),
        [
            "create test_thing.a",
            "create test_thing.b <- create test_thing.a"
        ]
    );
    scenario.settle(CHAIN, &plan);
    let word = &scenario.snapshot.outputs["word"];
    let value = word.value.decode(&Type::Any).unwrap();
    assert!(word.sensitive && value.as_str() == Some("two"), "{value:?}");
    assert!(lines(&scenario.plan(CHAIN)).is_empty());
}

/// Which instances there are goes by a secret that may be known.
const COUNTED: &str = r#"
    data "test_look" "first" { of = "x" }
    locals { is_wanted = nonsensitive(data.test_look.first.found) != "" }
    resource "test_thing" "a" {
      count = local.is_wanted ? 1 : 0
      name  = "a"
    }
"#;

#[test]
fn how_many_there_are_may_go_by_it() {
    let mut scenario = telling("one", "two");
    scenario.applies(COUNTED, &["create test_thing.a[0]"]);
}

#[test]
fn a_run_does_not_begin_where_it_is_not_known_what_there_is() {
    let mut scenario = telling("one", "two");
    let plan = scenario.plan(COUNTED);
    let first = "data.test_look.first".to_owned();
    scenario.there.insert(first, told("x", "three"));
    with_input(&scenario, COUNTED, &plan, |graph, input| {
        let told = scenario.told(graph, input);
        let refused = Replay::new(
            graph,
            ReplayInput {
                told: &told,
                ..input
            },
        )
        .unwrap_err();
        let details: Vec<&str> = refused.iter().map(|one| &*one.detail).collect();
        assert_eq!(
            details,
            [
                "The run cannot begin: data.test_look.first tells another secret than when the plan was made."
            ]
        );
    });
}

#[test]
fn nothing_is_read_again_of_which_nothing_is_made() {
    let hcl = r#"
        data "test_look" "now" { of = "x" }
        data "test_look" "public" { of = "y" }
        resource "test_thing" "a" {
          name  = "a"
          value = data.test_look.now.found
        }
        resource "test_thing" "b" {
          name  = NAME
          value = data.test_look.public.found
        }
    "#;
    let mut scenario = Scenario::new();
    let now = "data.test_look.now".to_owned();
    scenario.there.insert(now, told("x", "one"));
    scenario.given(&hcl.replace("NAME", "\"b\""));
    let changed = hcl.replace("NAME", "\"c\"");
    let plan = scenario.plan(&changed);
    assert!(plan.data.contains_key("data.test_look.now"));
    with_input(&scenario, &changed, &plan, |graph, input| {
        assert!(secrets_to_read(graph, input).is_empty());
    });
}

#[test]
fn another_secret_than_planned_is_not_taken() {
    let why = |told: Observation| {
        let mut scenario = telling("one", "two");
        let plan = scenario.plan(CHAIN);
        let second = "data.test_look.second".to_owned();
        scenario.there.insert(second, told);
        let mut found = String::new();
        with_input(&scenario, CHAIN, &plan, |graph, input| {
            let told = scenario.told(graph, input);
            let mut replay = Replay::new(
                graph,
                ReplayInput {
                    told: &told,
                    ..input
                },
            )
            .unwrap();
            let ResolveError::Exceeds(said) = replay.resolve(&plan.steps[0]).unwrap_err() else {
                panic!("it is not more than was approved");
            };
            found = said.iter().map(|one| one.detail.clone()).collect();
            let (outputs, said) = replay.outputs();
            let told = said
                .iter()
                .any(|one| one.detail.starts_with("The output word is left out"));
            assert!(told && outputs.is_empty(), "{said:?}");
        });
        found
    };
    let other = why(told("one", "three"));
    assert!(
        other.contains("data.test_look.second tells another secret"),
        "{other}"
    );
    assert!(!other.contains("three"), "{other}");
    let denied = ProviderError::new(ProviderErrorKind::AccessDenied, "no permission");
    let denied = why(Observation::Unreadable(denied));
    assert!(
        denied.contains("could not be read again: no permission"),
        "{denied}"
    );
}

/// Hands on what the run of a plan works from.
fn with_input(
    scenario: &Scenario,
    hcl: &str,
    plan: &Plan,
    look: impl FnOnce(&DefinitionGraph<'_>, ReplayInput<'_>),
) {
    let (definitions, _) = scenario.definitions(hcl);
    let (key, told) = (key(), BTreeMap::new());
    let graph = DefinitionGraph::build(&definitions, &scenario.trees, &scenario.providers).unwrap();
    let input = ReplayInput {
        plan,
        snapshot: &scenario.snapshot,
        done: &[],
        variables: &scenario.variables,
        project_name: "test",
        trees: &scenario.trees,
        providers: &scenario.providers,
        key: &key,
        told: &told,
    };
    look(&graph, input);
}
