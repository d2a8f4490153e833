//! The memory driver: one store for all threads of the process that open it.
//!
//! Keys are spread over stripes. A stripe's lock orders all writes of its keys and guards their leases;
//! reads take none of them. Validity is decided at the read: an entry is live while its time is not over and
//! nothing that it depends on (everything, its tags) was flushed after the point at which it was written.
//! So an invalidation needs to find no entry, and one that is inserted late is dead on arrival.
//!
//! Lock order: stripe, then flights, tags or locks, then the hub. Nothing calls back up.

mod container;
mod copies;
mod entries;
mod flushing;
mod generations;
mod leases;
mod locks;
mod policies;
mod store;
mod tags;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use self::container::Surroundings;
pub use self::container::{Bounds, Entry, Policy};
use self::copies::Copies;
pub use self::copies::{Keeper, Permit};
use self::flushing::Flushing;
use self::generations::Generations;
use self::leases::{Flights, Leases, failed};
use self::locks::LockTable;
use self::store::Store;
use self::tags::{TagCells, TagTable};
use super::{Batch, Capabilities, Changes, Driver};
use crate::core::clock::{Clock, Timestamp};
use crate::core::command::{Command, Fetched, Reply, Sequence};
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::hub::{Hub, Outcome, SessionId};
use crate::core::stats::{Connection, Counters, Holdings};
use crate::core::value::Format;

/// How many locks the keys are spread over. A power of two.
const STRIPES: usize = 64;

/// A store of such bounds is tiny: there the order of use is exact.
const TINY_ENTRIES: u64 = 256;
const TINY_BYTES: u64 = 128 << 10;

/// The memory driver.
pub struct Memory {
    store: Store,
    stripes: Box<[Mutex<Leases>]>,
    flights: Flights,
    tags: TagTable,
    locks: LockTable,
    flushing: Flushing,
    /// The order of writes and invalidations.
    sequence: AtomicU64,
    /// No entry leaves before this time: a sweep that comes earlier has nothing to remove.
    next_expiry: AtomicU64,
    sweeping: Mutex<()>,
    surroundings: Arc<Surroundings>,
}

impl Memory {
    /// An empty store.
    pub fn new(bounds: Bounds, clock: Arc<Clock>, hub: Arc<Hub>) -> Self {
        let exact = bounds.entries.is_some_and(|most| most <= TINY_ENTRIES) || bounds.bytes <= TINY_BYTES;
        let copies = Copies::new(Generations::new(exact), Arc::clone(&clock));
        let surroundings = Arc::new(Surroundings {
            hub,
            clock,
            counters: Counters::default(),
            copies,
            hasher: ahash::RandomState::new(),
        });
        Self {
            store: Store::new(bounds, Arc::clone(&surroundings)),
            surroundings,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            flights: Flights::default(),
            tags: TagTable::default(),
            locks: LockTable::default(),
            flushing: Flushing::default(),
            sequence: AtomicU64::new(1),
            next_expiry: AtomicU64::new(u64::MAX),
            sweeping: Mutex::default(),
        }
    }

