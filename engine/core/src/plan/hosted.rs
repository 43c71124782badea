//! Objects that live in another object of the plan: in a cluster. What becomes of them when it is new, goes, or cannot
//! be reached; and objects that are there already when they are to be made.

use std::collections::BTreeMap;

use strata_model::layer::{LAYER_PROVIDER, LAYER_TYPE};
use strata_model::plan::{PlanMode, Reason};
use strata_model::provider::{
    Observation, ProviderConfig, ProviderError, ProviderErrorKind, ProviderName, ReadPurpose,
};
use strata_model::state::{RowKey, RowStatus, StateRow};
use strata_model::{Address, Diagnostic, Diagnostics, Value};

use super::ReadNeed;
use super::change::{ChangeKind, Decided, InstanceChange, unreadable};
use super::walk::{Planner, Site};
use crate::code;
use crate::world::Dep;

/// What a connection's configuration says of the cluster that it leads into: the address of the cluster.
const CLUSTER: &str = "cluster";

/// The object that what is reached by a configuration lives in; `None` for what lives on its own.
pub fn host_of(provider: &ProviderConfig) -> Option<Address> {
    if *provider.provider.0 != *LAYER_PROVIDER {
        return None;
    }
    Address::parse(provider.text(CLUSTER)?).ok()
}

/// The configuration of the connection into a cluster.
pub fn into_host(host: &Address) -> ProviderConfig {
    ProviderConfig {
        provider: ProviderName(LAYER_PROVIDER.into()),
        values: [(CLUSTER.into(), host.to_string().into())].into(),
    }
}

/// A host that could not be reached.
#[derive(Debug)]
pub(super) struct Unreached {
    host: String,
    error: ProviderError,
    count: usize,
}

/// The hosts that could not be reached, by connection.
pub(super) type UnreachedHosts = BTreeMap<String, Unreached>;

/// Takes note of an object in a host that cannot be reached.
pub(super) fn note_unreached(
    hosts: &mut UnreachedHosts,
    provider: &ProviderConfig,
    error: &ProviderError,
) {
    let host = || match host_of(provider) {
        Some(address) => address.to_string(),
        None => format!("The system of the provider {}", provider.provider),
    };
    let entry = hosts.entry(provider.key()).or_insert_with(|| Unreached {
        host: host(),
        error: error.clone(),
        count: 0,
    });
    entry.count += 1;
}

/// How many objects are put off with their hosts.
pub(super) fn put_off_in(hosts: &UnreachedHosts) -> usize {
    hosts.values().map(|host| host.count).sum()
}

/// Says which hosts could not be reached.
pub(super) fn unreached(hosts: &UnreachedHosts) -> impl Iterator<Item = Diagnostic> {
    hosts.values().map(|unreached| {
        let objects = match unreached.count {
            1 => "The one object in it is put off".to_owned(),
            count => format!("The {count} objects in it are put off"),
        };
        let detail = format!(
            "{} cannot be reached: {} {objects}: nothing is planned for what cannot be looked at, and what is recorded stays.",
            unreached.host,
            sentence(&unreached.error.message)
        );
        let diagnostic = Diagnostic::warning(code::UNREACHABLE, "Cluster not reachable", detail);
        match &unreached.error.hint {
            Some(hint) => diagnostic.hint(hint.clone()),
            None => diagnostic.hint("Plan again when it can be reached."),
        }
    })
}

/// Recorded objects that cannot be looked at because of their connection, by connection.
pub(super) type Silent = BTreeMap<String, SilentConnection>;

/// A connection behind which nothing can be looked at.
#[derive(Debug)]
pub(super) struct SilentConnection {
    first: RowKey,
    error: ProviderError,
    count: usize,
}

/// Takes note of a recorded object that cannot be looked at; `false` where that is not because of its connection.
pub(super) fn note_silent(silent: &mut Silent, row: &StateRow, error: &ProviderError) -> bool {
    let of_connection = error.of_connection
        || matches!(
            error.kind,
            ProviderErrorKind::Unreachable | ProviderErrorKind::Credentials
        );
    if of_connection {
        let entry = silent.entry(row.provider.key());
        let entry = entry.or_insert_with(|| SilentConnection {
            first: row.key.clone(),
            error: error.clone(),
            count: 0,
        });
        entry.count += 1;
    }
    of_connection
}

