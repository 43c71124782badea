//! Custom kinds: the models and places that a definition of one adds, before any server has seen it.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::openapi::{GroupVersionKind, Models};
use crate::resource::Resource;

/// The model of every object's metadata.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A custom resource definition lacks something without which no server takes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the custom resource definition has no valid {field}")]
pub struct DefinitionError {
    /// The field.
    pub field: &'static str,
}

/// A kind that a definition adds, in one served version.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomKind {
    /// Where its objects are.
    pub resource: Resource,
    /// The name of its model.
    pub model: String,
}

/// Adds the models of a `CustomResourceDefinition` (`apiextensions.k8s.io/v1`), and says which kinds it serves. Objects of
/// a version without a schema may hold anything.
///
/// # Errors
///
/// When the definition has no group, names or versions.
pub fn add(models: &mut Models, definition: &Value) -> Result<Vec<CustomKind>, DefinitionError> {
    let kinds = served(definition)?.into_iter().map(|(resource, version)| {
        let model = model_name(&resource.kind);
        let schema = &version["schema"]["openAPIV3Schema"];
        models.insert(&model, model_of(&resource.kind, schema));
        CustomKind { resource, model }
    });
    Ok(kinds.collect())
}

/// Where the objects are of the kinds that a `CustomResourceDefinition` (`apiextensions.k8s.io/v1`) serves. Its schemas
/// are not looked at, and may be missing.
///
/// # Errors
///
/// When the definition has no group, names or versions.
pub fn places(definition: &Value) -> Result<Vec<Resource>, DefinitionError> {
    let served = served(definition)?.into_iter();
    Ok(served.map(|(resource, _)| resource).collect())
}

/// The kinds that a definition serves, each with the version that describes it.
fn served(definition: &Value) -> Result<Vec<(Resource, &Value)>, DefinitionError> {
    let spec = &definition["spec"];
    let group = text(spec, "/group", "spec.group")?;
    let kind = text(spec, "/names/kind", "spec.names.kind")?;
    let plural = text(spec, "/names/plural", "spec.names.plural")?;
    let namespaced = text(spec, "/scope", "spec.scope")? == "Namespaced";
    let versions = spec["versions"].as_array().ok_or(DefinitionError {
        field: "spec.versions",
    })?;
    let mut kinds = Vec::new();
    for version in versions.iter().filter(|version| version["served"] == true) {
        let name = text(version, "/name", "spec.versions[].name")?;
        let id = GroupVersionKind {
            group: group.to_owned(),
            version: name.to_owned(),
            kind: kind.to_owned(),
        };
        let subresources = version["subresources"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys);
        let mut subresources: Vec<String> = subresources.cloned().collect();
        subresources.sort();
        let resource = Resource {
            kind: id,
            plural: plural.to_owned(),
            namespaced,
            subresources,
        };
        kinds.push((resource, version));
    }
    Ok(kinds)
}

fn text<'a>(
    value: &'a Value,
    pointer: &str,
    field: &'static str,
) -> Result<&'a str, DefinitionError> {
    let text = value
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    text.ok_or(DefinitionError { field })
}

/// The name under which a server publishes the model: the group backwards, the version, the kind.
fn model_name(id: &GroupVersionKind) -> String {
    let mut parts: Vec<&str> = id.group.split('.').rev().collect();
    parts.extend([id.version.as_str(), id.kind.as_str()]);
    parts.join(".")
}

fn model_of(id: &GroupVersionKind, schema: &Value) -> Value {
    let mut model = if schema.is_object() {
        schema.clone()
    } else {
        json!({"type": "object"})
    };
    if schema.is_object() {
        embed(&mut model);
        identify(&mut model);
    }
    model["x-kubernetes-group-version-kind"] =
        json!([{"group": id.group, "version": id.version, "kind": id.kind}]);
    model
}

/// Gives every object within the schema that is a resource of its own what all resources have.
fn embed(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for key in ["items", "additionalProperties"] {
        if let Some(below) = fields.get_mut(key) {
            embed(below);
        }
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(embed);
    }
    if fields.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
        identify(schema);
    }
}

fn identify(schema: &mut Value) {
    let properties = &mut schema["properties"];
    if !properties.is_object() {
        *properties = json!({});
    }
    properties["apiVersion"] = json!({"type": "string"});
    properties["kind"] = json!({"type": "string"});
    properties["metadata"] = json!({"$ref": OBJECT_META});
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::schema::TypeRef;

    fn definition() -> Value {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "template": {
                "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
            },
        }}}});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.strata.example"},
            "spec": {
                "group": "strata.example", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [
                    {"name": "v2", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                     "subresources": {"status": {}, "scale": {}}},
                    {"name": "v1", "served": true, "storage": false},
                    {"name": "v0", "served": false, "storage": false},
                ],
            },
        })
    }

    #[test]
    fn served_versions_have_models_and_places() {
        let mut models = builtin::minor("1.36").unwrap().models();
        let kinds = add(&mut models, &definition()).unwrap();
        let names: Vec<&str> = kinds.iter().map(|kind| kind.model.as_str()).collect();
        assert_eq!(
            names,
            ["example.strata.v2.Widget", "example.strata.v1.Widget"]
        );
        assert_eq!(
            kinds[0].resource.path("ns", Some("w")),
            "/apis/strata.example/v2/namespaces/ns/widgets/w"
        );
        assert_eq!(kinds[0].resource.subresources, ["scale", "status"]);
        assert_eq!(models.kinds()[&kinds[0].resource.kind], names[0]);
        let resources = kinds.iter().map(|kind| kind.resource.clone());
        assert_eq!(
            places(&definition()).unwrap(),
            resources.collect::<Vec<_>>()
        );

        let schema = models.schema(false).unwrap();
        let field = |type_ref: &TypeRef, name: &str| {
            schema
                .resolve(type_ref)
                .unwrap()
                .map
                .unwrap()
                .field(name)
                .map(|field| field.type_ref.clone())
        };
        let widget = TypeRef::named(names[0]);
        assert!(field(&widget, "status").is_none());
        let template = field(&field(&widget, "spec").unwrap(), "template").unwrap();
        for embedded in [&widget, &template] {
            assert_eq!(
                field(embedded, "metadata"),
                Some(TypeRef::named(OBJECT_META))
            );
        }
        let free = schema
            .resolve(&TypeRef::named(names[1]))
            .unwrap()
            .map
            .unwrap();
        assert_eq!(free.element, Some(TypeRef::deduced()));
    }

    #[test]
    fn what_is_no_definition_is_refused() {
        let mut models = Models::default();
        let mut definition = definition();
        definition["spec"]["names"]["plural"] = Value::Null;
        let error = add(&mut models, &definition).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the custom resource definition has no valid spec.names.plural"
        );
    }
}
