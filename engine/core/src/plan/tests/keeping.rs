//! One object that is recorded under another address than the one that takes it over.

use strata_model::Value;
use strata_model::provider::{Object, Observation};

use super::scenario::{Scenario, lines, path, thing};

const OLD: &str = r#"
    resource "test_vault" "old" {
      name  = "imported"
      value = "one of a kind"
    }
"#;

const NEW: &str = r#"
    resource "test_vault" "new" {
      name  = "imported"
      value = "one of a kind"
    }
    import {
      to = test_vault.new
      id = "another id"
    }
"#;

fn scenario() -> Scenario {
    let mut scenario = Scenario::new();
    scenario.given(OLD);
    let same = thing("imported", "another id").with_at(&path("value"), "one of a kind".into());
    let seen = Observation::Present(Object {
        id: "another id".to_owned(),
        attributes: same,
        incomplete: false,
    });
    scenario.there.insert("test_vault.new".to_owned(), seen);
    scenario
}

#[test]
fn it_is_forgotten_once_the_other_address_has_it() {
    let plan = scenario().plan(NEW);
    assert_eq!(
        lines(&plan),
        [
            "import test_vault.new",
            "forget test_vault.old <- import test_vault.new"
        ]
    );
    let left = plan
        .steps
        .iter()
        .find_map(|step| step.left_alone.as_deref());
    assert_eq!(left, Some("it is test_vault.new by now"));
}

#[test]
fn what_it_was_made_on_stays_until_the_other_address_is_as_declared() {
    let mut scenario = scenario();
    let base = "resource \"test_thing\" \"base\" { name = \"base\" }\n";
    let on_it = OLD.replace("value = ", "depends_on = [test_thing.base]\n value = ");
    scenario.given(&format!("{base}{on_it}"));
    let changed = NEW.replacen("value = ", "refs = [\"x\"]\n value = ", 1);
    assert_eq!(
        lines(&scenario.plan(&changed)),
        [
            "import test_vault.new",
            "update test_vault.new <- import test_vault.new",
            "forget test_vault.old <- update test_vault.new",
            "delete test_thing.base <- forget test_vault.old",
        ]
    );
}

#[test]
fn it_stays_recorded_while_the_other_address_does_not_take_it() {
    let mut scenario = scenario();
    scenario.options.excludes = vec!["test_vault.new".to_owned()];
    assert!(lines(&scenario.plan(NEW)).is_empty());
    scenario.options.excludes.clear();
    scenario.options.targets = vec!["test_vault.old".to_owned()];
    assert!(lines(&scenario.plan(NEW)).is_empty());
}

#[test]
fn another_object_is_deleted() {
    let mut scenario = scenario();
    let other = Observation::Present(Object {
        id: "another id".to_owned(),
        attributes: thing("imported", "another id").with_at(&path("value"), Value::from("other")),
        incomplete: false,
    });
    scenario.there.insert("test_vault.new".to_owned(), other);
    scenario.options.allow_delete = vec!["test_vault.old".to_owned()];
    let hcl = NEW.replace("one of a kind", "other");
    let lines = lines(&scenario.plan(&hcl));
    assert!(
        lines.contains(&"delete test_vault.old".to_owned()),
        "{lines:?}"
    );
}
