//! The `CouchDB` driver: one store for all who open it with the same configuration.
//!
//! Every key has a line ([`lines`]), in which requests are dealt with in order. What they read and write is gathered
//! ([`desk`]) and goes as one `_bulk_get` or `_bulk_docs` ([`backend`]). Whatever must be atomic is a write that names
//! the revision that it replaces; the lease of a key is kept in the key's own document, so that every write and every
//! removal takes it away, whoever makes it ([`leases`], docs/couchdb.md).
//!
//! All of it runs on the runtime's one thread.

mod asking;
mod backend;
mod bulk;
mod changes;
mod clock;
mod config;
mod counters;
mod desk;
mod document;
mod entries;
mod follow;
mod gate;
mod http;
mod ids;
mod keyspace;
mod late;
mod leases;
mod lines;
mod locks;
mod patience;
mod revisions;
mod seen;
mod setup;
mod sweep;
mod tags;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use self::backend::Backend;
pub use self::config::{Config, Tls};
use self::late::Late;
use self::lines::{Lines, Many, Work, in_time};
use super::remote::Remote;
use super::remote::asked::{self, Ready};
use super::remote::fault::Fault;
use super::remote::flushes::Flushes;
use super::remote::held::Held;
use super::remote::leasing::answer_alone;
use super::remote::lifetimes::{lifetime, millis};
use super::remote::runs::{Run, Runs};
use super::{Batch, Capabilities, Changes, Driver};
use crate::core::command::{Command, Condition, LeaseId, Reply};
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::hub::{Hub, SessionId};
use crate::core::runtime;
use crate::core::stats::{Connection, Counters, Holdings};

/// A request to this driver.
type Asked = asked::Asked<CouchDb>;

/// The `CouchDB` driver.
pub struct CouchDb {
    config: Arc<Config>,
    hub: Arc<Hub>,
    counters: Counters,
    backend: Arc<Backend>,
    lines: Lines,
    runs: Runs,
    held: Held,
    flushes: Flushes,
    pending: AtomicU64,
    /// Answers that are handed over together.
    ready: Mutex<Ready>,
    expired: sweep::Found,
    late: Late,
    /// Whether the user was found not to be a server admin.
    no_purge: AtomicBool,
}

impl CouchDb {
    /// A store on `CouchDB`. It connects when it is asked for the first time.
    pub fn open(config: Config, hub: Arc<Hub>) -> Result<Arc<Self>> {
        runtime::handle()?;
        // Another provider of cryptography that is there already serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Arc::new(config);
        let store = Arc::new(Self {
            backend: Backend::new(Arc::clone(&config), Arc::clone(&hub))?,
            config,
            hub,
            counters: Counters::default(),
            lines: Lines::default(),
            runs: Runs::default(),
            held: Held::default(),
            flushes: Flushes::default(),
            pending: AtomicU64::new(0),
            ready: Mutex::default(),
            expired: sweep::Found::default(),
            late: Late::default(),
            no_purge: AtomicBool::new(false),
        });
        leases::keep_alive(&store);
        sweep::start(&store);
        Ok(store)
    }

    /// The time, in milliseconds.
    fn now(&self) -> u64 {
        self.backend.clock.millis()
    }

    /// When an operation that begins now is to be over.
    fn deadline(&self) -> Instant {
        Instant::now() + self.config.command_timeout
    }

    fn may_purge(&self) -> bool {
        !self.no_purge.load(Ordering::Relaxed)
    }

    fn may_not_purge(&self) {
        self.no_purge.store(true, Ordering::Relaxed);
    }

    fn begin(self: &Arc<Self>, asked: Asked, command: Command) {
        match command {
            Command::Many { keys } if keys.is_empty() => asked.answer(Ok(Reply::Payloads(Vec::new()))),
            Command::Many { keys } => {
                let many = Many::new(asked, keys.len());
                for (at, key) in keys.iter().enumerate() {
                    self.line_up(key, Work::Part(many.clone(), at));
                }
            }
            Command::Lock { ref name, .. }
            | Command::Unlock { ref name, .. }
            | Command::Extend { ref name, .. } => {
                let line = ids::lock(name);
                self.line_up(&line, Work::Request(asked, command));
            }
            command => match command.key() {
                Some(key) => {
                    let key: Box<str> = key.into();
                    let work = match command {
                        Command::Put { value, condition: Condition::Always, .. } => {
                            Work::Put(asked, value, self.flushes.put(key.as_bytes()))
                        }
                        command => Work::Request(asked, command),
                    };
                    self.line_up(&key, work);
                }
                // Its first step, which is taken here, tells what was asked before from what comes after.
                None => runtime::start(run(asked, command)),
            },
        }
    }

