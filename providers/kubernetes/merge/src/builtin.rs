//! The schemas of Kubernetes itself, for planning without a cluster.
//!
//! `schemas/generate.py` makes the embedded file from the published OpenAPI documents; `schemas/NOTICE` says whose they
//! are. They say which kinds a minor serves and where, which fields there are, of what type and required, and how lists
//! and maps are shared. They do not say what admission or validation in code refuses.

use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use serde_json::{Map, Value};

use crate::openapi::{GroupVersionKind, Models};
use crate::resource::Resource;

static PACKED: &[u8] = include_bytes!("../schemas/kubernetes.json.gz");

/// The form of the file that this code reads.
const FORMAT: u64 = 1;

/// The file, unpacked once. A test reads all of it, so that a broken file does not get into a release.
static UNPACKED: LazyLock<Value> = LazyLock::new(|| {
    let mut text = String::new();
    let read = GzDecoder::new(PACKED).read_to_string(&mut text);
    let content: Value = read
        .ok()
        .and_then(|_| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    if content["format"] == FORMAT {
        content
    } else {
        Value::Null
    }
});

/// One minor of Kubernetes.
#[derive(Debug, Clone, Copy)]
pub struct Minor {
    content: &'static Value,
}

/// The minors that are known, such as `1.36`, oldest first.
#[must_use]
pub fn minors() -> Vec<&'static str> {
    UNPACKED["minors"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect()
}

/// A minor by its name.
#[must_use]
pub fn minor(name: &str) -> Option<Minor> {
    UNPACKED["minors"]
        .get(name)
        .map(|content| Minor { content })
}

impl Minor {
    /// The patch release whose documents were taken, such as `1.36.4`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.content["version"].as_str().unwrap_or_default()
    }

    /// Its models.
    #[must_use]
    pub fn models(&self) -> Models {
        let numbers = self.content["models"].as_object().into_iter().flatten();
        numbers
            .filter_map(|(name, number)| {
                let number = usize::try_from(number.as_u64()?).ok()?;
                Some((name.clone(), UNPACKED["models"].get(number)?.clone()))
            })
            .collect()
    }

    /// The kinds that it serves, by group, version and plural.
    #[must_use]
    pub fn resources(&self) -> Vec<Resource> {
        self.content["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .map(resource)
            .collect()
    }
}

fn resource(content: &Value) -> Resource {
    let text = |key: &str| content[key].as_str().unwrap_or_default().to_owned();
    let subresources = content["subresources"].as_array().into_iter().flatten();
    Resource {
        kind: GroupVersionKind {
            group: text("group"),
            version: text("version"),
            kind: text("kind"),
        },
        plural: text("plural"),
        namespaced: content["namespaced"] == true,
        subresources: subresources
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Relationship, TypeRef};

    #[test]
    fn every_minor_is_whole() {
        assert!(!minors().is_empty());
        for name in minors() {
            let minor = minor(name).unwrap();
            assert!(minor.version().starts_with(&format!("{name}.")));
            let (models, resources) = (minor.models(), minor.resources());
            let (kinds, schema) = (models.kinds(), models.schema(false).unwrap());
            assert!(resources.len() > 60, "{name}: {}", resources.len());
            for resource in &resources {
                let model = kinds
                    .get(&resource.kind)
                    .unwrap_or_else(|| panic!("{name}: {:?}", resource.kind));
                assert!(schema.contains(model));
            }
            for name in schema.names() {
                let atom = schema.resolve(&TypeRef::named(name)).unwrap();
                for field in atom.map.iter().flat_map(|map| map.fields.values()) {
                    schema.resolve(&field.type_ref).unwrap();
                }
            }
        }
    }

    #[test]
    fn deployments_are_where_they_are() {
        let newest = minor(minors().last().unwrap()).unwrap();
        let resources = newest.resources();
        let resource = resources
            .iter()
            .find(|resource| resource.plural == "deployments")
            .unwrap();
        assert_eq!(resource.kind, GroupVersionKind::of("apps/v1", "Deployment"));
        assert!(resource.namespaced);
        assert_eq!(resource.subresources, ["scale", "status"]);
        assert!(
            !resources
                .iter()
                .find(|resource| resource.plural == "nodes")
                .unwrap()
                .namespaced
        );
    }

    #[test]
    fn ports_are_known_by_number_and_protocol() {
        let schema = minor(minors().last().unwrap())
            .unwrap()
            .models()
            .schema(false)
            .unwrap();
        let spec = schema
            .resolve(&TypeRef::named("io.k8s.api.core.v1.ServiceSpec"))
            .unwrap();
        let ports = schema
            .resolve(&spec.map.unwrap().field("ports").unwrap().type_ref)
            .unwrap()
            .list
            .unwrap();
        assert_eq!(ports.relationship, Relationship::Associative);
        assert_eq!(ports.keys, ["port", "protocol"]);
        let port = schema.resolve(&ports.element).unwrap().map.unwrap();
        assert_eq!(
            port.field("protocol").unwrap().default,
            Some(Value::from("TCP"))
        );
    }
}
