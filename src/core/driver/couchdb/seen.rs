//! What is under a key, with the epochs that its tags have now: one request, if the tags were seen before.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{join, try_join_all};

use super::CouchDb;
use super::document::Document;
use super::ids;
use crate::core::driver::remote::fault::Fault;
use crate::core::value::Payload;

/// Tags with their epochs; `None` for one that has none.
pub type Epochs = BTreeMap<Box<str>, Option<Box<str>>>;

/// What is under a key.
pub struct Seen {
    /// The document.
    pub document: Option<Document>,
    /// The epochs of the value's tags, of those that its lease has, and of those that were asked for.
    pub epochs: Epochs,
    /// When it was seen.
    pub now: u64,
}

impl Seen {
    /// The value, if it is fresh.
    pub fn fresh(&self) -> Option<&Document> {
        self.document
            .as_ref()
            .filter(|document| document.is_fresh(self.now) && self.has_valid(&document.tags))
    }

    /// The value, fresh or in its grace.
    pub fn held(&self) -> Option<&Document> {
        self.document.as_ref().filter(|document| document.holds(self.now) && self.has_valid(&document.tags))
    }

    /// The revision that a write is to replace.
    pub fn rev(&self) -> Option<Box<str>> {
        self.document.as_ref().and_then(|document| document.rev.clone())
    }

    /// Whether none of these tags was flushed since they had these epochs.
    pub fn has_valid(&self, tags: &BTreeMap<Box<str>, Box<str>>) -> bool {
        tags.iter().all(|(tag, epoch)| self.epochs.get(tag).and_then(Option::as_ref) == Some(epoch))
    }
}

/// The payload of a value that may be served.
pub fn payload(document: Option<&Document>) -> Option<Payload> {
    document.and_then(Document::payload)
}

impl CouchDb {
    /// Looks at a key, and at these tags.
    pub(super) async fn look(self: &Arc<Self>, key: &str, tags: &[Box<str>]) -> Result<Seen, Fault> {
        let id = ids::entry(key);
        let known = self.backend.revisions.get(&id).map(|known| known.tags).unwrap_or_default();
        let wanted: Vec<Box<str>> = tags.iter().chain(&*known).cloned().collect();
        let (document, epochs) = join(self.backend.read(&id), self.epochs_now(&wanted)).await;
        self.seen(document?, epochs?).await
    }

    /// Completes what was seen of a document by the epochs of tags that nobody knew it had.
    pub(super) async fn seen(
        self: &Arc<Self>,
        document: Option<Document>,
        mut epochs: Epochs,
    ) -> Result<Seen, Fault> {
        let mut unknown = Vec::new();
        if let Some(document) = &document {
            let leased = document.lease.iter().flat_map(|lease| lease.tags.keys());
            unknown
                .extend(document.tags.keys().chain(leased).filter(|tag| !epochs.contains_key(*tag)).cloned());
        }
        if !unknown.is_empty() {
            epochs.extend(self.epochs_now(&unknown).await?);
        }
        Ok(Seen { document, epochs, now: self.now() })
    }

    /// The epochs that tags have now.
    pub(super) async fn epochs_now(self: &Arc<Self>, tags: &[Box<str>]) -> Result<Epochs, Fault> {
        let now = self.now();
        let asked = tags.iter().map(|tag| async move {
            let found = self.backend.read(&ids::tag(tag)).await?;
            let epoch = found.filter(|found| !found.has_expired(now)).and_then(|found| found.epoch);
            Ok((tag.clone(), epoch))
        });
        Ok(try_join_all(asked).await?.into_iter().collect())
    }
}
