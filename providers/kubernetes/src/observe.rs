//! What a live object is, for the one who described it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use strata_kubernetes_merge::managed::Operation;
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::typed::Duplicates;
use strata_kubernetes_merge::{
    FieldSet, ManagedFields, Manager, Path, PathElement, Schema, TypeRef, TypedValue,
};
use strata_model::{AttributePath, Kind, Members, Type, Value};

use crate::api::MANAGER;
use crate::kinds::Kinds;
use crate::normal::rebuilt;
use crate::objects::OWNER;
use crate::secret;

/// Stands for a value that is not known while an object is looked through. No object holds it.
const UNKNOWN: &str = "\u{0}unknown";

/// A live object as its manifest sees it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The manifest with the values of the live object.
    pub(crate) manifest: Value,
    /// Who else holds fields of the manifest that Strata does not hold, by field.
    pub(crate) managers: Managers,
}

/// Fields, and who holds each.
pub(crate) type Managers = Vec<(String, String)>;

/// The live object as a manifest sees it: what it has of the manifest's fields.
///
/// Where `recorded` is true, the manifest is what Strata applied last: a field that Strata still holds is as it was
/// applied, however the server spells it, as nobody else wrote it since. Otherwise what Strata holds beside it is there, too.
pub(crate) fn seen(
    (manifest, live): (&Value, &Json),
    (kinds, kind): (&Kinds, &GroupVersionKind),
    recorded: bool,
) -> Seen {
    let wanted = to_json(manifest);
    let managed = live.pointer("/metadata/managedFields").cloned();
    // Fields that cannot be read are nobody's: then values alone count.
    let managed = ManagedFields::decode(&managed.unwrap_or_default()).unwrap_or_default();
    let held = held_by_us(&managed);
    let Some(typed) = typed(wanted.clone(), (kinds, kind)) else {
        return Seen {
            manifest: manifest.clone(),
            managers: Vec::new(),
        };
    };
    let nobody = FieldSet::new();
    let as_applied = if recorded { &held } else { &nobody };
    let found = typed.seen_in(&cleaned(live), &with_identity(as_applied));
    let mut found = resolved(&found, live, &typed);
    if !recorded {
        let lost = taken_away((&typed, live), &held, (kinds, kind));
        keep(&mut found, live, &lost);
    }
    let found = Value::from_json(&found).unwrap_or_else(Value::null);
    Seen {
        manifest: secret::mark(&marked(found, manifest)),
        managers: others(
            &fields(&without_empty(wanted), (kinds, kind)),
            &managed,
            &held,
        ),
    }
}

/// What Strata holds of an object that is taken over, such as one whose row was lost, and its manifest does not have: to
/// apply that takes it away. The label of its owner is in no manifest, and stays.
fn taken_away(
    (wanted, live): (&TypedValue, &Json),
    held: &FieldSet,
    kinds: (&Kinds, &GroupVersionKind),
) -> FieldSet {
    let mut stays = wanted.field_set().unwrap_or_default();
    stays.insert(Path::of_fields(&["metadata", "labels", OWNER]).elements());
    let lost = held.difference(&stays);
    if lost.is_empty() {
        return lost;
    }
    // Of a map that was held while it was empty, nothing is held that others put into it.
    lost.intersection(&fields(&cleaned(live), kinds))
}

/// Adds fields of a live object to a part of it, with the maps and items around them.
fn keep(found: &mut Json, live: &Json, lost: &FieldSet) {
    for (element, node) in lost.nodes() {
        match element {
            PathElement::Field(name) => {
                let (Some(live), Some(found)) = (live.get(name), found.as_object_mut()) else {
                    continue;
                };
                let blank = if node.children().is_empty() {
                    live.clone()
                } else if live.is_array() {
                    Json::Array(Vec::new())
                } else {
                    Json::Object(Map::new())
                };
                let found = found.entry(name.as_str()).or_insert(blank);
                keep(found, live, node.children());
            }
            PathElement::Key(keys) => {
                let is_it = |item: &Json| {
                    let mut keys = keys.iter();
                    keys.all(|(name, key)| item.get(name) == Some(&key.0))
                };
                let mut items = live.as_array().into_iter().flatten();
                let (Some(live), Some(found)) =
                    (items.find(|item| is_it(item)), found.as_array_mut())
                else {
                    continue;
                };
                let at = found.iter().position(is_it).unwrap_or_else(|| {
                    let keys = keys.iter();
                    let keys = keys.map(|(name, key)| (name.clone(), key.0.clone()));
                    found.push(Json::Object(keys.collect()));
                    found.len() - 1
                });
                keep(&mut found[at], live, node.children());
            }
            PathElement::Value(item) => {
                let Some(found) = found.as_array_mut() else {
                    continue;
                };
                if !found.contains(&item.0) {
                    found.push(item.0.clone());
                }
            }
            // Such lists are held as a whole.
            PathElement::Index(_) => {}
        }
    }
}

