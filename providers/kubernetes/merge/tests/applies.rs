//! What applying does, by example. That it is what an API server does is shown by `objects.rs`.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share is in no function marked as a test, where unwrap is allowed"
)]

use std::sync::Arc;

use serde_json::{Value, json};
use strata_kubernetes_merge::object::{self, Author, ObjectError, Rules};
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::typed::Duplicates;
use strata_kubernetes_merge::updater::UpdateError;
use strata_kubernetes_merge::{TypeRef, TypedValue, builtin};

fn rules(api_version: &str, kind: &str) -> Rules {
    let models = builtin::minor("1.36").unwrap().models();
    let model = models.kinds()[&GroupVersionKind::of(api_version, kind)].clone();
    Rules::new(
        Arc::new(models.schema(false).unwrap()),
        TypeRef::named(model),
        (api_version, kind),
    )
}

fn author(manager: &str) -> Author<'_> {
    Author {
        manager,
        subresource: "",
        time: "2026-01-01T00:00:00Z",
    }
}

/// Applies one after the other, each as (manager, spec of a Service), by force; gives the spec in the end.
fn specs(applied: &[(&str, Value)]) -> Value {
    let rules = rules("v1", "Service");
    let mut live = None;
    for (manager, spec) in applied {
        let wanted =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec});
        let written =
            object::apply(&rules, live.as_ref(), &wanted, (author(manager), true)).unwrap();
        live = Some(written.object);
    }
    live.unwrap()["spec"].clone()
}

fn config(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

#[test]
fn items_are_merged_by_key_and_the_default_is_part_of_it() {
    let spec = specs(&[
        (
            "a",
            json!({"ports": [{"port": 80, "protocol": "TCP", "name": "http"}]}),
        ),
        (
            "b",
            json!({"ports": [{"port": 80, "targetPort": "web"}, {"port": 80, "protocol": "UDP"}]}),
        ),
    ]);
    assert_eq!(
        spec["ports"],
        json!([
            {"port": 80, "protocol": "TCP", "name": "http", "targetPort": "web"},
            {"port": 80, "protocol": "UDP"},
        ])
    );
}

#[test]
fn what_one_piece_is_changes_as_one() {
    let spec = specs(&[
        (
            "a",
            json!({"selector": {"x": "1"}, "externalIPs": ["1.1.1.1"]}),
        ),
        (
            "b",
            json!({"selector": {"y": "1"}, "externalIPs": ["2.2.2.2"]}),
        ),
    ]);
    assert_eq!(
        spec,
        json!({"selector": {"y": "1"}, "externalIPs": ["2.2.2.2"]})
    );
}

#[test]
fn what_is_no_longer_applied_goes_unless_somebody_holds_it() {
    let rules = rules("v1", "ConfigMap");
    let step = |live: Option<&Value>, manager: &str, data: Value| {
        object::apply(&rules, live, &config(&data), (author(manager), true))
            .unwrap()
            .object
    };
    let live = step(None, "a", json!({"x": "1", "y": "1", "z": "1"}));
    let live = step(Some(&live), "b", json!({"y": "1"}));
    let live = step(Some(&live), "a", json!({"z": "1"}));
    assert_eq!(live["data"], json!({"y": "1", "z": "1"}));
}

#[test]
fn a_conflict_names_manager_and_field_and_force_takes_over() {
    let rules = rules("v1", "ConfigMap");
    let live = object::apply(
        &rules,
        None,
        &config(&json!({"x": "1"})),
        (author("a"), false),
    )
    .unwrap()
    .object;
    let wanted = config(&json!({"x": "2"}));
    let refused = object::apply(&rules, Some(&live), &wanted, (author("b"), false)).unwrap_err();
    let ObjectError::Update(UpdateError::Conflicts { conflicts }) = refused else {
        panic!("{refused:?}");
    };
    let [conflict] = conflicts.as_slice() else {
        panic!("{conflicts:?}");
    };
    assert_eq!(
        (conflict.manager.name(), conflict.path.to_string().as_str()),
        ("a", ".data.x")
    );
    let forced = object::apply(&rules, Some(&live), &wanted, (author("b"), true)).unwrap();
    assert_eq!(forced.object["data"]["x"], "2");
    let managers = forced.object["metadata"]["managedFields"]
        .as_array()
        .unwrap();
    assert_eq!(managers.len(), 1, "{managers:?}");
    assert_eq!(managers[0]["manager"], "b");
}

#[test]
fn the_same_again_changes_nothing() {
    let rules = rules("v1", "ConfigMap");
    let wanted = config(&json!({"x": "1"}));
    let first = object::apply(&rules, None, &wanted, (author("a"), false)).unwrap();
    assert!(first.changed);
    let again = object::apply(&rules, Some(&first.object), &wanted, (author("a"), false)).unwrap();
    assert!(!again.changed);
    assert_eq!(again.object, first.object);
}

#[test]
fn an_object_that_nobody_managed_keeps_its_fields() {
    let rules = rules("v1", "ConfigMap");
    let mut live = config(&json!({"x": "1"}));
    live["metadata"]["uid"] = json!("u");
    let written = object::apply(
        &rules,
        Some(&live),
        &config(&json!({"y": "1"})),
        (author("a"), false),
    )
    .unwrap();
    assert_eq!(written.object["data"], json!({"x": "1", "y": "1"}));
    let managers = written.object["metadata"]["managedFields"]
        .as_array()
        .unwrap();
    let names: Vec<_> = managers
        .iter()
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "before-first-apply"]);
}

