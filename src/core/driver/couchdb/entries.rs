//! Values under keys.

use std::sync::Arc;
use std::time::Duration;

use super::backend::Committed;
use super::document::Document;
use super::patience::Patience;
use super::seen::{Epochs, Seen, payload};
use super::{CouchDb, ids, lifetime, millis};
use crate::core::command::{Command, Fetched, Reply};
use crate::core::driver::remote::fault::Fault;
use crate::core::error::{Error, ErrorKind, Result as Checked};
use crate::core::value::{Payload, Value};

impl CouchDb {
    /// What a read of what was seen answers.
    pub(super) fn read_reply(&self, seen: &Seen, command: &Command) -> Reply {
        let fresh = seen.fresh();
        match command {
            Command::Has { .. } => Reply::Changed(fresh.is_some()),
            Command::Peek { .. } => Reply::Payload(payload(seen.held())),
            Command::Fetch { .. } => {
                self.counters.read(fresh.is_some());
                Reply::Fetched(fresh.and_then(|document| fetched(document, seen.now)))
            }
            Command::Remaining { .. } => Reply::Remaining(fresh.map(|document| {
                let left = document.remaining(seen.now);
                if left == u64::MAX { Duration::MAX } else { Duration::from_millis(left) }
            })),
            _ => {
                self.counters.read(fresh.is_some());
                Reply::Payload(payload(fresh))
            }
        }
    }

    /// Whether a value is too large to be stored at all: one such document would fail all that go with it.
    pub(super) fn check_size(&self, value: &Value, operation: &'static str) -> Checked<()> {
        let (size, most) = (Document::size(&value.payload), self.config.max_value_bytes);
        if size <= most {
            return Ok(());
        }
        let message = format!(
            "the value has {size} bytes as it is stored, more than the {most} that maxValueBytes allows"
        );
        Err(Error::new(ErrorKind::InvalidValue, operation, message))
    }

    pub(super) async fn put(self: &Arc<Self>, key: &str, value: &Value) -> Result<(), Fault> {
        if value.life.ttl == Some(Duration::ZERO) {
            return self.forget(key).await.map(drop);
        }
        let epochs = self.epochs(&value.tags, lifetime(value.life)).await?;
        let mut document = Document::holding(key, value, &epochs, self.now());
        document.rev = self.backend.revisions.get(&document.id).and_then(|known| known.rev);
        let mut patience = Patience::default();
        loop {
            match self.backend.commit(document.clone(), &mut patience).await?.known()? {
                Committed::Stored(_) | Committed::Weak(_) => {
                    self.counters.writes.count();
                    return Ok(());
                }
                Committed::Conflict { now, .. } => {
                    document.rev = now.and_then(|now| now.rev);
                    // What is there now may be newer than a flush of its tags: dead, this value would bury it.
                    let epochs = self.epochs(&value.tags, lifetime(value.life)).await?;
                    document.tags = epochs.into_iter().collect();
                }
            }
        }
    }

    pub(super) async fn add(self: &Arc<Self>, key: &str, value: &Value) -> Result<bool, Fault> {
        let id = ids::entry(key);
        let epochs = self.epochs(&value.tags, lifetime(value.life)).await?;
        // A key that is new to this process most often is new.
        let mut rev = match self.backend.revisions.get(&id) {
            Some(known) if known.rev.is_some() => {
                let seen = self.look(key, &[]).await?;
                if seen.fresh().is_some() {
                    return Ok(false);
                }
                seen.rev()
            }
            _ => None,
        };
        let mut patience = Patience::default();
        loop {
            let document = Document { rev, ..Document::holding(key, value, &epochs, self.now()) };
            match self.backend.commit(document, &mut patience).await?.known()? {
                Committed::Stored(_) => {
                    self.counters.writes.count();
                    return Ok(true);
                }
                Committed::Weak(document) => {
                    self.undo(Document { rev: document.rev, ..Document::gone(key, self.now()) }).await;
                    patience.wait().await;
                    rev = self.look(key, &[]).await?.rev();
                }
                Committed::Conflict { now, .. } => {
                    let seen = self.seen(now, Epochs::new()).await?;
                    if seen.fresh().is_some() {
                        return Ok(false);
                    }
                    rev = seen.rev();
                }
            }
        }
    }

