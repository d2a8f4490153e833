//! Named locks. They live apart from the entries: no flush and no eviction touches them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::core::clock::Timestamp;
use crate::core::command::LockReply;
use crate::core::hub::{Hub, Notice, SessionId};

/// The last fencing number given out by this process, over all stores.
///
/// A resource that remembers the numbers outlives the process, so they start at the wall clock's
/// microseconds: a later process starts higher, unless more than a million locks a second were taken or the
/// machine's clock was set back between the two. 2^53 is reached in the year 2255.
static LAST_FENCE: AtomicU64 = AtomicU64::new(0);

fn next_fence() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let floor = u64::try_from(since_epoch.as_micros()).unwrap_or(0);
    let next = |last: u64| last.saturating_add(1).max(floor);
    let previous = LAST_FENCE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(next(last)));
    // `fetch_update` with a closure that always answers never fails; both arms hold the last number.
    let (Ok(last) | Err(last)) = previous;
    next(last)
}

#[derive(Debug)]
struct Held {
    owner: Box<str>,
    session: SessionId,
    until: Timestamp,
}

#[derive(Debug, Default)]
struct Locks {
    held: HashMap<Box<str>, Held>,
    waiting: HashMap<Box<str>, Vec<SessionId>>,
}

/// The locks of a store.
#[derive(Debug, Default)]
pub struct LockTable {
    locks: Mutex<Locks>,
}

impl LockTable {
    /// Takes a lock, or says how long it can still be held. With `wait` the session is told when it is free.
    pub fn acquire(
        &self,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
        now: Timestamp,
        wait: bool,
    ) -> LockReply {
        let mut locks = self.locks.lock();
        let Locks { held, waiting } = &mut *locks;
        if let Some(other) = held.get(name).filter(|other| other.until > now) {
            if wait {
                let sessions = waiting.entry(name.into()).or_default();
                if !sessions.contains(&session) {
                    sessions.push(session);
                }
            }
            return LockReply::Busy { expires_in: other.until.since(now) };
        }
        held.insert(name.into(), Held { owner: owner.into(), session, until: now.after(ttl) });
        LockReply::Acquired { fence: next_fence() }
    }

    /// Releases a lock if it is still this owner's; whether it was.
    pub fn release(&self, (name, owner): (&str, &str), now: Timestamp, hub: &Hub) -> bool {
        let mut locks = self.locks.lock();
        let ours = locks.held.get(name).is_some_and(|held| *held.owner == *owner);
        if !ours {
            return false;
        }
        let in_time = locks.held.remove(name).is_some_and(|held| held.until > now);
        locks.tell(name, hub);
        in_time
    }

    /// Sets the remaining life of a lock if it is still this owner's; whether it was.
    pub fn extend(&self, (name, owner): (&str, &str), ttl: Duration, now: Timestamp) -> bool {
        let mut locks = self.locks.lock();
        match locks.held.get_mut(name) {
            Some(held) if *held.owner == *owner && held.until > now => {
                held.until = now.after(ttl);
                true
            }
            _ => false,
        }
    }

    /// Releases all locks of a session that went away.
    pub fn release_session(&self, session: SessionId, hub: &Hub) {
        let mut locks = self.locks.lock();
        for sessions in locks.waiting.values_mut() {
            sessions.retain(|waiting| *waiting != session);
        }
        locks.release_where(hub, |held| held.session == session);
    }

    /// Drops the locks whose time is over and tells those who wait for them.
    pub fn sweep(&self, now: Timestamp, hub: &Hub) {
        let mut locks = self.locks.lock();
        locks.release_where(hub, |held| held.until <= now);
        locks.waiting.retain(|_, sessions| !sessions.is_empty());
    }

    /// How many are held.
    pub fn len(&self, now: Timestamp) -> u64 {
        self.locks.lock().held.values().filter(|held| held.until > now).count() as u64
    }
}

impl Locks {
    fn tell(&mut self, name: &str, hub: &Hub) {
        let Some(sessions) = self.waiting.remove(name) else {
            return;
        };
        let name: Arc<str> = Arc::from(name);
        for session in sessions {
            hub.tell(session, Notice::LockFree { name: Arc::clone(&name) });
        }
    }

    fn release_where(&mut self, hub: &Hub, released: impl Fn(&Held) -> bool) {
        let mut names = Vec::new();
        self.held.retain(|name, held| {
            let drop = released(held);
            if drop {
                names.push(name.clone());
            }
            !drop
        });
        for name in names {
            self.tell(&name, hub);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn only_the_owner_releases_and_only_while_it_holds() {
        let (table, hub) = (LockTable::default(), Hub::default());
        table.acquire(1, ("job", "a"), TTL, at(0), false);
        assert!(!table.release(("job", "b"), at(1), &hub));
        assert!(table.release(("job", "a"), at(1), &hub));
        assert!(!table.release(("job", "a"), at(1), &hub));
    }

    #[test]
    fn releasing_after_expiry_leaves_the_next_owner_alone() {
        let (table, hub) = (LockTable::default(), Hub::default());
        table.acquire(1, ("job", "a"), TTL, at(0), false);
        assert!(matches!(table.acquire(2, ("job", "b"), TTL, at(10_000), false), LockReply::Acquired { .. }));
        assert!(!table.release(("job", "a"), at(10_001), &hub));
        assert!(!table.extend(("job", "a"), TTL, at(10_001)));
        assert_eq!(table.len(at(10_001)), 1);
    }

    #[test]
    fn fencing_numbers_only_grow_over_all_stores() {
        let mut last = 0;
        for _ in 0..100 {
            let table = LockTable::default();
            let LockReply::Acquired { fence } = table.acquire(1, ("job", "a"), TTL, at(0), false) else {
                panic!("a fresh lock is free");
            };
            assert!(fence > last);
            last = fence;
        }
    }
}