/// Says of each connection what cannot be looked at behind it, unless that has been said where it is configured.
pub(super) fn silent(connections: &Silent, said: &Diagnostics) -> Vec<Diagnostic> {
    let is_said = |error: &ProviderError| {
        let end = sentence(&error.message);
        let mut said = said.iter();
        said.any(|other| other.code == code::UNREADABLE && other.detail.ends_with(&end))
    };
    let open = connections.values().filter(|found| !is_said(&found.error));
    let told = open.map(|found| {
        let (first, message) = (&found.first, &found.error.message);
        let mut diagnostic = unreadable(first, &found.error);
        if found.count > 1 {
            diagnostic.detail = format!(
                "{first} and {} more behind the same connection could not be read: {}",
                found.count - 1,
                sentence(message)
            );
        }
        diagnostic
    });
    told.collect()
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// Whether an observation says that the host cannot be reached.
pub(super) fn unreachable(observation: Option<&Observation>) -> Option<&ProviderError> {
    match observation {
        Some(Observation::Unreadable(error)) if error.kind == ProviderErrorKind::Unreachable => {
            Some(error)
        }
        Some(Observation::Present(_) | Observation::Absent | Observation::Unreadable(_)) | None => {
            None
        }
    }
}

/// Whether a connection cannot be made as it is configured: no later run would do better.
fn is_misconfigured(error: &ProviderError) -> bool {
    matches!(
        error.kind,
        ProviderErrorKind::Invalid | ProviderErrorKind::Credentials
    )
}

/// What looking at an object came to that is to be made.
pub(super) enum Found {
    /// It is to be made.
    Nothing,
    /// It cannot be planned now: it is still to be read, or something is wrong.
    Open,
    /// It is decided.
    Decided(Box<Decided>),
}

impl<'a> Planner<'a> {
    /// Whether the host of a connection goes with this plan, or is made anew.
    pub(super) fn host_goes(&self, provider: &ProviderConfig) -> bool {
        let Some(host) = host_of(provider) else {
            return false;
        };
        let host = RowKey::current(host);
        // What was recorded under an address may have been moved to another one.
        let is_recorded =
            |change: &&InstanceChange<'_>| change.row.is_some_and(|(key, _)| *key == host);
        let mut changes = self.changes.iter();
        if let Some(change) = changes.find(is_recorded) {
            return change.kind.is_beginning();
        }
        self.input.snapshot.rows.contains_key(&host)
    }

    /// Whether two connections lead to one cluster, also where that is moved to another address.
    pub(super) fn is_one_host(&self, new: &ProviderConfig, recorded: &ProviderConfig) -> bool {
        let (Some(new), Some(recorded)) = (host_of(new), host_of(recorded)) else {
            return new == recorded;
        };
        let moved = || {
            let row = self.row(&RowKey::current(new.clone()));
            row.is_some_and(|(key, _)| key.address == recorded)
        };
        new == recorded || moved()
    }

    /// What becomes of an object that cannot be looked at because its host cannot be reached.
    pub(super) fn put_off(
        &mut self,
        site: Site<'a>,
        provider: &ProviderConfig,
        error: &ProviderError,
    ) -> Decided {
        note_unreached(&mut self.unreached, provider, error);
        let nothing_known = Value::unknown(site.schema.schema.object_type().clone());
        (ChangeKind::Deferred, nothing_known, None)
    }

    /// Whether a dependency, or any instance of the block that it names, is put off or waits for what is.
    pub(super) fn is_put_off(&self, dep: &Dep) -> bool {
        if !self.put_off.contains(&(dep.node, dep.scope)) {
            return false;
        }
        let mut changes = self.changes[self.changes_of(dep)].iter();
        dep.instance.is_none() || changes.any(|change| change.put_off)
    }

    /// What would change and waits for what is put off, as a warning.
    pub(super) fn warn_of_waiting(&self, waiting: &[&Address]) -> Option<Diagnostic> {
        let (first, rest) = waiting.split_first()?;
        let (what, they) = match rest.len() {
            0 => (first.to_string(), "it is"),
            1 => (format!("{first} and {}", rest[0]), "they are"),
            more => (format!("{first} and {more} others"), "they are"),
        };
        let verb = if rest.is_empty() { "waits" } else { "wait" };
        let detail = format!(
            "{what} would change and {verb} for objects in clusters that cannot be reached, so that {they} put off with them."
        );
        let diagnostic = Diagnostic::warning(code::WAITS, "Put off", detail).about(first);
        Some(diagnostic.hint("Plan again when the clusters can be reached."))
    }

    /// Looks at an object that is to be made, where its id is known: what is there is taken over.
    pub(super) fn adopt(&mut self, site: Site<'a>, address: &Address, config: &Value) -> Found {
        let refresh = self.input.options.refresh;
        let looks = !self.input.validate_only && self.input.options.mode == PlanMode::Normal;
        let Some(provider) = self.provider_config(site).filter(|_| looks) else {
            return Found::Nothing;
        };
        let id = match site.provider.id_of(site.schema.name, config) {
            Some(id) if refresh => id,
            None if refresh => return self.beside_unreached(site, address, &provider),
            Some(id) => return self.not_looked_for(site, address, (&id, &provider)),
            None => return Found::Nothing,
        };
        if self.is_new_host(&provider) {
            return Found::Nothing;
        }
        if site.schema.name == LAYER_TYPE && self.comes_from_another_layer(site, address) {
            // Its row is found when all layers are known.
            return Found::Nothing;
        }
        let Some(seen) = self.input.read.get(address) else {
            self.needs.push(ReadNeed {
                address: address.clone(),
                purpose: ReadPurpose::Adopt,
                id: Some(id),
                config: Some(config.clone()),
                provider,
            });
            return Found::Open;
        };
        match seen {
            Observation::Absent => Found::Nothing,
            Observation::Unreadable(error) if error.kind == ProviderErrorKind::Unreachable => {
                Found::Decided(Box::new(self.put_off(site, &provider, error)))
            }
            Observation::Unreadable(error) if is_misconfigured(error) => {
                self.unusable(site, address, error);
                Found::Open
            }
            Observation::Unreadable(error) => {
                self.not_looked_at(address, error);
                Found::Nothing
            }
            Observation::Present(object) => self.take_over(
                site,
                address,
                (object.id.clone(), &object.attributes),
                config,
            ),
        }
    }

    /// What becomes of an object that is to be made where nothing is looked for. One that is recorded under another address
    /// may be the same: it would be destroyed there, and is not made here as long as it is there.
    fn not_looked_for(
        &mut self,
        site: Site<'a>,
        address: &Address,
        (id, provider): (&str, &ProviderConfig),
    ) -> Found {
        if site.provider.identity(site.schema.name).is_none() {
            return Found::Nothing;
        }
        let rows = &self.input.snapshot.rows;
        let recorded = self.recorded_ids.get_or_insert_with(|| {
            let rows = rows.iter().filter(|(key, _)| key.deposed.is_none());
            let ids = rows.filter_map(|(key, row)| {
                let id = row.id.as_deref()?;
                Some(((row.provider.key(), id), &key.address))
            });
            ids.collect()
        });
        let other = recorded.get(&(provider.key(), id)).copied();
        // From one layer to another an object goes without a look.
        let is_of_layers = |other: &&Address| {
            site.schema.name == LAYER_TYPE && *other.resource_type == *LAYER_TYPE
        };
        let Some(other) = other.filter(|other| !is_of_layers(other)) else {
            return Found::Nothing;
        };
        let detail = format!(
            "{other} is recorded as an object of this name. Without a refresh nobody looks whether it is the same, and it would be destroyed."
        );
        self.diagnostics.push(
            Diagnostic::error(code::INVALID_STATE_CHANGE, "Import impossible", detail)
                .at(site.block.span)
                .about(address)
                .hint("Leave out -refresh=false: what is there is looked for then, and stays."),
        );
        Found::Open
    }

    /// Why an object of a block could not be looked at, where its host cannot be reached: also of those that come later.
    fn unreached_in(&self, block: &Address) -> Option<&'a ProviderError> {
        let is_own = |address: &Address| address.block() == *block;
        let read = self.input.read.range(block.clone()..);
        let read = read.take_while(|(address, _)| is_own(address));
        let recorded = RowKey::current(block.clone());
        let observed = self.input.observed.range(recorded..);
        let observed = observed.take_while(|(key, _)| is_own(&key.address));
        let mut seen = read
            .map(|(_, seen)| seen)
            .chain(observed.map(|(_, seen)| seen));
        seen.find_map(|seen| unreachable(Some(seen)))
    }

    /// What becomes of an object of a layer that cannot be looked for, such as its inventory: it is put off with the others
    /// in its host.
    fn beside_unreached(
        &mut self,
        site: Site<'a>,
        address: &Address,
        provider: &ProviderConfig,
    ) -> Found {
        let unreached = self.unreached.get(&provider.key());
        let error = unreached.map(|unreached| &unreached.error);
        let error = error
            .or_else(|| self.unreached_in(&address.block()))
            .cloned();
        match error.filter(|_| site.schema.name == LAYER_TYPE) {
            Some(error) => Found::Decided(Box::new(self.put_off(site, provider, &error))),
            None => Found::Nothing,
        }
    }

    fn take_over(
        &mut self,
        site: Site<'a>,
        address: &Address,
        (id, object): (String, &Value),
        config: &Value,
    ) -> Found {
        let provider = self.provider_config(site);
        if self.is_taken(site, address, &id, provider.as_ref()) {
            return Found::Open;
        }
        let existing = (None, object, RowStatus::Ready);
        let Some((then, value)) = self.existing(site, address, existing, config) else {
            return Found::Open;
        };
        let kind = ChangeKind::Import {
            id,
            object: object.clone(),
            then: Box::new(then),
        };
        Found::Decided(Box::new((kind, value, None)))
    }

    /// Says once that a connection cannot be made as it is configured, where that is.
    pub(super) fn unusable(&mut self, site: Site<'_>, address: &Address, error: &ProviderError) {
        let detail = format!(
            "{address} cannot be looked at: {}",
            sentence(&error.message)
        );
        let said = |other: &Diagnostic| {
            other.code == code::UNREADABLE && other.detail.ends_with(&sentence(&error.message))
        };
        if self.diagnostics.iter().any(said) {
            return;
        }
        let graph = self.world.graph;
        let connection = graph.provider_of.get(&site.node);
        let configured = connection.and_then(|provider| graph.span(*provider));
        let diagnostic = Diagnostic::error(code::UNREADABLE, "Object not readable", detail)
            .at_opt(configured.filter(|_| error.of_connection))
            .about(address);
        self.diagnostics.push(match &error.hint {
            Some(hint) => diagnostic.hint(hint.clone()),
            None => diagnostic,
        });
    }

    /// Whether nothing is to be known of a data source that could not be read, as nothing is applied of the plan: it is
    /// told of, and holds up nothing.
    pub(super) fn is_left_unread(&mut self, site: Site<'_>, address: &Address) -> bool {
        let why = match self.input.read.get(address) {
            _ if !self.input.reads_may_fail => return false,
            // It is put off with all else in its host.
            Some(Observation::Unreadable(error))
                if error.kind == ProviderErrorKind::Unreachable =>
            {
                return false;
            }
            Some(Observation::Unreadable(error)) => sentence(&error.message),
            Some(Observation::Absent) => "There is none.".to_owned(),
            Some(Observation::Present(_)) | None => return false,
        };
        let detail = format!("{address} could not be read, and nothing is known of it: {why}");
        self.diagnostics.push(
            Diagnostic::warning(code::NOT_LOOKED_AT, "Not looked at", detail)
                .at(site.block.span)
                .about(address),
        );
        true
    }

    fn not_looked_at(&mut self, address: &Address, error: &ProviderError) {
        let entry = self.not_looked_at.entry(error.message.clone());
        let (_, count) = entry.or_insert_with(|| (address.clone(), 0));
        *count += 1;
    }

    /// Warns of what could not be looked for before it is made.
    pub(super) fn warn_of_open_looks(&mut self) {
        for (message, (address, count)) in std::mem::take(&mut self.not_looked_at) {
            let more = match count {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let detail = format!(
                "Whether {address}{more} exist already could not be looked at, and so they are planned as new: {}",
                sentence(&message)
            );
            self.diagnostics.push(Diagnostic::warning(
                code::NOT_LOOKED_AT,
                "Not looked at",
                detail,
            ));
        }
    }

    /// Whether the host of a connection is made by this plan: nothing in it can be read.
    pub(super) fn is_new_host(&mut self, provider: &ProviderConfig) -> bool {
        self.knows_new_host(provider).unwrap_or(false)
    }

    /// The same, where it is known by now. It is remembered: a thousand objects ask.
    fn knows_new_host(&mut self, provider: &ProviderConfig) -> Option<bool> {
        let key = provider.key();
        if let Some(known) = self.new_hosts.get(&key) {
            return Some(*known);
        }
        let host = host_of(provider)?;
        let change = self.changes.iter().find(|change| change.address == host);
        let is_new = change?.kind.is_beginning();
        self.new_hosts.insert(key, is_new);
        Some(is_new)
    }

    /// What becomes of a recorded object whose host is new: it went with the old one, and is made once more.
    pub(super) fn goes_with_host(&mut self, site: Site<'a>, row: &StateRow) -> Option<Reason> {
        let provider = self.provider_config(site)?;
        let is_new = self.is_one_host(&provider, &row.provider) && self.is_new_host(&provider);
        (is_new || self.is_undeclared_host(&row.provider)).then_some(Reason::HostGone)
    }

    /// Whether a connection leads into a recorded cluster that nothing declares any more, and nothing has moved.
    fn is_undeclared_host(&self, provider: &ProviderConfig) -> bool {
        let Some(host) = host_of(provider) else {
            return false;
        };
        let is_declared = self.world.graph.node_of(&host).is_some();
        !is_declared && self.moves.stays(&RowKey::current(host))
    }
}