fn typed(object: Json, (kinds, kind): (&Kinds, &GroupVersionKind)) -> Option<TypedValue> {
    let (schema, ty) = kinds
        .type_of(kind)
        .unwrap_or_else(|| (Arc::new(Schema::default()), TypeRef::deduced()));
    TypedValue::new(object.clone(), schema, ty, Duplicates::Allowed)
        .or_else(|_| TypedValue::deduced(object))
        .ok()
}

/// The fields that an object has, as a server names them.
pub(crate) fn fields(object: &Json, kinds: (&Kinds, &GroupVersionKind)) -> FieldSet {
    let typed = typed(object.clone(), kinds);
    let fields = typed.and_then(|typed| typed.field_set().ok());
    fields.unwrap_or_default()
}

/// The whole live object without what the server alone decides; its status stays.
pub(crate) fn whole(live: &Json) -> Value {
    let mut object = live.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    secret::mark(&Value::from_json(&object).unwrap_or_else(Value::null))
}

fn held_by_us(managed: &ManagedFields) -> FieldSet {
    let ours = managed.get(&Manager::applier(MANAGER));
    ours.map(|entry| entry.fields.clone()).unwrap_or_default()
}

/// What identifies an object is as it was asked for, or it would be another object.
fn with_identity(held: &FieldSet) -> FieldSet {
    let mut held = held.clone();
    for path in [
        &["apiVersion"][..],
        &["kind"],
        &["metadata", "name"],
        &["metadata", "namespace"],
    ] {
        held.insert(Path::of_fields(path).elements());
    }
    held
}

fn cleaned(live: &Json) -> Json {
    let mut live = live.clone();
    if let Some(fields) = live.as_object_mut() {
        fields.shift_remove("status");
    }
    live
}

/// An object without fields that hold nothing: whoever puts something into them takes nothing from anybody.
fn without_empty(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let members = members.into_iter();
            let members = members.map(|(name, member)| (name, without_empty(member)));
            let is_empty = |member: &Json| member.as_object().is_some_and(Map::is_empty);
            members.filter(|(_, member)| !is_empty(member)).collect()
        }
        Json::Array(items) => items.into_iter().map(without_empty).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value,
    }
}

/// Who holds wanted fields that we do not, and by what kind of writes.
fn others(wanted: &FieldSet, managed: &ManagedFields, held: &FieldSet) -> Managers {
    let missing = wanted.difference(&with_identity(held));
    let mut found = Vec::new();
    for path in missing.paths() {
        if let Some(holder) = holder(managed, &path) {
            found.push((path.to_string(), holder));
        }
    }
    found
}

/// Who else holds a field.
pub(crate) fn holder(managed: &ManagedFields, path: &Path) -> Option<String> {
    let mut others = managed
        .iter()
        .filter(|(manager, _)| *manager != &Manager::applier(MANAGER));
    let holder = others.find(|(_, entry)| entry.fields.contains(path.elements()));
    holder.map(|(manager, _)| described(manager))
}

/// A manager as people see it: its name, and how it writes where that is not by applying.
pub(crate) fn described(manager: &Manager) -> String {
    let mut text = manager.name().to_owned();
    if !manager.subresource().is_empty() {
        text.push_str(&format!(" ({})", manager.subresource()));
    } else if manager.operation() == Operation::Update {
        text.push_str(UPDATES);
    }
    text
}

/// How writes are told apart that are no applies.
const UPDATES: &str = " (update)";

/// Whether a manager, as [`Seen::managers`] has it, is one of the clients that write objects without applying them, whose
/// fields are taken over: nobody speaks for them any more when Strata does. kubectl is one by whichever way it writes:
/// `kubectl scale` uses the scale of an object.
pub(crate) fn is_client(manager: &str) -> bool {
    let Some((name, _)) = manager.rsplit_once(" (") else {
        return false;
    };
    let updates = matches!(name, "helm" | "Helm" | "before-first-apply");
    name.starts_with("kubectl") || updates && manager.ends_with(UPDATES)
}

