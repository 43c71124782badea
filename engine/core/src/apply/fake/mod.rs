//! A small world for tests: virtual time, a store that can crash or fail, and a cloud with a ledger.

mod cloud;
mod resolver;
mod store;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use strata_model::preflight::Finding;
use strata_model::provider::{ConnectContext, Provider, Providers};
use strata_model::{Clusters, Lineage, SecretKey};

pub(super) use cloud::{CloudObject, FakeProvider, LocalProvider, attributes};
pub(super) use resolver::FakeResolver;
pub(super) use store::StoreState;

use super::Connections;

/// Chances of faults per thousand calls, and scripted ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// The answer of a call that had its effect is lost.
    pub(super) lost: u64,
    /// The call is refused because there are too many.
    pub(super) throttled: u64,
    /// The system fails before the effect.
    pub(super) broken: u64,
    /// Objects are not seen for this long after they were made.
    pub(super) lag: Duration,
    /// How long a creation takes; nothing stands for a few seconds.
    pub(super) wait: Duration,
    /// How many waits end with a failure that passes.
    pub(super) polls_fail: u64,
    /// The commits, counted from 0, that fail.
    pub(super) failing_commits: BTreeSet<u64>,
    /// The commit, counted from 0, before which somebody takes the lock away.
    pub(super) fenced_at: Option<u64>,
    /// The look at the fence, counted from 0, before which somebody takes the lock away.
    pub(super) fenced_at_look: Option<u64>,
    /// Mutating calls, counted from 0, that are answered with an error.
    pub(super) scripted: BTreeMap<u64, Scripted>,
}

/// A scripted answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scripted {
    /// Credentials are expired.
    Credentials,
    /// The request is refused for good.
    Invalid,
    /// The object is made and reports that it failed for good.
    FailedForGood,
    /// The object is made, and what follows fails for good.
    Partial,
    /// The answer is lost, and another object with the same marks turns up.
    Doubled,
    /// The answer is lost, and reads fail from then on.
    Blind,
    /// The answer holds another value than planned.
    BrokenPromise,
    /// What is to be deleted is somebody else's.
    LeftAlone,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) now: Duration,
    pub(super) timers: Vec<(Duration, std::task::Waker)>,
    pub(super) random: u64,
    pub(super) faults: Faults,
    /// Points at which the process may die, passed so far.
    pub(super) ticks: u64,
    pub(super) crash_at: Option<u64>,
    /// The point at which somebody presses Ctrl-C.
    pub(super) stop_at: Option<(u64, super::Stop)>,
    pub(super) crashed: bool,
    pub(super) store: StoreState,
    pub(super) objects: BTreeMap<String, CloudObject>,
    pub(super) mutating_calls: u64,
    pub(super) made: u64,
    pub(super) blind: bool,
    /// What was sent for each op: a re-send must be the same.
    pub(super) sent: BTreeMap<strata_model::OpId, String>,
    /// Broken rules.
    pub(super) violations: Vec<String>,
    /// How many calls are under way, and the most there were at once.
    pub(super) under_way: (usize, usize),
    /// Whether a commit failed, and how many ops began after that.
    pub(super) failed_commit: bool,
    pub(super) begun_too_late: u64,
    /// Looks at the fence so far, and the mutating calls before the one that found it raised.
    pub(super) looks: u64,
    pub(super) calls_before_fence: Option<u64>,
    /// What connections are told of the clusters of the run.
    pub(super) clusters: Option<Arc<dyn Clusters>>,
    /// What a look before a run finds, and what such looks were told.
    pub(super) findings: Vec<Finding>,
    pub(super) preflights: Vec<(Duration, Vec<Foreseen>)>,
}

/// A change that a look before a run was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreseen {
    pub(super) address: String,
    /// The size before and after, where there is such an object.
    pub(super) sizes: (Option<i64>, Option<i64>),
    /// What has to be done before.
    pub(super) before: Vec<String>,
}

