//! What a store has done since it was opened.

use std::sync::atomic::{AtomicU64, Ordering};

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
}

impl Counters {
    /// A read, and whether it found a value.
    pub fn read(&self, found: bool) {
        if found {
            self.hits.count();
        } else {
            self.misses.count();
        }
    }
}

/// What a store holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Entries.
    pub entries: u64,
    /// Bytes: keys, values and the overhead of an entry.
    pub bytes: u64,
    /// Factories running.
    pub flights: u64,
    /// Locks held.
    pub locks: u64,
    /// Tags known.
    pub tags: u64,
}
