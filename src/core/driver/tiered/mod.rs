//! The tiered driver: memory above a backend, for all threads of a process, kept coherent by the backend itself.
//!
//! A read that the upper tier cannot answer goes down with the upper tier's lease of its key: whatever takes the lease
//! away meanwhile (a change that the lower tier tells of, a write of this process, a flush) keeps the value from being
//! kept. So what is kept is never older than the last change that this process was told of. What is written goes down
//! alone: nothing is kept of it before it is read again.
//!
//! The lower tier tells of the changes of keys and of the epochs of tags ([`Changes`]). While it does not, nothing is
//! kept, and what was is served for as long as `maxStaleness` allows ([`trust`]).

mod config;
mod passing;
mod trust;
mod writing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

pub use self::config::{Config, Lower};
use self::passing::{Passing, Unasked, written};
use self::trust::Trust;
use self::writing::Writing;
use super::memory::{Entry, Memory};
use super::{Batch, Capabilities, Change, Changes, Driver};
use crate::core::clock::{Clock, ClockKind};
use crate::core::command::{Command, Fetched, LeaseId, LeaseReply, Reply};
use crate::core::driver::couchdb::CouchDb;
use crate::core::driver::redis::Redis;
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::hub::{Hub, Notice, Outcome, SessionId};
use crate::core::stats::{Connection, Counters, Holdings, Upper};
use crate::core::value::{Life, Payload, Value};
use crate::core::{runtime, sweeper};

/// Reads for the upper tier are nobody's: no session is told of them.
const NOBODY: SessionId = 0;
/// How long it is known at most that a key holds nothing.
const NOTHING_KEPT: Duration = Duration::from_secs(60);
/// Where changes are told by these means, the processes tell each other.
const ANNOUNCED: &str = "pubsub";
/// Longer keys are not kept: a lower tier may tell of their changes by a hash alone.
const LONGEST_KEY: usize = 2000;

/// The tiered driver.
pub struct Tiered {
    upper: Arc<Memory>,
    lower: Arc<dyn Driver>,
    hub: Arc<Hub>,
    trust: Trust,
    writing: Writing,
    ttl: Option<Duration>,
    prefix: Box<str>,
    /// Whether the lower tier was asked to tell of changes.
    watching: AtomicBool,
}

/// What the memory of this process knows of a key.
pub enum Near {
    /// Its value.
    Value(Arc<Entry>),
    /// That it holds nothing.
    Nothing,
    /// Nothing: a lower tier is to be asked, where there is one.
    Unknown,
}

impl From<Option<Arc<Entry>>> for Near {
    fn from(entry: Option<Arc<Entry>>) -> Self {
        match entry {
            Some(entry) if entry.payload.is_nothing() => Self::Nothing,
            Some(entry) => Self::Value(entry),
            None => Self::Unknown,
        }
    }
}

impl Tiered {
    /// A store in two tiers. It connects when it is asked for the first time.
    pub fn open(config: &Config, hub: Arc<Hub>) -> Result<Arc<Self>> {
        let lower: Arc<dyn Driver> = match &config.lower {
            Lower::Redis(config) => Redis::open((**config).clone(), Arc::clone(&hub))?,
            Lower::CouchDb(config) => CouchDb::open((**config).clone(), Arc::clone(&hub))?,
        };
        // What leaves the upper tier is still there: nobody is told of it.
        let clock = Arc::new(Clock::new(ClockKind::System));
        let upper = Arc::new(Memory::new(config.bounds, clock, Arc::default()));
        sweeper::watch(&upper);
        Ok(Arc::new(Self {
            upper,
            lower,
            hub,
            trust: Trust::new(config.max_staleness),
            writing: Writing::default(),
            ttl: config.ttl,
            prefix: config.prefix.clone(),
            watching: AtomicBool::new(false),
        }))
    }

