//! How one session hears of another's doings.
//!
//! A session is one opened cache on one JavaScript thread. The hub knows who is there and hands notices
//! over; it never waits and never calls back into a driver. What a session does with a notice is its
//! own affair (the binding queues it and wakes its thread once for all that is queued).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::command::{LeaseId, Sequence};
use super::value::Payload;

/// Names a session within its store.
pub type SessionId = u64;

/// Why an entry left to keep the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictReason {
    /// Others needed the room.
    Size,
    /// It was larger than the bound and never let in.
    TooLarge,
}

/// How a factory's run ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// With a value.
    Value(Arc<Payload>),
    /// With an error, as the leader's thread wrote it.
    Failed(Arc<str>),
    /// Its session went away: whoever waits computes anew.
    Abandoned,
}

/// What a session is told.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A run that it waits for has ended.
    Flight {
        /// The run.
        lease: LeaseId,
        /// How it ended.
        outcome: Outcome,
        /// See [`super::command::Reply::Filled`].
        superseded: Sequence,
    },
    /// A lock that it waits for may be free.
    LockFree {
        /// The lock's name.
        name: Arc<str>,
    },
    /// An entry left to keep the bounds.
    Evicted {
        /// Its key.
        key: Arc<str>,
        /// Why.
        reason: EvictReason,
    },
    /// An entry's time was over.
    Expired {
        /// Its key.
        key: Arc<str>,
    },
    /// The backend can be asked.
    Connected,
    /// The backend can no longer be asked.
    Disconnected {
        /// Why.
        reason: Arc<str>,
    },
}

/// A session's end of the hub.
pub trait Observer: Send + Sync {
    /// Takes a notice. Called on any thread, with locks held: it must not block or call back.
    fn deliver(&self, notice: Notice);
}

struct Session {
    observer: Arc<dyn Observer>,
    /// Whether it wants [`Notice::Evicted`] and [`Notice::Expired`].
    watching: bool,
}

/// The sessions of one store.
#[derive(Default)]
pub struct Hub {
    sessions: RwLock<HashMap<SessionId, Session>>,
    next: AtomicU64,
    watchers: AtomicUsize,
}

impl Hub {
    /// Adds a session.
    pub fn join(&self, observer: Arc<dyn Observer>) -> SessionId {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.sessions.write().insert(id, Session { observer, watching: false });
        id
    }

    /// Removes a session; whether it was there.
    pub fn leave(&self, id: SessionId) -> bool {
        let left = self.sessions.write().remove(&id);
        if left.as_ref().is_some_and(|session| session.watching) {
            self.watchers.fetch_sub(1, Ordering::Relaxed);
        }
        left.is_some()
    }

    /// Whether a session is there.
    pub fn knows(&self, id: SessionId) -> bool {
        self.sessions.read().contains_key(&id)
    }

    /// Says whether a session wants to hear of evictions and expirations.
    pub fn watch(&self, id: SessionId, watching: bool) {
        if let Some(session) = self.sessions.write().get_mut(&id) {
            match (session.watching, watching) {
                (false, true) => self.watchers.fetch_add(1, Ordering::Relaxed),
                (true, false) => self.watchers.fetch_sub(1, Ordering::Relaxed),
                _ => 0,
            };
            session.watching = watching;
        }
    }

    /// Whether any session wants to hear of evictions and expirations: if not, nothing is built.
    pub fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Tells one session.
    pub fn tell(&self, id: SessionId, notice: Notice) {
        if let Some(session) = self.sessions.read().get(&id) {
            session.observer.deliver(notice);
        }
    }

    /// Tells every session.
    pub fn tell_all(&self, notice: &Notice) {
        for session in self.sessions.read().values() {
            session.observer.deliver(notice.clone());
        }
    }

    /// Tells every session that watches.
    pub fn tell_watchers(&self, notice: &Notice) {
        for session in self.sessions.read().values().filter(|session| session.watching) {
            session.observer.deliver(notice.clone());
        }
    }
}
