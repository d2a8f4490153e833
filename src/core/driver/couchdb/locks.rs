//! Locks: a document each, with the owner's secret, the time until which it is held, and the fencing number. It is
//! used again by the next owner.
//!
//! One node decides by the revision who has a lock. A cluster may tell two owners that they have it; one that not
//! most of its nodes took is given back at once.

use std::sync::Arc;
use std::time::Duration;

use super::backend::Committed;
use super::document::Document;
use super::patience::Patience;
use super::{CouchDb, ids};
use crate::core::command::{LockReply, Reply};
use crate::core::driver::remote::fault::Fault;
use crate::core::driver::remote::lifetimes::LONGEST;
use crate::core::hub::SessionId;

/// For how long the document of a lock stays that nobody holds. After that the fencing number begins at the time in µs
/// again, which is more.
const KEPT: u64 = 24 * 3_600_000;

impl CouchDb {
    pub(super) async fn lock(
        self: &Arc<Self>,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
    ) -> Result<Reply, Fault> {
        let mut found = self.backend.read(&ids::lock(name)).await?;
        let mut patience = Patience::default();
        loop {
            let now = self.now();
            if let Some(lock) = found.as_ref().filter(|lock| lock.owner.is_some() && lock.until > now) {
                if lock.owner.as_deref() == Some(owner) {
                    // What was asked before was done, and its answer lost.
                    self.held.took(session, name, owner, ttl);
                    return Ok(Reply::Lock(LockReply::Acquired { fence: lock.fence }));
                }
                let expires_in = Duration::from_millis(lock.until - now);
                return Ok(Reply::Lock(LockReply::Busy { expires_in }));
            }
            let last = found.as_ref().map_or(0, |lock| lock.fence);
            let taken = Document {
                fence: self.backend.clock.micros().max(last + 1),
                rev: found.and_then(|lock| lock.rev),
                ..self.lock_document(name, Some(owner), ttl)
            };
            match self.backend.commit(taken, &mut patience).await? {
                Committed::Stored(lock) => {
                    self.held.took(session, name, owner, ttl);
                    return Ok(Reply::Lock(LockReply::Acquired { fence: lock.fence }));
                }
                Committed::Weak(lock) => {
                    let free = self.lock_document(name, None, Duration::ZERO);
                    self.undo(Document { rev: lock.rev, fence: lock.fence, ..free }).await;
                    patience.wait().await;
                    found = self.backend.read(&ids::lock(name)).await?;
                }
                Committed::Conflict { now, .. } => found = now,
            }
        }
    }

    pub(super) async fn unlock(
        self: &Arc<Self>,
        session: SessionId,
        (name, owner): (&str, &str),
    ) -> Result<bool, Fault> {
        let released = self.change_lock(name, owner, None, Duration::ZERO).await?;
        self.held.gave_back(session, name, owner);
        Ok(released)
    }

    pub(super) async fn extend(
        self: &Arc<Self>,
        session: SessionId,
        (name, owner): (&str, &str),
        ttl: Duration,
    ) -> Result<Reply, Fault> {
        let extended = self.change_lock(name, owner, Some(owner), ttl).await?;
        if extended {
            self.held.took(session, name, owner, ttl);
        }
        Ok(Reply::Changed(extended))
    }

    /// Changes a lock that is that owner's; whether it was.
    async fn change_lock(
        self: &Arc<Self>,
        name: &str,
        owner: &str,
        next: Option<&str>,
        ttl: Duration,
    ) -> Result<bool, Fault> {
        let mut found = self.backend.read(&ids::lock(name)).await?;
        let mut patience = Patience::default();
        loop {
            let now = self.now();
            let Some(lock) = found.filter(|lock| lock.owner.as_deref() == Some(owner) && lock.until > now)
            else {
                return Ok(false);
            };
            let changed =
                Document { rev: lock.rev, fence: lock.fence, ..self.lock_document(name, next, ttl) };
            let committed = self.backend.commit(changed, &mut patience).await?;
            let committed = if next.is_none() { committed } else { committed.known()? };
            match committed {
                // Of a release: whoever has it now, it is not this owner.
                Committed::Stored(_) | Committed::Conflict { lost: true, .. } => return Ok(true),
                // An extension that may be lost with its node is none; a release is one as soon as anybody sees it.
                Committed::Weak(_) => return Ok(next.is_none()),
                Committed::Conflict { now, .. } => found = now,
            }
        }
    }

    /// Has a lock that may still be taken by what is on its way refused to it: the document gets another revision.
    pub(super) async fn keep_out(self: &Arc<Self>, name: &str) -> Result<(), Fault> {
        let found = self.backend.read(&ids::lock(name)).await?;
        if found.as_ref().is_some_and(|lock| lock.owner.is_some() && lock.until > self.now()) {
            return Ok(());
        }
        let fence = found.as_ref().map_or(0, |lock| lock.fence);
        let free = self.lock_document(name, None, Duration::ZERO);
        let free = Document { rev: found.and_then(|lock| lock.rev), fence, ..free };
        self.backend.commit(free, &mut Patience::default()).await.map(drop)
    }

    /// A lock's document, from now on held by that owner for so long.
    fn lock_document(&self, name: &str, owner: Option<&str>, ttl: Duration) -> Document {
        let now = self.now();
        let until = now + ttl.min(LONGEST).as_millis() as u64;
        Document {
            key: ids::is_hashed(name).then(|| name.into()),
            owner: owner.map(Into::into),
            until,
            expires_at: Some(until + KEPT),
            ..Document::of(ids::lock(name), now)
        }
    }

    /// Gives back the locks of a session that went away.
    pub(super) async fn release_locks(self: &Arc<Self>, session: SessionId) {
        for (name, owner) in self.held.leave(session) {
            // An outage: the lock frees itself.
            let _ = tokio::time::timeout_at(self.deadline(), self.unlock(session, (&name, &owner))).await;
        }
    }
}
