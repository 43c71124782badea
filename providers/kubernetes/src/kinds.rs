//! Which kinds there are and where their objects live: of Kubernetes itself, and of definitions beside the objects.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;
use strata_kubernetes_merge::builtin::{self, Minor};
use strata_kubernetes_merge::custom;
use strata_kubernetes_merge::openapi::{GroupVersionKind, Models};
use strata_kubernetes_merge::resource::Resource;
use strata_kubernetes_merge::schema::{Schema, TypeRef};

/// What is known of kinds: their places, and the schemas of their objects. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Kinds {
    builtin: Arc<Catalogue>,
    custom: Option<Arc<Catalogue>>,
}

/// Kinds that were published together.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    resources: BTreeMap<GroupVersionKind, Resource>,
    models: BTreeMap<GroupVersionKind, String>,
    schema: Arc<Schema>,
}

impl Catalogue {
    /// The kinds of these models that are at these places. What has no schema may hold anything.
    pub(crate) fn new(models: &Models, resources: impl IntoIterator<Item = Resource>) -> Self {
        Catalogue {
            resources: resources
                .into_iter()
                .map(|resource| (resource.kind.clone(), resource))
                .collect(),
            models: models.kinds(),
            schema: Arc::new(models.schema(false).unwrap_or_default()),
        }
    }

    fn of_minor(minor: Minor) -> Self {
        Self::new(&minor.models(), minor.resources())
    }

    fn type_of(&self, kind: &GroupVersionKind) -> Option<(Arc<Schema>, TypeRef)> {
        let model = self.models.get(kind)?;
        Some((Arc::clone(&self.schema), TypeRef::named(model.as_str())))
    }
}

/// The newest minor that is known, unpacked once.
static NEWEST: LazyLock<Arc<Catalogue>> = LazyLock::new(|| {
    let newest = builtin::minors()
        .last()
        .and_then(|name| builtin::minor(name));
    Arc::new(newest.map(Catalogue::of_minor).unwrap_or_default())
});

impl Default for Kinds {
    /// Those of the newest minor that is known.
    fn default() -> Self {
        Kinds {
            builtin: Arc::clone(&NEWEST),
            custom: None,
        }
    }
}

impl Kinds {
    /// Those of a minor, such as `1.35`; of the newest one where it is not known.
    pub(crate) fn of_minor(name: &str) -> Self {
        if builtin::minors().last() == Some(&name) {
            return Self::default();
        }
        match builtin::minor(name) {
            None => Self::default(),
            Some(minor) => Kinds {
                builtin: Arc::new(Catalogue::of_minor(minor)),
                custom: None,
            },
        }
    }

    /// With the kinds that these custom resource definitions add. What is no sound definition adds nothing.
    pub(crate) fn with_definitions<'a>(
        self,
        definitions: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let mut models = Models::default();
        let mut resources = Vec::new();
        for definition in definitions {
            let added = custom::add(&mut models, definition).unwrap_or_default();
            resources.extend(added.into_iter().map(|kind| kind.resource));
        }
        if resources.is_empty() {
            return self;
        }
        // Their metadata is described by a model of Kubernetes itself.
        let newest = builtin::minors()
            .last()
            .and_then(|name| builtin::minor(name));
        let mut whole = newest.map(|minor| minor.models()).unwrap_or_default();
        let custom = models.document();
        drop(whole.add(&custom));
        Kinds {
            custom: Some(Arc::new(Catalogue::new(&whole, resources))),
            ..self
        }
    }

    /// With kinds that a server publishes.
    pub(crate) fn with_published(self, published: Arc<Catalogue>) -> Self {
        Kinds {
            custom: Some(published),
            ..self
        }
    }

    /// Where the objects of a kind are, if it is known.
    pub(crate) fn resource(&self, kind: &GroupVersionKind) -> Option<&Resource> {
        let custom = self.custom.as_ref();
        let own = custom.and_then(|custom| custom.resources.get(kind));
        own.or_else(|| self.builtin.resources.get(kind))
    }

    /// Whether a group is one of Kubernetes itself.
    pub(crate) fn is_builtin_group(&self, group: &str) -> bool {
        let mut kinds = self.builtin.resources.keys();
        kinds.any(|kind| kind.group == group)
    }

    /// The schema of a kind's objects; `None` where nothing is known of them.
    pub(crate) fn type_of(&self, kind: &GroupVersionKind) -> Option<(Arc<Schema>, TypeRef)> {
        let custom = self.custom.as_ref();
        custom
            .filter(|custom| custom.resources.contains_key(kind))
            .and_then(|custom| custom.type_of(kind))
            .or_else(|| {
                self.builtin
                    .resources
                    .contains_key(kind)
                    .then(|| self.builtin.type_of(kind))
                    .flatten()
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_found_where_they_are() {
        let kinds = Kinds::default();
        let deployment = GroupVersionKind::of("apps/v1", "Deployment");
        assert!(kinds.resource(&deployment).unwrap().namespaced);
        assert!(kinds.type_of(&deployment).is_some());
        assert!(kinds.is_builtin_group("apps") && !kinds.is_builtin_group("strata.example"));

        let definition = json!({"spec": {
            "group": "strata.example", "scope": "Cluster", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true, "storage": true}],
        }});
        let widget = GroupVersionKind::of("strata.example/v1", "Widget");
        assert!(kinds.resource(&widget).is_none());
        let kinds = kinds.with_definitions([&definition]);
        assert!(!kinds.resource(&widget).unwrap().namespaced);
        assert!(kinds.type_of(&widget).is_some());
        assert!(kinds.type_of(&deployment).is_some());
    }
}
