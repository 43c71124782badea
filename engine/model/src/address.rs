//! Addresses: the public, stable names of resources in a project.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name of a block: `[A-Za-z_][A-Za-z0-9_-]*`.
pub type Name = Arc<str>;

/// Whether a text may name a block.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The key of an instance made by `count` or `for_each`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceKey {
    /// Of `count`.
    Index(u64),
    /// Of `for_each`.
    Text(Arc<str>),
}

impl fmt::Display for InstanceKey {
    /// Writes `[0]` or `["text"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstanceKey::Index(index) => write!(f, "[{index}]"),
            InstanceKey::Text(text) => write!(f, "[{}]", serde_json::Value::from(text.as_ref())),
        }
    }
}

/// What a scope step instantiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// A `cluster` block.
    Cluster,
    /// A `stack` block.
    Stack,
}

/// One instance of a `cluster` or `stack` block on the way to a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeStep {
    /// Which block.
    pub kind: ScopeKind,
    /// The block's label.
    pub name: Name,
    /// The instance of the block.
    pub key: Option<InstanceKey>,
}

impl fmt::Display for ScopeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ScopeKind::Cluster => "cluster",
            ScopeKind::Stack => "stack",
        };
        write!(f, "{kind}.{}", self.name)?;
        self.key.iter().try_for_each(|key| write!(f, "{key}"))
    }
}

/// The package instance in which a block stands; empty for the project itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<[ScopeStep]>);

impl Scope {
    /// The project.
    pub fn root() -> Self {
        Self::default()
    }

    /// The steps from the project inwards.
    pub fn steps(&self) -> &[ScopeStep] {
        &self.0
    }

    /// A package instance inside this one.
    pub fn join(&self, step: ScopeStep) -> Self {
        Scope(self.0.iter().cloned().chain([step]).collect())
    }

    /// The scope around this one; `None` for the project.
    pub fn parent(&self) -> Option<Scope> {
        let (_, outer) = self.0.split_last()?;
        Some(Scope(outer.into()))
    }

    /// Whether this is the project itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what `Display` wrote; the empty text is the project.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mut parser = Parser { text, at: 0 };
        let scope = parser.scope()?;
        if parser.rest().is_empty() {
            Ok(scope)
        } else {
            Err(parser.error("expected cluster.NAME or stack.NAME"))
        }
    }
}

impl From<Vec<ScopeStep>> for Scope {
    fn from(steps: Vec<ScopeStep>) -> Self {
        Scope(steps.into())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            write!(f, "{}{step}", if index == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

/// Whether an address names something that Strata manages or only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A `resource`.
    Managed,
    /// A `data` source.
    Data,
}

/// The unique name of a resource instance: `cluster.eu.aws_subnet.private["a"]`.
///
/// Without a key it names either the single instance of a block or the whole block; which of the two is the caller's
/// to know. Addresses sort by scope, then type, name and key (indices as numbers).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The package instance around the resource.
    pub scope: Scope,
    /// Managed, or read only.
    pub mode: Mode,
    /// The resource type.
    pub resource_type: Name,
    /// The block's name.
    pub name: Name,
    /// The instance of the block.
    pub key: Option<InstanceKey>,
}

impl Address {
    /// The address of a managed resource of the project itself, without a key.
    pub fn resource(resource_type: impl Into<Name>, name: impl Into<Name>) -> Self {
        Address {
            scope: Scope::root(),
            mode: Mode::Managed,
            resource_type: resource_type.into(),
            name: name.into(),
            key: None,
        }
    }

    /// The same resource's instance with another key.
    pub fn with_key(&self, key: Option<InstanceKey>) -> Self {
        Address {
            key,
            ..self.clone()
        }
    }

    /// The whole block's address.
    pub fn block(&self) -> Self {
        self.with_key(None)
    }

