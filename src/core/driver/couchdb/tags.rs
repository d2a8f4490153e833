//! Tags: each has an epoch, in a document of its own, and each entry the epochs that its tags had before it was
//! computed. Flushing a tag writes a new epoch; a missing one is another one too.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::backend::Committed;
use super::document::Document;
use super::patience::Patience;
use super::{CouchDb, ids, millis};
use crate::core::command::Reply;
use crate::core::driver::remote::Tagged;
use crate::core::driver::remote::epochs::{LEAST_KEPT, random};
use crate::core::driver::remote::fault::Fault;

/// How far the clocks of the fleet's machines may be apart before a factory that runs during a flush of a tag that it
/// names late is told apart wrongly; in microseconds.
pub const SKEW_MICROS: u64 = 1_000_000;

impl CouchDb {
    /// The tags with their epochs, which are made where they are missing, and kept for as long as an entry lives that
    /// has them; `None` is for ever.
    pub(super) async fn epochs(
        self: &Arc<Self>,
        tags: &[Box<str>],
        life: Option<u64>,
    ) -> Result<Vec<Tagged>, Fault> {
        try_join_all(tags.iter().map(|tag| self.epoch(tag, life))).await
    }

    async fn epoch(self: &Arc<Self>, tag: &str, life: Option<u64>) -> Result<Tagged, Fault> {
        let id = ids::tag(tag);
        let mut found = self.backend.read(&id).await?;
        let mut patience = Patience::default();
        loop {
            let now = self.now();
            let least = LEAST_KEPT.as_millis() as u64;
            // Half as long again, so that not every entry prolongs it.
            let needed = life.map(|life| now.saturating_add(life.max(least)));
            let kept =
                life.map(|life| now.saturating_add(life.max(least)).saturating_add(life.max(least) / 2));
            let current = found.as_ref().filter(|found| !found.has_expired(now));
            let mut next = if let Some(known) = current
                && let Some(epoch) = &known.epoch
            {
                let lasts = match (known.expires_at, needed) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(at), Some(needed)) => at >= needed,
                };
                if lasts {
                    return Ok((tag.into(), epoch.clone()));
                }
                known.clone()
            } else {
                let epoch = format!("c{}-{}", self.backend.clock.micros(), random());
                Document { epoch: Some(epoch.into()), ..document_of(tag, now) }
            };
            (next.expires_at, next.updated_at) = (kept, now);
            next.rev = found.as_ref().and_then(|found| found.rev.clone());
            match self.backend.commit(next, &mut patience).await? {
                Committed::Stored(now) | Committed::Weak(now) => {
                    return Ok((tag.into(), now.epoch.unwrap_or_default()));
                }
                Committed::Conflict { now, .. } => found = now,
            }
        }
    }

    pub(super) async fn flush_tags(self: &Arc<Self>, tags: &[Box<str>]) -> Result<Reply, Fault> {
        try_join_all(tags.iter().map(|tag| self.flush_tag(tag))).await?;
        Ok(Reply::Done)
    }

    async fn flush_tag(self: &Arc<Self>, tag: &str) -> Result<(), Fault> {
        let id = ids::tag(tag);
        let mut rev = self.backend.revisions.get(&id).and_then(|known| known.rev);
        let mut patience = Patience::default();
        loop {
            let now = self.now();
            let epoch = format!("f{}-{}", self.backend.clock.micros(), random());
            let document = Document {
                rev,
                epoch: Some(epoch.into()),
                // Entries that have the new epoch prolong it.
                expires_at: Some(now + millis(LEAST_KEPT).unwrap_or_default()),
                ..document_of(tag, now)
            };
            match self.backend.commit(document, &mut patience).await? {
                Committed::Stored(_) | Committed::Weak(_) => return Ok(()),
                Committed::Conflict { now, .. } => rev = now.and_then(|now| now.rev),
            }
        }
    }
}

fn document_of(tag: &str, now: u64) -> Document {
    let key = ids::is_hashed(tag).then(|| tag.into());
    Document { key, ..Document::of(ids::tag(tag), now) }
}
