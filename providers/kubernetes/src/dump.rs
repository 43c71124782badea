//! Schemas from a file: what a cluster publishes of its kinds, for the time when it cannot be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use strata_kubernetes_merge::openapi::{GroupVersionKind, Models, OpenApiError};
use strata_kubernetes_merge::resource::Resource;
use thiserror::Error;

use crate::kinds::{Catalogue, minor_of};

/// The kinds that a cluster published.
#[derive(Debug, Clone)]
pub struct Schemas {
    /// All of them.
    pub(crate) all: Arc<Catalogue>,
    /// Those that are not Kubernetes' own.
    pub(crate) custom: Arc<Catalogue>,
    /// The minor of the cluster, where the file says it.
    pub(crate) minor: Option<String>,
    /// Whether the file has all kinds of the cluster; documents of the newer form are of one group each.
    pub(crate) is_whole: bool,
}

/// A file that has no schemas.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchemasError {
    /// It is no JSON.
    #[error("it is no JSON")]
    NotJson(#[source] serde_json::Error),
    /// It lists documents, and is none.
    #[error("it is the list of a cluster's documents (/openapi/v3), and has no schema itself")]
    Index,
    /// It is something else.
    #[error("it is no OpenAPI document: it has neither definitions nor components.schemas")]
    NotOpenApi,
    /// It describes no kind of objects.
    #[error("it describes no kind of objects and where they are")]
    Empty,
    /// A model makes no sense.
    #[error("a schema in it cannot be used")]
    Unusable(#[source] OpenApiError),
}

impl Schemas {
    /// Reads what `kubectl get --raw /openapi/v2` writes, or OpenAPI v3 documents, one behind the other.
    ///
    /// # Errors
    ///
    /// When it is something else, or nothing of it can be used.
    pub fn read(bytes: &[u8]) -> Result<Self, SchemasError> {
        let mut models = Map::new();
        let mut resources = BTreeMap::new();
        let (mut minor, mut is_whole) = (None, false);
        for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            let document = document.map_err(SchemasError::NotJson)?;
            let Some(found) = models_of(&document) else {
                return Err(if is_index(&document) {
                    SchemasError::Index
                } else {
                    SchemasError::NotOpenApi
                });
            };
            is_whole |= document.get("definitions").is_some();
            models.extend(found.clone());
            collect(&document, &mut resources);
            let version = document.pointer("/info/version").and_then(Value::as_str);
            minor = minor.or_else(|| version.and_then(minor_of));
        }
        if resources.is_empty() {
            return Err(SchemasError::Empty);
        }
        let models: Models = models.into_iter().collect();
        let all = Catalogue::try_new(&models, resources.into_values());
        let all = all.map_err(SchemasError::Unusable)?;
        Ok(Schemas {
            custom: Arc::new(all.without_builtin()),
            all: Arc::new(all),
            minor,
            is_whole,
        })
    }
}

fn models_of(document: &Value) -> Option<&Map<String, Value>> {
    let models = document.get("definitions");
    models
        .or_else(|| document.pointer("/components/schemas"))?
        .as_object()
}

fn is_index(document: &Value) -> bool {
    let paths = document.get("paths").and_then(Value::as_object);
    let mut documents = paths.into_iter().flat_map(Map::values);
    documents.any(|document| document.get("serverRelativeURL").is_some())
}

/// Where the objects of each kind are, by the paths of a document.
fn collect(document: &Value, resources: &mut BTreeMap<(String, String), Resource>) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        let Some((api, steps)) = path_of(path) else {
            continue;
        };
        let namespaced = steps.len() > 2 && steps[..2] == ["namespaces", "{namespace}"];
        let steps = &steps[if namespaced { 2 } else { 0 }..];
        let [plural, "{name}", below @ ..] = steps else {
            continue;
        };
        let entry = resources.entry((api, (*plural).to_owned()));
        match below {
            [] => {
                let Some(kind) = kind_of(item) else { continue };
                let resource = entry.or_insert_with(|| Resource {
                    kind: kind.clone(),
                    plural: (*plural).to_owned(),
                    namespaced,
                    subresources: Vec::new(),
                });
                (resource.kind, resource.namespaced) = (kind, namespaced);
            }
            // The path of an object stands before those below it.
            [subresource] => {
                entry.and_modify(|resource| resource.subresources.push((*subresource).to_owned()));
            }
            [_, _, ..] => {}
        }
    }
}

