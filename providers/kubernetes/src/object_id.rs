//! What tells objects of a cluster apart.

use std::fmt;

use strata_kubernetes_merge::openapi::GroupVersionKind;
use strata_model::Value;

/// An object's kind, namespace and name. As text it is `apiVersion=apps/v1,kind=Deployment,namespace=shop,name=web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) kind: GroupVersionKind,
    /// Empty for objects that live in none.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "apiVersion={},kind={}",
            self.kind.api_version(),
            self.kind.kind
        )?;
        if !self.namespace.is_empty() {
            write!(f, ",namespace={}", self.namespace)?;
        }
        write!(f, ",name={}", self.name)
    }
}

impl ObjectId {
    /// The object that a manifest describes; `None` while its identity is not known.
    pub(crate) fn of(manifest: &Value) -> Option<Self> {
        let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
        let metadata = manifest.get("metadata")?;
        let namespace = match metadata.get("namespace") {
            Some(namespace) if namespace.is_unknown() => return None,
            Some(namespace) => namespace.as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        };
        Some(ObjectId {
            kind: GroupVersionKind::of(&text(manifest, "apiVersion")?, &text(manifest, "kind")?),
            namespace,
            name: text(metadata, "name")?,
        })
    }

    /// Reads what `Display` wrote; the parts may come in any order.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = [None, None, None, None];
        let names = ["apiVersion", "kind", "namespace", "name"];
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (name, value) = text.split_once('=')?;
            let at = names.iter().position(|known| *known == name.trim())?;
            // A name may have a comma in it: what comes behind one is a part only if it begins like one.
            let mut commas = value.match_indices(',').map(|(comma, _)| comma);
            let end = commas.find(|comma| {
                let next = value[comma + 1..].split_once('=');
                next.is_some_and(|(next, _)| names[..3].contains(&next.trim()) || at < 3)
            });
            let (value, next) = match end {
                Some(end) => (&value[..end], Some(&value[end + 1..])),
                None => (value, None),
            };
            parts[at] = Some(value.trim()).filter(|value| !value.is_empty());
            rest = next;
        }
        let [api_version, kind, namespace, name] = parts;
        Some(ObjectId {
            kind: GroupVersionKind::of(api_version?, kind?),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: name?.to_owned(),
        })
    }

    /// Whether two ids name one object, in whichever version of its group.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (
            &self.kind.group,
            &self.kind.kind,
            &self.namespace,
            &self.name,
        ) == (
            &other.kind.group,
            &other.kind.kind,
            &other.namespace,
            &other.name,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for text in [
            "apiVersion=apps/v1,kind=Deployment,namespace=shop,name=web",
            "apiVersion=v1,kind=Namespace,name=shop",
            "apiVersion=rbac.authorization.k8s.io/v1,kind=ClusterRole,name=x,name=amb",
            "apiVersion=rbac.authorization.k8s.io/v1,kind=ClusterRole,name=a,b=c d#e",
        ] {
            assert_eq!(ObjectId::parse(text).unwrap().to_string(), text);
        }
        let other =
            ObjectId::parse("name=web, kind=Deployment, apiVersion=apps/v1, namespace=shop");
        assert_eq!(other.unwrap().namespace, "shop");
        for text in [
            "",
            "web",
            "kind=Pod,name=a",
            "apiVersion=v1,kind=Pod,name=",
            "x=y",
        ] {
            assert!(ObjectId::parse(text).is_none(), "{text}");
        }
    }
}
