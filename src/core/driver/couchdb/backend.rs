//! One database: reading and writing documents, in few requests, whatever the server does meanwhile.
//!
//! What fails for a moment (a database that is being made anew, shards that cannot be opened yet) is tried again
//! until the deadline of the operation, which drops what it waits for. A write that has failed is looked up before it
//! is made again: its answer may have been lost, and each names itself in the document; or the database may be another
//! by now, and `CouchDB` takes any revision of a document that it never had.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::asking::Judged;
use super::bulk::{self, Read, Written};
use super::clock::ServerClock;
use super::config::Config;
use super::desk::{Desk, Limits, Waiting};
use super::document::Document;
use super::gate::Gate;
use super::http::{Answer, Http};
use super::late;
use super::patience::Patience;
use super::revisions::Revisions;
use crate::core::driver::remote::fault::Fault;
use crate::core::error::Result;
use crate::core::hub::Hub;
use crate::core::runtime;

/// What one `_bulk_get` asks for. The bytes are those of the ids. docs/couchdb.md has the measurements.
const READS: Limits = Limits { count: 100, bytes: 1 << 16, worth: &[1, 17, 129, 193] };
/// What one `_bulk_docs` writes. Writes that come together are one commit: it is not worth while to divide them.
const WRITES: Limits = Limits { count: 200, bytes: 1 << 20, worth: &[1, 201] };
/// How many writes before it a document names, so that whoever lost the answer to one of them knows that it was made.
const RECENT: usize = 2;
/// The same of a counter: a step must not be taken twice, and may not be taken for granted.
const RECENT_STEPS: usize = 8;
/// What a document has beside its value and its id, at least.
const FRAME: usize = 200;

/// How a write ended for sure, or nearly.
pub enum Committed {
    /// It was made.
    Stored(Document),
    /// It was made on too few nodes of a cluster to last.
    Weak(Document),
    /// Another was there; `None` is no document. `lost`: whether this one was made before is not known.
    Conflict { now: Option<Document>, lost: bool },
}

impl Committed {
    /// The same, if it is known whether it was made: for what may neither be done twice nor be taken for done.
    pub fn known(self) -> std::result::Result<Self, Fault> {
        let reason = "the answer of CouchDB was lost, and the document has changed since: whether it was done is not known";
        match self {
            Self::Conflict { lost: true, .. } => Err(Fault::Dropped(reason.into())),
            known => Ok(known),
        }
    }
}

/// A database.
pub struct Backend {
    /// What it was made from.
    pub config: Arc<Config>,
    /// Requests.
    pub http: Http,
    /// The breaker.
    pub gate: Gate,
    /// The time.
    pub clock: Arc<ServerClock>,
    /// What is remembered of documents.
    pub revisions: Revisions,
    reads: Desk<Box<str>, Option<Document>>,
    writes: Desk<Document, Written>,
    /// Tells the writes of this store from those of any other.
    name: String,
    last_write: AtomicU64,
}

impl Backend {
    /// A database that is connected to when it is asked for the first time.
    pub fn new(config: Arc<Config>, hub: Arc<Hub>) -> Result<Arc<Self>> {
        let clock = Arc::new(ServerClock::default());
        let random = RandomState::new().hash_one(std::process::id());
        Ok(Arc::new(Self {
            http: Http::new(&config, Arc::clone(&clock))?,
            gate: Gate::new(hub, config.breaker_threshold),
            clock,
            revisions: Revisions::default(),
            reads: Desk::new(READS),
            writes: Desk::new(WRITES),
            name: format!("{random:016x}"),
            last_write: AtomicU64::new(0),
            config,
        }))
    }

    /// The document of that id, if there is one.
    pub async fn read(self: &Arc<Self>, id: &str) -> std::result::Result<Option<Document>, Fault> {
        let mut patience = Patience::default();
        loop {
            let (answer, begin) = self.reads.add(id.into(), id.len());
            if begin {
                self.begin_reads();
            }
            match answer.await.unwrap_or_else(|_| Err(dropped())) {
                Err(Fault::Dropped(_)) => patience.wait().await,
                other => return other,
            }
        }
    }

