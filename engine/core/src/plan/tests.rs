//! Planner scenarios: definitions in, steps out, on a provider of two types.

mod judged;
mod keeping;
mod layer_scenario;
mod layers;
mod obstacles;
mod scenario;
mod secrets;

use strata_model::plan::{Action, PlanMode, Reason};
use strata_model::provider::{Object, Observation, ProviderError, ProviderErrorKind};
use strata_model::state::{RowKey, RowStatus};
use strata_model::{Address, OpId, Type, Value};

use self::scenario::{Scenario, lines, path, thing};

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
fn a_stack_that_is_used_whole_is_looked_at_again_when_its_values_become_known() {
    let mut scenario = Scenario::new();
    scenario.packages.push((
        "./ids",
        r#"
        resource "test_thing" "some" {
          for_each = toset(["x", "y"])
          name     = each.key
        }
        output "ids" { value = [for thing in test_thing.some : thing.id] }
        output "count" { value = 2 }
        "#,
    ));
    scenario.packages.push((
        "./user",
        r#"
        variable "of" { type = object({ ids = list(string) }) }
        resource "test_thing" "user" {
          name = "user"
          refs = length(var.of.ids) > 0 ? var.of.ids : []
        }
        output "refs" { value = test_thing.user.refs }
        "#,
    ));
    let hcl = r#"
        stack "ids" { source = "./ids" }
        stack "user" {
          source = "./user"
          inputs = { of = stack.ids }
        }
        resource "test_thing" "last" {
          name = "last"
          refs = values(stack.user)[0]
        }
    "#;
    scenario.applies(
        hcl,
        &[
            "create stack.ids.test_thing.some[\"x\"]",
            "create stack.ids.test_thing.some[\"y\"]",
            "create stack.user.test_thing.user <- create stack.ids.test_thing.some[\"x\"], \
             create stack.ids.test_thing.some[\"y\"]",
            "create test_thing.last <- create stack.user.test_thing.user",
        ],
    );
}

