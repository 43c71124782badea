//! The resource types: their schemas, and how their arguments become a manifest.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strata_model::layer::{self, LAYER_TYPE};
use strata_model::schema::{Adoption, Attribute, AttributeType, ResourceSchema, Schema, Timeouts};
use strata_model::{AttributePath, Kind, Members, Type, Value};

use crate::manifest::DEFAULT_NAMESPACE;
use crate::normal::{normal, rebuilt};

/// The type of a Secret that names none.
const DEFAULT_TYPE: &str = "Opaque";

/// A resource type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectType {
    /// `kubernetes_object`: any object, by its manifest.
    Object,
    /// An object of a layer.
    Member,
    /// `kubernetes_secret`.
    Secret,
}

impl ObjectType {
    /// The type of a name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "kubernetes_object" => Some(Self::Object),
            LAYER_TYPE => Some(Self::Member),
            "kubernetes_secret" => Some(Self::Secret),
            _ => None,
        }
    }

    /// The manifest that the attributes describe. Where arguments are unknown, it is partly unknown.
    pub(crate) fn manifest(self, attributes: &Value) -> Value {
        match self {
            Self::Object | Self::Member => {
                let manifest = attributes.get("manifest").cloned();
                normal(&manifest.unwrap_or_else(Value::null))
            }
            Self::Secret => secret_manifest(attributes),
        }
    }

    /// The attributes with a manifest in place of theirs.
    pub(crate) fn with_manifest(self, attributes: &Value, manifest: &Value) -> Value {
        let mut members = attributes.members().cloned().unwrap_or_default();
        match self {
            Self::Object | Self::Member => {
                members.insert("manifest".into(), manifest.clone());
            }
            Self::Secret => {
                for (name, value) in secret_attributes(manifest) {
                    // An object does not tell nothing from what is empty.
                    let is_empty = |own: &Value| own.members().is_some_and(Members::is_empty);
                    if !(value.is_null() && members.get(name).is_some_and(is_empty)) {
                        members.insert(name.into(), value);
                    }
                }
                return sealed(&Value::from(Kind::Object(Arc::new(members))));
            }
        }
        Value::from(Kind::Object(Arc::new(members)))
    }
}

/// Whether fields that others hold are to be taken over.
pub(crate) fn takes(attributes: &Value) -> bool {
    attributes.get("conflicts").and_then(Value::as_str) == Some("take")
}

/// All schemas.
pub(crate) fn schemas() -> Vec<ResourceSchema> {
    vec![object(), member(), secret(), data_object()]
}

