//! Locks: a hash beside the prefix, with the owner's secret, the time until which it is held, and the fencing
//! number, which outlives the lock so that it only grows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::Value as Answered;
use tokio::time::{Instant, sleep, timeout};

use super::call::Call;
use super::fault::Fault;
use super::scripts::{EXTEND, LOCK, UNLOCK};
use super::{Redis, keys, values};
use crate::core::command::{LockReply, Reply};
use crate::core::error::Result;
use crate::core::hub::{Notice, SessionId};
use crate::core::runtime;

/// How long the last fencing number is remembered. After that it starts at the server's time in µs, which is more.
const FENCE_KEPT: &[u8] = b"86400000";
/// How long a lock is watched for a waiter that does not ask again.
const WATCHED: Duration = Duration::from_secs(30);
/// A lock that is held "for ever", in milliseconds: a hundred years.
const FOREVER: u64 = 100 * 365 * 24 * 3_600_000;

/// How often the release of a lock is tried that may have been taken without a word, and for how many at once.
const RETRY: Duration = Duration::from_millis(100);
const MOST_UNKNOWN: usize = 1000;
/// Up to so many locks, none is looked at again whether it has lapsed.
const FEW: usize = 64;
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

impl Owned {
    fn insert(&mut self, name: &str, owner: &str, ttl: Duration) {
        let now = Instant::now();
        if self.locks.len() >= self.most {
            self.locks.retain(|_, lock| lock.until > now);
            self.most = (self.locks.len() * 2).max(FEW);
        }
        let until = now + ttl.min(Duration::from_millis(FOREVER));
        self.locks.insert(name.into(), Lock { owner: owner.into(), until });
    }
}

/// The locks of this process's sessions, to be given back when they go, and who waits for which.
#[derive(Default)]
pub struct Held {
    owned: Mutex<HashMap<SessionId, Owned>>,
    watched: Mutex<HashSet<(SessionId, Box<str>)>>,
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
}

impl Redis {
    pub(super) async fn lock(
        self: &Arc<Self>,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
        wait: bool,
        deadline: Instant,
    ) -> Result<Reply> {
        let life = values::argument(Some(values::millis(ttl).unwrap_or(FOREVER)));
        let args = vec![owner.as_bytes().to_vec(), life, FENCE_KEPT.to_vec()];
        let answer = self.ask(Call::Script(&LOCK, keys::lock(name).into(), args), deadline).await;
        if matches!(answer, Err(Fault::Timeout(_) | Fault::Dropped(_))) {
            self.release_unknown(session, name, owner, ttl);
        }
        let Answered::Array(parts) = answer.map_err(|fault| fault.error("lock"))? else {
            return Err(super::unexpected("lock"));
        };
        match parts[..] {
            [Answered::Int(1), Answered::Int(fence)] => {
                self.held.owned.lock().entry(session).or_default().insert(name, owner, ttl);
                Ok(Reply::Lock(LockReply::Acquired { fence: fence as u64 }))
            }
            [Answered::Int(0), Answered::Int(left)] => {
                if wait {
                    self.watch_lock(session, name);
                }
                Ok(Reply::Lock(LockReply::Busy { expires_in: Duration::from_millis(left as u64) }))
            }
            _ => Err(super::unexpected("lock")),
        }
    }

    pub(super) async fn unlock(
        &self,
        session: SessionId,
        (name, owner): (&str, &str),
        deadline: Instant,
    ) -> Result<Reply> {
        let args = vec![owner.as_bytes().to_vec()];
        let answer = self.ask(Call::Script(&UNLOCK, keys::lock(name).into(), args), deadline).await;
        let released = answer.map_err(|fault| fault.error("unlock"))?;
        if let Some(owned) = self.held.owned.lock().get_mut(&session)
            && owned.locks.get(name).is_some_and(|lock| *lock.owner == *owner)
        {
            owned.locks.remove(name);
        }
        Ok(Reply::Changed(released == Answered::Int(1)))
    }

    pub(super) async fn extend(
        &self,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
        deadline: Instant,
    ) -> Result<Reply> {
        let life = values::argument(Some(values::millis(ttl).unwrap_or(FOREVER)));
        let args = vec![owner.as_bytes().to_vec(), life, FENCE_KEPT.to_vec()];
        let answer = self.ask(Call::Script(&EXTEND, keys::lock(name).into(), args), deadline).await;
        let extended = answer.map_err(|fault| fault.error("extend"))? == Answered::Int(1);
        if extended {
            self.held.owned.lock().entry(session).or_default().insert(name, owner, ttl);
        }
        Ok(Reply::Changed(extended))
    }

    /// Gives back the locks of a session that went away.
    pub(super) async fn release_locks(&self, session: SessionId) {
        let owned = self.held.owned.lock().remove(&session).unwrap_or_default();
        for (name, Lock { owner, .. }) in owned.locks {
            // An outage: the lock frees itself.
            let _ = self.unlock(session, (&name, &owner), self.deadline()).await;
        }
    }

    /// Releases a lock that may have been taken though nobody was told so, as soon as the server can be asked.
    fn release_unknown(self: &Arc<Self>, session: SessionId, name: &str, owner: &str, ttl: Duration) {
        if self.held.unknown.fetch_add(1, Ordering::Relaxed) >= MOST_UNKNOWN {
            self.held.unknown.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (store, until) = (Arc::downgrade(self), Instant::now() + ttl.min(LONGEST_UNKNOWN));
        let (name, owner) = (name.to_owned(), owner.to_owned());
        runtime::spawn(async move {
            while Instant::now() < until {
                sleep(RETRY).await;
                let Some(redis) = store.upgrade() else { return };
                if redis.unlock(session, (&name, &owner), redis.deadline()).await.is_ok() {
                    break;
                }
            }
            if let Some(redis) = store.upgrade() {
                redis.held.unknown.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }

    /// Tells a session when a lock may be free, where the server says so; it asks again by itself, too.
    fn watch_lock(self: &Arc<Self>, session: SessionId, name: &str) {
        let pushes = self.router.status().2 == Some(3);
        if !pushes || !self.held.watched.lock().insert((session, name.into())) {
            return;
        }
        let (redis, name): (_, Box<str>) = (Arc::clone(self), name.into());
        runtime::spawn(async move {
            let key: Arc<[u8]> = keys::lock(&name).into();
            let watch = redis.waits.on(&key);
            {
                let changed = watch.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let owner = redis.ask_again(Call::WatchLock(Arc::clone(&key)), redis.deadline()).await;
                if matches!(owner, Ok(Answered::BulkString(_))) {
                    let _ = timeout(WATCHED, changed).await;
                }
            }
            redis.waits.done(&key, watch);
            redis.held.watched.lock().remove(&(session, name.clone()));
            redis.hub.tell(session, Notice::LockFree { name: name.into() });
        });
    }
}
