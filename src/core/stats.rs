//! What a store has done since it was opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// A count that any thread may raise.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts of a store.
#[derive(Debug, Default)]
pub struct Counters {
    /// Reads that found a value.
    pub hits: Counter,
    /// Reads that found none.
    pub misses: Counter,
    /// Values stored.
    pub writes: Counter,
    /// Keys removed by name.
    pub deletes: Counter,
    /// Entries that went to keep the bounds.
    pub evictions: Counter,
    /// Entries that left because their time was over.
    pub expirations: Counter,
    /// Factory results that a newer write or invalidation kept out.
    pub refused_fills: Counter,
    /// What copies outside of the store have answered.
    lent: Mutex<Vec<Lent>>,
}

/// A count that somebody else keeps, as the bits of an `f64`: JavaScript has no other number.
pub type Lent = Arc<LentCount>;

/// It has cache lines of its own: each thread counts in one.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub struct LentCount(AtomicU64);

fn lent_count(lent: &Lent) -> u64 {
    f64::from_bits(lent.0.load(Ordering::Relaxed)) as u64
}

impl Counters {
    /// Reads that found a value, here or in a copy outside of the store.
    pub fn all_hits(&self) -> u64 {
        self.hits.get() + self.lent.lock().iter().map(lent_count).sum::<u64>()
    }

    /// A count of hits for somebody who keeps copies.
    pub fn lend(&self) -> Lent {
        let lent = Lent::default();
        self.lent.lock().push(Arc::clone(&lent));
        lent
    }

    /// Takes a count back: it goes on counting for what it has.
    pub fn take_back(&self, lent: &Lent) {
        let mut all = self.lent.lock();
        if let Some(at) = all.iter().position(|other| Arc::ptr_eq(other, lent)) {
            all.swap_remove(at);
            self.hits.0.fetch_add(lent_count(lent), Ordering::Relaxed);
        }
    }

    /// A read, and whether it found a value.
    pub fn read(&self, found: bool) {
        if found {
            self.hits.count();
        } else {
            self.misses.count();
        }
    }
}

/// What a store holds now; `None` is not known without asking the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Entries.
    pub entries: Option<u64>,
    /// Bytes: keys, values and the overhead of an entry.
    pub bytes: Option<u64>,
    /// Factories running.
    pub flights: u64,
    /// Locks held.
    pub locks: Option<u64>,
    /// Tags known.
    pub tags: Option<u64>,
    /// The tier above, if there is one.
    pub upper: Option<Upper>,
}

/// What the tier above holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// Reads that it answered.
    pub hits: u64,
    /// Entries, those that say that a key holds nothing among them.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether it is told of every change.
    pub trusted: bool,
    /// How it is told, or was last.
    pub means: Option<&'static str>,
}

/// How a driver stands with its backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Whether it can be asked.
    pub state: ConnectionState,
    /// Requests that are not answered yet.
    pub pending: u64,
    /// How often a connection was made again after one was lost.
    pub reconnects: u64,
    /// The version of the Redis protocol, once it is known.
    pub protocol: Option<u8>,
}

/// Whether a backend can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// A connection is being made; requests wait for it.
    Connecting,
    /// It answers.
    Up,
    /// It does not; requests are refused at once until a try in the background succeeds.
    Down,
}
