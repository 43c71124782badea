//! Connections by configuration, made once each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strata_model::provider::{
    ConnectContext, Connection, Provider, ProviderConfig, ProviderError, ProviderErrorKind,
    Providers,
};
use strata_model::schema::ResourceSchema;
use strata_model::state::StateRow;
use strata_model::{Address, Clock, ClusterAccess, Clusters, IdSource, Lineage, Value};

use crate::conditions::Expressions;

/// All providers of a run, with the connections that were made so far.
#[derive(Debug)]
pub struct Connections {
    providers: Providers,
    context: ConnectContext,
    open: Mutex<BTreeMap<String, Arc<dyn Connection>>>,
    hosts: Arc<Hosts>,
}

/// The objects that others live in, as far as they are known.
#[derive(Debug, Default)]
struct Hosts {
    known: Mutex<BTreeMap<Address, Host>>,
    /// When access to one of them changed last.
    changed: Mutex<Option<Duration>>,
}

/// Such an object, with the connection that it is in itself.
#[derive(Debug)]
struct Host {
    connection: Arc<dyn Connection>,
    attributes: Value,
}

impl Clusters for Hosts {
    fn access(&self, address: &Address) -> Result<Arc<dyn ClusterAccess>, ProviderError> {
        let hosts = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || {
            let message = format!("there is no cluster {address} yet");
            ProviderError::new(ProviderErrorKind::Unreachable, message)
        };
        let host = hosts.get(address).ok_or_else(missing)?;
        let connection = Arc::clone(&host.connection);
        let access = connection.cluster_access(&address.resource_type, &host.attributes)?;
        access.ok_or_else(|| {
            let message = format!("{address} is no cluster");
            ProviderError::new(ProviderErrorKind::Invalid, message)
        })
    }

    fn access_changed(&self) -> Option<Duration> {
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// No connections yet.
    pub fn new(providers: Providers, context: ConnectContext) -> Self {
        let hosts = Arc::<Hosts>::default();
        Connections {
            providers,
            context: ConnectContext {
                clusters: Arc::clone(&hosts) as Arc<dyn Clusters>,
                conditions: Arc::new(Expressions),
                ..context
            },
            open: Mutex::default(),
            hosts,
        }
    }

    /// Takes note of the rows whose objects others live in. Rows that cannot be read are passed over: what lives in
    /// their objects says so when it is reached for.
    pub fn know<'r>(&self, rows: impl Iterator<Item = &'r StateRow>) {
        for row in rows.filter(|row| row.key.deposed.is_none() && row.id.is_some()) {
            let hosts = |(_, schema): (_, &ResourceSchema)| schema.hosts;
            if self.schema(row.address()).is_ok_and(hosts)
                && let Ok(attributes) = self.attributes(row)
            {
                self.host(row.address(), &row.provider, &attributes);
            }
        }
    }

    /// Takes note of an object that others live in, as it is now. Connections into what it was before are not used any
    /// more.
    pub fn host(&self, address: &Address, provider: &ProviderConfig, attributes: &Value) {
        let Ok(connection) = self.get(provider) else {
            return;
        };
        let known = &self.hosts.known;
        let mut hosts = known.lock().unwrap_or_else(PoisonError::into_inner);
        let host = Host {
            connection,
            attributes: attributes.clone(),
        };
        let before = hosts.insert(address.clone(), host);
        if before.is_some_and(|before| before.attributes != *attributes) {
            let named = serde_json::Value::from(address.to_string()).to_string();
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|config, _| !config.contains(&named));
        }
    }

    /// Takes note that access to a host has changed just now: refusals may be its past for a while.
    pub fn access_changes(&self) {
        let changed = &self.hosts.changed;
        let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
        *changed = Some(self.context.clock.elapsed());
    }

    /// The lineage of the state that all of this is about.
    pub fn lineage(&self) -> Lineage {
        self.context.lineage
    }

    /// The providers.
    pub fn providers(&self) -> &Providers {
        &self.providers
    }

    /// The clock that all of them share.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.context.clock
    }

    /// The randomness that all of them share.
    pub fn ids(&self) -> &Arc<dyn IdSource> {
        &self.context.ids
    }

    /// The connection of a configuration; equal configurations share one.
    ///
    /// # Errors
    ///
    /// When there is no such provider, or when it refuses the configuration.
    pub fn get(&self, config: &ProviderConfig) -> Result<Arc<dyn Connection>, ProviderError> {
        let key = config.key();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = open.get(&key) {
            return Ok(Arc::clone(connection));
        }
        let provider = self.providers.get(&config.provider).ok_or_else(|| {
            ProviderError::new(
                ProviderErrorKind::Invalid,
                format!("this Strata has no provider '{}'", config.provider),
            )
        })?;
        let connection = provider.connect(config, &self.context)?;
        open.insert(key, Arc::clone(&connection));
        Ok(connection)
    }

    /// What the connections noticed that people should know though nothing failed; each once.
    pub fn notices(&self) -> BTreeSet<String> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values()
            .flat_map(|connection| connection.notices())
            .collect()
    }

    /// The provider and schema of an address.
    ///
    /// # Errors
    ///
    /// When no provider has such a type.
    pub fn schema(
        &self,
        address: &Address,
    ) -> Result<(&Arc<dyn Provider>, &ResourceSchema), ProviderError> {
        let found = self.providers.schema(address.mode, &address.resource_type);
        found.ok_or_else(|| {
            ProviderError::new(
                ProviderErrorKind::Invalid,
                format!(
                    "this Strata has no resource type '{}'",
                    address.resource_type
                ),
            )
        })
    }

    /// The attributes of a row, brought to the current version of their schema. Input secrets are secret unknowns.
    ///
    /// # Errors
    ///
    /// When the row was written by a newer version, or does not fit its schema.
    pub fn attributes(&self, row: &StateRow) -> Result<Value, ProviderError> {
        let (provider, schema) = self.schema(row.address())?;
        let ty = schema.schema.object_type();
        let decoded = if row.schema_version == schema.version {
            row.attributes.decode(ty)
        } else {
            provider.upgrade(row.clone())?.attributes.decode(ty)
        };
        decoded.map_err(|error| ProviderError::bug(format!("the row of {}: {error}", row.key)))
    }
}