    /// Writes a document over the revision that it names, or none; looked up if the answer is lost. A conflict with
    /// itself is none. What is there instead is looked at after the pause, so that it is not out of date already.
    pub async fn commit(
        self: &Arc<Self>,
        document: Document,
        patience: &mut Patience,
    ) -> std::result::Result<Committed, Fault> {
        let mut lost = false;
        match self.try_commit(document, patience, &mut lost).await {
            // Not the write that was sent first.
            Err(Fault::Down(reason)) if lost => Err(Fault::Dropped(reason)),
            other => other,
        }
    }

    async fn try_commit(
        self: &Arc<Self>,
        mut document: Document,
        patience: &mut Patience,
        lost: &mut bool,
    ) -> std::result::Result<Committed, Fault> {
        document.write = self.write_name();
        document.recent = self.recent(&document);
        let started = self.clock.millis();
        loop {
            let size = FRAME + document.id.len() + document.value.as_ref().map_or(0, String::len);
            let (answer, begin) = self.writes.add(document.clone(), size);
            if begin {
                self.begin_writes();
            }
            match answer.await.unwrap_or_else(|_| Err(dropped())) {
                Ok(Written::Stored { rev, weak }) => {
                    document.rev = Some(rev);
                    self.revisions.saw(&document);
                    return Ok(if weak { Committed::Weak(document) } else { Committed::Stored(document) });
                }
                Ok(Written::Conflict) => {}
                Ok(Written::Refused(reason)) => {
                    return Err(Fault::Refused { code: "document".into(), message: (*reason).into() });
                }
                Err(Fault::Dropped(_)) => *lost = true,
                Err(fault) => return Err(fault),
            }
            patience.wait().await;
            let now = self.read(&document.id).await?;
            match now {
                Some(now) if now.write == document.write => return Ok(Committed::Stored(now)),
                Some(now) if now.recent.contains(&document.write) => {
                    return Ok(Committed::Stored(document));
                }
                now if *lost && now.as_ref().and_then(|now| now.rev.as_ref()) == document.rev.as_ref() => {}
                now => {
                    let lost =
                        *lost && !now.as_ref().is_some_and(|now| shows_unmade(now, &document, started));
                    return Ok(Committed::Conflict { now, lost });
                }
            }
        }
    }

    /// The names of the writes that a document follows on, as far as they are known.
    fn recent(&self, document: &Document) -> Vec<Box<str>> {
        let most = if document.counts { RECENT_STEPS } else { RECENT };
        let known = self.revisions.get(&document.id).filter(|known| known.rev == document.rev);
        known.map(|known| known.writes.iter().take(most).cloned().collect()).unwrap_or_default()
    }

    /// A name for a write that no other has had.
    fn write_name(&self) -> Box<str> {
        format!("{}-{:x}", self.name, self.last_write.fetch_add(1, Ordering::Relaxed)).into()
    }

    fn begin_reads(self: &Arc<Self>) {
        runtime::spawn(Arc::clone(self).send_reads());
    }

    fn begin_writes(self: &Arc<Self>) {
        runtime::spawn(Arc::clone(self).send_writes());
    }