    /// Reads an address as it was printed: reading and printing are inverse to each other.
    ///
    /// # Errors
    ///
    /// Says at which byte the text stops being an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mut parser = Parser { text, at: 0 };
        let address = parser.address()?;
        if !parser.rest().is_empty() {
            return Err(parser.error("expected the end of the address"));
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scope.is_root() {
            write!(f, "{}.", self.scope)?;
        }
        if self.mode == Mode::Data {
            f.write_str("data.")?;
        }
        write!(f, "{}.{}", self.resource_type, self.name)?;
        self.key.iter().try_for_each(|key| write!(f, "{key}"))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Address::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an address: {expected} at column {column}")]
pub struct AddressError {
    /// The text.
    pub text: String,
    /// What should have stood there.
    pub expected: &'static str,
    /// Where, in bytes from 1.
    pub column: usize,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, expected: &'static str) -> AddressError {
        AddressError {
            text: self.text.to_owned(),
            expected,
            column: self.at + 1,
        }
    }

    fn eat(&mut self, literal: &str) -> bool {
        let found = self.rest().starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    fn name(&mut self) -> Result<Name, AddressError> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(rest.len());
        if !is_name(&rest[..end]) {
            return Err(self.error("expected a name"));
        }
        self.at += end;
        Ok(rest[..end].into())
    }

    fn key(&mut self) -> Result<Option<InstanceKey>, AddressError> {
        let start = self.at;
        if !self.eat("[") {
            return Ok(None);
        }
        let key = if self.rest().starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            let Some(Ok(text)) = stream.next() else {
                return Err(self.error("expected a quoted key"));
            };
            self.at += stream.byte_offset();
            InstanceKey::Text(text.into())
        } else {
            let digits = self.rest().find(']').map_or("", |end| &self.rest()[..end]);
            let canonical = digits == "0" || !digits.starts_with('0');
            let Some(index) = digits
                .parse()
                .ok()
                .filter(|_| canonical && !digits.starts_with('+'))
            else {
                return Err(self.error("expected a number or a quoted key"));
            };
            self.at += digits.len();
            InstanceKey::Index(index)
        };
        if !self.eat("]") {
            self.at = start;
            return Err(self.error("expected a closed [key]"));
        }
        Ok(Some(key))
    }

    fn scope(&mut self) -> Result<Scope, AddressError> {
        let mut steps = Vec::new();
        loop {
            let start = self.at;
            if !steps.is_empty() && !self.eat(".") {
                break;
            }
            let kind = if self.eat("cluster.") {
                ScopeKind::Cluster
            } else if self.eat("stack.") {
                ScopeKind::Stack
            } else {
                self.at = start;
                break;
            };
            let name = self.name()?;
            steps.push(ScopeStep {
                kind,
                name,
                key: self.key()?,
            });
        }
        Ok(steps.into())
    }

    fn address(&mut self) -> Result<Address, AddressError> {
        let scope = self.scope()?;
        if !scope.is_root() && !self.eat(".") {
            return Err(self.error("expected .TYPE.NAME"));
        }
        let mode = if self.eat("data.") {
            Mode::Data
        } else {
            Mode::Managed
        };
        let resource_type = self.name()?;
        if !self.eat(".") {
            return Err(self.error("expected .NAME"));
        }
        let name = self.name()?;
        Ok(Address {
            scope,
            mode,
            resource_type,
            name,
            key: self.key()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for text in [
            "aws_vpc.main",
            "aws_subnet.private[0]",
            r#"aws_subnet.private["eu-west-1a"]"#,
            r#"cluster.eu["x"].stack.net[3].data.aws_ami.node["a\"b]"]"#,
            "cluster.cluster.strata_data.x",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_says_where() {
        let check = |text: &str, column: usize| {
            assert_eq!(
                Address::parse(text).map_err(|error| error.column),
                Err(column),
                "{text}"
            );
        };
        check("", 1);
        check("aws_vpc", 8);
        check("aws_vpc.", 9);
        check("aws_vpc.main[", 14);
        check("aws_vpc.main[01]", 14);
        check("aws_vpc.main.id", 13);
        check("cluster.eu", 11);
        check("aws_vpc.1", 9);
    }
}
