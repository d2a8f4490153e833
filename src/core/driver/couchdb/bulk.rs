//! The bodies of bulk requests and of their answers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::document::Document;
use super::http::Answer;
use crate::core::driver::remote::fault::Fault;

/// How a write went.
#[derive(Debug)]
pub enum Written {
    /// The document has this revision. Weak: only some of a cluster's nodes have it, and another may win.
    Stored { rev: Box<str>, weak: bool },
    /// Another revision is there than the one that was to be replaced.
    Conflict,
    /// The server takes no such document.
    Refused(Box<str>),
}

/// What a read of a document found.
pub type Read = Result<Option<Document>, Fault>;

/// The body of a `_bulk_get`.
pub fn bulk_get(ids: &[&str]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Wanted<'a> {
        id: &'a str,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        docs: Vec<Wanted<'a>>,
    }
    serde_json::to_vec(&Body { docs: ids.iter().map(|id| Wanted { id }).collect() }).unwrap_or_default()
}

/// The documents that were asked for, in their order.
pub fn read(answer: &Answer, ids: &[&str]) -> Vec<Read> {
    #[derive(Deserialize)]
    struct Rows<'a> {
        #[serde(borrow)]
        results: Vec<Row<'a>>,
    }
    let rows = serde_json::from_slice::<Rows>(&answer.body).map_or_else(|_| Vec::new(), |rows| rows.results);
    let mut rows = rows.into_iter();
    let read = ids.iter().map(|id| {
        let row = rows.next().filter(|row| row.id == *id).ok_or_else(|| unexpected(answer))?;
        // What cannot be read has no id either.
        Ok(winner(&row.docs)?.map(|document| Document { id: (*id).into(), ..document }))
    });
    read.collect()
}

#[derive(Deserialize)]
struct Row<'a> {
    id: String,
    #[serde(borrow)]
    docs: Vec<Found<'a>>,
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    error: Option<Missing>,
}

#[derive(Deserialize)]
struct Missing {
    #[serde(default)]
    error: Box<str>,
}

/// The document of a row; of several that are in conflict, the one that every node takes for the winner.
fn winner(docs: &[Found]) -> Read {
    let mut found: Option<Document> = None;
    for doc in docs {
        let Some(json) = &doc.ok else {
            if doc.error.as_ref().is_none_or(|error| &*error.error == "not_found") {
                continue;
            }
            return Err(Fault::Dropped("CouchDB could not read a document".into()));
        };
        if let Some(document) = Document::read(json.get())
            && found.as_ref().is_none_or(|best| order(&document) > order(best))
        {
            found = Some(document);
        }
    }
    Ok(found)
}

/// What revisions are ordered by.
fn order(document: &Document) -> (u64, &str) {
    let rev = document.rev.as_deref().unwrap_or_default();
    let (generation, hash) = rev.split_once('-').unwrap_or(("0", rev));
    (generation.parse().unwrap_or(0), hash)
}

/// The body of a `_bulk_docs`.
pub fn bulk_docs<'a>(documents: impl Iterator<Item = &'a Document>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        docs: Vec<&'a Document>,
    }
    serde_json::to_vec(&Body { docs: documents.collect() }).unwrap_or_default()
}

/// How the writes of these documents went, in their order.
pub fn written<'a>(answer: &Answer, ids: impl Iterator<Item = &'a str>) -> Vec<Result<Written, Fault>> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(default)]
        id: Box<str>,
        rev: Option<Box<str>>,
        #[serde(default)]
        accepted: bool,
        error: Option<Box<str>>,
        #[serde(default)]
        reason: Box<str>,
    }
    // A cluster answers 202 if a row was taken by too few of its nodes, and names the row where it can.
    let weak = answer.status == 202;
    let rows = serde_json::from_slice::<Vec<Row>>(&answer.body).unwrap_or_default();
    let mut rows = rows.into_iter();
    let written = ids.map(|id| match rows.next() {
        Some(Row { id: row, rev: Some(rev), accepted, error: None, .. }) if *row == *id => {
            Ok(Written::Stored { rev, weak: weak || accepted })
        }
        Some(Row { error: Some(error), reason, .. }) => match &*error {
            "conflict" => Ok(Written::Conflict),
            "forbidden" | "unauthorized" => Ok(Written::Refused(format!("{error}: {reason}").into())),
            _ => Err(Fault::Dropped(format!("CouchDB could not write a document: {error}").into())),
        },
        // What it did is not known.
        _ => Err(Fault::Dropped(format!("CouchDB did not say what it wrote: {}", answer.reason()).into())),
    });
    written.collect()
}

/// An answer that cannot be what was asked for.
pub fn unexpected(answer: &Answer) -> Fault {
    let message = format!("CouchDB gave an answer that does not fit the question: {}", answer.reason());
    Fault::Refused { code: "answer".into(), message: message.into() }
}
