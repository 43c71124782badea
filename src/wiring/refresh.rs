//! Reading what exists: recorded objects, data sources, objects to import. One batch per connection, several at once,
//! and what can be asked again is asked again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use strata_core::apply::{Connections, retry};
use strata_core::plan::{LateObject, ReadNeed};
use strata_model::provider::{
    Observation, Operation, ProviderConfig, ProviderError, ProviderErrorKind, ReadPurpose,
    ReadRequest,
};
use strata_model::state::{OpOutcome, RowKey, StateRow, StateSnapshot};
use strata_model::store::StateStore;
use strata_model::{Address, OpId, Value};

use crate::view::Ui;

/// The provider whose objects live in the state only: reading one gives what was recorded, so it is left out.
const STATE_ONLY: &str = "strata";

/// How many closed ops are looked through for creates that were given up: an object turns up within minutes, or never.
const REMEMBERED: u32 = 1000;

/// How long a system that fails or cannot be reached is asked again while somebody waits for a plan, in the cloud's
/// time: a run that has begun is more patient.
const PATIENCE: Duration = Duration::from_secs(45);

/// For how long a look that failed is repeated.
fn patience(kind: ProviderErrorKind, purpose: ReadPurpose) -> Option<Duration> {
    // What a data source asks for was there before, or waits for the step that makes it: nothing is on its way.
    if (kind, purpose) == (ProviderErrorKind::Propagation, ReadPurpose::Data) {
        return None;
    }
    let limit = retry::read_limit(kind)?;
    // Being asked to ask more slowly is no outage.
    let is_outage = kind != ProviderErrorKind::Throttled;
    Some(if is_outage {
        limit.min(PATIENCE)
    } else {
        limit
    })
}

/// Something to read, with what the request borrows.
struct Wanted<'a, K> {
    key: K,
    provider: &'a ProviderConfig,
    purpose: ReadPurpose,
    resource_type: &'a str,
    id: Option<&'a str>,
    recorded: Option<Value>,
    config: Option<&'a Value>,
}

/// How things are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The connections.
    pub connections: &'a Connections,
    /// How many batches at once.
    pub parallelism: usize,
    /// How much faster than the system's time the cloud's runs.
    pub speed: f64,
    /// Who is told what is waited for.
    pub ui: &'a Ui,
}