    /// What the upper tier knows of a key, by `read`: as [`Memory::get`] does it, or [`Memory::look`] with
    /// [`Tiered::may_copy`].
    pub fn near(&self, key: &str, read: impl FnOnce(&Memory) -> Option<Arc<Entry>>) -> Near {
        if !self.trust.may_serve() || self.writing.covers(key) {
            return Near::Unknown;
        }
        Near::from(read(&self.upper))
    }

    /// The upper tier, of whose entries sessions keep copies.
    pub fn upper(&self) -> &Memory {
        &self.upper
    }

    /// Whether what the upper tier has may be copied: whatever forbids it gives up the copies that there are.
    pub fn may_copy(&self, key: &str) -> bool {
        self.trust.is_whole() && !self.writing.covers(key)
    }

    /// A thread asks for something: what it asks afterwards comes after it, in the upper tier and in copies too.
    pub fn asked(&self, command: &Command) {
        match command {
            Command::FlushTags { tags } => {
                self.writing.begin_flush();
                self.upper.give_up_tagged_copies(tags);
            }
            Command::Flush { .. } => {
                self.writing.begin_flush();
                self.upper.give_up_all_copies();
            }
            command => {
                if let Some(key) = written(command) {
                    self.writing.begin(key);
                    self.upper.give_up_copies(key);
                }
            }
        }
    }

    /// The right to keep what the lower tier answers.
    fn may_keep(&self, key: &str) -> Option<LeaseId> {
        if !self.trust.is_whole() || key.len() > LONGEST_KEY || self.writing.covers(key) {
            return None;
        }
        match self.upper.lease(NOBODY, key, &[]) {
            LeaseReply::Granted { lease, .. } => Some(lease),
            // Another read is under way, and what it finds is kept.
            _ => None,
        }
    }

    /// Keeps what the lower tier answered, unless something came between; `None` is no answer. Whether it is kept.
    fn keep(&self, key: &str, ticket: Option<LeaseId>, found: Option<&Option<Fetched>>) -> bool {
        let Some(ticket) = ticket else { return false };
        let most = |life: Option<Duration>| match (life, self.ttl) {
            (Some(life), Some(ttl)) => Some(life.min(ttl)),
            (life, ttl) => life.or(ttl),
        };
        let value = match found {
            Some(Some(found)) if !found.payload.is_corrupt() => Some(Value {
                payload: found.payload.clone(),
                life: Life { ttl: most(found.remaining), grace: Duration::ZERO },
                tags: found.tags.clone(),
            }),
            Some(None) => Some(Value {
                payload: Payload::nothing(),
                life: Life { ttl: most(Some(NOTHING_KEPT)), grace: Duration::ZERO },
                tags: Vec::new(),
            }),
            _ => None,
        };
        let value = value.filter(|value| {
            value.life.ttl != Some(Duration::ZERO) && self.trust.is_whole() && !self.writing.covers(key)
        });
        let Some(value) = value else {
            self.upper.end_lease(key, ticket, || Outcome::Abandoned);
            return false;
        };
        matches!(self.upper.fill(key, ticket, value, true), Reply::Filled { stored: true, .. })
    }

    /// Has a value kept that nobody waits for.
    fn fetch(self: &Arc<Self>, key: Box<str>) {
        if let Some(ticket) = self.may_keep(&key) {
            let tiered = Arc::clone(self);
            runtime::spawn(async move { Unasked::fetch(tiered, key, ticket, NOBODY) });
        }
    }

    /// What was read, and is not kept: what is kept may not be older.
    fn saw(&self, key: &str, payload: Option<&Payload>) {
        let nothing = Payload::nothing();
        // Where nothing is kept yet, what an earlier read finds later may not be kept either.
        if self.upper.peek(key).as_ref() != Some(payload.unwrap_or(&nothing)) {
            self.upper.take(key);
        }
    }

    /// The same where nothing was read but whether there is a value.
    fn saw_whether(&self, key: &str, there: bool) {
        if self.upper.peek(key).is_none_or(|kept| kept.is_nothing() == there) {
            self.upper.take(key);
        }
    }

