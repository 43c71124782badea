//! What evaluation asks its caller for.

use std::fmt;
use std::sync::Arc;

use strata_model::{AttributePath, Diagnostic, InstanceKey, Name, Span, Value};

use crate::codes;
use crate::expression::Reference;

/// Gives names their values. The planner, the executor and the console each have one.
pub trait Scope {
    /// The value of a reference.
    ///
    /// For a resource, stack or cluster with `count` or `for_each`, `instance` is the key that directly follows in the
    /// expression, where it is known; then the value is that one instance's, and no other instance is touched.
    /// Without it the value is the whole collection: a tuple for `count`, an object by key for `for_each`.
    ///
    /// The attribute that follows a stack or cluster is given in `attribute`, so that a reference to one output
    /// touches that output only; the value is then an object that holds at least this attribute.
    ///
    /// # Errors
    ///
    /// A diagnostic with `request.span` as its place; evaluation goes on with an unknown in its stead.
    fn resolve(&self, request: ResolveRequest<'_>) -> Result<Value, Box<Diagnostic>>;

    /// The value of a bare name that is no reference: only the console's `-scope` has such names.
    fn bare(&self, _name: &str) -> Option<Value> {
        None
    }

    /// The value of a secret reference `{ from = "env", key = "TOKEN" }` that stands where a schema says secret.
    ///
    /// A planner answers with an unknown text and keeps the reference; only what runs at apply looks the secret up.
    /// Whatever comes back is marked secret by the caller.
    ///
    /// # Errors
    ///
    /// A diagnostic with `request.span` as its place. Without an implementation secret references are refused.
    fn secret(&self, request: SecretRequest<'_>) -> Result<Value, Box<Diagnostic>> {
        Err(Box::new(
            codes::SECRET_REFERENCE
                .error("Secret references cannot be used here: nothing would look the secret up.")
                .at(request.span),
        ))
    }
}

/// Where a referenced secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretSource {
    /// An environment variable of the process that applies.
    Environment,
    /// A file of the machine that applies.
    File,
}

impl SecretSource {
    /// The source that `from` names.
    pub fn parse(from: &str) -> Option<Self> {
        match from {
            "env" => Some(SecretSource::Environment),
            "file" => Some(SecretSource::File),
            _ => None,
        }
    }
}

/// A secret reference to look up.
#[derive(Debug, Clone, Copy)]
pub struct SecretRequest<'a> {
    /// `from`
    pub source: SecretSource,
    /// `key`: the variable's name or the file's path.
    pub key: &'a str,
    /// The argument's path in its block.
    pub path: &'a AttributePath,
    /// Where the reference stands.
    pub span: Span,
}

/// A reference to resolve.
#[derive(Debug, Clone, Copy)]
pub struct ResolveRequest<'a> {
    /// What is named.
    pub reference: &'a Reference,
    /// The key that directly follows.
    pub instance: Option<&'a InstanceKey>,
    /// The attribute that follows (behind the key, where there is one).
    pub attribute: Option<&'a Name>,
    /// Where the reference stands.
    pub span: Span,
}

/// The files of a package, for functions that read files. Paths are relative to the package's root, with `/`.
pub trait SourceTree: fmt::Debug + Send + Sync {
    /// A file's bytes; every file that was read belongs to the plan's definition snapshot.
    ///
    /// # Errors
    ///
    /// A sentence that says why the file cannot be read; a path that leaves the package is one.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;

    /// Whether there is a regular file at the path.
    fn exists(&self, path: &str) -> Result<bool, String>;

    /// All files below a directory, sorted; `.` is the package's root.
    fn list(&self, directory: &str) -> Result<Vec<String>, String>;

    /// Where a path of the package is, as people find it.
    fn place_of(&self, path: &str) -> String {
        path.to_owned()
    }
}
