//! Whether objects are put where their kind lives: in a namespace, or in none.

use strata_kubernetes_merge::resource::Resource;
use strata_model::Value;
use strata_model::provider::ArgumentFault;

use crate::immutable::place;
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
            format!(
                "is missing: objects of the kind {kind} live in namespaces. Write one, such as \"default\".{why}"
            )
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