    /// A value is being computed: what is kept says no longer what there is.
    fn expects(&self, key: &str) {
        self.upper.take(key);
    }

    /// A write of a key is answered; whether with an error.
    fn wrote(&self, key: &str, failed: bool) {
        self.announce_again(Change::Key(key), failed);
        self.upper.take(key);
        self.writing.end(key);
    }

    fn flushed_tags(&self, tags: &[Box<str>], failed: bool) {
        for tag in tags {
            self.announce_again(Change::Tag(tag), failed);
        }
        self.upper.flush_tags(tags);
        self.writing.end_flush();
    }

    fn flushed(&self, prefix: &str, failed: bool) {
        self.announce_again(Change::Everything, failed);
        self.upper.flush(prefix);
        self.writing.end_flush();
    }

    /// Tells other processes of a change, where the lower tier does not tell all of them by itself: some may reach it
    /// another way than this one.
    fn announce(&self, change: Change<'_>) {
        self.lower.announce(&self.prefix, change);
    }

    /// Once more, where that is how the news travel: a write of several steps is made after it was first announced.
    /// Where it is not, some may hear it so all the same, and what failed may have taken its announcement with it.
    fn announce_again(&self, change: Change<'_>, failed: bool) {
        if failed || self.trust.means() == Some(ANNOUNCED) {
            Arc::clone(&self.lower).announce_surely(&self.prefix, change);
        }
    }
}

impl Changes for Tiered {
    fn key(&self, key: &str) {
        self.upper.take(key);
    }

    fn tag(&self, tag: &str) {
        self.upper.flush_tags(&[tag.into()]);
    }

    fn everything(&self) {
        self.upper.flush("");
    }

    fn found(&self, key: &str, payload: &Payload) {
        self.saw(key, Some(payload));
    }

    fn told(&self, means: &'static str) {
        // What is kept from before may have changed meanwhile.
        self.upper.flush("");
        self.trust.gained(means);
    }

    fn untold(&self) {
        self.trust.lost();
        // Copies know nothing of a staleness that is allowed.
        self.upper.give_up_all_copies();
    }
}

impl Driver for Tiered {
    fn name(&self) -> &'static str {
        "tiered"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { manual_clock: false, embedded: false, evicts: false }
    }

    fn execute(self: Arc<Self>, batch: Batch) {
        if !self.watching.swap(true, Ordering::Relaxed) {
            let changes: Weak<dyn Changes> = Arc::downgrade(&(Arc::clone(&self) as Arc<dyn Changes>));
            if let Err(error) = Arc::clone(&self.lower).watch(&self.prefix, changes) {
                self.hub.tell_all(&Notice::Disconnected { reason: error.message.into() });
            }
        }
        Passing::down(self, batch);
    }

    fn release_session(self: Arc<Self>, session: SessionId) {
        Arc::clone(&self.lower).release_session(session);
    }

    fn sweep(&self) {}

    fn watch(self: Arc<Self>, _: &str, _: Weak<dyn Changes>) -> Result<()> {
        Err(Error::new(ErrorKind::Config, "open", "a tiered store cannot be the lower tier of another"))
    }

    fn advance(&self, duration: Duration) -> Result<()> {
        self.lower.advance(duration)
    }

    fn counters(&self) -> &Counters {
        self.lower.counters()
    }

    fn holdings(&self) -> Holdings {
        let Holdings { entries, bytes, .. } = self.upper.holdings();
        let upper = Upper {
            hits: self.upper.counters().all_hits(),
            entries: entries.unwrap_or_default(),
            bytes: bytes.unwrap_or_default(),
            trusted: self.trust.is_whole(),
            means: self.trust.means(),
        };
        Holdings { upper: Some(upper), ..self.lower.holdings() }
    }

    fn connection(&self) -> Option<Connection> {
        self.lower.connection()
    }
}
