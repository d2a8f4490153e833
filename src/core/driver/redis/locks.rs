//! Locks: a hash beside the prefix, with the owner's secret, the time until which it is held, and the fencing
//! number, which outlives the lock so that it only grows.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use tokio::time::{Instant, timeout};

use super::call::Call;
use super::fault::Fault;
use super::scripts::{EXTEND, LOCK, UNLOCK};
use super::wire::Value as Answered;
use super::{Redis, keys, values};
use crate::core::command::{LockReply, Reply};
use crate::core::driver::remote::held;
use crate::core::driver::remote::lifetimes::LONGEST;
use crate::core::error::Result;
use crate::core::hub::{Notice, SessionId};
use crate::core::runtime;

/// How long the last fencing number is remembered. After that it starts at the server's time in µs, which is more.
const FENCE_KEPT: &[u8] = b"86400000";
/// How long a lock is watched for a waiter that does not ask again.
const WATCHED: Duration = Duration::from_secs(30);

/// Who waits for which lock.
pub type Watched = Mutex<HashSet<(SessionId, Box<str>)>>;

impl Redis {
    pub(super) async fn lock(
        self: &Arc<Self>,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
        wait: bool,
        deadline: Instant,
    ) -> Result<Reply> {
        let life = values::argument(Some(ttl.min(LONGEST).as_millis() as u64));
        let args = vec![owner.as_bytes().to_vec(), life, FENCE_KEPT.to_vec()];
        let answer = self.ask(Call::Script(&LOCK, keys::lock(name).into(), args), deadline).await;
        if matches!(answer, Err(Fault::Timeout(_) | Fault::Dropped(_))) {
            held::release_unknown(self, session, name, owner, ttl);
        }
        let Answered::Array(parts) = answer.map_err(|fault| fault.error("lock"))? else {
            return Err(super::unexpected("lock"));
        };
        match parts[..] {
            [Answered::Int(1), Answered::Int(fence)] => {
                self.held.took(session, name, owner, ttl);
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
        self.held.gave_back(session, name, owner);
        Ok(Reply::Changed(released == Answered::Int(1)))
    }

    pub(super) async fn extend(
        &self,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
        deadline: Instant,
    ) -> Result<Reply> {
        let life = values::argument(Some(ttl.min(LONGEST).as_millis() as u64));
        let args = vec![owner.as_bytes().to_vec(), life, FENCE_KEPT.to_vec()];
        let answer = self.ask(Call::Script(&EXTEND, keys::lock(name).into(), args), deadline).await;
        let extended = answer.map_err(|fault| fault.error("extend"))? == Answered::Int(1);
        if extended {
            self.held.took(session, name, owner, ttl);
        }
        Ok(Reply::Changed(extended))
    }

    /// Gives back the locks of a session that went away.
    pub(super) async fn release_locks(&self, session: SessionId) {
        for (name, owner) in self.held.leave(session) {
            // An outage: the lock frees itself.
            let _ = self.unlock(session, (&name, &owner), self.deadline()).await;
        }
    }

    /// Tells a session when a lock may be free, where the server says so; it asks again by itself, too.
    fn watch_lock(self: &Arc<Self>, session: SessionId, name: &str) {
        let pushes = self.router.status().2 == Some(3);
        if !pushes || !self.watched.lock().insert((session, name.into())) {
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
                let owner = redis.ask_again(Call::WatchLock(key[..].into()), redis.deadline()).await;
                if matches!(owner, Ok(Answered::BulkString(_))) {
                    let _ = timeout(WATCHED, changed).await;
                }
            }
            redis.waits.done(&key, watch);
            redis.watched.lock().remove(&(session, name.clone()));
            redis.hub.tell(session, Notice::LockFree { name: name.into() });
        });
    }
}
