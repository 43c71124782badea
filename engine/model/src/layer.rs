//! Layers: manifests of a directory, and the objects that they describe.

use std::sync::Arc;

use crate::schema::{Attribute, AttributeType};
use crate::value::Value;

/// The resource type of every object of a layer. No `resource` block may have it.
pub const LAYER_TYPE: &str = "layer";

/// The provider that has the type of the objects of layers.
pub const LAYER_PROVIDER: &str = "kubernetes";

/// The key of a layer's inventory: a list of its objects, which every layer has.
pub const INVENTORY: &str = "inventory";

/// The stage of a layer's inventory, which comes before its objects: what may be in a cluster is written down there, also
/// where a run does not come to its end.
pub const INVENTORY_STAGE: u8 = 0;

/// How many stages a layer has. A stage waits for those before it.
///
/// They are: the inventory; namespaces and definitions of kinds; what workloads refer to (access, configuration, classes);
/// workloads and services; admission webhooks and served APIs; objects of defined kinds, and what the layer's webhooks
/// look at.
pub const STAGES: u8 = 6;

/// A rule of a layer for the health of its objects.
pub fn health_rule() -> AttributeType {
    let text = |about| Attribute::optional(AttributeType::String, about);
    AttributeType::object([
        (
            "kind",
            text("The kind of the objects, with its version or alone."),
        ),
        (
            "name",
            text("The name of the object, where it is about one."),
        ),
        (
            "ready",
            Attribute::required(
                AttributeType::String,
                "The condition that says that it is done.",
            ),
        ),
        ("failed", text("The condition that says that it failed.")),
    ])
}

/// A file of a layer: its path, relative to the root of the package that the layer's block stands in, and its text.
pub type LayerFile = (Arc<str>, Arc<str>);

/// The files of a layer, for the objects in them.
#[derive(Debug, Clone, Copy)]
pub struct MembersRequest<'a> {
    /// The files, by their paths.
    pub files: &'a [LayerFile],
    /// The namespace of objects that live in one and name none.
    pub namespace: Option<&'a str>,
    /// Objects of layers that this one depends on, in the same host, which say what it will know
    /// ([`Provider::defines`]).
    ///
    /// [`Provider::defines`]: crate::provider::Provider::defines
    pub definitions: &'a [Value],
    /// Whether texts in the manifests are templates, which are evaluated only after this: nothing may be computed from
    /// them here, and `stringData` stays what it is. A key that holds a template is evaluated as one.
    pub template: bool,
}

/// One object of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// `group/Kind/namespace/name`; empty parts stay empty.
    pub key: Arc<str>,
    /// When it is applied: from 0 to one less than [`STAGES`].
    pub stage: u8,
    /// The object as it is written, secret parts marked.
    pub manifest: Value,
    /// The file that describes it.
    pub file: Arc<str>,
    /// The first line of it, from 1.
    pub line: u32,
}

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFault {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to do, where something definite can be said.
    pub hint: Option<String>,
}
