//! Leases: who computes a missing value, and whether the result may still be stored.
//!
//! The lease of a key lives in its stripe, under the lock that orders all writes of that key. Every write
//! takes the lease away, so that a fill that comes later finds it gone and stores nothing. The flight, the
//! run of the factory, goes on without its lease until it is completed: those who joined it before wait for
//! it, those who come later start their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::Memory;
use super::tags::TagCells;
use crate::core::command::{LeaseId, LeaseReply, Reply, Sequence, next_lease};
use crate::core::driver::Driver;
use crate::core::hub::{Hub, Notice, Outcome, SessionId};
use crate::core::value::Value;

/// The right to compute a key's value.
#[derive(Debug)]
pub struct Lease {
    /// Names it.
    pub id: LeaseId,
    /// Where the store's order stood before the factory ran.
    pub began: Sequence,
    /// The tags known from the start.
    pub tags: TagCells,
}

/// The leases of one stripe's keys.
pub type Leases = HashMap<Box<str>, Lease, ahash::RandomState>;

struct Flight {
    key: Box<str>,
    holder: SessionId,
    began: Sequence,
    /// Sessions of other threads that wait for it.
    waiting: Vec<SessionId>,
}

/// The factories that run.
///
/// Lock order: a stripe's lock, then this one.
#[derive(Default)]
pub struct Flights {
    running: Mutex<HashMap<LeaseId, Flight>>,
}

impl Flights {
    /// Starts a run.
    pub fn start(&self, key: &str, holder: SessionId, began: Sequence) -> LeaseId {
        let id = next_lease();
        let flight = Flight { key: key.into(), holder, began, waiting: Vec::new() };
        self.running.lock().insert(id, flight);
        id
    }

    /// Has a session told when the run ends. Called under the stripe's lock with the lease in place, so the
    /// run cannot have ended.
    pub fn join(&self, id: LeaseId, session: SessionId) {
        if let Some(flight) = self.running.lock().get_mut(&id)
            && flight.holder != session
            && !flight.waiting.contains(&session)
        {
            flight.waiting.push(session);
        }
    }

    /// Where the store's order stood when the run began, if it is under way.
    pub fn began(&self, id: LeaseId) -> Option<Sequence> {
        self.running.lock().get(&id).map(|flight| flight.began)
    }

    /// Ends a run and tells those who wait for it.
    pub fn complete(&self, id: LeaseId, hub: &Hub, superseded: Sequence, outcome: impl FnOnce() -> Outcome) {
        let Some(flight) = self.running.lock().remove(&id) else {
            return;
        };
        if flight.waiting.is_empty() {
            return;
        }
        let notice = Notice::Flight { lease: id, outcome: outcome(), superseded };
        for session in flight.waiting {
            hub.tell(session, notice.clone());
        }
    }

    /// The runs of a session: their keys and ids.
    pub fn of_session(&self, session: SessionId) -> Vec<(Box<str>, LeaseId)> {
        let running = self.running.lock();
        let held = running.iter().filter(|(_, flight)| flight.holder == session);
        held.map(|(id, flight)| (flight.key.clone(), *id)).collect()
    }

    /// Stops telling a session that went away.
    pub fn forget_session(&self, session: SessionId) {
        for flight in self.running.lock().values_mut() {
            flight.waiting.retain(|waiting| *waiting != session);
        }
    }

    /// How many run.
    pub fn len(&self) -> u64 {
        self.running.lock().len() as u64
    }
}

/// What a flight is completed with, shared by all who wait.
pub fn failed(error: &str) -> Outcome {
    Outcome::Failed(Arc::from(error))
}

impl Memory {
    /// The value, or the right to compute it.
    pub fn lease(&self, session: SessionId, key: &str, tags: &[Box<str>]) -> LeaseReply {
        let tags = self.tags.intern(tags);
        let hash = self.store.hash(key);
        let mut leases = self.stripe(hash);
        let now = self.now();
        let entry = self.found(key, hash).filter(|entry| now < entry.dead_at && self.is_valid(entry));
        let stale = match entry {
            Some(entry) if now < entry.fresh_until => return LeaseReply::Hit(entry.payload.clone()),
            entry => entry.map(|entry| entry.payload.clone()),
        };
        let joined = self.now_in_order();
        if let Some(lease) = leases.get(key) {
            // A run that began before its tags, its prefix or everything were flushed computes what is already
            // out of date: who asks now must not get it.
            if self.invalidated_at(&lease.tags) <= lease.began && !self.flushing.covers(key) {
                self.flights.join(lease.id, session);
                return LeaseReply::Held { lease: lease.id, joined, stale };
            }
        }
        let id = self.flights.start(key, session, joined);
        leases.insert(key.into(), Lease { id, began: joined, tags });
        LeaseReply::Granted { lease: id, stale }
    }

    /// Ends a lease with a value, which is stored unless something newer keeps it out.
    pub fn fill(&self, key: &str, lease: LeaseId, value: Value, keep: bool) -> Reply {
        let tags = self.tags.intern(&value.tags);
        let began = self.flights.began(lease).unwrap_or(0);
        let mut invalidated = self.invalidated_at(&tags);
        let payload = value.payload;
        let (mut stored, mut lost) = (false, false);
        {
            let hash = self.store.hash(key);
            let mut leases = self.stripe(hash);
            // Guarantee 1: a write or an invalidation since the miss has taken the lease away.
            if let Some(held) = take_lease(&mut leases, key, lease) {
                // The tags that it began with count too, though the factory may have named others since.
                invalidated = invalidated.max(self.invalidated_at(&held.tags));
                let current = invalidated <= began;
                if keep && current && value.life.ttl == Some(Duration::ZERO) {
                    self.store.remove(key, hash);
                } else if keep && current {
                    stored = self.insert((key, hash), payload.clone(), value.life, tags, began);
                }
            } else {
                lost = true;
            }
        }
        // From the first moment on: a tag that was named late may have been flushed more than once, and whoever joined
        // between two flushes must not get what the first made out of date.
        let superseded = if invalidated > began { began + 1 } else { 0 };
        if keep && (lost || superseded > 0) {
            self.counters().refused_fills.count();
        }
        self.flights.complete(lease, self.hub(), superseded, || Outcome::Value(Arc::new(payload)));
        Reply::Filled { stored, superseded }
    }

    /// Ends a lease without a value.
    pub fn end_lease(&self, key: &str, lease: LeaseId, outcome: impl FnOnce() -> Outcome) {
        drop(take_lease(&mut self.stripe(self.store.hash(key)), key, lease));
        self.flights.complete(lease, self.hub(), 0, outcome);
    }
}

/// Takes the lease of a key away: its factory's result is older than what happens now.
pub fn supersede(leases: &mut Leases, key: &str) {
    if !leases.is_empty() {
        leases.remove(key);
    }
}

/// Takes a lease, if it is still held.
fn take_lease(leases: &mut Leases, key: &str, lease: LeaseId) -> Option<Lease> {
    let held = leases.get(key).is_some_and(|held| held.id == lease);
    if held { leases.remove(key) } else { None }
}