    /// Why a request is refused that comes when too many wait.
    fn full(&self) -> Fault {
        let most = self.config.max_queue;
        Fault::Down(
            format!("{most} requests wait for CouchDB already (maxQueue); it answers too slowly").into(),
        )
    }
}

/// Runs what is not about one key.
async fn run(asked: Asked, command: Command) {
    let (store, deadline) = (Arc::clone(&asked.store), asked.deadline);
    let (operation, reply) = match command {
        Command::FlushTags { tags } => ("flushTags", in_time(deadline, store.flush_tags(&tags)).await),
        // It has as many steps as there are pages, and each is bounded.
        Command::Flush { prefix } => ("flush", store.flush(&prefix).await),
        Command::Scan { prefix, cursor } => {
            ("keys", in_time(deadline, store.scan(&prefix, cursor.as_deref())).await)
        }
        Command::Ready => ("ready", store.ready().await),
        _ => ("couchdb", Err(Fault::Down("a command went the wrong way".into()))),
    };
    asked.answer(reply.map_err(|fault| fault.error(operation)));
}

impl CouchDb {
    async fn ready(&self) -> std::result::Result<Reply, Fault> {
        let limit = self.config.connect_timeout;
        self.backend.ask(reqwest::Method::GET, "", None, limit).await.map(|_| Reply::Done)
    }
}

/// Why an operation is given up.
fn overdue() -> Fault {
    Fault::Timeout("CouchDB did not answer in time (commandTimeout)".into())
}

impl Remote for CouchDb {
    const NAME: &'static str = "couchdb";

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn pending(&self) -> &AtomicU64 {
        &self.pending
    }

    fn runs(&self) -> &Runs {
        &self.runs
    }

    fn held(&self) -> &Held {
        &self.held
    }

    async fn follow(self: Arc<Self>, lease: LeaseId, run: Run) {
        self.follow_run(lease, run).await;
    }

    async fn release(self: &Arc<Self>, session: SessionId, name: &str, owner: &str) -> Result<()> {
        let released = in_time(self.deadline(), async {
            self.unlock(session, (name, owner)).await?;
            self.keep_out(name).await
        });
        released.await.map_err(|fault| fault.error("unlock"))
    }
}

impl Driver for CouchDb {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { manual_clock: false, embedded: false, evicts: false }
    }

    fn execute(self: Arc<Self>, batch: Batch) {
        let deadline = self.deadline();
        for (id, command) in batch.requests {
            let full = self.pending.load(Ordering::Relaxed) >= self.config.max_queue;
            let answers = Arc::clone(&batch.answers);
            let asked = Asked::new(Arc::clone(&self), batch.session, deadline, (id, answers));
            match command {
                // What gives something back is let in: it was counted when it was had.
                Command::Fill { .. }
                | Command::Fail { .. }
                | Command::Unlock { .. }
                | Command::Extend { .. } => self.begin(asked, command),
                Command::Lease { key, offline: true, .. } if full => {
                    answer_alone(asked, &key, &self.full());
                }
                _ if full => asked.answer(Err(self.full().error("queue"))),
                command => self.begin(asked, command),
            }
        }
    }

    fn release_session(self: Arc<Self>, session: SessionId) {
        runtime::spawn(async move {
            self.release_runs(session).await;
            self.release_locks(session).await;
        });
    }

    fn sweep(&self) {}

    fn watch(self: Arc<Self>, prefix: &str, changes: Weak<dyn Changes>) -> Result<()> {
        self.runs.tell_above(Weak::clone(&changes));
        changes::watch(&self.backend, prefix, changes);
        Ok(())
    }

    fn advance(&self, _: Duration) -> Result<()> {
        Err(Error::new(ErrorKind::Config, "advance", "the time of a store on CouchDB is its server's"))
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn holdings(&self) -> Holdings {
        Holdings { flights: self.runs.len(), locks: Some(self.held.len()), ..Holdings::default() }
    }

    fn connection(&self) -> Option<Connection> {
        let (state, reconnects) = self.backend.gate.status();
        Some(Connection { state, pending: self.pending.load(Ordering::Relaxed), reconnects, protocol: None })
    }
}