/// JSON of a manifest, with a stand-in for what is not known.
fn to_json(value: &Value) -> Json {
    match value.kind() {
        Kind::Unknown(_) => UNKNOWN.into(),
        Kind::List(_, elements) | Kind::Set(_, elements) | Kind::Tuple(elements) => {
            elements.iter().map(to_json).collect()
        }
        Kind::Map(_, members) | Kind::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| (name.to_string(), to_json(value)))
                .collect::<Map<_, _>>(),
        ),
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => value.to_json(),
    }
}

/// The projection with the live values in place of the stand-ins.
fn resolved(found: &Json, live: &Json, typed: &TypedValue) -> Json {
    if !has_unknown(found) {
        return found.clone();
    }
    // Without what is held, a stand-in is a wish that is not met: the live value is shown.
    let plain = typed.seen_in(live, &FieldSet::new());
    filled(found, &plain)
}

fn has_unknown(value: &Json) -> bool {
    match value {
        Json::String(text) => text == UNKNOWN,
        Json::Array(items) => items.iter().any(has_unknown),
        Json::Object(members) => members.values().any(has_unknown),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

fn filled(found: &Json, plain: &Json) -> Json {
    match (found, plain) {
        (Json::String(text), plain) if text == UNKNOWN => plain.clone(),
        (Json::Array(items), Json::Array(plain)) if items.len() == plain.len() => items
            .iter()
            .zip(plain)
            .map(|(item, plain)| filled(item, plain))
            .collect(),
        (Json::Object(members), plain) => Json::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let plain = plain.get(key).unwrap_or(&Json::Null);
                    (key.clone(), filled(value, plain))
                })
                .collect(),
        ),
        (found, _) if has_unknown(found) => plain.clone(),
        (found, _) => found.clone(),
    }
}

/// The value with the secret marks of another of its shape. Where lists differ in length, all elements of one that
/// holds a secret are secret.
fn marked(value: Value, like: &Value) -> Value {
    if like.is_secret() {
        return value.into_secret();
    }
    if !like.has_secret() {
        return value;
    }
    if let Some(members) = value.members() {
        let members: Members = members
            .iter()
            .map(|(name, member)| {
                let member = match like.get(name) {
                    Some(like) => marked(member.clone(), like),
                    None => member.clone(),
                };
                (Arc::clone(name), member)
            })
            .collect();
        return rebuilt(&value, members);
    }
    match (value.elements(), like.elements()) {
        (Some(elements), Some(likes)) if elements.len() == likes.len() => {
            let elements = elements.iter().zip(likes);
            Value::tuple(
                elements
                    .map(|(element, like)| marked(element.clone(), like))
                    .collect(),
            )
        }
        (Some(elements), _) => Value::tuple(
            elements
                .iter()
                .map(|element| element.clone().into_secret())
                .collect(),
        ),
        (None, _) => value,
    }
}

