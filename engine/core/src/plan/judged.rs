//! Objects that are judged by what their cluster will be, before it is asked; and how sure a plan is of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_model::judge::{Judge, Outlook, Unserved, Verdict};
use strata_model::layer::LAYER_PROVIDER;
use strata_model::plan::{PlanMode, Reason};
use strata_model::provider::{Observation, ProviderConfig, ProviderErrorKind};
use strata_model::{Address, Diagnostic, Span, Value};

use super::change::{ChangeKind, InstanceChange};
use super::hosted::host_of;
use super::walk::{Planner, Site};
use crate::code;
use crate::world::Dep;

/// Who judges what is put into each host, by connection.
#[derive(Debug, Default)]
pub(super) struct Judges {
    known: BTreeMap<String, Known>,
    /// The objects that say what a host will know.
    definitions: BTreeMap<String, Vec<Value>>,
}

#[derive(Debug)]
struct Known {
    judge: Arc<dyn Judge>,
    versions: Versions,
    /// How many definitions it knows.
    definitions: usize,
}

/// The version of a host, now and when the plan is carried out.
#[derive(Debug, Default)]
struct Versions {
    host: Option<Address>,
    now: Option<String>,
    then: Option<String>,
}

impl Versions {
    /// What they are, as a sentence behind another one.
    fn words(&self) -> String {
        match (&self.host, &self.now, &self.then) {
            (Some(host), Some(now), Some(then)) if now != then => {
                format!(" {host} has version {now}, and {then} with this plan.")
            }
            (Some(host), Some(_), Some(then)) => format!(" {host} has version {then}."),
            (Some(host), None, Some(then)) => format!(" {host} will have version {then}."),
            (_, _, None) | (None, _, _) => String::new(),
        }
    }
}

/// Where an object is declared, for what is said of it.
pub(super) struct Declaration<'d> {
    pub(super) address: &'d Address,
    pub(super) span: Span,
    /// File and line, where they are not the span's.
    pub(super) place: Option<String>,
}

/// Why a data source is read during apply only.
pub(super) fn why_later(
    config: &Value,
    provider: Option<&ProviderConfig>,
    is_pending: bool,
) -> Reason {
    if config.has_unknown() || provider.is_none() {
        Reason::ArgumentsUnknown
    } else if is_pending {
        Reason::DependencyPending
    } else {
        Reason::KindPending
    }
}

impl<'a> Planner<'a> {
    /// Makes sure that the objects of a block are judged by all that is known of their host by now.
    pub(super) fn renew_judge(&mut self, site: Site<'a>) {
        if !is_judged(site) {
            return;
        }
        let provider = self.provider_config(site);
        let key = key_of(provider.as_ref());
        let definitions = self.judges.definitions.get(&key);
        let count = definitions.map_or(0, Vec::len);
        let known = self.judges.known.get(&key);
        if known.is_some_and(|known| known.definitions == count) {
            return;
        }
        let versions = provider.map_or_else(Versions::default, |provider| self.versions(&provider));
        let outlook = Outlook {
            version: versions.then.as_deref(),
            definitions: definitions.map_or(&[], Vec::as_slice),
        };
        let Some(judge) = site.provider.judge(outlook) else {
            return;
        };
        let known = Known {
            judge,
            versions,
            definitions: count,
        };
        self.judges.known.insert(key, known);
    }

    /// The version of the host that a connection leads into, by what this plan makes of it.
    fn versions(&self, provider: &ProviderConfig) -> Versions {
        let Some(host) = host_of(provider) else {
            return Versions::default();
        };
        let change = self.changes.iter().find(|change| change.address == host);
        let version = |object: Option<&Value>| {
            let name = change?.schema.host_version?;
            object?.get(name)?.as_str().map(str::to_owned)
        };
        let then = change.and_then(|change| {
            let block = self.world.block(change.dep.node, change.dep.scope)?;
            let at = usize::try_from(change.dep.instance?).ok()?;
            Some(&block.instances.get(at)?.value)
        });
        let (now, then) = (version(change.and_then(before)), version(then));
        Versions {
            now: if change.is_some_and(|change| change.kind.is_change()) {
                now
            } else {
                then.clone()
            },
            then,
            host: Some(host),
        }
    }

