//! Which kinds there are and where their objects live: of Kubernetes itself, and of definitions beside the objects.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::Value;
use strata_kubernetes_merge::builtin::{self, Minor};
use strata_kubernetes_merge::custom;
use strata_kubernetes_merge::openapi::{GroupVersionKind, Models, OpenApiError};
use strata_kubernetes_merge::resource::Resource;
use strata_kubernetes_merge::schema::{Schema, TypeRef};

/// What is known of kinds: their places, and the schemas of their objects. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Kinds {
    builtin: Arc<Catalogue>,
    custom: Option<Arc<Catalogue>>,
    /// Kinds that are known to be there beside those of Kubernetes itself.
    others: Option<Arc<Catalogue>>,
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
        Self::of_schema(models, resources, models.schema(false).unwrap_or_default())
    }

    /// The same, where all models have to make sense.
    pub(crate) fn try_new(
        models: &Models,
        resources: impl IntoIterator<Item = Resource>,
    ) -> Result<Self, OpenApiError> {
        let schema = models.schema(false)?;
        Ok(Self::of_schema(models, resources, schema))
    }

    fn of_schema(
        models: &Models,
        resources: impl IntoIterator<Item = Resource>,
        schema: Schema,
    ) -> Self {
        let resources = resources.into_iter();
        let keyed = resources.map(|resource| (resource.kind.clone(), resource));
        Catalogue {
            resources: keyed.collect(),
            models: models.kinds(),
            schema: Arc::new(schema),
        }
    }

    /// Those kinds that no known minor of Kubernetes has in its groups.
    pub(crate) fn without_builtin(&self) -> Self {
        let resources = self.resources.iter();
        let resources = resources.filter(|(kind, _)| !is_own_group(&kind.group));
        Catalogue {
            resources: resources
                .map(|(kind, resource)| (kind.clone(), resource.clone()))
                .collect(),
            models: self.models.clone(),
            schema: Arc::clone(&self.schema),
        }
    }

    /// Where the objects of a kind are.
    #[cfg(test)]
    pub(crate) fn resource(&self, kind: &GroupVersionKind) -> Option<&Resource> {
        self.resources.get(kind)
    }

    fn of_minor(minor: Minor) -> Self {
        Self::new(&minor.models(), minor.resources())
    }

    fn type_of(&self, kind: &GroupVersionKind) -> Option<(Arc<Schema>, TypeRef)> {
        let model = self.models.get(kind)?;
        Some((Arc::clone(&self.schema), TypeRef::named(model.as_str())))
    }
}

/// The name of a minor, with what it serves.
type NamedMinor = (&'static str, OnceLock<Arc<Catalogue>>);

/// The minors that are known, oldest first; each is unpacked when it is first asked for.
static MINORS: LazyLock<Vec<NamedMinor>> = LazyLock::new(|| {
    let names = builtin::minors().into_iter();
    names.map(|name| (name, OnceLock::new())).collect()
});

/// The minors that serve each kind of Kubernetes itself, oldest first.
static SERVED: LazyLock<BTreeMap<GroupVersionKind, Vec<&'static str>>> = LazyLock::new(|| {
    let mut served: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for name in builtin::minors() {
        let resources = builtin::minor(name).map(|minor| minor.resources());
        for resource in resources.into_iter().flatten() {
            served.entry(resource.kind).or_default().push(name);
        }
    }
    served
});

/// The models that describe the metadata of every object.
static METADATA: LazyLock<Models> = LazyLock::new(|| {
    let newest = builtin::minor(nearest(None)).map(|minor| minor.models());
    newest.unwrap_or_default().of_prefix(METADATA_MODELS)
});

/// How the names of these models begin.
const METADATA_MODELS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// The minor of a version: `1.35` of `v1.35.4-eks-1`; `None` for a text that is no version.
pub(crate) fn minor_of(version: &str) -> Option<String> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || {
        let text = numbers.next()?;
        let digits = text.find(|c: char| !c.is_ascii_digit());
        text[..digits.unwrap_or(text.len())].parse::<u32>().ok()
    };
    Some(format!("{}.{}", number()?, number()?))
}

