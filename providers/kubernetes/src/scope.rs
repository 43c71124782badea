//! Whether objects are put where their kind lives: in a namespace, or in none.

use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_kubernetes_merge::resource::Resource;
use strata_model::provider::ArgumentFault;
use strata_model::{AttributePath, Value};

use crate::immutable::place;
use crate::kinds::Kinds;
use crate::object_id::ObjectId;
use crate::types::ObjectType;

/// What is wrong with the place of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It names no namespace, and its kind lives in namespaces.
    Outside,
    /// It names one, and its kind lives in none.
    Inside,
}

impl Misplaced {
    /// What is wrong with a namespace, which is empty where none is named. A server leaves one out that the kind does not
    /// have: objects of layers may come with one, as their files may be written for any tool.
    pub(crate) fn of(ty: ObjectType, resource: &Resource, namespace: &str) -> Option<Self> {
        match (resource.namespaced, namespace.is_empty()) {
            (true, true) => Some(Misplaced::Outside),
            (false, false) if ty == ObjectType::Object => Some(Misplaced::Inside),
            (true, false) | (false, _) => None,
        }
    }

    /// What is wrong, as a part of a sentence.
    pub(crate) fn message(self, id: &ObjectId) -> String {
        let (kind, name) = (&id.kind.kind, &id.name);
        match self {
            Misplaced::Outside => {
                format!("objects of the kind {kind} live in namespaces, and {name} names none")
            }
            Misplaced::Inside => {
                format!("objects of the kind {kind} live in no namespace, and {name} names one")
            }
        }
    }

    /// What to do.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Misplaced::Outside => "Write metadata.namespace.",
            Misplaced::Inside => "Leave out metadata.namespace.",
        }
    }
}

/// The same of a manifest, before there is an object. What is not known yet is not judged.
pub(crate) fn fault(
    ty: ObjectType,
    resource: &Resource,
    manifest: &Value,
) -> Option<ArgumentFault> {
    let metadata = manifest.get("metadata")?.members()?;
    let namespace = metadata.get("namespace").filter(|given| !given.is_null());
    let namespace = match namespace {
        Some(given) => given.as_str()?,
        None => "",
    };
    let kind = &resource.kind.kind;
    let message = match Misplaced::of(ty, resource, namespace)? {
        Misplaced::Outside => {
            let why = match ty {
                ObjectType::Member => {
                    " The layer's is given to kinds of Kubernetes, and to those that it or a layer in its depends_on defines."
                }
                ObjectType::Object | ObjectType::Secret => "",
            };
            format!("{}{why}", missing(kind))
        }
        Misplaced::Inside => {
            format!("must be left out: objects of the kind {kind} live in no namespace.")
        }
    };
    Some(ArgumentFault {
        path: place(&["metadata", "namespace"]),
        message,
    })
}

/// The same of the arguments of a data source, as far as its kind is one of Kubernetes itself. One namespace too many is
/// passed over: it does not tell which object is read.
pub(crate) fn data_fault(config: &Value) -> Option<ArgumentFault> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    let kind = GroupVersionKind::of(text("api_version")?, text("kind")?);
    let kinds = Kinds::default();
    let resource = kinds.resource(&kind)?;
    let given = config.get("namespace").filter(|given| !given.is_null());
    let is_open = given.is_some_and(|given| given.as_str() != Some(""));
    (resource.namespaced && !is_open).then(|| ArgumentFault {
        path: AttributePath::attribute("namespace"),
        message: missing(&kind.kind),
    })
}

/// What is said of a namespace that is missing.
fn missing(kind: &str) -> String {
    format!(
        "is missing: objects of the kind {kind} live in namespaces. Write one, such as \"default\"."
    )
}

#[cfg(test)]
mod tests {
    use strata_model::Type;

    use super::*;

    #[test]
    fn a_data_source_says_where_its_object_lives() {
        let fault = |api: &str, kind: &str, namespace: Value| {
            let found = data_fault(&Value::object([
                ("api_version", Value::from(api)),
                ("kind", kind.into()),
                ("name", "a".into()),
                ("namespace", namespace),
            ]));
            found.map(|fault| format!("{} {}", fault.path, fault.message))
        };
        let told = "namespace is missing: objects of the kind Deployment live in namespaces. Write one, such as \"default\".";
        for none in [Value::null(), "".into()] {
            let found = fault("apps/v1", "Deployment", none);
            assert_eq!(found.as_deref(), Some(told));
        }
        for given in ["shop".into(), Value::unknown(Type::String)] {
            assert_eq!(fault("apps/v1", "Deployment", given), None);
        }
        assert_eq!(fault("v1", "Namespace", Value::null()), None);
        assert_eq!(fault("v1", "Namespace", "shop".into()), None);
        assert_eq!(fault("example.com/v1", "Widget", Value::null()), None);
    }
}
