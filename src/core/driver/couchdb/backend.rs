//! One database: reading and writing documents, in few requests, whatever the server does meanwhile.
//!
//! What fails for a moment (a database that is being made anew, shards that cannot be opened yet) is tried again
//! until the deadline of the operation, which drops what it waits for. A write whose answer was lost is looked up
//! before it is made again: each names itself in the document.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::bulk::{self, Read, Written};
use super::clock::ServerClock;
use super::config::Config;
use super::desk::{Desk, Limits, Waiting};
use super::document::Document;
use super::gate::Gate;
use super::http::{Answer, Http};
use super::patience::Patience;
use super::revisions::Revisions;
use super::setup;
use crate::core::driver::remote::fault::Fault;
use crate::core::error::Result;
use crate::core::hub::Hub;
use crate::core::runtime;

/// What one `_bulk_get` asks for. The bytes are those of the ids. docs/couchdb.md has the measurements.
const READS: Limits = Limits { count: 100, bytes: 1 << 16, at_once: 4, share: 16 };
/// What one `_bulk_docs` writes. Writes that come together are one commit: it is not worth while to divide them.
const WRITES: Limits = Limits { count: 200, bytes: 1 << 20, at_once: 2, share: 200 };
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
    /// How often the database was found missing: each time it is another one.
    lost: AtomicU64,
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
            lost: AtomicU64::new(0),
            config,
        }))
    }

    /// The document of that id, if there is one.
    pub async fn read(self: &Arc<Self>, id: &str) -> std::result::Result<Option<Document>, Fault> {
        let mut patience = Patience::default();
        loop {
            let (answer, begin) = self.reads.add(id.into(), id.len());
            if begin {
                runtime::spawn(Arc::clone(self).send_reads());
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
        mut document: Document,
        patience: &mut Patience,
    ) -> std::result::Result<Committed, Fault> {
        document.write = self.write_name();
        document.recent = self.recent(&document);
        let mut lost = false;
        loop {
            let size = FRAME + document.id.len() + document.value.as_ref().map_or(0, String::len);
            let (answer, begin) = self.writes.add(document.clone(), size);
            if begin {
                runtime::spawn(Arc::clone(self).send_writes());
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
                Err(Fault::Dropped(_)) => lost = true,
                Err(fault) => return Err(fault),
            }
            patience.wait().await;
            let now = self.read(&document.id).await?;
            match now {
                Some(now) if now.write == document.write => return Ok(Committed::Stored(now)),
                Some(now) if now.recent.contains(&document.write) => {
                    return Ok(Committed::Stored(document));
                }
                now if lost && now.as_ref().and_then(|now| now.rev.as_ref()) == document.rev.as_ref() => {}
                now => {
                    // If it knows all writes since the revision that was to be replaced, this one was not among them.
                    let knows_all = now.as_ref().is_some_and(|now| {
                        let since = generation(now).saturating_sub(generation(&document));
                        since <= 1 + now.recent.len() as u64
                    });
                    return Ok(Committed::Conflict { now, lost: lost && !knows_all });
                }
            }
        }
    }

    /// Names what stands under a key: a revision of this database, not of one that was there before.
    pub fn marker(&self, document: &Document) -> Option<Arc<[u8]>> {
        let rev = document.rev.as_deref()?;
        Some(format!("{} {rev}", self.lost.load(Ordering::Relaxed)).into_bytes().into())
    }

    /// The revision that a marker names; `None` if it is of a database that is gone.
    pub fn revision(&self, marker: &[u8]) -> Option<Box<str>> {
        let (database, rev) = std::str::from_utf8(marker).ok()?.split_once(' ')?;
        (*database == *self.lost.load(Ordering::Relaxed).to_string()).then(|| rev.into())
    }

    /// The names of the writes that a document follows on, as far as they are known.
    fn recent(&self, document: &Document) -> Vec<Box<str>> {
        let most = if document.counts { RECENT_STEPS } else { RECENT };
        let known = self.revisions.get(&document.id).filter(|known| known.rev == document.rev);
        known.map(|known| known.writes.iter().take(most).cloned().collect()).unwrap_or_default()
    }

    /// Asks the server for anything else.
    pub async fn ask(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        self.ask_as(false, method, path, body, limit).await
    }

    /// Asks for what may be asked twice: again if the connection is lost, until the time is over.
    pub async fn ask_again(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        let (deadline, mut patience) = (Instant::now() + limit, Patience::default());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.ask(method.clone(), path, body.clone(), left).await {
                Err(Fault::Dropped(_)) if Instant::now() + patience.next() < deadline => {
                    patience.wait().await;
                }
                other => return other,
            }
        }
    }

    /// Asks for what only a server admin may do. That the user is none says nothing of other requests.
    pub async fn ask_as_admin(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        self.ask_as(true, method, path, Some(body), limit).await
    }

    async fn ask_as(
        self: &Arc<Self>,
        admin: bool,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        let deadline = Instant::now() + limit;
        let mut patience = Patience::default();
        loop {
            self.gate.pass(deadline, || self.connect(false)).await?;
            let asked = self.http.ask(method.clone(), path, body.clone(), deadline).await;
            match self.judge(asked, admin) {
                Judged::Answer(answer) => return Ok(answer),
                Judged::Fault(fault) => return Err(fault),
                Judged::Again(fault) if Instant::now() + patience.next() >= deadline => return Err(fault),
                Judged::Again(_) => patience.wait().await,
            }
        }
    }

    /// What an answer, or none, says of the server.
    fn judge(self: &Arc<Self>, asked: std::result::Result<Answer, Fault>, admin: bool) -> Judged {
        let answer = match asked {
            Ok(answer) => answer,
            Err(fault) => {
                if let Fault::Down(reason) | Fault::Timeout(reason) | Fault::Dropped(reason) = &fault
                    && (matches!(fault, Fault::Down(_)) || self.gate.failed())
                    && self.gate.lost(reason)
                {
                    self.connect(false);
                }
                return Judged::Fault(fault);
            }
        };
        self.gate.answered();
        let refused =
            |code: &str, message: String| Fault::Refused { code: code.into(), message: message.into() };
        match answer.status {
            401 | 403 if !admin => {
                let reason: Arc<str> = setup::refusal(&answer).into();
                if self.gate.lost(&reason) {
                    self.connect(true);
                }
                Judged::Fault(Fault::Down(reason))
            }
            404 if answer.reason().contains("Database does not exist")
                || answer.reason().contains("no_db_file") =>
            {
                self.revisions.clear();
                self.lost.fetch_add(1, Ordering::Relaxed);
                if self.gate.missing() {
                    self.connect(false);
                }
                Judged::Again(refused("404", format!("CouchDB has no such database: {}", answer.reason())))
            }
            // What it is to be retried later by its own words, or cannot do for a moment.
            429 | 500..=599 => Judged::Again(refused("500", format!("CouchDB failed: {}", answer.reason()))),
            _ => Judged::Answer(answer),
        }
    }

    fn connect(self: &Arc<Self>, refused: bool) {
        runtime::spawn(setup::connect(Arc::downgrade(self), refused));
    }

    /// A name for a write that no other has had.
    fn write_name(&self) -> Box<str> {
        format!("{}-{:x}", self.name, self.last_write.fetch_add(1, Ordering::Relaxed)).into()
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
            let answer = self.ask(Method::POST, "/_bulk_get", Some(bulk::bulk_get(&ids)), limit).await;
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
            for (asked, answer) in asked.into_iter().zip(answers) {
                drop(asked.answer.send(answer));
            }
        }
    }

    async fn send_writes(self: Arc<Self>) {
        yield_now().await;
        while let Some(asked) = self.writes.take() {
            self.write_all(asked).await;
        }
    }

    /// Writes documents, and answers for each.
    async fn write_all(self: &Arc<Self>, mut asked: Vec<Waiting<Document, Written>>) {
        loop {
            let body = bulk::bulk_docs(asked.iter().map(|asked| &asked.item));
            match self.ask(Method::POST, "/_bulk_docs", Some(body), self.config.command_timeout).await {
                Ok(answer) if answer.is_ok() => {
                    let written = bulk::written(&answer, asked.iter().map(|asked| &*asked.item.id));
                    for (asked, written) in asked.into_iter().zip(written) {
                        drop(asked.answer.send(written));
                    }
                    return;
                }
                // One of them is refused, and the rest with it: they are told apart by asking for fewer.
                Ok(Answer { status: 400 | 413, .. }) if asked.len() > 1 => {
                    let rest = asked.split_off(asked.len() / 2);
                    Box::pin(self.write_all(rest)).await;
                }
                Ok(answer) => {
                    let reason: Box<str> = answer.reason().into();
                    for asked in asked {
                        drop(asked.answer.send(Ok(Written::Refused(reason.clone()))));
                    }
                    return;
                }
                // A server that failed may have written some of them.
                Err(Fault::Refused { message, .. }) => return refuse(asked, &Fault::Dropped(message)),
                Err(fault) => return refuse(asked, &fault),
            }
        }
    }
}

enum Judged {
    Answer(Answer),
    Fault(Fault),
    Again(Fault),
}

/// How many writes a document has seen.
fn generation(document: &Document) -> u64 {
    let rev = document.rev.as_deref().unwrap_or_default();
    rev.split_once('-').and_then(|(generation, _)| generation.parse().ok()).unwrap_or(0)
}

fn refuse<I, O>(asked: Vec<Waiting<I, O>>, fault: &Fault) {
    for asked in asked {
        drop(asked.answer.send(Err(fault.clone())));
    }
}

fn dropped() -> Fault {
    Fault::Dropped("a request was dropped without an answer".into())
}
