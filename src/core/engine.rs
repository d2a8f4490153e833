//! The engine: one store as its sessions see it.
//!
//! Owns the driver, the hub, and who has the store open. What is true of every driver (sessions, closing,
//! counting) is here; what a backend does is in [`super::driver`].

use std::sync::Arc;
use std::time::Duration;

use super::clock::{Clock, ClockKind, Timestamp};
use super::driver::Driver;
use super::driver::memory::{Bounds, Memory};
use super::error::Result;
use super::hub::{Hub, Observer, SessionId};
use super::stats::{Counters, Holdings};
use super::sweeper;

/// What a store is made from. Two that are equal may share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bounds of the memory driver.
    pub memory: Bounds,
    /// The clock that all expiry reads.
    pub clock: ClockKind,
}

/// One store, shared by its sessions.
pub struct Engine {
    config: Config,
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    memory: Arc<Memory>,
}

impl Engine {
    /// A store of its own.
    pub fn new(config: Config) -> Self {
        let clock = Arc::new(Clock::new(config.clock));
        let hub = Arc::new(Hub::default());
        let memory = Arc::new(Memory::new(config.memory, Arc::clone(&clock), Arc::clone(&hub)));
        sweeper::watch(&memory);
        Self { config, clock, hub, memory }
    }

    /// What it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The driver, for batches.
    pub fn driver(&self) -> &dyn Driver {
        &*self.memory
    }

    /// The driver, for calls that it answers at once on the calling thread.
    pub fn embedded(&self) -> &Memory {
        &self.memory
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
            self.driver().release_session(session);
        }
    }

    /// The store's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves a manual clock, and removes what expires with it.
    pub fn advance(&self, duration: Duration) -> Result<()> {
        self.driver().advance(duration)
    }

    /// What it has done.
    pub fn counters(&self) -> &Counters {
        self.driver().counters()
    }

    /// What it holds.
    pub fn holdings(&self) -> Holdings {
        self.driver().holdings()
    }
}
