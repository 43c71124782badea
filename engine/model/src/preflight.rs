//! What is looked at before anything is changed: what a plan would do, and whether a run can succeed at all.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::address::Address;
use crate::diagnostic::Severity;
use crate::provider::Operation;
use crate::value::Value;

/// A change that a run is about to make.
#[derive(Debug, Clone)]
pub struct Intended<'a> {
    /// Which object.
    pub address: &'a Address,
    /// What happens to it.
    pub operation: Operation,
    /// The object before, as the plan has it; `None` for a create.
    pub prior: Option<Value>,
    /// The object after, unknown where only apply can tell; `None` for a delete.
    pub planned: Option<Value>,
    /// By which other connection of the same provider; `None` for the one that is asked.
    pub elsewhere: Option<Elsewhere>,
}

/// Another connection of the same provider than the one that is asked, by a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere(pub usize);

/// An object that a run leaves as it is.
#[derive(Debug, Clone)]
pub struct Standing<'a> {
    /// The resource type.
    pub resource_type: &'a str,
    /// The object: as it was seen before people decide about a plan, as it is recorded before a run.
    pub object: Value,
    /// Under which address it is recorded or imported; `None` for one of which the project knows nothing.
    pub address: Option<&'a Address>,
    /// Which other connection of the same provider reaches it; `None` for the one that is asked.
    pub elsewhere: Option<Elsewhere>,
}

/// A planned change of one object that is looked at before people decide about the plan.
#[derive(Debug, Clone, Copy)]
pub struct Examined<'a> {
    /// The resource type.
    pub resource_type: &'a str,
    /// The object's id.
    pub id: &'a str,
    /// What happens to it.
    pub operation: Operation,
    /// The object after, unknown where only apply can tell; `None` for a delete.
    pub planned: Option<&'a Value>,
    /// The ids of what the plan deletes in the same system.
    pub going: &'a [&'a str],
    /// The ids of what it makes there.
    pub coming: &'a [&'a str],
}

/// All that a run is about to change by one connection.
#[derive(Debug, Clone, Default)]
pub struct Preflight<'a> {
    /// The changes, in the order of the plan.
    pub changes: Vec<Intended<'a>>,
    /// For each node of the graph those that have to be done before; the changes are its first nodes, and those that
    /// are made elsewhere the next.
    pub after: Vec<Vec<usize>>,
    /// What stays as it is, of the types that the provider names ([`Provider::considers`]), by whichever of its
    /// connections. Before people decide that is what was seen; what nobody looked at is left to the look before a run.
    ///
    /// [`Provider::considers`]: crate::provider::Provider::considers
    pub standing: Vec<Standing<'a>>,
    /// The changes that the run makes by other connections of the same provider.
    pub elsewhere: Vec<Intended<'a>>,
    /// How long it takes at least until the last of the changes is done, in the cloud's time.
    pub takes: Duration,
}

impl Preflight<'_> {
    /// All changes: those of the connection, then those that are made elsewhere. They are the first nodes of the graph.
    pub fn all(&self) -> impl Iterator<Item = &Intended<'_>> {
        self.changes.iter().chain(&self.elsewhere)
    }

    /// The changes that have to be done before one of them, directly or by way of others, in the order of the nodes.
    pub fn before(&self, change: usize) -> impl Iterator<Item = &Intended<'_>> {
        let found = self.nodes_before(change).into_iter();
        found.filter_map(|node| self.all().nth(node))
    }

    /// The nodes of the graph that come before a change: those below the number of changes are changes.
    pub fn nodes_before(&self, change: usize) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut open = vec![change];
        while let Some(node) = open.pop() {
            let needs = self.after.get(node).into_iter().flatten();
            open.extend(needs.filter(|need| seen.insert(**need)));
        }
        seen.remove(&change);
        seen
    }
}

/// The kinds of what a look before a run finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// A quota does not suffice.
    Quota,
    /// What is asked for does not exist where it is asked for.
    NotOffered,
    /// The credentials end before the run is expected to.
    Credentials,
    /// The system will not take the change.
    Refused,
    /// More goes with an object than the plan says.
    GoesWithIt,
}

impl FindingKind {
    /// The fixed words of its diagnostic.
    pub fn summary(self) -> &'static str {
        match self {
            FindingKind::Quota => "Quota too small",
            FindingKind::NotOffered => "Not offered",
            FindingKind::Credentials => "Credentials end too early",
            FindingKind::Refused => "Change refused",
            FindingKind::GoesWithIt => "More goes with it",
        }
    }
}

/// What a look before a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of an error nothing may be changed; a warning is only said.
    pub severity: Severity,
    /// Which kind.
    pub kind: FindingKind,
    /// Which of [`Preflight::changes`] it is about, or behind them of [`Preflight::elsewhere`]; `None` where it is about
    /// all of them.
    pub change: Option<usize>,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to do, such as which quota to raise.
    pub hint: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before() {
        let addresses = ["a.one", "a.two", "a.three"].map(|text| Address::parse(text).unwrap());
        let change = |address| Intended {
            address,
            operation: Operation::Create,
            prior: None,
            planned: None,
            elsewhere: None,
        };
        // The third waits for a point that waits for the first.
        let preflight = Preflight {
            changes: addresses.iter().map(change).collect(),
            after: vec![vec![], vec![], vec![3], vec![0]],
            ..Preflight::default()
        };
        let before = |node| {
            let names = preflight.before(node);
            names
                .map(|change| change.address.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(before(2), ["a.one"]);
        assert!(before(0).is_empty() && before(9).is_empty());
    }
}