    /// The entry of a key, if it may be read. Takes no stripe's lock.
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        let entry = self.entry(key);
        let live = entry.filter(|entry| self.is_fresh(entry, self.now()));
        self.counters().read(live.is_some());
        live
    }

    /// As [`Memory::get`], for a session that keeps copies: with what one of the entry is valid under. `may_copy` is asked
    /// after the generations were looked at: what forbids copies raises them afterwards.
    pub fn look(
        &self,
        key: &str,
        keeper: &mut Keeper,
        may_copy: impl FnOnce() -> bool,
    ) -> (Option<Arc<Entry>>, Permit) {
        let hash = self.store.hash(key);
        // Looked at before the entry is looked for: an older value never comes with a younger generation.
        let place = Generations::of_key(hash);
        let generation = self.surroundings.generations().at(place);
        let entry = self.entry_at(key, hash).filter(|entry| self.is_fresh(entry, self.now()));
        self.counters().read(entry.is_some());
        let Some(entry) = entry else { return (None, Permit::default()) };
        if entry.payload.format != Format::Json {
            return (Some(entry), Permit::default());
        }
        let is_valid = || !self.flushing.covers(key) && self.is_fresh(&entry, self.now()) && may_copy();
        let permit = self.surroundings.copies.permit(keeper, hash, (place, generation), &entry, is_valid);
        (Some(entry), permit)
    }

    /// Gives up the copies of a key, which is held all the same.
    pub fn give_up_copies(&self, key: &str) {
        self.surroundings.generations().raise(Generations::of_key(self.store.hash(key)));
    }

    /// Gives up the copies of everything with one of the tags.
    pub fn give_up_tagged_copies(&self, tags: &[Box<str>]) {
        for cell in self.tags.intern(tags) {
            self.surroundings.generations().raise(cell.place());
        }
    }

    /// Gives up all copies.
    pub fn give_up_all_copies(&self) {
        self.surroundings.copies.flush(|| {});
    }

    /// A copy of a key was used: so the key was.
    pub fn used(&self, key: &str) {
        self.store.used(key);
    }

    /// Whether what a copy was made under still is.
    pub fn is_current(&self, permit: &Permit) -> bool {
        let generations = self.surroundings.generations();
        let mut seen = permit.generations().iter();
        !permit.generations().is_empty() && seen.all(|(place, was)| generations.at(*place) == *was)
    }

    /// The generations, which copies outside of the store are valid under.
    pub fn words(&self) -> Arc<[AtomicU32]> {
        self.surroundings.generations().words()
    }

    /// Answers a command.
    pub fn apply(&self, session: SessionId, command: Command) -> Result<Reply> {
        Ok(match command {
            Command::Get { key } => Reply::Payload(self.get(&key).map(|entry| entry.payload.clone())),
            Command::Many { keys } => {
                let payload = |key: &str| Ok(self.get(key).map(|entry| entry.payload.clone()));
                Reply::Payloads(keys.iter().map(|key| payload(key)).collect())
            }
            Command::Has { key } => Reply::Changed(self.get(&key).is_some()),
            Command::Peek { key } => Reply::Payload(self.peek(&key)),
            Command::Put { key, value, condition } => Reply::Changed(self.put(&key, value, condition)),
            Command::Forget { key } => Reply::Changed(self.take(&key).is_some()),
            Command::Pull { key } => {
                let entry = self.take(&key);
                self.counters().read(entry.is_some());
                Reply::Payload(entry.map(|entry| entry.payload.clone()))
            }
            Command::Touch { key, ttl } => Reply::Changed(self.touch(&key, ttl)),
            Command::Remaining { key } => Reply::Remaining(self.remaining(&key)),
            Command::Increment { key, step, life } => Reply::Number(self.increment(&key, step, life)?),
            Command::Lease { key, tags, offline: _ } => Reply::Lease(self.lease(session, &key, &tags)),
            Command::Fill { key, lease, value, keep } => self.fill(&key, lease, value, keep),
            Command::Fail { key, lease, error } => {
                self.end_lease(&key, lease, || failed(&error));
                Reply::Done
            }
            Command::FlushTags { tags } => {
                self.flush_tags(&tags);
                Reply::Done
            }
            Command::Flush { prefix } => {
                self.flush(&prefix);
                Reply::Done
            }
            Command::Scan { prefix, cursor: _ } => Reply::Keys { keys: self.scan(&prefix), cursor: None },
            Command::Fetch { key } => Reply::Fetched(self.get(&key).map(|entry| Fetched {
                payload: entry.payload.clone(),
                remaining:
                    (entry.fresh_until != Timestamp::NEVER).then(|| entry.fresh_until.since(self.now())),
                // Nothing is above this tier.
                tags: Vec::new(),
            })),
            Command::Ready => Reply::Done,
            Command::Lock { name, owner, ttl, wait } => {
                Reply::Lock(self.locks.acquire(session, (&name, &owner), ttl, self.now(), wait))
            }
            Command::Unlock { name, owner } => {
                Reply::Changed(self.locks.release((&name, &owner), self.now(), self.hub()))
            }
            Command::Extend { name, owner, ttl } => {
                Reply::Changed(self.locks.extend((&name, &owner), ttl, self.now()))
            }
        })
    }

    fn now(&self) -> Timestamp {
        self.surroundings.clock.now()
    }

    fn hub(&self) -> &Hub {
        &self.surroundings.hub
    }

    fn now_in_order(&self) -> Sequence {
        self.sequence.load(Ordering::Acquire)
    }

    fn next_in_order(&self) -> Sequence {
        self.sequence.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn stripe(&self, hash: u64) -> MutexGuard<'_, Leases> {
        self.stripes[hash as usize % STRIPES].lock()
    }

    /// When what this depends on was flushed last; 0 if never.
    fn invalidated_at(&self, tags: &TagCells) -> Sequence {
        self.tags.flushed_at(tags)
    }

    fn is_valid(&self, entry: &Entry) -> bool {
        self.invalidated_at(&entry.tags) <= entry.written
    }

    fn is_fresh(&self, entry: &Entry, now: Timestamp) -> bool {
        now < entry.fresh_until && self.is_valid(entry)
    }

    fn fresh(&self, key: &str) -> Option<Arc<Entry>> {
        self.entry(key).filter(|entry| self.is_fresh(entry, self.now()))
    }

    /// Makes every entry with one of the tags a miss.
    pub fn flush_tags(&self, tags: &[Box<str>]) {
        self.tags.flush(tags, &self.surroundings.copies, || self.next_in_order());
        self.next_expiry.store(0, Ordering::Release);
    }

    /// Removes every key under a prefix; empty is everything.
    pub fn flush(&self, prefix: &str) {
        if prefix.is_empty() {
            // Entries and leases from before are invalid from here on; clearing gives their memory back.
            self.tags.flush_all(&self.surroundings.copies, || self.next_in_order());
            self.store.clear();
            return;
        }
        // Nothing under the prefix can be read or joined from here on: what starts meanwhile computes anew. What
        // began before loses its lease; what it had stored by then is there to be removed.
        self.surroundings.copies.flush(|| {
            self.flushing.during(prefix, || {
                for stripe in &self.stripes {
                    stripe.lock().retain(|key, _| !key.starts_with(prefix));
                }
                for (key, _) in self.store.select(|key, _| key.starts_with(prefix)) {
                    let hash = self.store.hash(&key);
                    let _stripe = self.stripe(hash);
                    self.store.remove(&key, hash);
                }
            });
        });
    }

    /// The entry of a key, if it may be looked at: dead or alive, but not while its prefix is being flushed.
    fn entry(&self, key: &str) -> Option<Arc<Entry>> {
        self.entry_at(key, self.store.hash(key))
    }

    fn entry_at(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        // Asked first: what was taken before the flush is not to be handed out after it.
        if self.flushing.covers(key) { None } else { self.store.get(key, hash) }
    }

    /// As [`Memory::entry`], for what follows a read.
    fn found(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        if self.flushing.covers(key) { None } else { self.store.find(key, hash) }
    }

    fn scan(&self, prefix: &str) -> Vec<Box<str>> {
        let now = self.now();
        let live = self.store.select(|key, entry| key.starts_with(prefix) && self.is_fresh(entry, now));
        live.into_iter().map(|(key, _)| key).collect()
    }
}