/// Attributes with what the provider computes: which object it is, and [`Seen::managers`].
pub(crate) fn with_computed(
    attributes: &Value,
    (id, uid): (Value, Value),
    managers: &[(String, String)],
) -> Value {
    let managers = managers.iter();
    let managers =
        managers.map(|(field, manager)| (field.as_str().into(), manager.as_str().into()));
    let managers = Value::map(Type::String, managers.collect());
    [("id", id), ("uid", uid), ("managers", managers)]
        .into_iter()
        .fold(attributes.clone(), |attributes, (name, value)| {
            attributes.with_at(&AttributePath::attribute(name), value)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(manifest: &Json, live: &Json, recorded: bool) -> Seen {
        let manifest = Value::from_json(manifest).unwrap();
        let kind = crate::manifest::kind_of(live).unwrap();
        seen((&manifest, live), (&Kinds::default(), &kind), recorded)
    }

    fn live() -> Json {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "1", "labels": {"a": "b"}, "managedFields": [
                {"manager": "strata", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": {
                    "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                        ".": {}, "f:name": {}, "f:resources": {"f:limits": {"f:cpu": {}}}, "f:stdin": {},
                    }}}}},
                }},
                {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}},
                {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            ]},
            "spec": {"replicas": 7, "template": {"spec": {
                "containers": [
                    {"name": "sidecar", "image": "injected"},
                    {"name": "web", "image": "web:2", "resources": {"limits": {"cpu": "1"}}, "terminationMessagePath": "/dev/x"},
                ],
                "restartPolicy": "Always",
            }}},
            "status": {"replicas": 7},
        })
    }

    fn manifest() -> Json {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": {"spec": {"containers": [
                {"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "1000m"}}, "stdin": false, "args": []},
            ]}}},
        })
    }

    #[test]
    fn only_what_somebody_changed_is_different() {
        let seen = look(&manifest(), &live(), true);
        let mut expected = manifest();
        expected["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2".into();
        assert_eq!(seen.manifest.to_json(), expected);
        assert_eq!(
            seen.managers,
            [(
                ".spec.template.spec.containers[name=\"web\"].image".to_owned(),
                "kubectl-edit (update)".to_owned()
            )]
        );
        assert!(is_client(&seen.managers[0].1));
        assert!(is_client("kubectl (scale)") && is_client("helm (update)"));
        // An apply speaks for what it applied, and a controller for what it decides.
        for other in ["kubectl", "kube-controller-manager (scale)", "helm (scale)"] {
            assert!(!is_client(other), "{other}");
        }
    }

    #[test]
    fn what_is_not_recorded_counts_by_its_value() {
        let seen = look(&manifest(), &live(), false);
        let container = &seen.manifest.to_json()["spec"]["template"]["spec"]["containers"][0];
        // What was dropped as empty cannot be told from what was never there.
        assert_eq!(
            *container,
            json!({"name": "web", "image": "web:2", "resources": {"limits": {"cpu": "1000m"}}, "args": []})
        );
    }

    #[test]
    fn what_an_apply_would_take_away_is_seen() {
        let mut live = live();
        live["metadata"]["labels"][OWNER] = "0123".into();
        let ours = &mut live["metadata"]["managedFields"][0]["fieldsV1"];
        ours["f:metadata"] =
            json!({"f:labels": {"f:a": {}, "f:strata/owner": {}}, "f:annotations": {".": {}}});
        ours["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"sidecar\"}"] =
            json!({".": {}, "f:name": {}, "f:image": {}});
        live["metadata"]["annotations"] = json!({"theirs": "1"});
        let seen = look(&manifest(), &live, false);
        let found = seen.manifest.to_json();
        assert_eq!(
            found["metadata"],
            json!({"name": "web", "namespace": "shop", "labels": {"a": "b"}})
        );
        assert_eq!(
            found["spec"]["template"]["spec"]["containers"],
            json!([
                {"name": "web", "image": "web:2", "resources": {"limits": {"cpu": "1000m"}}, "args": []},
                {"name": "sidecar", "image": "injected"},
            ])
        );
        // Of what is recorded, everything that is held is in the manifest.
        assert_eq!(
            look(&manifest(), &live, true).manifest.to_json()["metadata"],
            manifest()["metadata"]
        );
    }

    #[test]
    fn a_held_field_is_as_it_was_applied_and_a_lost_one_as_it_is() {
        let mut wanted = manifest();
        wanted["spec"]["replicas"] = 5.into();
        let seen = look(&wanted, &live(), true);
        assert_eq!(seen.manifest.to_json()["spec"]["replicas"], 7);
        let holders: Vec<&str> = seen
            .managers
            .iter()
            .map(|(_, manager)| manager.as_str())
            .collect();
        assert!(
            holders.contains(&"kube-controller-manager (scale)"),
            "{holders:?}"
        );
    }

    #[test]
    fn nobody_takes_a_field_that_holds_nothing() {
        let live = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {"revision": "1"},
            "managedFields": [
                {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "subresource": "status",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:revision": {}}}}},
            ]},
        });
        let mut manifest = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {}}});
        let seen = look(&manifest, &live, true);
        assert_eq!(seen.manifest.to_json(), manifest);
        assert_eq!(seen.managers, []);
        manifest["metadata"]["annotations"]["revision"] = "2".into();
        assert_eq!(look(&manifest, &live, true).managers.len(), 1);
    }

    #[test]
    fn secrets_that_are_kept_as_fingerprints_are_shown_as_they_are() {
        let live = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "managedFields": [
                {"manager": "strata", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}},
            ]},
            "data": {"a": "YQ==", "b": "Yg==", "c": "Yw=="},
        });
        let manifest = Value::object([
            ("apiVersion", Value::from("v1")),
            ("kind", "Secret".into()),
            (
                "metadata",
                Value::object([("name", "a")].map(|(k, v)| (k, Value::from(v)))),
            ),
            (
                "data",
                Value::object([
                    ("a", Value::unknown(Type::String).into_secret()),
                    ("b", Value::from("Yg==").into_secret()),
                ]),
            ),
        ]);
        let kind = crate::manifest::kind_of(&live).unwrap();
        let seen = seen((&manifest, &live), (&Kinds::default(), &kind), true);
        assert_eq!(
            seen.manifest.to_json()["data"],
            json!({"a": "YQ==", "b": "Yg=="})
        );
        let secret: Vec<String> = seen
            .manifest
            .secret_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(secret, ["data.a", "data.b"]);
    }
}
