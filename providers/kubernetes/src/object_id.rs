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
        const NAME: usize = 3;
        let names = ["apiVersion", "kind", "namespace", "name"];
        let mut parts: [Option<String>; 4] = Default::default();
        let mut last = None;
        for part in text.split(',') {
            let named = part.split_once('=').and_then(|(name, value)| {
                let at = names.iter().position(|known| *known == name.trim())?;
                parts[at].is_none().then_some((at, value.trim()))
            });
            match (named, last) {
                (Some((_, "")), _) => {}
                (Some((at, value)), _) => {
                    parts[at] = Some(value.to_owned());
                    last = Some(at);
                }
                // A comma of the name itself.
                (None, Some(NAME)) => {
                    let name = parts[NAME].get_or_insert_default();
                    name.push(',');
                    name.push_str(part);
                }
                (None, _) => return None,
            }
        }
        let [api_version, kind, namespace, name] = parts;
        Some(ObjectId {
            kind: GroupVersionKind::of(&api_version?, &kind?),
            namespace: namespace.unwrap_or_default(),
            name: name?,
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
