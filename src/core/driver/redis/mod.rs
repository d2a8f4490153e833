//! The Redis driver: one store for all who open it with the same configuration.
//!
//! A batch becomes one pipeline for each server ([`link`]). What takes one call is answered from the pipeline;
//! what takes more steps (a tag's epoch, a value in its grace) goes on by itself. Whatever must be atomic is a
//! script on one key ([`scripts`]). The lease of a key is kept under the key itself, so that every write and
//! every removal takes it away, whoever makes it ([`record`], docs/wire-format.md).
//!
//! All of it runs on the runtime's one thread, but what the thread that asks sends by itself ([`at_once`]).

mod at_once;
mod call;
mod cluster;
mod config;
mod connect;
mod counters;
mod entries;
mod fault;
mod find;
mod follow;
mod heartbeat;
mod keys;
mod keyspace;
mod leases;
mod link;
mod locks;
mod order;
mod pubsub;
mod quick;
mod record;
mod redirect;
mod router;
mod scripts;
mod sending;
mod shortcut;
mod slots;
mod tags;
mod task;
mod tracking;
mod values;
mod waits;
mod wire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use self::call::{Answer, Call, Outgoing, Sink};
pub use self::config::{Address, Config, Mode, Sentinel, Tls};
use self::fault::Fault;
use self::link::Listener;
use self::locks::Watched;
use self::order::Order;
use self::pubsub::Owed;
use self::router::Router;
use self::waits::Waits;
use self::wire::Value as Answered;
use super::remote::Remote;
use super::remote::asked::{self, Ready};
use super::remote::flushes::Flushes;
use super::remote::held::Held;
use super::remote::leasing::answer_alone;
use super::remote::runs::{Run, Runs};
use super::{Batch, Capabilities, Change, Changes, Driver};
use crate::core::command::{Command, LeaseId, Reply};
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::hub::{Hub, Notice, SessionId};
use crate::core::runtime::{self, start};
use crate::core::stats::{Connection, Counters, Holdings};

/// The Redis driver.
pub struct Redis {
    config: Arc<Config>,
    hub: Arc<Hub>,
    counters: Counters,
    router: Router,
    runs: Runs,
    held: Held,
    watched: Watched,
    order: Order,
    waits: Arc<Waits>,
    flushes: Flushes,
    owed: Owed,
    pending: AtomicU64,
    /// Whether the server does not know `SET … NX GET`.
    has_no_get: AtomicBool,
    /// Whether the server does not know `SET … IFEQ`.
    has_no_ifeq: AtomicBool,
}

/// Tells the driver's own what its links say. It does not hold the driver, which holds the links.
struct Ears {
    hub: Arc<Hub>,
    waits: Arc<Waits>,
}

impl Listener for Ears {
    fn answered(&self, answers: Vec<(Outgoing, Answer)>) {
        let mut ready = Ready::default();
        for (Outgoing { call, sink, .. }, answer) in answers {
            match sink {
                Sink::Step(sender) => drop(sender.send(answer)),
                Sink::Get(asked) => entries::got(asked, call, answer, &mut ready),
                Sink::Put(asked, begun) => entries::stored(asked, begun, &call, answer, &mut ready),
                Sink::Lookup(lookup) => quick::looked_up(*lookup, &call, answer, &mut ready),
                Sink::Fill(filling) => quick::filled(*filling, &call, answer, &mut ready),
            }
        }
    }

    fn changed(&self, keys: Option<&[Answered]>) {
        self.waits.changed(keys);
    }

    fn connection(&self, up: std::result::Result<(), Arc<str>>) {
        self.hub.tell_all(&match up {
            Ok(()) => Notice::Connected,
            Err(reason) => Notice::Disconnected { reason },
        });
    }
}

/// A request to this driver.
type Asked = asked::Asked<Redis>;

/// Callers of one batch that ask for the same lease: one of them asks the server.
type Leasing = HashMap<Box<str>, (Vec<Asked>, Vec<Box<str>>, bool)>;

impl Redis {
    /// A store on Redis. It connects when it is asked for the first time.
    pub fn open(config: Config, hub: Arc<Hub>) -> Result<Arc<Self>> {
        runtime::handle()?;
        let config = Arc::new(config);
        let waits = Arc::new(Waits::default());
        let ears = Arc::new(Ears { hub: Arc::clone(&hub), waits: Arc::clone(&waits) });
        let redis = Arc::new(Self {
            router: Router::new(&config, ears),
            config,
            hub,
            counters: Counters::default(),
            runs: Runs::default(),
            held: Held::default(),
            watched: Watched::default(),
            order: Order::default(),
            waits,
            flushes: Flushes::default(),
            owed: Owed::default(),
            pending: AtomicU64::new(0),
            has_no_get: AtomicBool::new(false),
            has_no_ifeq: AtomicBool::new(false),
        });
        leases::keep_alive(&redis);
        Ok(redis)
    }