    async fn send_reads(self: Arc<Self>) {
        // Those who ask in the same tick come first.
        yield_now().await;
        while let Some(asked) = self.reads.take() {
            // Several may wait for one document: the epoch of a tag that many entries have.
            let mut places = HashMap::with_capacity(asked.len());
            let mut ids = Vec::with_capacity(asked.len());
            for asked in &asked {
                places.entry(&*asked.item).or_insert_with(|| {
                    ids.push(&*asked.item);
                    ids.len() - 1
                });
            }
            let limit = self.config.command_timeout;
            let asking = self.ask(Method::POST, "/_bulk_get", Some(bulk::bulk_get(&ids)), limit);
            let answer = self.reads.see(asking, || self.begin_reads()).await;
            let read = match answer {
                Ok(answer) if answer.is_ok() => bulk::read(&answer, &ids),
                Ok(answer) => vec![Err(bulk::unexpected(&answer)); ids.len()],
                Err(fault) => vec![Err(fault); ids.len()],
            };
            for (id, read) in ids.iter().zip(&read) {
                match read {
                    Ok(Some(document)) => self.revisions.saw(document),
                    Ok(None) => self.revisions.saw_nothing(id),
                    Err(_) => {}
                }
            }
            let answers: Vec<Read> = asked.iter().map(|asked| read[places[&*asked.item]].clone()).collect();
            let count = answers.len();
            for (asked, answer) in asked.into_iter().zip(answers) {
                drop(asked.answer.send(answer));
            }
            self.reads.answered(count).await;
        }
    }

    async fn send_writes(self: Arc<Self>) {
        yield_now().await;
        while let Some(asked) = self.writes.take() {
            let count = asked.len();
            let writing = self.write_all(asked);
            self.writes.see(writing, || self.begin_writes()).await;
            self.writes.answered(count).await;
        }
    }

    /// Writes documents, and answers for each.
    async fn write_all(self: &Arc<Self>, mut asked: Vec<Waiting<Document, Written>>) {
        let deadline = Instant::now() + self.config.command_timeout;
        loop {
            let body = bulk::bulk_docs(asked.iter().map(|asked| &asked.item));
            match self.ask_once(false, (Method::POST, "/_bulk_docs", Some(body)), deadline).await {
                Judged::Answer(answer) if answer.is_ok() => {
                    let written = bulk::written(&answer, asked.iter().map(|asked| &*asked.item.id));
                    for (asked, written) in asked.into_iter().zip(written) {
                        drop(asked.answer.send(written));
                    }
                    return;
                }
                // One of them is refused, and the rest with it: they are told apart by asking for fewer.
                Judged::Answer(Answer { status: 400 | 413, .. }) if asked.len() > 1 => {
                    let rest = asked.split_off(asked.len() / 2);
                    Box::pin(self.write_all(rest)).await;
                }
                Judged::Answer(answer) => {
                    let reason: Box<str> = answer.reason().into();
                    return answer_all(asked, || Ok(Written::Refused(reason.clone())));
                }
                Judged::Fault(fault) => return answer_all(asked, || Err(fault.clone())),
                // None was written. What they replace went with the database.
                Judged::Missing(_) => return answer_all(asked, || Ok(Written::Conflict)),
                // Some may have been written.
                Judged::Failed(fault) => {
                    let fault = match fault {
                        Fault::Refused { message, .. } => Fault::Dropped(message),
                        other => other,
                    };
                    return answer_all(asked, || Err(fault.clone()));
                }
            }
        }
    }
}

/// Whether a document shows that a write, which it does not name, was not made before it: it names all since the
/// revision that the write was to replace, or was itself written long before the write started.
fn shows_unmade(now: &Document, write: &Document, started: u64) -> bool {
    let since = generation(now).saturating_sub(generation(write));
    let settled = started.saturating_sub(late::LONGEST.as_millis() as u64);
    // 0 is from a program that does not say it.
    since <= 1 + now.recent.len() as u64 || (1..settled).contains(&now.updated_at)
}

/// How many writes a document has seen.
fn generation(document: &Document) -> u64 {
    let rev = document.rev.as_deref().unwrap_or_default();
    rev.split_once('-').and_then(|(generation, _)| generation.parse().ok()).unwrap_or(0)
}

fn answer_all<I, O>(asked: Vec<Waiting<I, O>>, answer: impl Fn() -> std::result::Result<O, Fault>) {
    for asked in asked {
        drop(asked.answer.send(answer()));
    }
}

fn dropped() -> Fault {
    Fault::Dropped("a request was dropped without an answer".into())
}