#[test]
fn values_of_for_each_are_looked_at_again_when_they_become_known() {
    let mut scenario = Scenario::new();
    scenario.packages.push((
        "./user",
        r#"
        variable "of" { type = map(object({ ref = string })) }
        resource "test_thing" "user" {
          for_each = { for name, one in var.of : name => one if one.ref != null || true }
          name     = each.key
          value    = each.value.ref
        }
        "#,
    ));
    scenario.packages.push((
        "./single",
        r#"
        variable "ref" { type = string }
        resource "test_thing" "one" {
          name  = "one"
          value = var.ref
        }
        "#,
    ));
    let hcl = r#"
        resource "test_thing" "a" { name = "a" }
        locals { first = test_thing.a.id }
        stack "user" {
          source = "./user"
          inputs = { of = { x = { ref = local.first }, y = { ref = "known" } } }
        }
        stack "each" {
          source   = "./single"
          for_each = { z = local.first }
          inputs   = { ref = each.value }
        }
    "#;
    scenario.applies(
        hcl,
        &[
            "create test_thing.a",
            "create stack.each[\"z\"].test_thing.one <- create test_thing.a",
            "create stack.user.test_thing.user[\"x\"] <- create test_thing.a",
            "create stack.user.test_thing.user[\"y\"] <- create test_thing.a",
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
fn an_import_that_cannot_stay_as_it_is_is_a_replacement() {
    let of = |kind: &str, lifecycle: &str| {
        format!(
            "resource \"{kind}\" \"a\" {{\n name = \"other\"\n {lifecycle}\n}}\n\
             import {{\n to = {kind}.a\n id = \"i-1\"\n}}"
        )
    };
    let thing = of("test_thing", "");
    Scenario::new().applies(
        &thing,
        &[
            "import test_thing.a",
            "delete test_thing.a <- import test_thing.a",
            "create test_thing.a <- delete test_thing.a, import test_thing.a",
        ],
    );
    let first = "lifecycle {\n create_before_destroy = true\n }";
    Scenario::new().applies(
        &of("test_thing", first),
        &[
            "import test_thing.a",
            "create test_thing.a <- import test_thing.a",
            "delete test_thing.a (deposed) <- create test_thing.a",
        ],
    );
    // What holds data needs the same permission as any other of its kind.
    let vault = of("test_vault", "");
    let mut scenario = Scenario::new();
    assert_eq!(scenario.codes(&vault), ["E0602"]);
    scenario.options.allow_delete = vec!["test_vault.a".to_owned()];
    assert_eq!(scenario.plan(&vault).summary().destroy, 1);
    let protected = of("test_thing", "lifecycle {\n prevent_destroy = true\n }");
    assert_eq!(Scenario::new().codes(&protected), ["E0601"]);
    // The command takes the object over, and does nothing else.
    let mut scenario = Scenario::new();
    let declared = vault.split("import {").next().unwrap();
    scenario
        .imports
        .insert(Address::parse("test_vault.a").unwrap(), "i-1".to_owned());
    assert_eq!(lines(&scenario.plan(declared)), ["import test_vault.a"]);
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
fn protection_is_not_lifted_and_used_in_one_change() {
    let mut scenario = Scenario::new();
    scenario.given(
        "resource \"test_thing\" \"a\" {\n name = \"a\"\n lifecycle { prevent_destroy = true }\n }",
    );
    // The name forces a replacement.
    let other = r#"resource "test_thing" "a" { name = "b" }"#;
    assert_eq!(scenario.codes(other), ["E0601"]);
    scenario.options.unprotect = vec!["test_thing.a".to_owned()];
    scenario.applies(
        other,
        &[
            "record test_thing.a",
            "delete test_thing.a <- record test_thing.a",
            "create test_thing.a <- delete test_thing.a, record test_thing.a",
        ],
    );
}

#[test]
fn a_moved_block_keeps_the_type() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_thing" "a" { name = "a" }"#);
    let hcl = r#"
        resource "test_vault" "b" { name = "b" }
        moved {
          from = test_thing.a
          to   = test_vault.b
        }
    "#;
    assert!(scenario.codes(hcl).contains(&"E0249"));
}

#[test]
fn circles_of_moved_blocks_are_faults_of_the_definitions() {
    let scenario = Scenario::new();
    let hcl = r#"
        resource "test_thing" "a" { name = "a" }
        moved {
          from = test_thing.a
          to   = test_thing.b
        }
        moved {
          from = test_thing.b
          to   = test_thing.a
        }
    "#;
    assert_eq!(scenario.codes(hcl), ["E0249"]);
}

#[test]
fn a_provider_that_is_misspelt_is_not_passed_over() {
    let scenario = Scenario::new();
    let hcl = "provider \"tset\" {}\nresource \"test_thing\" \"a\" { name = \"a\" }";
    assert_eq!(scenario.codes(hcl), ["E0241"]);
}

#[test]
fn a_named_instance_has_to_be_there() {
    let mut scenario = Scenario::new();
    let hcl = r#"
        resource "test_thing" "a" {
          for_each = toset(["x"])
          name     = each.key
        }
    "#;
    scenario.given(hcl);
    scenario.options.replace = vec!["test_thing.a[\"zz\"]".to_owned()];
    assert_eq!(scenario.codes(hcl), ["E0606"]);
    scenario.options.replace = vec!["test_thing.a[\"x\"]".to_owned()];
    assert_eq!(scenario.codes(hcl), Vec::<&str>::new());
}

#[test]
fn an_object_is_imported_to_one_address_only() {
    let mut scenario = Scenario::new();
    let one = "resource \"test_thing\" \"a\" { name = \"imported\" }\nimport {\n to = test_thing.a\n id = \"i-1\"\n}";
    scenario.given(one);
    let two = one
        .replace("test_thing\" \"a", "test_thing\" \"b")
        .replace("test_thing.a", "test_thing.b");
    let both = format!("{one}\n{two}");
    assert_eq!(scenario.codes(&both), ["E0249"]);
}

#[test]
fn what_holds_data_needs_permission() {
    let mut scenario = Scenario::new();
    scenario.applies(
        r#"resource "test_vault" "a" { name = "a" }"#,
        &["create test_vault.a"],
    );
    assert_eq!(scenario.codes(""), ["E0602"]);
    // What would be done is told, but there is no plan of it.
    let outcome = scenario.outcome("resource \"test_thing\" \"b\" { name = \"b\" }");
    assert!(outcome.plan.is_none());
    assert_eq!(
        lines(&outcome.refused.unwrap()),
        ["create test_thing.b", "delete test_vault.a"]
    );
    let outcome = scenario.outcome("resource \"test_thing\" \"b\" { nam = \"b\" }");
    assert!(outcome.plan.is_none() && outcome.refused.is_none());
    scenario.options.allow_delete = vec!["test_vault.a".to_owned()];
    assert_eq!(lines(&scenario.plan("")), ["delete test_vault.a"]);
    scenario.options.allow_delete.clear();
    scenario.options.mode = PlanMode::Destroy;
    assert_eq!(lines(&scenario.plan("")), ["delete test_vault.a"]);
}

#[test]
fn a_unique_name_is_freed_before_it_is_taken() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_vault" "a" { name = "n" }"#);
    scenario.options.allow_delete = vec!["test_vault.a".to_owned()];
    let renamed = scenario.plan(r#"resource "test_vault" "b" { name = "n" }"#);
    assert_eq!(
        lines(&renamed),
        [
            "delete test_vault.a",
            "create test_vault.b <- delete test_vault.a"
        ]
    );
    let other = scenario.plan(r#"resource "test_vault" "b" { name = "m" }"#);
    assert_eq!(
        lines(&other),
        ["create test_vault.b", "delete test_vault.a"]
    );
}

#[test]
fn what_failed_while_it_was_made_holds_no_data() {
    let hcl = r#"resource "test_vault" "a" { name = "a" }"#;
    let mut scenario = Scenario::new();
    scenario.given(hcl);
    let key = RowKey::current(Address::parse("test_vault.a").unwrap());
    let (made, later) = (OpId::from_bits([1; 16]), OpId::from_bits([2; 16]));
    let mut fails = |op: OpId| {
        let row = scenario.snapshot.rows.get_mut(&key).unwrap();
        row.status = RowStatus::Failed;
        row.created_by = Some(made);
        row.op = Some(op);
        scenario.codes(hcl)
    };
    assert_eq!(fails(made), [""; 0]);
    // It was whole once.
    assert_eq!(fails(later), ["E0602"]);
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
fn what_a_read_learns_where_nothing_is_recorded_is_no_drift() {
    let mut scenario = Scenario::new();
    scenario.given(r#"resource "test_thing" "a" { name = "a" }"#);
    let key = RowKey::current(Address::parse("test_thing.a").unwrap());
    let refs = Value::list(Type::String, vec!["x".into()]);
    let seen = thing("a", "made-1").with_at(&path("refs"), refs);
    let observed = |attributes: &Value| {
        Observation::Present(Object {
            id: "made-1".to_owned(),
            attributes: attributes.clone(),
            incomplete: false,
        })
    };
    scenario.observed.insert(key.clone(), observed(&seen));
    let hcl = "resource \"test_thing\" \"a\" {\n name = \"a\"\n refs = [\"x\"]\n}";
    let plan = scenario.plan(hcl);
    assert!(plan.is_empty() && plan.drift.is_empty(), "{plan:?}");
    // Of anything else it is drift.
    let told = seen.with_at(&path("value"), "b".into());
    scenario.observed.insert(key, observed(&told));
    assert_eq!(scenario.plan(hcl).drift.len(), 1);
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
fn a_data_source_that_is_put_off_says_what_for() {
    let read_for = |arguments: &str| {
        let hcl = format!(
            "resource \"test_thing\" \"a\" {{\n name = \"a\"\n}}\ndata \"test_look\" \"b\" {{\n {arguments}\n}}"
        );
        let plan = Scenario::new().plan(&hcl);
        let mut steps = plan.steps.iter();
        steps
            .find(|step| step.action == Action::Read)
            .unwrap()
            .reason
    };
    assert_eq!(read_for("of = test_thing.a.id"), Reason::ArgumentsUnknown);
    assert_eq!(
        read_for("of = \"x\"\n depends_on = [test_thing.a]"),
        Reason::DependencyPending
    );
    assert_eq!(
        read_for("of = test_thing.a.id\n depends_on = [test_thing.a]"),
        Reason::ArgumentsUnknown
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