impl Driver for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { manual_clock: true, embedded: true, evicts: true }
    }

    fn execute(self: Arc<Self>, batch: Batch) {
        let requests = batch.requests.into_iter();
        batch
            .answers
            .answer(requests.map(|(id, command)| (id, self.apply(batch.session, command))).collect());
    }

    fn release_session(self: Arc<Self>, session: SessionId) {
        self.flights.forget_session(session);
        for (key, lease) in self.flights.of_session(session) {
            self.end_lease(&key, lease, || Outcome::Abandoned);
        }
        self.locks.release_session(session, self.hub());
    }

    fn watch(self: Arc<Self>, _: &str, _: Weak<dyn Changes>) -> Result<()> {
        Err(Error::new(ErrorKind::Config, "open", "a memory store cannot be a lower tier"))
    }

    fn sweep(&self) {
        // One at a time: a second would find that there is nothing to do while the first is still at it.
        let _sweeping = self.sweeping.lock();
        let now = self.now();
        self.locks.sweep(now, self.hub());
        self.tags.prune();
        if self.next_expiry.load(Ordering::Acquire) > now.as_millis() {
            return;
        }
        self.next_expiry.store(u64::MAX, Ordering::Release);
        let over = self.store.select(|_, entry| {
            let over = now >= entry.dead_at || !self.is_valid(entry);
            if !over {
                self.expires_at(entry.dead_at);
            }
            over
        });
        for (key, entry) in over {
            let hash = self.store.hash(&key);
            let _stripe = self.stripe(hash);
            // It may have been overwritten since it was looked at.
            let unchanged = self.store.find(&key, hash).is_some_and(|current| Arc::ptr_eq(&current, &entry));
            if unchanged && self.store.remove(&key, hash).is_some() && now >= entry.dead_at {
                self.surroundings.expired(&key);
            }
        }
    }

    fn advance(&self, duration: Duration) -> Result<()> {
        self.surroundings.clock.advance(duration)?;
        self.surroundings.copies.expire();
        self.sweep();
        Ok(())
    }

    fn counters(&self) -> &Counters {
        &self.surroundings.counters
    }

    fn holdings(&self) -> Holdings {
        let (entries, bytes) = self.store.held();
        let (flights, locks, tags) = (self.flights.len(), self.locks.len(self.now()), self.tags.len());
        let (entries, bytes) = (Some(entries), Some(bytes));
        Holdings { entries, bytes, flights, locks: Some(locks), tags: Some(tags), upper: None }
    }

    fn connection(&self) -> Option<Connection> {
        None
    }
}
