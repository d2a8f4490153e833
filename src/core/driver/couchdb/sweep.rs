//! The sweep: what has expired leaves the database.
//!
//! One process of the fleet sweeps: whoever writes the sweep's document first. Purging leaves nothing behind, and is
//! what a server admin may do; with fewer rights documents are deleted, which leaves a tombstone each. Both name the
//! revision that has expired, so that nothing newer goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;
use serde::Deserialize;
use tokio::time::sleep;

use super::CouchDb;
use super::backend::Committed;
use super::document::Document;
use super::{patience::Patience, setup};
use crate::core::driver::remote::fault::Fault;
use crate::core::runtime;

/// The document of the sweep. No key of the plugin that stored documents under bare keys is likely to be called so.
const ID: &str = "sweep:expired";
/// How many documents go at once: `CouchDB` purges at most a hundred.
const PAGE: usize = 100;
/// How long a page may take. The first request of a view waits until it is up to date.
const LIMIT: Duration = Duration::from_secs(60);
/// The pause between two pages, so that the server's other work goes on.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
struct Expired {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: Box<str>,
    key: serde_json::Number,
    value: Box<str>,
}

/// Sweeps now and then, for as long as the store is open.
pub fn start(store: &Arc<CouchDb>) {
    let Some(period) = store.config.sweep else { return };
    let store = Arc::downgrade(store);
    runtime::spawn(async move {
        loop {
            // Spread, so that processes that were started together do not come together.
            sleep(period.mul_f64(0.9 + fastrand::f64() / 5.0)).await;
            if store.strong_count() == 0 {
                return;
            }
            // What fails is tried again the next time.
            let _ = sweep(&store, period).await;
        }
    });
}

async fn sweep(weak: &Weak<CouchDb>, period: Duration) -> Result<(), Fault> {
    let Some(store) = weak.upgrade() else { return Ok(()) };
    if !store.may_sweep(period).await? {
        return Ok(());
    }
    drop(store);
    let mut after = None;
    while let Some(store) = weak.upgrade() {
        after = store.sweep_page(after).await?;
        if after.is_none() {
            break;
        }
        drop(store);
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Documents that were found to have expired, with their revisions.
pub type Found = Mutex<Vec<(Box<str>, Box<str>)>>;

impl CouchDb {
    /// Has what a read found to have expired removed, soon and with others.
    pub(super) fn remove_soon(self: &Arc<Self>, document: &Document) {
        let Some(rev) = &document.rev else { return };
        let mut found = self.expired.lock();
        found.push((document.id.clone(), rev.clone()));
        if found.len() > 1 {
            return;
        }
        let store = Arc::clone(self);
        runtime::spawn(async move {
            sleep(store.known_lost()).await;
            let found = std::mem::take(&mut *store.expired.lock());
            for page in found.chunks(PAGE) {
                // What stays is found by the sweep.
                let _ = store.remove_expired(page.iter().map(|(id, rev)| (&**id, &**rev))).await;
            }
        });
    }

    /// For how long what has expired stays: a factory whose lease a value has taken away finds that out meanwhile, when
    /// the lease is to be prolonged. Of a document that is not there any more `CouchDB` takes every revision.
    fn known_lost(&self) -> Duration {
        self.config.lease_ttl * 2 / 3
    }

    /// Whether this process is the one to sweep: no other has, since a period ago.
    async fn may_sweep(self: &Arc<Self>, period: Duration) -> Result<bool, Fault> {
        let (last, now) = (self.backend.read(ID).await?, self.now());
        let recent = now.saturating_sub(period.as_millis() as u64 * 4 / 5);
        if last.as_ref().is_some_and(|last| last.updated_at > recent && last.updated_at <= now) {
            return Ok(false);
        }
        let document = Document { rev: last.and_then(|last| last.rev), ..Document::of(ID.into(), now) };
        Ok(matches!(self.backend.commit(document, &mut Patience::default()).await?, Committed::Stored(_)))
    }

    /// Removes a page of what has expired; where the next begins.
    async fn sweep_page(self: &Arc<Self>, after: Option<Row>) -> Result<Option<Row>, Fault> {
        let endkey = self.now().saturating_sub(self.known_lost().as_millis() as u64);
        // Numbers alone: what other programs call by that name may be anything.
        let mut query = serde_json::json!({ "startkey": f64::MIN, "endkey": endkey, "limit": PAGE });
        if let Some(Row { id, key, .. }) = &after {
            // It is there no more, unless it was changed meanwhile; then it comes again, and goes the next time.
            query["startkey"] = key.clone().into();
            query["startkey_docid"] = id.to_string().into();
        }
        let body = Some(query.to_string().into_bytes());
        let answer = self.backend.ask(Method::POST, "/_design/cache/_view/expired", body, LIMIT).await?;
        if answer.status == 404 {
            // Another program has made the database anew.
            let design = setup::DESIGN.into();
            self.backend.ask_as_admin(Method::PUT, "/_design/cache", design, LIMIT).await?;
            return Ok(None);
        }
        let Ok(Expired { mut rows }) = serde_json::from_slice(&answer.body) else { return Ok(None) };
        let is_last = rows.len() < PAGE;
        if after
            .is_some_and(|after| rows.len() == 1 && rows[0].id == after.id && rows[0].value == after.value)
        {
            return Ok(None);
        }
        self.remove_expired(rows.iter().map(|row| (&*row.id, &*row.value))).await?;
        Ok(if is_last { None } else { rows.pop() })
    }

    /// Removes revisions that have expired.
    pub(super) async fn remove_expired<'a>(
        self: &Arc<Self>,
        expired: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), Fault> {
        let expired: BTreeMap<&str, [&str; 1]> = expired.map(|(id, rev)| (id, [rev])).collect();
        if expired.is_empty() {
            return Ok(());
        }
        for _ in &expired {
            self.counters.expirations.count();
        }
        if self.may_purge() {
            let body = serde_json::to_vec(&expired).unwrap_or_default();
            let answer = self.backend.ask_as_admin(Method::POST, "/_purge", body, LIMIT).await?;
            if answer.is_ok() {
                return Ok(());
            }
            self.may_not_purge();
        }
        let deleted = expired.iter().map(|(id, [rev])| async move {
            let document = Document {
                rev: Some((*rev).into()),
                deleted: true,
                ..Document::of((*id).into(), self.now())
            };
            self.backend.commit(document, &mut Patience::default()).await.map(drop)
        });
        futures_util::future::try_join_all(deleted).await.map(drop)
    }
}
