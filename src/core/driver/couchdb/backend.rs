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
use tokio::time::{Instant, sleep};

use super::bulk::{self, Read, Written};
use super::clock::ServerClock;
use super::config::Config;
use super::desk::{Desk, Limits, Waiting};
use super::document::Document;
use super::gate::Gate;
use super::http::{Answer, Http};
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
/// The first pause before something is tried again that failed for a moment; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
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
                runtime::spawn(Arc::clone(self).send_reads());
            }
            match answer.await.unwrap_or_else(|_| Err(dropped())) {
                Err(Fault::Dropped(_)) => patience.wait().await,
                other => return other,
            }
        }
    }

    /// Writes a document over the revision that it names, or none; looked up if the answer is lost. A conflict with
    /// itself is none.
    pub async fn commit(self: &Arc<Self>, mut document: Document) -> std::result::Result<Committed, Fault> {
        document.write = self.write_name();
        let (mut lost, mut patience) = (false, Patience::default());
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
                Err(Fault::Dropped(_)) => {
                    lost = true;
                    patience.wait().await;
                }
                Err(fault) => return Err(fault),
            }
            let now = self.read(&document.id).await?;
            match now {
                Some(now) if now.write == document.write => return Ok(Committed::Stored(now)),
                Some(now) if now.recent.contains(&document.write) => {
                    return Ok(Committed::Stored(document));
                }
                now if lost && now.as_ref().and_then(|now| now.rev.as_ref()) == document.rev.as_ref() => {}
                now => return Ok(Committed::Conflict { now, lost }),
            }
        }
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
            self.gate.pass(deadline, || self.connect()).await?;
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
                if let Fault::Down(reason) | Fault::Timeout(reason) = &fault
                    && (matches!(fault, Fault::Down(_)) || self.gate.timed_out())
                    && self.gate.lost(reason)
                {
                    self.connect();
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
                    self.connect();
                }
                Judged::Fault(Fault::Down(reason))
            }
            404 if answer.reason().contains("Database does not exist")
                || answer.reason().contains("no_db_file") =>
            {
                self.revisions.clear();
                if self.gate.missing() {
                    self.connect();
                }
                Judged::Again(refused("404", format!("CouchDB has no such database: {}", answer.reason())))
            }
            // What it is to be retried later by its own words, or cannot do for a moment.
            429 | 500..=599 => Judged::Again(refused("500", format!("CouchDB failed: {}", answer.reason()))),
            _ => Judged::Answer(answer),
        }
    }

    fn connect(self: &Arc<Self>) {
        runtime::spawn(setup::connect(Arc::downgrade(self)));
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

/// The pauses before something is tried again: none before the first time, for most conflicts are with what is over,
/// then growing ones, spread by a half.
#[derive(Default)]
pub struct Patience(Option<Duration>);

impl Patience {
    /// Waits.
    pub async fn wait(&mut self) {
        self.0 = Some(match self.0 {
            None => FIRST_PAUSE,
            Some(pause) => {
                sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                (pause * 2).min(LONGEST_PAUSE)
            }
        });
    }

    /// The longest that the next pause takes.
    fn next(&self) -> Duration {
        self.0.unwrap_or_default().mul_f64(1.5)
    }
}

fn refuse<I, O>(asked: Vec<Waiting<I, O>>, fault: &Fault) {
    for asked in asked {
        drop(asked.answer.send(Err(fault.clone())));
    }
}

fn dropped() -> Fault {
    Fault::Dropped("a request was dropped without an answer".into())
}
