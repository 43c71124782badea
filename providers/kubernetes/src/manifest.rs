//! Manifests: files of Kubernetes objects, and what becomes of an object before it is compared or sent.

pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_model::layer::{INVENTORY, INVENTORY_STAGE};
use strata_model::provider::{LayerFile, Member, MemberFault, MembersRequest};

use self::yaml::{Content, Node};
use crate::inventory;
use crate::kinds::Kinds;
use crate::misfit;
use crate::naming;
use crate::normal::normal;
use crate::secret;
use crate::stage;

/// The namespace of objects that live in one when nobody names another.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// The objects that the files of a layer describe, in the order of files and lines.
///
/// # Errors
///
/// Everything that is wrong with them.
pub(crate) fn members(request: &MembersRequest<'_>) -> Result<Vec<Member>, Vec<MemberFault>> {
    let mut reading = Reading::default();
    for file in request.files {
        reading.file(file);
    }
    let before: Vec<Value> = request.definitions.iter().map(outline).collect();
    let own = reading.objects.iter().filter(|found| {
        found.kind == GroupVersionKind::of("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    });
    let own = own.map(|found| &found.object);
    let kinds = Kinds::default().with_places(before.iter().chain(own));
    let wrong = request.namespace.and_then(naming::namespace_fault);
    let mut wrong = wrong.map(|fault| format!("The layer's namespace {fault}"));
    for found in &mut reading.objects {
        let is_put = found.settle(request, &kinds);
        // It is said of the first object that goes there.
        if let Some(message) = wrong.take_if(|_| is_put) {
            reading.faults.push(MemberFault {
                file: Arc::clone(&found.file),
                line: found.line,
                message,
                hint: None,
            });
        }
    }
    let stages = stage::assign(
        reading
            .objects
            .iter()
            .map(|found| (&found.kind, &found.object)),
        &kinds,
    );
    let mut seen: BTreeMap<Arc<str>, (Arc<str>, u32)> = BTreeMap::new();
    let mut members = Vec::new();
    for (found, stage) in reading.objects.into_iter().zip(stages) {
        let key = found.key();
        if let Some((file, line)) = seen.get(&key) {
            reading.faults.push(MemberFault {
                message: format!(
                    "The object {key} is described twice: the first time in line {line} of {file}."
                ),
                hint: Some("Remove one of them.".to_owned()),
                file: found.file,
                line: found.line,
            });
            continue;
        }
        seen.insert(Arc::clone(&key), (Arc::clone(&found.file), found.line));
        let manifest = strata_model::Value::from_json(&found.object);
        let Some(manifest) = manifest else {
            reading.faults.push(MemberFault {
                message: format!("The object {key} holds a number that is out of range."),
                hint: None,
                file: found.file,
                line: found.line,
            });
            continue;
        };
        members.push(Member {
            key,
            stage,
            manifest: settled(&manifest, request.template),
            file: found.file,
            line: found.line,
        });
    }
    if !members.is_empty() {
        members.push(inventory_of(&members));
    }
    if reading.faults.is_empty() {
        Ok(members)
    } else {
        reading
            .faults
            .sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Err(reading.faults)
    }
}

/// What a definition of another layer says of where the objects of its kind live. Its schemas say nothing of that, may be
/// large, and would be turned over once for every layer behind it.
fn outline(definition: &strata_model::Value) -> Value {
    let json = |of: &strata_model::Value, field: &str| {
        let found = of.get(field).map(strata_model::Value::to_json);
        found.unwrap_or_default()
    };
    let Some(spec) = definition.get("spec") else {
        return Value::Null;
    };
    let versions = spec.get("versions").and_then(strata_model::Value::elements);
    let versions = versions.into_iter().flatten();
    let versions: Vec<Value> = versions
        .map(|version| json!({"name": json(version, "name"), "served": json(version, "served")}))
        .collect();
    json!({"spec": {
        "group": json(spec, "group"), "scope": json(spec, "scope"), "names": json(spec, "names"), "versions": versions,
    }})
}

/// The inventory of a layer's objects. It comes before them: a run that fails, or is killed, leaves nothing that is not in it.
fn inventory_of(members: &[Member]) -> Member {
    let file = members.first().map(|member| Arc::clone(&member.file));
    Member {
        key: INVENTORY.into(),
        stage: INVENTORY_STAGE,
        manifest: inventory::manifest(members.iter().map(|member| &*member.key)),
        file: file.unwrap_or_default(),
        line: 1,
    }
}

/// An object with its place.
#[derive(Debug)]
struct Found {
    file: Arc<str>,
    line: u32,
    kind: GroupVersionKind,
    object: Value,
}

impl Found {
    fn text(&self, field: &str) -> &str {
        text(&self.object["metadata"], field)
    }

    fn key(&self) -> Arc<str> {
        let (kind, namespace) = (&self.kind, self.text("namespace"));
        format!(
            "{}/{}/{namespace}/{}",
            kind.group,
            kind.kind,
            self.text("name")
        )
        .into()
    }

    /// Gives it the namespace that goes with its kind; whether it got one.
    fn settle(&mut self, request: &MembersRequest<'_>, kinds: &Kinds) -> bool {
        let Some(resource) = kinds.resource(&self.kind) else {
            return false;
        };
        let had_none = self.text("namespace").is_empty();
        let namespace = request.namespace.unwrap_or(DEFAULT_NAMESPACE);
        put_namespace(&mut self.object, resource.namespaced.then_some(namespace));
        had_none && resource.namespaced
    }
}

/// As it is planned. Of a template only what is secret is marked: its texts are evaluated first.
fn settled(manifest: &strata_model::Value, template: bool) -> strata_model::Value {
    if template {
        secret::mark(manifest)
    } else {
        normal(manifest)
    }
}

/// Gives an object the namespace that it lacks, or takes one away that its kind cannot have.
pub(crate) fn put_namespace(object: &mut Value, namespace: Option<&str>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let has_one = metadata
        .get("namespace")
        .and_then(Value::as_str)
        .is_some_and(|namespace| !namespace.is_empty());
    match namespace {
        Some(namespace) if !has_one => {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
        Some(_) => {}
        None => {
            metadata.shift_remove("namespace");
        }
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

#[derive(Debug, Default)]
struct Reading {
    objects: Vec<Found>,
    faults: Vec<MemberFault>,
}

impl Reading {
    fn file(&mut self, (path, text): &LayerFile) {
        match yaml::documents(text) {
            Ok(documents) => documents
                .iter()
                .for_each(|document| self.document(path, document)),
            Err(error) => self.fault(path, error.line, error.message, None),
        }
    }

    fn fault(&mut self, file: &Arc<str>, line: u32, message: String, hint: Option<&str>) {
        self.faults.push(MemberFault {
            file: Arc::clone(file),
            line,
            message,
            hint: hint.map(str::to_owned),
        });
    }

    fn document(&mut self, file: &Arc<str>, node: &Node) {
        if !matches!(node.content, Content::Mapping(_)) {
            let message = "A manifest is a map with apiVersion, kind and metadata.".to_owned();
            return self.fault(file, node.line, message, None);
        }
        let required = |name: &str| {
            node.get(name)
                .and_then(Node::as_str)
                .filter(|text| !text.is_empty())
        };
        let (Some(api_version), Some(kind)) = (required("apiVersion"), required("kind")) else {
            let message = "The object has no apiVersion or no kind.".to_owned();
            let hint = "Every manifest says both. A file that is no manifest does not belong into a layer's directory.";
            return self.fault(file, node.line, message, Some(hint));
        };
        let items = node.get("items");
        if let (true, Some(Content::Sequence(items))) =
            (kind.ends_with("List"), items.map(|items| &items.content))
        {
            let lacks =
                |item: &Node| item.get("apiVersion").is_none() || item.get("kind").is_none();
            if kind != "List" && items.iter().any(lacks) {
                let message = format!("The items of a {kind} do not say what they are.");
                let hint = "Write kind: List with apiVersion and kind in each item, or one document for each object.";
                return self.fault(file, node.line, message, Some(hint));
            }
            return items.iter().for_each(|item| self.document(file, item));
        }
        let metadata = node.get("metadata");
        if metadata.is_some_and(|metadata| {
            metadata
                .get("generateName")
                .is_some_and(|name| !name.is_null())
        }) {
            let message =
                "The object's name is to be generated, so that every run would make another one."
                    .to_owned();
            return self.fault(file, node.line, message, Some("Give it a metadata.name."));
        }
        // A namespace that is none would be that of the layer.
        for field in ["name", "namespace"] {
            let given = metadata.and_then(|metadata| metadata.get(field));
            let value = given.and_then(|node| strata_model::Value::from_json(&node.to_json()));
            if let Some((node, told)) = given.zip(value.as_ref().and_then(misfit::no_text)) {
                let message = format!("The object's metadata.{field} {told}");
                return self.fault(file, node.line, message, None);
            }
        }
        let name = metadata.and_then(|metadata| metadata.get("name")?.as_str());
        if name.is_none_or(str::is_empty) {
            let message = "The object has no metadata.name.".to_owned();
            return self.fault(file, node.line, message, None);
        }
        self.objects.push(Found {
            file: Arc::clone(file),
            line: node.line,
            kind: GroupVersionKind::of(api_version, kind),
            object: node.to_json(),
        });
    }
}

/// An object's `apiVersion` and `kind`; `None` where it has none.
pub(crate) fn kind_of(object: &Value) -> Option<GroupVersionKind> {
    let api_version = object.get("apiVersion")?.as_str()?;
    let kind = object.get("kind")?.as_str()?;
    Some(GroupVersionKind::of(api_version, kind))
}

/// The members of a map in JSON; nothing where it is none.
pub(crate) fn members_of(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layers_namespace_is_wrong_once() {
        let object = |name: &str| {
            format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n")
        };
        let text = format!("{}---\n{}", object("a"), object("b"));
        let files = [("a.yaml".into(), text.as_str().into())];
        let of = |namespace| {
            members(&MembersRequest {
                files: &files,
                namespace: Some(namespace),
                definitions: &[],
                template: false,
            })
        };
        let faults = of("Shop").unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0]
                .message
                .starts_with("The layer's namespace is \"Shop\", and must be at most 63")
        );
        assert!(of("shop").is_ok());
    }

    #[test]
    fn of_a_definition_only_the_places_are_handed_on() {
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.strata.example"},
            "spec": {
                "group": "strata.example", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        let given = strata_model::Value::from_json(&definition).unwrap();
        let expected = json!({"spec": {
            "group": "strata.example", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true}],
        }});
        assert_eq!(outline(&given), expected);
        assert_eq!(outline(&strata_model::Value::null()), Value::Null);
        let text = "apiVersion: strata.example/v1\nkind: Widget\nmetadata: {name: a}\n";
        let files = [("a.yaml".into(), text.into())];
        let found = members(&MembersRequest {
            files: &files,
            namespace: Some("shop"),
            definitions: &[given],
            template: false,
        });
        let found = found.unwrap();
        assert_eq!(&*found[0].key, "strata.example/Widget/shop/a");
    }

    #[test]
    fn the_inventory_comes_before_what_it_lists() {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        let files = [("a.yaml".into(), text.into())];
        let members = members(&MembersRequest {
            files: &files,
            namespace: None,
            definitions: &[],
            template: false,
        });
        let members = members.unwrap().into_iter();
        let mut stages: Vec<String> = members
            .map(|member| format!("{} {}", member.stage, member.key))
            .collect();
        stages.sort();
        assert_eq!(stages, ["0 inventory", "1 /Namespace//shop"]);
    }

    #[test]
    fn a_name_that_is_no_text_says_what_to_write() {
        let read = |metadata: &str| {
            let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  {metadata}\n");
            let mut reading = Reading::default();
            reading.file(&("a.yaml".into(), text.into()));
            let faults = reading.faults.into_iter();
            let faults: Vec<String> = faults
                .map(|fault| format!("{} {}", fault.line, fault.message))
                .collect();
            faults
        };
        let told = "must be a string, and this is the number 123: write it in quotes.";
        assert_eq!(
            read("name: 123"),
            [format!("4 The object's metadata.name {told}")]
        );
        assert_eq!(
            read("{name: a, namespace: 123}"),
            [format!("4 The object's metadata.namespace {told}")]
        );
        assert_eq!(read("name: ~"), ["1 The object has no metadata.name."]);
        assert_eq!(read("{name: '123', namespace: ~}"), [""; 0]);
    }

    #[test]
    fn a_list_has_objects_that_say_what_they_are() {
        let read = |kind: &str, item: &str| {
            let text = format!(
                "apiVersion: v1\nkind: {kind}\nitems:\n- {item}\n  metadata: {{name: a}}\n"
            );
            let mut reading = Reading::default();
            reading.file(&("a.yaml".into(), text.into()));
            let faults = reading.faults.into_iter();
            let faults: Vec<String> = faults.map(|fault| fault.message).collect();
            (reading.objects.len(), faults)
        };
        let whole = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
        let text = |kind: &str| {
            let text = format!("apiVersion: v1\nkind: {kind}\nitems: [{whole}]\n");
            let mut reading = Reading::default();
            reading.file(&("a.yaml".into(), text.into()));
            reading.objects.len()
        };
        assert_eq!((text("List"), text("ConfigMapList")), (1, 1));
        let fault = "The items of a ConfigMapList do not say what they are.";
        assert_eq!(
            read("ConfigMapList", "data: {b: c}"),
            (0, vec![fault.to_owned()])
        );
    }
}