    /// Asks a server; sent when this is called, not when it is awaited.
    fn ask(&self, call: Call, deadline: Instant) -> impl Future<Output = Answer> + use<> {
        self.router.ask(call, deadline)
    }

    /// Asks what may be asked twice: once more if the connection was lost.
    async fn ask_again(&self, call: Call, deadline: Instant) -> Answer {
        match self.ask(call.clone(), deadline).await {
            Err(Fault::Dropped(_)) => self.ask(call, deadline).await,
            other => other,
        }
    }

    /// When an operation that begins now is to be over.
    fn deadline(&self) -> Instant {
        Instant::now() + self.config.command_timeout
    }

    fn begin(self: &Arc<Self>, asked: Asked, command: Command, leasing: &mut Leasing) {
        let Some((asked, command)) = self.order.park(asked, command) else { return };
        let command = match command {
            Command::Lease { key, tags, offline } => {
                let (askers, known, alone) =
                    leasing.entry(key.clone()).or_insert_with(|| (Vec::new(), tags.clone(), offline));
                if *known == tags && *alone == offline {
                    askers.push(asked);
                    return;
                }
                return self.start_lease(vec![asked], &key, tags, offline);
            }
            command => {
                // A lease that is asked for after this is not the one that was asked for before.
                self.begin_leases(leasing);
                command
            }
        };
        match command {
            Command::Get { key } => {
                let (call, deadline) = (Call::Get(key.into_boxed_bytes().into()), asked.deadline);
                self.router.send(Outgoing::new(call, deadline, Sink::Get(asked)));
            }
            Command::Put { key, value, condition } => entries::put(asked, key, value, condition),
            Command::Fill { key, lease, value, keep } => match self.marker(lease, &value, keep) {
                Some(marker) => self.router.send(self.store_leased(asked, key, lease, value, marker)),
                None => start(run(asked, Command::Fill { key, lease, value, keep })),
            },
            command => start(run(asked, command)),
        }
    }

    fn begin_leases(self: &Arc<Self>, leasing: &mut Leasing) {
        for (key, (askers, tags, offline)) in leasing.drain() {
            self.start_lease(askers, &key, tags, offline);
        }
    }

    fn start_lease(&self, askers: Vec<Asked>, key: &str, tags: Vec<Box<str>>, offline: bool) {
        let Some(deadline) = askers.first().map(|first| first.deadline) else { return };
        if self.is_looked_up(&tags) {
            self.router.send(self.lookup(askers, Bytes::copy_from_slice(key.as_bytes()), offline, deadline));
        } else {
            let key = key.into();
            start(async move { leases::lease(askers, &key, &tags, offline).await });
        }
    }

    /// Runs an operation that takes several steps to write a key; what is asked of the key meanwhile comes after it.
    fn start_claiming(self: &Arc<Self>, key: Box<str>, operation: impl Future<Output = ()> + Send + 'static) {
        self.order.claim(&key);
        let redis = Arc::clone(self);
        start(async move {
            operation.await;
            redis.release(&key);
        });
    }

    /// Gives a claimed key free: what was asked of it meanwhile begins.
    fn release(self: &Arc<Self>, key: &str) {
        let mut leasing = Leasing::new();
        for (asked, command) in self.order.release(key) {
            self.begin(asked, command, &mut leasing);
        }
        self.begin_leases(&mut leasing);
        self.order.released();
    }
}

