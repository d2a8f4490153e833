//! The locks of this process's sessions, to be given back when they go.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::Remote;
use super::lifetimes::LONGEST;
use crate::core::hub::SessionId;
use crate::core::runtime;

/// Up to so many locks, none is looked at again whether it has lapsed.
const FEW: usize = 64;
/// How often the release of a lock is tried that may have been taken without a word, and for how many at once.
const RETRY: Duration = Duration::from_millis(100);
const MOST_UNKNOWN: usize = 1000;
/// After this long such a lock is left to its own end.
const LONGEST_UNKNOWN: Duration = Duration::from_secs(3600);

/// A lock of a session: the owner's secret, and when it lapses if nobody extends it.
struct Lock {
    owner: Box<str>,
    until: Instant,
}

/// A session's locks, by name.
#[derive(Default)]
struct Owned {
    locks: HashMap<Box<str>, Lock>,
    /// Those that have lapsed are forgotten when there are so many.
    most: usize,
}

/// The locks of all sessions.
#[derive(Default)]
pub struct Held {
    owned: Mutex<HashMap<SessionId, Owned>>,
    /// How many may have been taken without a word.
    unknown: AtomicUsize,
}

impl Held {
    /// How many locks this process holds.
    pub fn len(&self) -> u64 {
        let now = Instant::now();
        let owned = self.owned.lock();
        owned.values().flat_map(|owned| owned.locks.values()).filter(|lock| lock.until > now).count() as u64
    }

    /// A session has a lock, from now for so long.
    pub fn took(&self, session: SessionId, name: &str, secret: &str, ttl: Duration) {
        let (mut sessions, now) = (self.owned.lock(), Instant::now());
        let held = sessions.entry(session).or_default();
        if held.locks.len() >= held.most {
            held.locks.retain(|_, lock| lock.until > now);
            held.most = (held.locks.len() * 2).max(FEW);
        }
        held.locks.insert(name.into(), Lock { owner: secret.into(), until: now + ttl.min(LONGEST) });
    }

    /// A session has that owner's lock no more.
    pub fn gave_back(&self, session: SessionId, name: &str, owner: &str) {
        if let Some(owned) = self.owned.lock().get_mut(&session)
            && owned.locks.get(name).is_some_and(|lock| *lock.owner == *owner)
        {
            owned.locks.remove(name);
        }
    }

    /// Forgets a session; what it held, by name and owner.
    pub fn leave(&self, session: SessionId) -> Vec<(Box<str>, Box<str>)> {
        let owned = self.owned.lock().remove(&session).unwrap_or_default();
        owned.locks.into_iter().map(|(name, lock)| (name, lock.owner)).collect()
    }
}

/// Releases a lock that may have been taken though nobody was told so, as soon as the backend can be asked.
pub fn release_unknown<S: Remote>(
    store: &Arc<S>,
    session: SessionId,
    name: &str,
    owner: &str,
    ttl: Duration,
) {
    let unknown = &store.held().unknown;
    if unknown.fetch_add(1, Ordering::Relaxed) >= MOST_UNKNOWN {
        unknown.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let (store, until) = (Arc::downgrade(store), Instant::now() + ttl.min(LONGEST_UNKNOWN));
    let (name, owner) = (name.to_owned(), owner.to_owned());
    runtime::spawn(async move {
        while Instant::now() < until {
            sleep(RETRY).await;
            let Some(store) = store.upgrade() else { return };
            if store.release(session, &name, &owner).await.is_ok() {
                break;
            }
        }
        if let Some(store) = store.upgrade() {
            store.held().unknown.fetch_sub(1, Ordering::Relaxed);
        }
    });
}