impl Reading<'_> {
    /// Reads the objects of rows. A row whose object cannot live anywhere but in the state is left out.
    ///
    /// A not-found counts only when the row is older than the type's consistency window: until then it is asked again.
    pub async fn refresh<'r>(
        &self,
        rows: impl Iterator<Item = &'r StateRow>,
        store: Option<&dyn StateStore>,
    ) -> BTreeMap<RowKey, Observation> {
        let mut observed = BTreeMap::new();
        let mut wanted = Vec::new();
        for row in rows.filter(|row| row.id.is_some() && *row.provider.provider.0 != *STATE_ONLY) {
            self.connections.know(std::iter::once(row));
            match self.connections.attributes(row) {
                Ok(recorded) => wanted.push(Wanted {
                    key: row,
                    provider: &row.provider,
                    purpose: ReadPurpose::Refresh,
                    resource_type: &row.key.address.resource_type,
                    id: row.id.as_deref(),
                    recorded: Some(recorded),
                    config: None,
                }),
                Err(error) => {
                    observed.insert(row.key.clone(), Observation::Unreadable(error));
                }
            }
        }
        let mut absent = Vec::new();
        for (wanted, observation) in self.read(wanted).await {
            if matches!(observation, Observation::Absent) {
                absent.push(wanted);
            } else {
                observed.insert(wanted.key.key.clone(), observation);
            }
        }
        let doubted = stream::iter(absent).map(|wanted| self.confirm_absence(wanted, store));
        let confirmed: Vec<_> = doubted
            .buffer_unordered(self.parallelism.max(1))
            .collect()
            .await;
        observed.extend(confirmed);
        observed
    }

    /// Objects that carry the op of a create which the journal closed as absent: they turned up late. Nothing is
    /// listed where the journal has no such op.
    pub async fn late(&self, snapshot: &StateSnapshot, store: &dyn StateStore) -> Vec<LateObject> {
        let Some(lineage) = snapshot.lineage else {
            return Vec::new();
        };
        let configs: BTreeMap<String, &ProviderConfig> = snapshot
            .rows
            .values()
            .filter(|row| *row.provider.provider.0 != *STATE_ONLY)
            .map(|row| (row.provider.key(), &row.provider))
            .collect();
        if configs.is_empty() {
            return Vec::new();
        }
        let history = store.history(None, REMEMBERED).await.unwrap_or_default();
        let given_up: BTreeMap<OpId, Address> = history
            .into_iter()
            .filter(|closed| {
                closed.operation == Operation::Create && closed.outcome == OpOutcome::Absent
            })
            .map(|closed| (closed.op, closed.key.address))
            .collect();
        if given_up.is_empty() {
            return Vec::new();
        }
        let listings = stream::iter(configs.into_values()).map(|config| async move {
            let listed = match self.connections.get(config) {
                Ok(connection) => connection.list_owned(lineage).await,
                Err(error) => Err(error),
            };
            // What cannot be listed now is found by a later plan; what the journal knows is not in doubt.
            (config, listed.unwrap_or_default())
        });
        let listed: Vec<_> = listings.buffered(self.parallelism.max(1)).collect().await;
        let mut late: BTreeMap<OpId, LateObject> = BTreeMap::new();
        for (config, object) in listed
            .into_iter()
            .flat_map(|(config, objects)| objects.into_iter().map(move |object| (config, object)))
        {
            if let Some((op, address)) = object.op.and_then(|op| Some((op, given_up.get(&op)?))) {
                let found = LateObject {
                    address: address.clone(),
                    op,
                    id: object.id,
                    provider: config.clone(),
                };
                late.entry(op).or_insert(found);
            }
        }
        late.into_values().collect()
    }

    /// Reads what a plan needs before it can go on.
    pub async fn needs(&self, needs: &[ReadNeed]) -> BTreeMap<Address, Observation> {
        let wanted = needs.iter().map(|need| Wanted {
            key: &need.address,
            provider: &need.provider,
            purpose: need.purpose,
            resource_type: &need.address.resource_type,
            id: need.id.as_deref(),
            recorded: None,
            config: need.config.as_ref(),
        });
        let read = self.read(wanted.collect()).await;
        read.into_iter()
            .map(|(wanted, observation)| (wanted.key.clone(), observation))
            .collect()
    }

    /// Reads everything, one batch per connection.
    async fn read<'a, K: Copy>(
        &self,
        wanted: Vec<Wanted<'a, K>>,
    ) -> Vec<(Wanted<'a, K>, Observation)> {
        let mut batches: BTreeMap<String, Vec<Wanted<'a, K>>> = BTreeMap::new();
        for wanted in wanted {
            batches
                .entry(wanted.provider.key())
                .or_default()
                .push(wanted);
        }
        let reads = stream::iter(batches.into_values()).map(|batch| self.read_batch(batch));
        let read: Vec<Vec<_>> = reads.buffered(self.parallelism.max(1)).collect().await;
        read.into_iter().flatten().collect()
    }

    async fn read_batch<'a, K: Copy>(
        &self,
        batch: Vec<Wanted<'a, K>>,
    ) -> Vec<(Wanted<'a, K>, Observation)> {
        let Some(first) = batch.first() else {
            return Vec::new();
        };
        let connection = match self.connections.get(first.provider) {
            Ok(connection) => connection,
            Err(error) => {
                let error = error.of_connection();
                let refused = |wanted| (wanted, Observation::Unreadable(error.clone()));
                return batch.into_iter().map(refused).collect();
            }
        };
        let began = self.connections.clock().elapsed();
        let mut answers: Vec<Option<Observation>> = batch.iter().map(|_| None).collect();
        let mut attempt = 0;
        loop {
            let open: Vec<usize> = (0..batch.len())
                .filter(|index| answers[*index].is_none())
                .collect();
            let requests: Vec<ReadRequest<'_>> =
                open.iter().map(|index| batch[*index].request()).collect();
            let read = connection.read(&requests).await;
            let spent = self.connections.clock().elapsed().saturating_sub(began);
            let mut wait: Option<(Duration, ProviderError)> = None;
            for (index, observation) in open.iter().zip(padded(read, open.len())) {
                if let Observation::Unreadable(error) = &observation
                    && patience(error.kind, batch[*index].purpose)
                        .is_some_and(|limit| spent < limit)
                {
                    let delay = retry::delay(error, attempt, &**self.connections.ids());
                    if wait.as_ref().is_none_or(|(longest, _)| *longest < delay) {
                        wait = Some((delay, error.clone()));
                    }
                    continue;
                }
                answers[*index] = Some(observation);
            }
            let Some((delay, error)) = wait else { break };
            attempt += 1;
            // One failure in a row is everyday; of the second on people should know why nothing happens.
            if attempt > 1 {
                let seconds = delay.as_secs_f64().ceil();
                let told = format!("Asking again in {seconds} s: {error}");
                self.ui.note(&told);
            }
            self.connections.clock().sleep(delay).await;
        }
        let answers = answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(unanswered));
        batch.into_iter().zip(answers).collect()
    }

    /// Asks again for an object that was made so recently that a not-found says nothing yet.
    async fn confirm_absence(
        &self,
        wanted: Wanted<'_, &StateRow>,
        store: Option<&dyn StateStore>,
    ) -> (RowKey, Observation) {
        let row = wanted.key;
        let window = self
            .connections
            .schema(row.address())
            .map_or(Duration::ZERO, |(_, schema)| schema.consistency_window);
        let clock = self.connections.clock();
        let began = clock.elapsed();
        let age = self.age(row, store).await;
        let remaining = window.saturating_sub(age);
        let mut wanted = wanted;
        let mut observation = Observation::Absent;
        while matches!(observation, Observation::Absent)
            && clock.elapsed().saturating_sub(began) < remaining
        {
            clock.sleep(Duration::from_secs(2).min(remaining)).await;
            match self.read(vec![wanted]).await.pop() {
                Some((same, again)) => (wanted, observation) = (same, again),
                None => break,
            }
        }
        (row.key.clone(), observation)
    }

    /// How long ago a row was last worked on, in the cloud's time; long where nobody remembers.
    async fn age(&self, row: &StateRow, store: Option<&dyn StateStore>) -> Duration {
        const LONG: Duration = Duration::from_secs(24 * 60 * 60);
        let Some(store) = store else { return LONG };
        let address = row.key.address.to_string();
        let history = store.history(Some(&address), 1).await.unwrap_or_default();
        let Some(last) = history.first() else {
            return LONG;
        };
        let passed = self.connections.clock().now().duration_since(last.ended_at);
        Duration::try_from(passed)
            .unwrap_or(Duration::ZERO)
            .mul_f64(self.speed)
    }
}

impl<K> Wanted<'_, K> {
    fn request(&self) -> ReadRequest<'_> {
        ReadRequest {
            purpose: self.purpose,
            resource_type: self.resource_type,
            id: self.id,
            recorded: self.recorded.as_ref(),
            config: self.config,
        }
    }
}

fn unanswered() -> Observation {
    Observation::Unreadable(ProviderError::bug("the provider gave no answer to a read"))
}

/// One observation per request, whatever the provider gave.
fn padded(mut read: Vec<Observation>, count: usize) -> Vec<Observation> {
    read.resize_with(count, unanswered);
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_data_source_asks_for_is_not_waited_for() {
        let waits = |kind, purpose| patience(kind, purpose).is_some();
        let data = ReadPurpose::Data;
        assert!(!waits(ProviderErrorKind::Propagation, data));
        assert!(waits(ProviderErrorKind::Propagation, ReadPurpose::Refresh));
        assert!(waits(ProviderErrorKind::Unavailable, data));
        assert!(!waits(ProviderErrorKind::Invalid, ReadPurpose::Refresh));
    }
}