/// Runs an operation that takes more than a look at one answer.
async fn run(asked: Asked, command: Command) {
    let (redis, session, deadline) = (Arc::clone(&asked.store), asked.session, asked.deadline);
    let reply = match command {
        Command::Many { keys } => redis.many(&keys, deadline).await,
        Command::Has { key } => redis.has(&key, deadline).await,
        Command::Forget { key } => redis.forget(&key, deadline).await,
        Command::Pull { key } => redis.pull(&key, deadline).await,
        Command::Peek { key } => redis.peek(&key, deadline).await,
        Command::Touch { key, ttl } => redis.touch(&key, ttl, deadline).await,
        Command::Remaining { key } => redis.remaining(&key, deadline).await,
        Command::Increment { key, step, life } => redis.increment(&key, step, life, deadline).await,
        Command::Fill { key, lease, value, keep } => redis.fill(&key, lease, value, keep, deadline).await,
        Command::Fail { key, lease, error } => redis.fail(&key, lease, &error, deadline).await,
        Command::FlushTags { tags } => redis.flush_tags(&tags, deadline).await,
        Command::Flush { prefix } => redis.flush(&prefix).await,
        Command::Scan { prefix, cursor } => redis.scan(&prefix, cursor.as_deref(), deadline).await,
        Command::Lock { name, owner, ttl, wait } => {
            redis.lock(session, (&name, &owner), ttl, wait, deadline).await
        }
        Command::Unlock { name, owner } => redis.unlock(session, (&name, &owner), deadline).await,
        Command::Extend { name, owner, ttl } => redis.extend(session, (&name, &owner), ttl, deadline).await,
        Command::Fetch { key } => redis.fetch(&key, deadline).await,
        Command::Ready => redis.ready().await,
        // Begun elsewhere.
        Command::Get { .. } | Command::Put { .. } | Command::Lease { .. } => {
            Err(Error::new(ErrorKind::Internal, "redis", "a command went the wrong way"))
        }
    };
    asked.answer(reply);
}

impl Remote for Redis {
    const NAME: &'static str = "redis";

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
        self.unlock(session, (name, owner), self.deadline()).await.map(drop)
    }
}

impl Driver for Redis {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { manual_clock: false, embedded: false, evicts: false }
    }

    fn execute(self: Arc<Self>, batch: Batch) {
        let deadline = self.deadline();
        let mut leasing = Leasing::new();
        for (id, command) in batch.requests {
            let full = self.pending.load(Ordering::Relaxed) >= self.config.max_queue;
            let answers = Arc::clone(&batch.answers);
            let asked = Asked::new(Arc::clone(&self), batch.session, deadline, (id, answers));
            match command {
                // What gives something back is let in: it was counted when it was had.
                Command::Fill { .. }
                | Command::Fail { .. }
                | Command::Unlock { .. }
                | Command::Extend { .. } => {
                    self.begin(asked, command, &mut leasing);
                }
                Command::Lease { key, offline: true, .. } if full => {
                    answer_alone(asked, &key, &self.full());
                }
                _ if full => asked.answer(Err(self.full().error("queue"))),
                command => self.begin(asked, command, &mut leasing),
            }
        }
        self.begin_leases(&mut leasing);
    }

    fn release_session(self: Arc<Self>, session: SessionId) {
        runtime::spawn(async move {
            self.release_runs(session).await;
            self.release_locks(session).await;
        });
    }

    fn sweep(&self) {}

    fn announce(&self, prefix: &str, change: Change<'_>) {
        self.announce_to_others(prefix, change);
    }

    fn announce_surely(self: Arc<Self>, prefix: &str, change: Change<'_>) {
        Self::announce_surely(&self, prefix, change);
    }

    fn watch(self: Arc<Self>, prefix: &str, changes: Weak<dyn Changes>) -> Result<()> {
        self.runs.tell_above(Weak::clone(&changes));
        tracking::watch(&self, prefix, changes);
        Ok(())
    }

    fn advance(&self, _: Duration) -> Result<()> {
        Err(Error::new(ErrorKind::Config, "advance", "the time of a store on Redis is its server's"))
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn holdings(&self) -> Holdings {
        Holdings { flights: self.runs.len(), locks: Some(self.held.len()), ..Holdings::default() }
    }

    fn connection(&self) -> Option<Connection> {
        let (state, reconnects, protocol) = self.router.status();
        Some(Connection { state, pending: self.pending.load(Ordering::Relaxed), reconnects, protocol })
    }
}

impl Redis {
    /// Why a request is refused that comes when too many wait.
    fn full(&self) -> Fault {
        let most = self.config.max_queue;
        Fault::Down(
            format!("{most} requests wait for Redis already (maxQueue); it answers too slowly").into(),
        )
    }

    async fn ready(&self) -> Result<Reply> {
        let deadline = Instant::now() + self.config.connect_timeout;
        self.router.ping(deadline).await.map_err(|fault| fault.error("ready"))?;
        Ok(Reply::Done)
    }
}

/// The error of an answer that no script of ours gives.
fn unexpected(operation: &'static str) -> Error {
    Error::new(ErrorKind::Internal, operation, "Redis gave an answer that does not fit the question")
}
