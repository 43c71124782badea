//! The values of the recorded rows, decoded before the walk by as many threads as there are processors: the walk itself
//! goes in one order, and decoding is the larger part of what it would do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use strata_model::Value;
use strata_model::provider::Providers;
use strata_model::state::{RowKey, StateRow, StateSnapshot};
use strata_model::wire::Decoder;

use super::change::place_of;
use crate::lookup::Lookup;

/// So many rows are decoded in one piece of work.
const PIECE: usize = 256;

/// Decoded values by the places of their rows' keys.
pub(super) type Recorded = Lookup<usize, Value>;

/// What is decoded, and how far it is.
struct Work<'a> {
    rows: Vec<(&'a RowKey, &'a StateRow)>,
    providers: &'a Providers,
    next: AtomicUsize,
    done: Mutex<Vec<(usize, Value)>>,
}

/// Decodes the rows of the types that are known, beside `meanwhile`; gives its result too.
///
/// What cannot be decoded is left out: who needs it decodes it once more, and reports why.
pub(super) fn decode_beside<T>(
    snapshot: &StateSnapshot,
    providers: &Providers,
    meanwhile: impl FnOnce() -> T,
) -> (Recorded, T) {
    let work = Work {
        rows: snapshot.rows.iter().collect(),
        providers,
        next: AtomicUsize::new(0),
        done: Mutex::new(Vec::with_capacity(snapshot.rows.len())),
    };
    let result = if work.rows.len() <= PIECE {
        meanwhile()
    } else {
        let others = std::thread::available_parallelism().map_or(1, usize::from) - 1;
        std::thread::scope(|scope| {
            for _ in 0..others.max(1) {
                // Where the system gives no thread, this one does all of it.
                drop(std::thread::Builder::new().spawn_scoped(scope, || work.run()));
            }
            let result = meanwhile();
            work.run();
            result
        })
    };
    work.run();
    let done = work
        .done
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let mut recorded = Recorded::with_capacity(done.len());
    for (place, value) in done {
        recorded.insert(place, value);
    }
    (recorded, result)
}

impl Work<'_> {
    /// Decodes one piece after the other, until there is none left.
    fn run(&self) {
        let decoder = Decoder::default();
        loop {
            let start = self.next.fetch_add(PIECE, Ordering::Relaxed);
            let Some(rest) = self.rows.get(start..).filter(|rest| !rest.is_empty()) else {
                return;
            };
            let piece = rest.iter().take(PIECE);
            let decoded: Vec<(usize, Value)> = piece
                .filter_map(|(key, row)| Some((place_of(key), self.decode(&decoder, row)?)))
                .collect();
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.extend(decoded);
        }
    }

    fn decode(&self, decoder: &Decoder, row: &StateRow) -> Option<Value> {
        let address = row.address();
        let (_, schema) = self
            .providers
            .schema(address.mode, &address.resource_type)?;
        if row.schema_version != schema.version {
            return None;
        }
        decoder
            .decode(&row.attributes, schema.schema.object_type())
            .ok()
    }
}