    /// Judges one object by what is known of its host.
    pub(super) fn judge(
        &mut self,
        site: Site<'a>,
        at: &Declaration<'_>,
        config: &Value,
    ) -> Verdict {
        if !is_judged(site) {
            return Verdict::default();
        }
        let key = key_of(self.provider_config(site).as_ref());
        if site.provider.defines(site.schema.name, config) {
            let definitions = self.judges.definitions.entry(key.clone()).or_default();
            definitions.push(config.clone());
        }
        let Some(known) = self.judges.known.get(&key) else {
            return Verdict::default();
        };
        let verdict = known.judge.judge(site.schema.name, config);
        // Where nothing is proposed, nothing can be wrong with a proposal.
        let proposes = self.input.options.mode != PlanMode::RefreshOnly;
        if let Some(unserved) = verdict.unserved.as_ref().filter(|_| proposes) {
            let found = unserved_diagnostic(unserved, &known.versions, at);
            self.diagnostics.push(found);
        }
        verdict
    }

    /// The definitions of kinds that this plan makes on a host, where a read that was tried found no such kind there:
    /// it may be one of them.
    pub(super) fn definitions_to_come(
        &self,
        site: Site<'a>,
        address: &Address,
        provider: Option<&ProviderConfig>,
    ) -> Vec<Dep> {
        let is_early = matches!(
            self.input.read.get(address),
            Some(Observation::Unreadable(error)) if error.kind == ProviderErrorKind::Propagation
        );
        if !is_judged(site) || !is_early {
            return Vec::new();
        }
        let changes = self.changes.iter().filter(|change| {
            let planned = match &change.kind {
                ChangeKind::Create { planned, .. } | ChangeKind::Replace { planned, .. } => planned,
                ChangeKind::NoOp
                | ChangeKind::Update { .. }
                | ChangeKind::Import { .. }
                | ChangeKind::Read { .. }
                | ChangeKind::Deferred => return false,
            };
            let is_here = provider.is_some() && change.provider.as_ref() == provider;
            is_here && site.provider.defines(change.schema.name, planned)
        });
        changes.map(|change| change.dep).collect()
    }

    /// Why it is not certain what a change will find, where its host was not looked at.
    pub(super) fn doubt(
        &mut self,
        site: Site<'a>,
        (address, kind): (&Address, &ChangeKind),
        basis: Option<&str>,
    ) -> Option<String> {
        if !is_judged(site) || !kind.is_change() {
            return None;
        }
        let provider = self.provider_config(site)?;
        let unseen = self.input.read.get(address).and_then(|seen| match seen {
            Observation::Unreadable(error) => Some(error.message.clone()),
            Observation::Present(_) | Observation::Absent => None,
        });
        let why = if self.is_new_host(&provider) {
            let host = host_of(&provider)?;
            format!("{host} does not exist yet")
        } else if let Some(why) = unseen {
            format!("it could not be looked at: {}", why.trim_end_matches('.'))
        } else if !self.input.options.refresh {
            "nothing was read".to_owned()
        } else {
            return None;
        };
        Some(match basis {
            Some(basis) => format!("judged by {basis}: {why}"),
            None => format!("not judged, because nothing known here describes its kind: {why}"),
        })
    }
}

/// Whether what a block declares goes by the host that it is put into.
fn is_judged(site: Site<'_>) -> bool {
    *site.provider.name().0 == *LAYER_PROVIDER
}

/// The host as it is now.
fn before<'c>(change: &'c InstanceChange<'_>) -> Option<&'c Value> {
    match &change.kind {
        ChangeKind::Update { before, .. } | ChangeKind::Replace { before, .. } => Some(before),
        ChangeKind::Import { object, .. } => Some(object),
        ChangeKind::NoOp
        | ChangeKind::Create { .. }
        | ChangeKind::Read { .. }
        | ChangeKind::Deferred => None,
    }
}

fn key_of(provider: Option<&ProviderConfig>) -> String {
    provider.map(ProviderConfig::key).unwrap_or_default()
}

fn unserved_diagnostic(
    unserved: &Unserved,
    versions: &Versions,
    at: &Declaration<'_>,
) -> Diagnostic {
    let place = at.place.as_ref().map(|place| format!("{place}: "));
    let detail = format!(
        "{}{}{}",
        place.unwrap_or_default(),
        unserved.message,
        versions.words()
    );
    let found = if unserved.is_certain {
        Diagnostic::error(code::NOT_SERVED, "API not served", detail)
    } else {
        Diagnostic::warning(code::PERHAPS_NOT_SERVED, "API perhaps not served", detail)
    };
    let found = found.at(at.span).about(at.address);
    match &unserved.hint {
        Some(hint) => found.hint(hint.clone()),
        None => found,
    }
}