/// The world outside of the engine; clones are the same world.
#[derive(Debug, Clone, Default)]
pub(super) struct World(Arc<Mutex<Inner>>);

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let world = World::default();
        world.get().random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        world
    }

    /// Another world that is the same so far.
    pub(super) fn fork(&self) -> World {
        let inner = self.get();
        World(Arc::new(Mutex::new(Inner {
            timers: Vec::new(),
            stop_at: None,
            clusters: None,
            store: inner.store.clone(),
            objects: inner.objects.clone(),
            sent: inner.sent.clone(),
            violations: inner.violations.clone(),
            faults: inner.faults.clone(),
            findings: inner.findings.clone(),
            preflights: inner.preflights.clone(),
            ..*inner
        })))
    }

    pub(super) fn get(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn connections(&self) -> Connections {
        let providers: [Arc<dyn Provider>; 2] = [
            Arc::new(FakeProvider::new(self.clone())),
            Arc::new(LocalProvider::new()),
        ];
        let context = ConnectContext {
            clock: Arc::new(self.clone()),
            ids: Arc::new(self.clone()),
            lineage: Lineage::from_bits([7; 16]),
            variables: Arc::new(strata_model::NoVariables),
            clusters: Arc::new(strata_model::NoClusters),
            conditions: Arc::new(strata_model::NoConditions),
            sandbox: None,
        };
        Connections::new(Providers::new(providers), context)
    }

    /// A point at which the process may die.
    pub(super) async fn point(&self) {
        let crash = {
            let mut inner = self.get();
            inner.ticks += 1;
            let ticks = inner.ticks;
            if let Some((_, stop)) = inner.stop_at.as_ref().filter(|(at, _)| *at == ticks) {
                stop.throw();
            }
            let crash = inner.crash_at == Some(ticks);
            inner.crashed |= crash;
            crash
        };
        if crash {
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn roll(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.get().next_random() % 1000 < per_mille
    }

    /// Runs a future in virtual time; `None` when the process died in it.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        time::drive(self, future)
    }

    /// The live objects in a form without ids, sorted.
    pub(super) fn ledger(&self) -> Vec<String> {
        let inner = self.get();
        let name = |id: &str| match inner.objects.get(id) {
            Some(object) => object.name.clone(),
            None => format!("?{id}"),
        };
        let live = inner.objects.values().filter(|object| object.live);
        let mut lines: Vec<String> = live
            .map(|object| {
                format!(
                    "{} {} size={} parent={} configured={}",
                    object.resource_type,
                    object.name,
                    object.size,
                    object.parent.as_deref().map(name).unwrap_or_default(),
                    object.configured,
                )
            })
            .collect();
        lines.sort();
        lines
    }

    /// The rows in a form without ids.
    pub(super) fn rows(&self) -> Vec<String> {
        let inner = self.get();
        let rows = inner.store.rows.values();
        rows.map(|row| {
            let json = row.attributes.json.value();
            let deposed = row.key.deposed.is_some();
            format!(
                "{} {:?} size={} deposed={deposed} protected={}",
                row.key.address, row.status, json["size"], row.protected
            )
        })
        .collect()
    }

    /// Orphans, doubles, phantoms and every broken rule.
    pub(super) fn defects(&self) -> Vec<String> {
        let inner = self.get();
        let mut defects = inner.violations.clone();
        let rows = || {
            let rows = inner.store.rows.values();
            rows.filter(|row| row.key.address.resource_type.starts_with("fake_"))
        };
        let known: BTreeSet<&str> = rows().filter_map(|row| row.id.as_deref()).collect();
        let mut names: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (id, object) in inner.objects.iter().filter(|(_, object)| object.live) {
            if !known.contains(id.as_str()) && !object.foreign {
                defects.push(format!("orphan {id} {}", object.name));
            }
            let name = (object.resource_type.as_str(), object.name.as_str());
            *names.entry(name).or_default() += 1;
        }
        for ((ty, name), count) in names {
            let of_name = |row: &&strata_model::state::StateRow| {
                &*row.key.address.resource_type == ty && row.attributes.json.value()["name"] == name
            };
            // A replaced object and its successor have a row each.
            if count > rows().filter(of_name).count().max(1) {
                defects.push(format!("double {ty} {name}"));
            }
        }
        for row in rows() {
            let id = row.id.as_deref().unwrap_or("none");
            if !inner.objects.get(id).is_some_and(|object| object.live) {
                defects.push(format!("phantom {} {id}", row.key));
            }
        }
        for open in &inner.store.open_ops {
            defects.push(format!("open op of {}", open.intent.row.key));
        }
        defects
    }
}

impl Inner {
    pub(super) fn next_random(&mut self) -> u64 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

pub(super) fn key() -> SecretKey {
    SecretKey::from_bytes([3; 32])
}
