//! The engine: one store as its sessions see it.
//!
//! Owns the driver, the hub, and who has the store open. What is true of every driver (sessions, closing,
//! counting) is here; what a backend does is in [`super::driver`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::clock::{Clock, ClockKind, Timestamp};
use super::driver::couchdb::{self, CouchDb};
use super::driver::memory::{Bounds, Memory};
use super::driver::redis::{self, Redis};
use super::driver::tiered::{self, Tiered};
use super::driver::{Batch, Driver};
use super::error::Result;
use super::hub::{Hub, Observer, SessionId};
use super::stats::{Connection, Counters, Holdings};
use super::{runtime, sweeper};

/// What a store is made from. Two that are equal may share a store.
#[derive(Clone, Debug, PartialEq)]
pub enum Config {
    /// In this process.
    Memory {
        /// The bounds.
        bounds: Bounds,
        /// The clock that all expiry reads.
        clock: ClockKind,
        /// Reached by batches, as a backend is: for the tests.
        batched: bool,
    },
    /// On Redis.
    Redis(Box<redis::Config>),
    /// On `CouchDB`.
    CouchDb(Box<couchdb::Config>),
    /// In memory above a backend.
    Tiered(Box<tiered::Config>),
}

/// A batch that is not executed, whatever becomes of it.
struct Submitted(Arc<AtomicUsize>);

impl Submitted {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One store, shared by its sessions.
pub struct Engine {
    config: Config,
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    driver: Arc<dyn Driver>,
    /// The driver, if it answers at once on the calling thread.
    embedded: Option<Arc<Memory>>,
    /// The driver, if it has a tier that answers some reads at once.
    tiered: Option<Arc<Tiered>>,
    /// The driver, if the calling thread may send some requests by itself.
    redis: Option<Arc<Redis>>,
    /// Batches that were submitted and not executed.
    submitted: Arc<AtomicUsize>,
}

impl Engine {
    /// A store of its own.
    pub fn new(config: Config) -> Result<Self> {
        let hub = Arc::new(Hub::default());
        let mut clock = Arc::new(Clock::new(ClockKind::System));
        let (mut embedded, mut tiered, mut redis) = (None, None, None);
        let driver: Arc<dyn Driver> = match &config {
            Config::Memory { bounds, clock: kind, batched } => {
                clock = Arc::new(Clock::new(*kind));
                let memory = Arc::new(Memory::new(*bounds, Arc::clone(&clock), Arc::clone(&hub)));
                sweeper::watch(&memory);
                embedded = (!batched).then(|| Arc::clone(&memory));
                memory
            }
            Config::Redis(config) => {
                let opened = Redis::open((**config).clone(), Arc::clone(&hub))?;
                redis = Some(Arc::clone(&opened));
                opened
            }
            Config::CouchDb(config) => CouchDb::open((**config).clone(), Arc::clone(&hub))?,
            Config::Tiered(config) => {
                let both = Tiered::open(config, Arc::clone(&hub))?;
                tiered = Some(Arc::clone(&both));
                both
            }
        };
        let submitted = Arc::default();
        Ok(Self { config, clock, hub, driver, embedded, tiered, redis, submitted })
    }

    /// What it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The driver, if it answers at once on the calling thread: what is not asked in batches.
    pub fn embedded(&self) -> Option<&Memory> {
        self.embedded.as_deref()
    }

    /// The driver, if it has a tier that answers some reads at once. It is to be told of what is queued for it.
    pub fn tiered(&self) -> Option<&Tiered> {
        self.tiered.as_deref()
    }

    /// What it has in this process, of whose entries sessions may keep copies.
    pub fn memory(&self) -> Option<&Memory> {
        self.embedded().or_else(|| self.tiered().map(Tiered::upper))
    }

    /// Whether a batch is worth while before all is queued that a tick asks for: the backend answers in an order, and
    /// begins with the first. Where what comes together is one request, it is not.
    pub fn is_eager(&self) -> bool {
        match &self.config {
            Config::Memory { .. } | Config::Redis(_) => true,
            Config::CouchDb(_) => false,
            Config::Tiered(config) => matches!(config.lower, tiered::Lower::Redis(_)),
        }
    }

    /// Hands a batch to the driver. It is made on the runtime's thread; batches of one thread are taken in order.
    pub fn submit(&self, batch: impl FnOnce() -> Batch + Send + 'static) {
        let (driver, submitted) = (Arc::clone(&self.driver), Arc::clone(&self.submitted));
        let submitted = Submitted::new(submitted);
        runtime::spawn(async move {
            driver.execute(batch());
            drop(submitted);
        });
    }

    /// The driver, if the calling thread may send requests by itself ([`Redis::ask_now`]): they come after all that was
    /// submitted before.
    pub fn at_once(&self) -> Option<&Arc<Redis>> {
        self.redis.as_ref().filter(|_| self.submitted.load(Ordering::Acquire) == 0)
    }

    /// Its sessions.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Adds a session.
    pub fn join(&self, observer: Arc<dyn Observer>) -> SessionId {
        self.hub.join(observer)
    }

    /// Ends a session: its factories' waiters take over, its locks are free. Idempotent.
    pub fn leave(&self, session: SessionId) {
        if self.hub.leave(session) {
            Arc::clone(&self.driver).release_session(session);
        }
    }

    /// The store's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves a manual clock, and removes what expires with it.
    pub fn advance(&self, duration: Duration) -> Result<()> {
        self.driver.advance(duration)
    }

    /// What it has done.
    pub fn counters(&self) -> &Counters {
        self.driver.counters()
    }

    /// What it holds.
    pub fn holdings(&self) -> Holdings {
        self.driver.holdings()
    }

    /// How it stands with its backend.
    pub fn connection(&self) -> Option<Connection> {
        self.driver.connection()
    }
}
