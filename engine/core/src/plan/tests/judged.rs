//! Objects that are judged by what their cluster will be, and how sure a plan is of them.

use strata_model::judge::{Judge, Outlook, Unserved, Verdict};
use strata_model::plan::{Confidence, Plan, PlanMode, Reason};
use strata_model::provider::{ArgumentFault, Observation, ProviderError, ProviderErrorKind};
use strata_model::{AttributePath, Value};

use super::scenario::{Scenario, lines};

/// Judges by the text of a manifest: `until VERSION` is served no longer than by that one, `of KEY` needs that object.
#[derive(Debug)]
pub(super) struct FakeJudge {
    version: Option<String>,
    definitions: Vec<String>,
}

impl FakeJudge {
    pub(super) fn new(outlook: Outlook<'_>) -> Self {
        let definitions = outlook.definitions.iter();
        FakeJudge {
            version: outlook.version.map(str::to_owned),
            definitions: definitions.map(|config| text(config, "key")).collect(),
        }
    }
}

fn text(config: &Value, name: &str) -> String {
    let value = config.get("manifest").and_then(|value| value.get(name));
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Judge for FakeJudge {
    fn judge(&self, _: &str, config: &Value) -> Verdict {
        let (key, text) = (text(config, "key"), text(config, "text"));
        let newest = "9".to_owned();
        let version = self.version.as_ref().unwrap_or(&newest);
        let mut verdict = Verdict {
            basis: Some(format!("version {version}").into()),
            ..Verdict::default()
        };
        if let Some(last) = text.strip_prefix("until ")
            && last < version.as_str()
        {
            verdict.unserved = Some(Unserved {
                message: format!("Version {version} has no {key}."),
                hint: Some("Write another.".to_owned()),
                is_certain: self.version.is_some(),
            });
        }
        if let Some(needed) = text.strip_prefix("of ")
            && !self.definitions.iter().any(|known| known == needed)
        {
            verdict.faults.push(ArgumentFault {
                path: AttributePath::attribute("manifest"),
                message: format!("needs {needed}."),
            });
        }
        verdict
    }
}

/// With a stack whose cluster has a version.
fn versioned() -> Scenario {
    let mut scenario = Scenario::new();
    scenario.packages.push((
        "./host",
        r#"
        variable "version" {
          type    = string
          default = null
        }
        resource "test_host" "main" {
          name  = "main"
          value = var.version
        }
        output "kubernetes" { value = { cluster = test_host.main.id } }
        "#,
    ));
    scenario
}

fn prod(version: &str) -> String {
    format!(
        r#"
        cluster "prod" {{
          stack  = "./host"
          inputs = {{ {version} }}
          layer "base" {{ path = "./base" }}
        }}
        "#
    )
}

fn steps(plan: &Plan) -> Vec<(Confidence, Option<&str>)> {
    let of_layers = plan.steps.iter();
    of_layers
        .filter(|step| &*step.key.address.resource_type == "layer")
        .map(|step| (step.confidence, step.doubt.as_deref()))
        .collect()
}

#[test]
fn objects_are_judged_by_the_version_that_their_cluster_will_have() {
    let mut scenario = versioned();
    scenario.files(&[("base/a.yaml", "\n2 /Flow//old until 1\n")]);
    let (one, two) = (prod(r#"version = "1""#), prod(r#"version = "2""#));
    assert_eq!(
        scenario.details(&two),
        [
            "E0254 base/a.yaml:2: Version 2 has no /Flow//old. cluster.prod.test_host.main will have version 2."
        ]
    );
    let plan = scenario.plan(&one);
    assert_eq!(lines(&plan).len(), 2);
    scenario.settle(&one, &plan);
    assert_eq!(lines(&scenario.plan(&one)), Vec::<String>::new());
    // The cluster is there, and the plan takes it to the next version.
    let upgrade = [
        "E0254 base/a.yaml:2: Version 2 has no /Flow//old. cluster.prod.test_host.main has version 1, and 2 with this plan.",
    ];
    assert_eq!(scenario.details(&two), upgrade);
    scenario.options.mode = PlanMode::RefreshOnly;
    assert_eq!(scenario.details(&two), Vec::<String>::new());
    scenario.options.mode = PlanMode::Normal;
    // What cannot be reached is judged all the same.
    scenario.unreachable();
    assert_eq!(scenario.details(&two), upgrade);
}

#[test]
fn of_a_cluster_of_unknown_version_nothing_is_certain() {
    let mut scenario = versioned();
    scenario.files(&[("base/a.yaml", "2 /Flow//old until 1\n")]);
    let unknown = prod("");
    assert_eq!(
        scenario.details(&unknown),
        ["W0603 base/a.yaml:1: Version 9 has no /Flow//old."]
    );
    assert_eq!(lines(&scenario.plan(&unknown)).len(), 2);
}

#[test]
fn definitions_of_the_same_plan_count() {
    let mut scenario = versioned();
    let hcl = r#"
        cluster "prod" {
          stack = "./host"
          layer "base" { path = "./base" }
          layer "app" {
            path       = "./app"
            depends_on = [base]
          }
        }
    "#;
    let app = ("app/a.yaml", "2 /Widget//b of /Kind//widgets\n");
    scenario.files(&[
        (
            "base/a.yaml",
            "0 /Kind//widgets\n4 /Widget//a of /Kind//widgets\n",
        ),
        app,
    ]);
    assert_eq!(scenario.details(hcl), Vec::<String>::new());
    scenario.files(&[("base/a.yaml", "0 /Namespace//shop\n"), app]);
    assert_eq!(
        scenario.details(hcl),
        ["E0252 app/a.yaml:1: manifest: needs /Kind//widgets."]
    );
}

#[test]
fn a_plan_says_how_sure_it_is_of_objects_and_why() {
    let mut scenario = versioned();
    let files = |text: &str| [("base/a.yaml", format!("2 /ConfigMap/shop/a {text}\n"))];
    let set = |scenario: &mut Scenario, text: &str| {
        let files = files(text);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, &**text)).collect();
        scenario.files(&files);
    };
    set(&mut scenario, "one");
    let hcl = prod(r#"version = "1""#);
    let plan = scenario.plan(&hcl);
    let new = "judged by version 1: cluster.prod.test_host.main does not exist yet";
    assert_eq!(steps(&plan), [(Confidence::Schema, Some(new))]);
    scenario.settle(&hcl, &plan);
    // What was looked at is exact.
    set(&mut scenario, "two");
    assert_eq!(steps(&scenario.plan(&hcl)), [(Confidence::Exact, None)]);
    scenario.options.refresh = false;
    let unread = "judged by version 1: nothing was read";
    assert_eq!(
        steps(&scenario.plan(&hcl)),
        [(Confidence::Schema, Some(unread))]
    );
}

#[test]
fn what_could_not_be_looked_at_is_predicted() {
    let mut scenario = versioned();
    scenario.files(&[("base/a.yaml", "2 /ConfigMap/shop/a\n")]);
    let hcl = prod(r#"version = "1""#);
    scenario.given(&hcl);
    scenario.files(&[("base/a.yaml", "2 /ConfigMap/shop/a\n2 /ConfigMap/shop/b\n")]);
    let denied = ProviderError::new(ProviderErrorKind::AccessDenied, "403: no.");
    let denied = Observation::Unreadable(denied);
    scenario.there = [("/ConfigMap/shop/b".to_owned(), denied)].into();
    let why = "judged by version 1: it could not be looked at: 403: no";
    assert_eq!(
        steps(&scenario.plan(&hcl)),
        [(Confidence::Schema, Some(why))]
    );
}

#[test]
fn what_waits_for_a_cluster_that_cannot_be_reached_is_put_off_with_it() {
    let mut scenario = versioned();
    scenario.files(&[("base/a.yaml", "2 /ConfigMap/shop/a\n")]);
    let hcl = |value: &str| {
        format!(
            r#"
            {}
            resource "test_thing" "after" {{
              name       = "after"
              value      = "{value}"
              depends_on = [cluster.prod]
            }}
            resource "test_thing" "behind" {{
              name  = "behind"
              value = test_thing.after.value
            }}
            resource "test_thing" "beside" {{
              name  = "beside"
              value = "{value}"
            }}
            data "test_look" "here" {{
              of         = "{value}"
              depends_on = [cluster.prod]
            }}
            output "behind" {{ value = test_thing.behind.value }}
            "#,
            prod("")
        )
    };
    scenario.given(&hcl("one"));
    scenario.unreachable();
    // What does not change waits for nothing.
    let plan = scenario.plan(&hcl("one"));
    assert_eq!(lines(&plan), Vec::<String>::new());
    let plan = scenario.plan(&hcl("two"));
    assert_eq!(lines(&plan), ["update test_thing.beside"]);
    let behind = plan.outputs.get("behind");
    assert!(behind.is_none_or(|output| !output.changed));
    let waits = scenario.details(&hcl("two"));
    let waits = waits.iter().find(|found| found.starts_with("W0604"));
    assert!(
        waits.is_some_and(
            |waits| waits.contains("test_thing.after and test_thing.behind would change")
        ),
        "{waits:?}"
    );
    // When it can be reached, all goes its way.
    scenario.observed.clear();
    assert_eq!(scenario.plan(&hcl("two")).steps.len(), 3);
}

#[test]
fn a_data_source_of_a_kind_that_is_to_come_waits_for_definitions() {
    let mut scenario = Scenario::new();
    let early = ProviderError::new(ProviderErrorKind::Propagation, "there is no such kind");
    scenario.there.insert(
        "data.kubernetes_object.a".to_owned(),
        Observation::Unreadable(early),
    );
    let data = "data \"kubernetes_object\" \"a\" { kind = \"Widget\" }\n";
    let object = |key: &str| {
        format!(
            "resource \"kubernetes_object\" \"z\" {{ manifest = {{ key = \"{key}\" }} }}\n{data}"
        )
    };
    let plan = scenario.plan(&object("/Kind//widgets"));
    assert_eq!(
        lines(&plan),
        [
            "create kubernetes_object.z",
            "read data.kubernetes_object.a <- create kubernetes_object.z"
        ]
    );
    assert_eq!(plan.steps[1].reason, Reason::KindPending);
    // Nothing is to come that could be of that kind.
    assert_eq!(scenario.codes(&object("/ConfigMap//a")), ["E0603"]);
}