#[test]
fn what_no_server_takes_is_refused_with_the_field() {
    let rules = rules("v1", "Service");
    let refusal = |spec: Value| {
        let wanted =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec});
        match object::apply(&rules, None, &wanted, (author("a"), false)) {
            Err(ObjectError::Type { source, .. }) => source.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        refusal(json!({"prots": []})),
        ".spec.prots: there is no such field"
    );
    assert_eq!(
        refusal(json!({"ports": [{"port": "80"}]})),
        ".spec.ports[port=\"80\",protocol=\"TCP\"].port: this must be a number"
    );
    assert_eq!(
        refusal(json!({"ports": [{"port": 80}, {"port": 80, "name": "b"}]})),
        ".spec.ports: the list has two items [port=80,protocol=\"TCP\"]"
    );
    let other = json!({"apiVersion": "v1", "kind": "Pod"});
    assert!(matches!(
        object::apply(&rules, None, &other, (author("a"), false)),
        Err(ObjectError::OtherKind { .. })
    ));
}

#[test]
fn what_a_valid_object_lacks_is_named() {
    let models = builtin::minor("1.36").unwrap().models();
    let model = models.kinds()[&GroupVersionKind::of("apps/v1", "Deployment")].clone();
    let schema = Arc::new(models.schema(false).unwrap());
    let missing = |spec: Value| {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec});
        let value = TypedValue::new(
            value,
            Arc::clone(&schema),
            TypeRef::named(&model),
            Duplicates::Refused,
        )
        .unwrap();
        let paths: Vec<String> = value.missing().iter().map(ToString::to_string).collect();
        paths
    };
    assert_eq!(missing(json!({})), [".spec.selector", ".spec.template"]);
    let containers =
        json!([{"name": "a", "volumeMounts": [{"mountPath": "/x", "name": "x"}]}, {"name": "b"}]);
    let whole = json!({"selector": {}, "template": {"spec": {"containers": containers}}});
    assert_eq!(missing(whole), [""; 0]);
    let toleration = json!([{"key": "x", "operator": "Exists"}]);
    let spread = json!([{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]);
    let lacks = json!({"tolerations": toleration, "topologySpreadConstraints": spread});
    let lacks = json!({"selector": {}, "template": {"spec": lacks}});
    let spread = r#".spec.template.spec.topologySpreadConstraints[topologyKey="zone",whenUnsatisfiable="DoNotSchedule"]"#;
    assert_eq!(
        missing(lacks),
        [
            ".spec.template.spec.containers".to_owned(),
            format!("{spread}.maxSkew")
        ]
    );
}