/// The known minor that is nearest to a wanted one: the newest where nothing or something newer is wanted, the oldest
/// where something older is.
pub(crate) fn nearest(wanted: Option<&str>) -> &'static str {
    let known = || MINORS.iter().map(|(name, _)| *name);
    let Some(wanted) = wanted else {
        return known().next_back().unwrap_or_default();
    };
    let mut not_newer = known().filter(|name| !is_newer(name, wanted));
    not_newer
        .next_back()
        .or_else(|| known().next())
        .unwrap_or_default()
}

/// Whether a minor is newer than another.
pub(crate) fn is_newer(minor: &str, other: &str) -> bool {
    let number = |minor: &str| {
        let (major, minor) = minor.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    number(minor) > number(other)
}

/// The known minors that serve a kind of Kubernetes itself, oldest first.
pub(crate) fn served_by(kind: &GroupVersionKind) -> &'static [&'static str] {
    SERVED.get(kind).map_or(&[], Vec::as_slice)
}

/// Whether a group is one of Kubernetes itself.
pub(crate) fn is_own_group(group: &str) -> bool {
    SERVED.keys().any(|own| own.group == group)
}

/// The kind of Kubernetes itself that was meant by one that is none, as its group and kind tell.
pub(crate) fn meant(kind: &GroupVersionKind) -> Option<&'static GroupVersionKind> {
    let mut close: Vec<_> = SERVED
        .keys()
        .filter(|own| own.group == kind.group)
        .map(|own| (distance(&own.kind, &kind.kind), own))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    // Of its versions the one that was written, else the one that has come farthest.
    close.sort_by_key(|(distance, own)| {
        let is_other = own.version != kind.version;
        (
            *distance,
            is_other,
            std::cmp::Reverse(maturity(&own.version)),
        )
    });
    close.first().map(|(_, own)| *own)
}

/// The name that was meant by one that is none of these.
pub(crate) fn near<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let close = names.map(|known| (distance(known, name), known));
    let close = close.filter(|(distance, known)| *distance <= 2 && *distance < known.len() / 2);
    close.min().map(|(_, known)| known)
}

/// How many letters of one name must be put in, taken out or changed for the other, whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (one, other) = (letters(one), letters(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (index, same) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != same);
            diagonal = row[index + 1];
            row[index + 1] = changed.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// How far a version of an API has come, later ones greater: `v1beta2` is behind `v1`, and `v1` behind `v2`.
fn maturity(version: &str) -> (bool, bool, u32, u32) {
    let rest = version.trim_start_matches('v');
    let (major, pre) = match rest.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let digits = pre.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = |text: &str| text.parse().unwrap_or(0);
    (
        pre.is_empty(),
        pre.starts_with("beta"),
        number(major),
        number(digits),
    )
}

impl Default for Kinds {
    /// Those of the newest minor that is known.
    fn default() -> Self {
        Self::of_minor(nearest(None))
    }
}

impl Kinds {
    /// Those of a minor, such as `1.35`; of the newest one where it is not known.
    pub(crate) fn of_minor(name: &str) -> Self {
        let named = MINORS.iter().find(|(known, _)| *known == name);
        let known = named.or_else(|| MINORS.last());
        let builtin = known.map(|(name, unpacked)| {
            let unpack = || {
                let minor = builtin::minor(name).map(Catalogue::of_minor);
                Arc::new(minor.unwrap_or_default())
            };
            Arc::clone(unpacked.get_or_init(unpack))
        });
        Kinds {
            builtin: builtin.unwrap_or_default(),
            custom: None,
            others: None,
        }
    }

