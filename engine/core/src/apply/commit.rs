//! Group commit: what is to become durable, in the order in which it happened, one transaction at a time.

use std::fmt;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use strata_model::store::{Batch, StateStore, StoreError, Write};
use strata_model::{Fence, Serial};

/// Changes that become durable together, and what waits for that.
#[derive(Debug)]
pub(crate) struct Staged<T> {
    /// The changes.
    pub(crate) writes: Vec<Write>,
    /// Whether they tell of an effect outside: they are tried once more when their transaction fails.
    pub(crate) outside: bool,
    /// What happens when they are durable, or not.
    pub(crate) then: T,
}

/// The transaction that ended.
#[derive(Debug)]
pub(crate) struct Committed<T> {
    /// What waited for it, in order.
    pub(crate) then: Vec<T>,
    /// Whether it is durable.
    pub(crate) durable: bool,
}

/// The queue before the store. After the first failed transaction it takes no further one but [`CommitQueue::rescue`].
pub(crate) struct CommitQueue<'a, T> {
    store: &'a dyn StateStore,
    fence: Fence,
    pending: Vec<Staged<T>>,
    flying: Option<Flight<'a, T>>,
    failure: Option<StoreError>,
    /// Writes of a failed transaction that tell of an effect outside.
    rescued: Vec<Write>,
    commits: u64,
}

struct Flight<'a, T> {
    commit: BoxFuture<'a, Result<Serial, StoreError>>,
    then: Vec<T>,
    outside: Vec<Write>,
}

impl<'a, T> CommitQueue<'a, T> {
    pub(crate) fn new(store: &'a dyn StateStore, fence: Fence) -> Self {
        CommitQueue {
            store,
            fence,
            pending: Vec::new(),
            flying: None,
            failure: None,
            rescued: Vec::new(),
            commits: 0,
        }
    }

    /// Adds to the next transaction.
    pub(crate) fn stage(&mut self, staged: Staged<T>) {
        self.pending.push(staged);
    }

    /// How many changes wait for the next transaction.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Whether a transaction is under way.
    pub(crate) fn is_flying(&self) -> bool {
        self.flying.is_some()
    }

    /// How many transactions were begun.
    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    /// Why the first transaction failed that did.
    pub(crate) fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    /// Begins a transaction of all that waits, unless one is under way or one failed.
    pub(crate) fn start(&mut self) {
        if self.flying.is_some() || self.pending.is_empty() || self.failure.is_some() {
            return;
        }
        let mut writes = Vec::new();
        let mut outside = Vec::new();
        let mut then = Vec::new();
        for staged in self.pending.drain(..) {
            if staged.outside {
                outside.extend(staged.writes.iter().cloned());
            }
            writes.extend(staged.writes);
            then.push(staged.then);
        }
        let store = self.store;
        let fence = self.fence;
        self.commits += 1;
        self.flying = Some(Flight {
            commit: store.commit(fence, Batch(writes)),
            then,
            outside,
        });
    }

    /// The transaction under way, when it ended.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Committed<T>> {
        let Some(flight) = self.flying.as_mut() else {
            return Poll::Pending;
        };
        let result = std::task::ready!(flight.commit.poll_unpin(context));
        let Some(flight) = self.flying.take() else {
            return Poll::Pending;
        };
        let durable = result.is_ok();
        if let Err(error) = result {
            self.rescued.extend(flight.outside);
            self.failure = Some(error);
        }
        Poll::Ready(Committed {
            then: flight.then,
            durable,
        })
    }

    /// Takes what will not be committed any more because a transaction failed.
    pub(crate) fn give_up(&mut self) -> Vec<T> {
        if self.failure.is_none() {
            return Vec::new();
        }
        let mut then = Vec::new();
        for staged in self.pending.drain(..) {
            if staged.outside {
                self.rescued.extend(staged.writes);
            }
            then.push(staged.then);
        }
        then
    }

    /// Takes back what waits and matches. Only changes that nothing outside follows from may be taken back.
    pub(crate) fn withdraw(&mut self, test: impl Fn(&T) -> bool) -> Vec<T> {
        let (back, kept) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|staged| test(&staged.then));
        self.pending = kept;
        let back: Vec<Staged<T>> = back;
        back.into_iter().map(|staged| staged.then).collect()
    }

    /// Why the first transaction failed that did, for the end.
    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failure
    }

    /// Tries once more to make durable what happened outside, together with `last`. Returns whether it is.
    pub(crate) async fn rescue(&mut self, last: Vec<Write>) -> bool {
        // Who lost the lock has nothing to say any more: the new holder's recovery has looked, or will.
        if matches!(self.failure, Some(StoreError::Fenced)) {
            return false;
        }
        let mut writes = std::mem::take(&mut self.rescued);
        writes.extend(last);
        self.commits += 1;
        self.store.commit(self.fence, Batch(writes)).await.is_ok()
    }
}

impl<T> fmt::Debug for CommitQueue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitQueue")
            .field("waiting", &self.pending.len())
            .field("flying", &self.flying.is_some())
            .field("failure", &self.failure)
            .field("commits", &self.commits)
            .finish_non_exhaustive()
    }
}
