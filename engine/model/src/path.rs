//! Paths to values inside an object.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// An attribute of an object.
    Attribute(Arc<str>),
    /// An element of a map.
    Key(Arc<str>),
    /// An element of a list or tuple, or of a set in its canonical order.
    Index(usize),
}

/// A path from an object to one of its leaves; the empty path is the object itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributePath(Vec<PathStep>);

impl AttributePath {
    /// The path of the object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of a top-level attribute.
    pub fn attribute(name: impl Into<Arc<str>>) -> Self {
        Self(vec![PathStep::Attribute(name.into())])
    }

    /// The steps in order.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// This path with one more step.
    pub fn join(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The name of the top-level attribute, when the path has one.
    pub fn top(&self) -> Option<&str> {
        match self.0.first() {
            Some(PathStep::Attribute(name) | PathStep::Key(name)) => Some(name),
            Some(PathStep::Index(_)) | None => None,
        }
    }

    /// Whether `self` is `other` or an ancestor of it.
    pub fn contains(&self, other: &AttributePath) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Reads what `Display` wrote; `None` where it is not a path.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                if inner.starts_with('"') {
                    let mut stream =
                        serde_json::Deserializer::from_str(inner).into_iter::<String>();
                    let key = stream.next()?.ok()?;
                    rest = inner[stream.byte_offset()..].strip_prefix(']')?;
                    steps.push(PathStep::Key(key.into()));
                } else {
                    let (index, after) = inner.split_once(']')?;
                    steps.push(PathStep::Index(index.parse().ok()?));
                    rest = after;
                }
            } else {
                let body = if steps.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.')?
                };
                let end = body.find(['.', '[']).unwrap_or(body.len());
                if end == 0 {
                    return None;
                }
                steps.push(PathStep::Attribute(body[..end].into()));
                rest = &body[end..];
            }
        }
        Some(Self(steps))
    }
}

impl From<Vec<PathStep>> for AttributePath {
    fn from(steps: Vec<PathStep>) -> Self {
        Self(steps)
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Attribute(name) if position == 0 => f.write_str(name)?,
                PathStep::Attribute(name) => write!(f, ".{name}")?,
                PathStep::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_ref()))?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for AttributePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttributePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("'{text}' is not an attribute path")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["", "a", "a.b", "a[0].b", r#"tags["x]\"y"].z[3]"#] {
            let path = AttributePath::parse(text).unwrap();
            assert_eq!(path.to_string(), text);
        }
        for text in [".", "a.", "a[", "a[x]", "a[\"b\"", "a..b"] {
            assert_eq!(AttributePath::parse(text), None, "{text}");
        }
    }
}