    /// Those that a cluster has published, and no others.
    pub(crate) fn published(all: Arc<Catalogue>) -> Self {
        Kinds {
            builtin: all,
            custom: None,
            others: None,
        }
    }

    /// With kinds that are there, too.
    pub(crate) fn with_others(self, others: Arc<Catalogue>) -> Self {
        Kinds {
            others: Some(others),
            ..self
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
        // Their metadata is described by models of Kubernetes itself.
        let mut whole = METADATA.clone();
        let custom = models.document();
        drop(whole.add(&custom));
        Kinds {
            custom: Some(Arc::new(Catalogue::new(&whole, resources))),
            ..self
        }
    }

    /// With the places of the kinds that these custom resource definitions add, and nothing of what their objects may
    /// hold. What is no sound definition adds nothing.
    pub(crate) fn with_places<'a>(self, definitions: impl IntoIterator<Item = &'a Value>) -> Self {
        let places = definitions.into_iter().filter_map(|definition| {
            // What a server refuses is told where it is declared.
            custom::places(definition).ok()
        });
        let resources: BTreeMap<GroupVersionKind, Resource> = places
            .flatten()
            .map(|resource| (resource.kind.clone(), resource))
            .collect();
        if resources.is_empty() {
            return self;
        }
        Kinds {
            custom: Some(Arc::new(Catalogue {
                resources,
                ..Catalogue::default()
            })),
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
        self.catalogues()
            .find_map(|catalogue| catalogue.resources.get(kind))
    }

    /// From what counts first on.
    fn catalogues(&self) -> impl Iterator<Item = &Arc<Catalogue>> {
        let custom = self.custom.iter();
        custom.chain([&self.builtin]).chain(self.others.iter())
    }

    /// Whether a kind, in this version or another, is one that was added to those of Kubernetes itself.
    pub(crate) fn is_custom(&self, kind: &GroupVersionKind) -> bool {
        let custom = self.custom.iter();
        let mut known = custom.flat_map(|custom| custom.resources.keys());
        known.any(|known| known.group == kind.group && known.kind == kind.kind)
    }

    /// Whether a kind is known only because it is there, too.
    pub(crate) fn is_other(&self, kind: &GroupVersionKind) -> bool {
        let others = self.others.as_ref();
        !self.is_custom(kind) && others.is_some_and(|others| others.resources.contains_key(kind))
    }

    /// The versions in which a kind is served, whatever its own is, from the one to be preferred on.
    pub(crate) fn versions(&self, kind: &GroupVersionKind) -> Vec<String> {
        let known = self
            .catalogues()
            .flat_map(|catalogue| catalogue.resources.keys());
        let own = known.filter(|known| known.group == kind.group && known.kind == kind.kind);
        let mut versions: Vec<String> = own.map(|known| known.version.clone()).collect();
        versions.sort_by_key(|version| std::cmp::Reverse(maturity(version)));
        versions.dedup();
        versions
    }

    /// Whether a group is one of Kubernetes itself.
    pub(crate) fn is_builtin_group(&self, group: &str) -> bool {
        let mut kinds = self.builtin.resources.keys();
        kinds.any(|kind| kind.group == group)
    }

    /// The schema of a kind's objects; `None` where nothing is known of them.
    pub(crate) fn type_of(&self, kind: &GroupVersionKind) -> Option<(Arc<Schema>, TypeRef)> {
        self.catalogues()
            .filter(|catalogue| catalogue.resources.contains_key(kind))
            .find_map(|catalogue| catalogue.type_of(kind))
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
        let placed = kinds.clone().with_places([&definition]);
        assert!(!placed.resource(&widget).unwrap().namespaced);
        assert!(placed.is_custom(&widget) && placed.type_of(&widget).is_none());
        let kinds = kinds.with_definitions([&definition]);
        assert!(!kinds.resource(&widget).unwrap().namespaced);
        assert!(kinds.type_of(&widget).is_some());
        assert!(kinds.type_of(&deployment).is_some());
    }
}