/// What all objects have: how they are written, and what is known of them afterwards.
fn common() -> [(&'static str, Attribute); 6] {
    [
        (
            "conflicts",
            Attribute::optional(
                AttributeType::String,
                "What happens where another manager holds a field with another value: error, or take to take it over.",
            )
            .default_value("error")
            .quiet(),
        ),
        (
            "wait",
            Attribute::optional(
                AttributeType::Bool,
                "Whether a change is done only when the object is healthy.",
            )
            .default_value(true)
            .quiet(),
        ),
        (
            "create_namespace",
            Attribute::optional(
                AttributeType::Bool,
                "Whether the object's namespace is made where it is missing. It is not managed, and stays.",
            )
            .default_value(false)
            .quiet(),
        ),
        (
            "id",
            Attribute::computed(
                AttributeType::String,
                "apiVersion=…,kind=…,namespace=…,name=… of the object; an import takes it in this form.",
            ).quiet()
            .quiet(),
        ),
        (
            "uid",
            Attribute::computed(AttributeType::String, "The object's uid, which a new object of that name does not share.").quiet(),
        ),
        (
            "managers",
            Attribute::computed(
                AttributeType::string_map(),
                "Who else holds fields of the manifest that Strata does not hold (any more), by field.",
            ).quiet()
            .quiet(),
        ),
    ]
}

fn managed<const N: usize>(
    name: &'static str,
    own: [(&'static str, Attribute); N],
    description: &'static str,
) -> ResourceSchema {
    let attributes = own.into_iter().chain(common());
    let attributes = attributes.map(|(name, attribute)| (name.into(), attribute));
    let schema = Schema::of(attributes.collect());
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    ResourceSchema {
        timeouts: Timeouts {
            create: minutes(10),
            update: minutes(10),
            delete: minutes(10),
        },
        ..ResourceSchema::managed(name, Adoption::Name, schema, description)
    }
}

fn manifest() -> (&'static str, Attribute) {
    (
        "manifest",
        Attribute::required(
            AttributeType::Any,
            "The object, as in a YAML manifest. Its status and what the server alone decides are left out.",
        ),
    )
}

fn object() -> ResourceSchema {
    managed(
        "kubernetes_object",
        [manifest()],
        "Any object of a Kubernetes cluster, applied server-side. Fields that the manifest does not have belong to others.",
    )
}

fn member() -> ResourceSchema {
    managed(
        LAYER_TYPE,
        [
            manifest(),
            (
                "layer",
                Attribute::optional(AttributeType::String, "Address of the layer.").quiet(),
            ),
            (
                "health",
                Attribute::optional(
                    AttributeType::List(Box::new(layer::health_rule())),
                    "By what its health is judged, in place of what its kind says.",
                )
                .quiet(),
            ),
        ],
        "An object of a layer.",
    )
}

fn secret() -> ResourceSchema {
    let text = |description| Attribute::optional(AttributeType::String, description);
    let texts = |description| Attribute::optional(AttributeType::string_map(), description);
    managed(
        "kubernetes_secret",
        [
            (
                "name",
                Attribute::required(AttributeType::String, "Name of the Secret.").replaces(),
            ),
            (
                "namespace",
                text("Namespace of the Secret.")
                    .default_value(DEFAULT_NAMESPACE)
                    .replaces(),
            ),
            (
                "type",
                text("Type of the Secret.")
                    .default_value(DEFAULT_TYPE)
                    .replaces(),
            ),
            (
                "data",
                texts(
                    "The content as plain text, by key; values may be secret references. All values are secret.",
                ),
            ),
            ("labels", texts("Labels.")),
            ("annotations", texts("Annotations.")),
        ],
        "A Secret of a Kubernetes cluster. Of its content the state keeps fingerprints only.",
    )
}

fn data_object() -> ResourceSchema {
    let required = |description| Attribute::required(AttributeType::String, description);
    ResourceSchema::data(
        "kubernetes_object",
        Schema::new([
            (
                "api_version",
                required("apiVersion of the object, such as apps/v1."),
            ),
            ("kind", required("Kind of the object.")),
            ("name", required("Name of the object.")),
            (
                "namespace",
                Attribute::optional(
                    AttributeType::String,
                    "Namespace of the object, where its kind lives in one.",
                ),
            ),
            (
                "object",
                Attribute::computed(
                    AttributeType::Any,
                    "The whole object with its status; the content of Secrets is secret.",
                ),
            ),
        ]),
        "Reads an object of a Kubernetes cluster.",
    )
}

fn secret_manifest(attributes: &Value) -> Value {
    let get = |name: &str| {
        attributes
            .get(name)
            .filter(|value| !value.is_null())
            .cloned()
    };
    // Arguments that are left out are what the schema says, whether that was filled in already or not.
    let or = |name: &str, default: &str| Some(get(name).unwrap_or_else(|| default.into()));
    let metadata = [
        ("name", get("name")),
        ("namespace", or("namespace", DEFAULT_NAMESPACE)),
        ("labels", get("labels")),
        ("annotations", get("annotations")),
    ];
    let metadata = metadata
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut members = vec![
        ("apiVersion", "v1".into()),
        ("kind", "Secret".into()),
        ("metadata", Value::object(metadata)),
    ];
    members.extend(or("type", DEFAULT_TYPE).map(|ty| ("type", ty)));
    // Texts become base64 with everything else.
    members.extend(get("data").map(|data| ("stringData", data)));
    normal(&Value::object(members))
}

/// The arguments of a Secret, from its manifest.
fn secret_attributes(manifest: &Value) -> Vec<(&'static str, Value)> {
    let metadata = |name: &str| {
        manifest
            .get("metadata")
            .and_then(|metadata| metadata.get(name))
    };
    let text = |value: Option<&Value>| {
        value
            .cloned()
            .unwrap_or_else(|| Value::null_of(Type::String))
    };
    let texts = |value: Option<&Value>, change: &dyn Fn(&Value) -> Value| {
        let found = value
            .and_then(Value::members)
            .filter(|members| !members.is_empty());
        match found {
            None => Value::null_of(Type::map(Type::String)),
            Some(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| (Arc::clone(key), change(value)));
                Value::map(Type::String, members.collect())
            }
        }
    };
    vec![
        ("name", text(metadata("name"))),
        ("namespace", text(metadata("namespace"))),
        ("type", text(manifest.get("type"))),
        ("labels", texts(metadata("labels"), &Value::clone)),
        ("annotations", texts(metadata("annotations"), &Value::clone)),
        ("data", texts(manifest.get("data"), &decoded)),
    ]
}

/// The text that a value of a Secret's content stands for; the value itself where it is no text.
fn decoded(value: &Value) -> Value {
    let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or_else(|| value.clone(), Value::string)
}

/// The attributes with every value of the content secret, known or not, in whichever part it was marked. The content as a
/// whole has no mark: a state keeps a fingerprint of each value then, and each is compared by itself.
pub(crate) fn sealed(attributes: &Value) -> Value {
    let Some(data) = attributes.get("data").filter(|data| !data.is_null()) else {
        return attributes.clone();
    };
    let sealed = match data.members() {
        None => data.clone().into_secret(),
        Some(members) => {
            let members = members.iter().map(|(key, value)| {
                let is_secret = !value.is_null();
                (Arc::clone(key), value.clone().with_secret(is_secret))
            });
            rebuilt(data, members.collect()).with_secret(false)
        }
    };
    attributes.with_at(&AttributePath::attribute("data"), sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_secret_is_secret_known_or_not() {
        let texts = |members: Vec<(&str, Value)>| {
            let members = members.into_iter().map(|(key, value)| (key.into(), value));
            Value::map(Type::String, members.collect())
        };
        let check = |data: Value, expected: &[&str]| {
            let found = sealed(&Value::object([("data", data)])).secret_paths();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        };
        let unknown = || Value::unknown(Type::String);
        let both = || texts(vec![("a", "b".into()), ("id", unknown())]);
        let each = [r#"data["a"]"#, r#"data["id"]"#];
        check(both(), &each);
        check(both().into_secret(), &each);
        check(Value::unknown(Type::map(Type::String)), &["data"]);
        check(Value::null(), &[]);
    }
}
