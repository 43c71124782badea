//! Opening, serving and judging a sandbox.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::aws::{self, HttpAnswer, HttpRequest, Outcome, State};
use crate::clock::{Clock, SystemClock};
use crate::error::SandboxError;
use crate::faults::{FaultPlan, Faults};
use crate::ledger::Ledger;
use crate::record::Recorder;
use crate::server::ServerHandle;
use crate::store::{Batch, Store};
use crate::world::World;

/// How a sandbox behaves.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// What every delay is divided by; 60 makes a minute of the cloud last a second.
    pub speed: f64,
    /// What goes wrong on purpose.
    pub faults: Option<FaultPlan>,
    /// Where the time comes from. Delays that were started before a restart go on by it.
    pub clock: Arc<dyn Clock>,
    /// What ids are drawn from: the same seed and calls give the same ids.
    pub seed: u64,
    /// A file to which every call is appended with its answer, one JSON object per line, for checks of their shapes.
    pub record: Option<PathBuf>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            speed: 60.0,
            faults: None,
            clock: Arc::new(SystemClock),
            seed: 0,
            record: None,
        }
    }
}

/// An emulated world, kept in a SQLite file. Clones are handles on the same world.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    store: Store,
    speed: f64,
    writer: Mutex<Option<JoinHandle<()>>>,
    recorder: Option<Recorder>,
}

/// What the connection does with a call.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Nothing if the connection is to be closed without an answer.
    pub(crate) answer: Option<HttpAnswer>,
    pub(crate) delay_ms: u64,
}

impl Sandbox {
    /// Opens the world in `store`, or makes a new one there. Needs a tokio runtime, on which a task keeps the store.
    ///
    /// # Errors
    /// If the file cannot be opened, belongs to another process or another version, or the speed is not a positive number.
    pub async fn open(store: &Path, options: SandboxOptions) -> Result<Self, SandboxError> {
        if !options.speed.is_finite() || options.speed <= 0.0 {
            return Err(SandboxError::Speed(options.speed));
        }
        let recorder = options.record.as_deref().map(Recorder::open).transpose()?;
        let (store, loaded, writer) = Store::open(store).await?;
        let mut world = World::new(options.seed, options.speed);
        aws::register(&mut world);
        let last_seq = loaded.last_seq;
        world.load(loaded)?;
        let state = State {
            world,
            faults: Faults::new(options.faults.unwrap_or_default()),
            last_seq,
            seed: options.seed,
            speed: options.speed,
        };
        let inner = Inner {
            state: Mutex::new(state),
            clock: options.clock,
            store,
            speed: options.speed,
            writer: Mutex::new(Some(writer)),
            recorder,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Serves the world on `addr`, which must be a loopback address; port 0 takes any free one.
    ///
    /// # Errors
    /// If the address is not a loopback address or cannot be bound.
    pub async fn serve(&self, addr: SocketAddr) -> Result<ServerHandle, SandboxError> {
        if !addr.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(addr));
        }
        let listen = |source| SandboxError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(listen)?;
        self.serve_on(listener)
    }

    /// Serves the world on a socket that listens already.
    ///
    /// # Errors
    /// If the socket does not listen on a loopback address.
    pub fn serve_on(&self, listener: TcpListener) -> Result<ServerHandle, SandboxError> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let addr = listener
            .local_addr()
            .map_err(|source| SandboxError::Listen {
                addr: unknown,
                source,
            })?;
        if !addr.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(addr));
        }
        Ok(ServerHandle::start(self.clone(), listener, addr))
    }

    /// Returns what every delay is divided by.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.inner.speed
    }

    /// Reads the ledger, with every call that was taken up before, and everything that has ended by now.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn ledger(&self) -> Result<Ledger, SandboxError> {
        self.settle()?;
        self.inner.store.ledger().await
    }

    /// Replaces the faults, and counts calls anew for them.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.state().faults = Faults::new(plan);
    }

    /// Writes what time alone has changed.
    fn settle(&self) -> Result<(), SandboxError> {
        let (done, _committed) = oneshot::channel();
        let mut state = self.state();
        let (last_seq, now_ms) = (state.last_seq, self.inner.clock.now_ms());
        state.world.begin(last_seq, now_ms, 0);
        let objects = state.world.take_unwritten();
        self.inner.store.write(Batch {
            objects,
            call: None,
            done,
        })
    }

    /// Removes every object and call. Faults are counted anew only by opening the sandbox again.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn reset(&self) -> Result<(), SandboxError> {
        let done = {
            let mut state = self.state();
            state.world.clear();
            state.last_seq = 0;
            // Queued under the lock: no call can come between the two.
            self.inner.store.reset()?
        };
        done.await
            .map_err(|_closed| SandboxError::Closed)?
            .map_err(SandboxError::Store)
    }

    /// Closes the store and frees its file, after every call that was taken up. Other handles on the world are of no use any more.
    pub async fn close(self) {
        self.inner.store.close();
        let writer = self
            .inner
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // A writer that panicked has closed the store as well.
            drop(writer.await);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked left whole objects behind: the world stays usable.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out one call, and returns after its changes are committed.
    pub(crate) async fn call(&self, request: HttpRequest) -> Result<Reply, SandboxError> {
        let (done, committed) = oneshot::channel();
        let (answer, delay_ms) = {
            let mut state = self.state();
            let now_ms = self.inner.clock.now_ms();
            let outcome = aws::handle(&mut state, &request, now_ms);
            let Outcome {
                answer,
                delay_ms,
                objects,
                call,
            } = outcome;
            if let Some(recorder) = &self.inner.recorder {
                recorder.write(&call, &request, answer.as_ref())?;
            }
            // Queued under the lock: the store sees the calls in the order of their numbers.
            self.inner.store.write(Batch {
                objects,
                call: Some(call),
                done,
            })?;
            (answer, delay_ms)
        };
        match committed.await {
            Ok(true) => Ok(Reply { answer, delay_ms }),
            Ok(false) | Err(_) => Err(SandboxError::Closed),
        }
    }
}
