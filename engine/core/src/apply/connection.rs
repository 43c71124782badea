//! Connections by configuration, made once each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use strata_model::provider::{
    ConnectContext, Connection, Provider, ProviderConfig, ProviderError, ProviderErrorKind,
    Providers,
};
use strata_model::schema::ResourceSchema;
use strata_model::state::StateRow;
use strata_model::{Address, Clock, IdSource, Value};

/// All providers of a run, with the connections that were made so far.
#[derive(Debug)]
pub struct Connections {
    providers: Providers,
    context: ConnectContext,
    open: Mutex<BTreeMap<String, Arc<dyn Connection>>>,
}

impl Connections {
    /// No connections yet.
    pub fn new(providers: Providers, context: ConnectContext) -> Self {
        Connections {
            providers,
            context,
            open: Mutex::default(),
        }
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