/// The group and version that a path is in, and what follows them.
fn path_of(path: &str) -> Option<(String, Vec<&str>)> {
    let mut steps = path.trim_matches('/').split('/');
    let api = match steps.next()? {
        "api" => steps.next()?.to_owned(),
        "apis" => format!("{}/{}", steps.next()?, steps.next()?),
        _ => return None,
    };
    Some((api, steps.collect()))
}

fn kind_of(item: &Value) -> Option<GroupVersionKind> {
    let kind = item.get("get")?.get("x-kubernetes-group-version-kind")?;
    let text = |name: &str| Some(kind.get(name)?.as_str()?.to_owned());
    Some(GroupVersionKind {
        group: text("group")?,
        version: text("version")?,
        kind: text("kind")?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A dump as `/openapi/v2` has it: a kind of Kubernetes in an old version, and a custom one.
    pub(crate) fn dump() -> Value {
        let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
        let get = |of: &Value| json!({"get": {"x-kubernetes-group-version-kind": of}});
        let (flow, widget) = (
            kind("flowcontrol.apiserver.k8s.io", "v1beta3", "FlowSchema"),
            kind("strata.example", "v1", "Widget"),
        );
        json!({
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": "v1.31.14"},
            "definitions": {
                "io.k8s.api.flowcontrol.v1beta3.FlowSchema": {
                    "type": "object", "x-kubernetes-group-version-kind": [flow],
                    "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}},
                },
                "example.strata.v1.Widget": {
                    "type": "object", "x-kubernetes-group-version-kind": [widget],
                    "properties": {
                        "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                        "metadata": {"type": "object"}, "size": {"type": "integer"},
                    },
                },
            },
            "paths": {
                "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas/{name}": get(&flow),
                "/apis/strata.example/v1/namespaces/{namespace}/widgets/{name}": get(&widget),
                "/apis/strata.example/v1/namespaces/{namespace}/widgets/{name}/status": get(&widget),
                "/apis/strata.example/v1/watch/widgets/{name}": get(&widget),
                "/version/": {"get": {}},
            },
        })
    }

    #[test]
    fn a_dump_says_which_kinds_there_are_and_where() {
        let schemas = Schemas::read(dump().to_string().as_bytes()).unwrap();
        assert_eq!(schemas.minor.as_deref(), Some("1.31"));
        let widget = GroupVersionKind::of("strata.example/v1", "Widget");
        let found = schemas.custom.resource(&widget).unwrap();
        assert_eq!((found.plural.as_str(), found.namespaced), ("widgets", true));
        assert_eq!(found.subresources, ["status"]);
        let flow = GroupVersionKind::of("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema");
        assert!(schemas.all.resource(&flow).is_some());
        assert!(schemas.custom.resource(&flow).is_none());
    }

    #[test]
    fn documents_of_the_newer_form_may_follow_each_other() {
        let document = |group: &str, kind: &str| {
            let id = json!({"group": group, "version": "v1", "kind": kind});
            let path = format!("/apis/{group}/v1/things/{{name}}");
            json!({
                "openapi": "3.0.0", "info": {"version": "unversioned"},
                "components": {"schemas": {format!("{group}.{kind}"): {
                    "type": "object", "x-kubernetes-group-version-kind": [id],
                }}},
                "paths": {path: {"get": {"x-kubernetes-group-version-kind": id}}},
            })
        };
        let text = format!(
            "{}\n{}",
            document("a.example", "A"),
            document("b.example", "B")
        );
        let schemas = Schemas::read(text.as_bytes()).unwrap();
        assert_eq!(schemas.minor, None);
        for (group, kind) in [("a.example/v1", "A"), ("b.example/v1", "B")] {
            let kind = GroupVersionKind::of(group, kind);
            assert!(!schemas.custom.resource(&kind).unwrap().namespaced);
        }
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        let message = |text: &str| Schemas::read(text.as_bytes()).unwrap_err().to_string();
        assert!(message("apiVersion: v1").contains("no JSON"));
        assert!(message("").contains("no kind"));
        assert!(message("{}").contains("no OpenAPI document"));
        assert!(message(r#"{"definitions": {}}"#).contains("no kind"));
        let index = json!({"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}});
        assert!(message(&index.to_string()).contains("the list"));
        let mut broken = dump();
        broken["definitions"]["example.strata.v1.Widget"]["properties"]["size"]["type"] =
            "box".into();
        assert!(message(&broken.to_string()).contains("cannot be used"));
    }
}
