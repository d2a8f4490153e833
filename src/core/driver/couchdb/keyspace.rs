//! All keys under a prefix: listing them, removing them.

use std::sync::Arc;

use futures_util::future::try_join_all;
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::backend::{Backend, Committed};
use super::document::Document;
use super::ids::{self, ENTRIES, HASHED};
use super::lines::in_time;
use super::patience::Patience;
use super::{CouchDb, seen::Epochs};
use crate::core::command::Reply;
use crate::core::driver::remote::fault::Fault;
use crate::core::driver::remote::flushes::Running;

/// How many documents a page of a flush has. Only their ids and revisions are read.
const PAGE: usize = 500;
/// How many documents a page has whose contents are read: so few first, and then as many as are about so many bytes.
const FIRST_PAGE: usize = 8;
const PAGE_BYTES: usize = 1 << 19;

/// A document of a page.
#[derive(Deserialize)]
struct Row<'a> {
    id: String,
    value: Revision,
    #[serde(borrow)]
    doc: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Revision {
    rev: Box<str>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    rows: Vec<Row<'a>>,
}

/// Where a listing goes on.
struct Cursor {
    /// The kind of ids, as they begin, with the prefix where the ids hold it.
    begin: String,
    /// The id to begin after.
    after: Option<String>,
    /// How many to read.
    count: usize,
}

impl CouchDb {
    /// Removes every key under a prefix, also those that are being computed. Each page has its deadline; how many
    /// there are depends on how many keys there are. What is put in this process after the flush was asked for stays.
    pub(super) async fn flush(self: &Arc<Self>, prefix: &str) -> Result<Reply, Fault> {
        let flush = self.flushes.begin(prefix);
        // What was asked before may have yet to be written.
        self.done_until_now(prefix).await;
        let late = self.late.under(prefix);
        for (begin, has_keys) in [(format!("{ENTRIES}{prefix}"), true), (HASHED.to_owned(), false)] {
            let count = if has_keys { PAGE } else { FIRST_PAGE };
            let mut cursor = Cursor { begin, after: None, count };
            loop {
                let (mut found, is_last) = self.found(&mut cursor, !has_keys).await?;
                found.retain(|(key, _)| key.starts_with(prefix));
                self.remove_all(found.into_iter().map(|(key, rev)| (key.into(), Some(rev))), &flush).await?;
                if is_last {
                    break;
                }
            }
        }
        for page in late.chunks(PAGE) {
            self.remove_all(page.iter().map(|(key, _)| (key.clone(), self.known_rev(key))), &flush).await?;
            for (key, since) in page {
                self.late.kept_out(key, Some(*since));
            }
        }
        loop {
            let unwritten = flush.unwritten().await;
            if unwritten.is_empty() {
                return Ok(Reply::Done);
            }
            let keys = unwritten.into_iter().filter_map(|key| String::from_utf8(key.into()).ok());
            let keys = keys.map(|key| (key.as_str().into(), self.known_rev(&key)));
            self.remove_all(keys, &flush).await?;
        }
    }

    fn known_rev(&self, key: &str) -> Option<Box<str>> {
        self.backend.revisions.get(&ids::entry(key)).and_then(|known| known.rev)
    }

    /// Removes keys that have these revisions, whatever stands there by now, unless a flush is to leave them alone.
    async fn remove_all(
        self: &Arc<Self>,
        keys: impl Iterator<Item = (Box<str>, Option<Box<str>>)>,
        flush: &Running<'_>,
    ) -> Result<(), Fault> {
        let removed = try_join_all(keys.map(|(key, rev)| self.remove(key, rev, flush)));
        in_time(self.deadline(), removed).await.map(drop)
    }

    async fn remove(
        self: &Arc<Self>,
        key: Box<str>,
        mut rev: Option<Box<str>>,
        flush: &Running<'_>,
    ) -> Result<(), Fault> {
        let mut patience = Patience::default();
        while !flush.leaves(key.as_bytes()) {
            let gone = Document { rev, ..Document::gone(&key, self.now()) };
            match self.backend.commit(gone, &mut patience).await? {
                Committed::Conflict { now, .. } => rev = now.and_then(|now| now.rev),
                _ => break,
            }
        }
        Ok(())
    }

