//! Where the objects of a kind are.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::openapi::GroupVersionKind;
use crate::path::Path;
use crate::set::FieldSet;

/// What would end a segment of a path, or not be one: names of some kinds may have it.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// Where the objects of a kind are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The kind.
    pub kind: GroupVersionKind,
    /// Its name in paths, such as `deployments`.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be written apart from the object, such as `status` and `scale`; in order.
    pub subresources: Vec<String>,
}

impl Resource {
    /// The path of the API in which its objects are, or of one object where a name is given. The namespace is left
    /// out of the path where the kind has none.
    #[must_use]
    pub fn path(&self, namespace: &str, name: Option<&str>) -> String {
        let prefix = if self.kind.group.is_empty() {
            "/api"
        } else {
            "/apis"
        };
        let mut path = format!("{prefix}/{}", self.kind.api_version());
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            path.extend(utf8_percent_encode(namespace, SEGMENT));
        }
        path.push('/');
        path.push_str(&self.plural);
        if let Some(name) = name {
            path.push('/');
            path.extend(utf8_percent_encode(name, SEGMENT));
        }
        path
    }

    /// The fields that a write of the object cannot set: the status, where it is written apart.
    #[must_use]
    pub fn reset_fields(&self) -> FieldSet {
        let status = self
            .subresources
            .iter()
            .any(|subresource| subresource == "status");
        status
            .then(|| Path::of_fields(&["status"]))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(api_version: &str, plural: &str, namespaced: bool) -> Resource {
        Resource {
            kind: GroupVersionKind::of(api_version, "Any"),
            plural: plural.to_owned(),
            namespaced,
            subresources: vec!["scale".to_owned(), "status".to_owned()],
        }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let deployments = resource("apps/v1", "deployments", true);
        assert_eq!(
            deployments.path("ns", Some("web")),
            "/apis/apps/v1/namespaces/ns/deployments/web"
        );
        assert_eq!(deployments.path("", None), "/apis/apps/v1/deployments");
        assert_eq!(
            resource("v1", "nodes", false).path("ns", Some("n")),
            "/api/v1/nodes/n"
        );
        let roles = resource("rbac.authorization.k8s.io/v1", "clusterroles", false);
        assert_eq!(
            roles.path("", Some("system:a b#c?d")),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b%23c%3Fd"
        );
    }

    #[test]
    fn a_status_that_is_written_apart_is_nobodys() {
        let mut resource = resource("v1", "nodes", false);
        assert!(
            resource
                .reset_fields()
                .contains(Path::of_fields(&["status"]).elements())
        );
        resource.subresources.clear();
        assert!(resource.reset_fields().is_empty());
    }
}
