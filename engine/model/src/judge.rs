//! Judging objects by what their host will be, before it can be asked.

use std::fmt;
use std::sync::Arc;

use crate::provider::ArgumentFault;
use crate::value::Value;

/// What a plan knows of a host before it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outlook<'a> {
    /// The version that it will have when the plan is carried out; `None` where that is not known.
    pub version: Option<&'a str>,
    /// The arguments of objects of the plan that say what else it will know
    /// ([`crate::provider::Provider::defines`]).
    pub definitions: &'a [Value],
}

/// Judges objects that are put into one host. Pure: the same arguments get the same verdict.
pub trait Judge: fmt::Debug + Send + Sync {
    /// Judges the arguments of an object. What is unknown in them is not judged.
    fn judge(&self, resource_type: &str, config: &Value) -> Verdict;
}

/// What is known of an object before its host is asked.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What the host would refuse.
    pub faults: Vec<ArgumentFault>,
    /// That the host takes no such object at all.
    pub unserved: Option<Unserved>,
    /// By what it was judged, such as `the schema of Kubernetes 1.35`; `None` where nothing that is known describes it.
    pub basis: Option<Arc<str>>,
}

/// A kind of objects that a host does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// Which, as a sentence.
    pub message: String,
    /// What to write instead, where something definite can be said.
    pub hint: Option<String>,
    /// Whether that is certain: the version of the host is known.
    pub is_certain: bool,
}