    pub(super) async fn forget(self: &Arc<Self>, key: &str) -> Result<bool, Fault> {
        Ok(self.take(key).await?.is_some())
    }

    pub(super) async fn pull(self: &Arc<Self>, key: &str) -> Result<Reply, Fault> {
        let held = self.take(key).await?;
        self.counters.read(held.is_some());
        Ok(Reply::Payload(held))
    }

    /// Removes what is under a key, also a lease; the value that it held.
    async fn take(self: &Arc<Self>, key: &str) -> Result<Option<Payload>, Fault> {
        let late = self.late.of(key);
        let mut seen = self.look(key, &[]).await?;
        let mut patience = Patience::default();
        loop {
            let held = payload(seen.fresh());
            // There is nothing, or it is said already; but what is late may name that revision, or none.
            if !seen.document.as_ref().is_some_and(Document::is_of_use) && late.is_none() {
                return Ok(None);
            }
            let gone = Document { rev: seen.rev(), ..Document::gone(key, self.now()) };
            match self.backend.commit(gone, &mut patience).await?.known()? {
                Committed::Stored(_) | Committed::Weak(_) => {
                    self.late.kept_out(key, late);
                    if held.is_some() {
                        self.counters.deletes.count();
                    }
                    return Ok(held);
                }
                Committed::Conflict { now, .. } => seen = self.seen(now, Epochs::new()).await?,
            }
        }
    }

    pub(super) async fn touch(self: &Arc<Self>, key: &str, ttl: Duration) -> Result<Reply, Fault> {
        if ttl.is_zero() {
            return self.forget(key).await.map(Reply::Changed);
        }
        let mut seen = self.look(key, &[]).await?;
        let mut patience = Patience::default();
        loop {
            let Some(document) = seen.fresh().filter(|document| !document.corrupt) else {
                return Ok(Reply::Changed(false));
            };
            let mut touched = document.clone();
            let now = self.now();
            let fresh_until = millis(ttl).map(|ttl| now.saturating_add(ttl));
            let grace =
                document.fresh_until.map(|until| document.expires_at.map(|at| at.saturating_sub(until)));
            touched.updated_at = now;
            match (fresh_until, grace) {
                (None, _) => (touched.fresh_until, touched.expires_at) = (None, None),
                (Some(until), None) => touched.expires_at = Some(until),
                (Some(until), Some(grace)) => {
                    touched.fresh_until = Some(until);
                    touched.expires_at = grace.map(|grace| until.saturating_add(grace));
                }
            }
            let names: Vec<Box<str>> = touched.tags.keys().cloned().collect();
            self.epochs(&names, touched.expires_at.map(|at| at.saturating_sub(now))).await?;
            match self.backend.commit(touched, &mut patience).await?.known()? {
                Committed::Stored(_) | Committed::Weak(_) => return Ok(Reply::Changed(true)),
                Committed::Conflict { now, .. } => seen = self.seen(now, Epochs::new()).await?,
            }
        }
    }

    /// Takes back what too few nodes of a cluster have. If that fails too, it lapses by itself.
    pub(super) async fn undo(self: &Arc<Self>, document: Document) {
        let _ = self.backend.commit(document, &mut Patience::default()).await;
    }
}

/// A value with what a tier above needs to keep it.
fn fetched(document: &Document, now: u64) -> Option<Fetched> {
    let left = document.remaining(now);
    Some(Fetched {
        payload: document.payload()?,
        remaining: (left != u64::MAX).then(|| Duration::from_millis(left)),
        tags: document.tags.keys().cloned().collect(),
    })
}

/// Why nothing is acquired that a cluster has not on most of its nodes.
pub fn too_few() -> Fault {
    Fault::Refused {
        code: "202".into(),
        message: "too few nodes of the CouchDB cluster took it, so that another may have it too".into(),
    }
}