    /// Keys with their revisions, and whether they are the last.
    async fn found(
        &self,
        cursor: &mut Cursor,
        with_docs: bool,
    ) -> Result<(Vec<(String, Box<str>)>, bool), Fault> {
        let body = page(&self.backend, cursor, with_docs).await?;
        let Page { rows } = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let is_last =
            rows.len() < cursor.count || rows.last().is_some_and(|row| !row.id.starts_with(&cursor.begin));
        cursor.after = rows.last().map(|row| row.id.clone());
        if with_docs {
            cursor.count = next_count(body.len(), rows.len());
        }
        let rows = rows.into_iter().filter(|row| row.id.starts_with(&cursor.begin));
        let found = rows.filter_map(|row| {
            let key = match row.doc.and_then(|doc| Document::read(doc.get())) {
                Some(document) if with_docs => document.key?.into_string(),
                _ => ids::key(&row.id)?.to_owned(),
            };
            Some((key, row.value.rev))
        });
        Ok((found.collect(), is_last))
    }

    /// Some of the keys that hold a value. The cursor is the id to go on after, behind how many are to be read.
    pub(super) async fn scan(self: &Arc<Self>, prefix: &str, from: Option<&str>) -> Result<Reply, Fault> {
        let (count, after) = from.and_then(|from| from.split_once(' ')).unwrap_or(("", ""));
        let is_hashed = after.starts_with(HASHED);
        let begin = if is_hashed { HASHED.to_owned() } else { format!("{ENTRIES}{prefix}") };
        let count = count.parse().unwrap_or(FIRST_PAGE);
        let first = after.is_empty() || after == HASHED;
        let cursor = Cursor { begin, after: (!first).then(|| after.to_owned()), count };
        let body = page(&self.backend, &cursor, true).await?;
        let Page { rows } = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let is_last = rows.len() < count || rows.last().is_some_and(|row| !row.id.starts_with(&cursor.begin));
        let next = match (is_last, is_hashed, rows.last()) {
            (true, true, _) | (false, _, None) => None,
            (true, false, _) => Some(format!("{FIRST_PAGE} {HASHED}").into()),
            (false, _, Some(last)) => {
                Some(format!("{} {}", next_count(body.len(), rows.len()), last.id).into())
            }
        };
        let rows = rows.iter().filter(|row| row.id.starts_with(&cursor.begin));
        let documents =
            rows.filter_map(|row| Document::read(row.doc?.get()).map(|document| (&row.id, document)));
        let seen = documents.map(|(id, document)| async move {
            let key = match &document.key {
                Some(key) => key.clone(),
                None => ids::key(id).unwrap_or_default().into(),
            };
            let seen = self.seen(Some(document), Epochs::new()).await?;
            Ok::<_, Fault>(
                seen.fresh().filter(|found| !found.corrupt && key.starts_with(prefix)).map(|_| key),
            )
        });
        let keys = try_join_all(seen).await?.into_iter().flatten().collect();
        Ok(Reply::Keys { keys, cursor: next })
    }
}

async fn page(backend: &Arc<Backend>, cursor: &Cursor, with_docs: bool) -> Result<bytes::Bytes, Fault> {
    // The least id that is greater: the document of the one before may be gone by now.
    let after = cursor.after.as_ref().map(|after| format!("{after}\0"));
    let body = serde_json::json!({
        "startkey": after.as_ref().unwrap_or(&cursor.begin),
        "limit": cursor.count,
        "include_docs": with_docs,
    });
    // In the body: escaped in a URL, an id may be too long for it.
    let body = Some(body.to_string().into_bytes());
    let answer = backend.ask_again(Method::POST, "/_all_docs", body, backend.config.command_timeout).await?;
    if answer.is_ok() { Ok(answer.body) } else { Err(unreadable()) }
}

/// How many documents to read next, by the size of those that were read.
fn next_count(bytes: usize, count: usize) -> usize {
    (PAGE_BYTES * count / bytes.max(1)).clamp(1, PAGE)
}

fn unreadable() -> Fault {
    Fault::Refused { code: "answer".into(), message: "CouchDB gave a list that cannot be read".into() }
}
