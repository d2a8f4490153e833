//! A generation for each entry, in memory that a reader can look at without asking the store.
//!
//! Every change that a read could notice raises the generation of its key, and an invalidation that touches
//! no key by name raises the one of all; an expiry does when the sweep finds it. A decoded copy kept outside
//! the store is valid while both are what they were when it was read and its own time is not over. Keys share
//! slots by hash: a false alarm costs one read, a missed change cannot happen.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many slots there are: 64 Ki slots of 4 bytes.
const SLOTS: usize = 1 << 16;

/// The generations of a store's keys.
#[derive(Debug)]
pub struct Generations {
    slots: Box<[AtomicU32]>,
    all: AtomicU32,
}

impl Default for Generations {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(), all: AtomicU32::new(0) }
    }
}

impl Generations {
    /// A key with this hash was written, removed, evicted, or is over.
    pub fn changed(&self, hash: u64) {
        self.slots[hash as usize % SLOTS].fetch_add(1, Ordering::Release);
    }

    /// Any key may have changed: tags were flushed, or everything was.
    pub fn changed_all(&self) {
        self.all.fetch_add(1, Ordering::Release);
    }

    /// The generation of a key with this hash, and that of all.
    pub fn of(&self, hash: u64) -> (u32, u32) {
        (self.slots[hash as usize % SLOTS].load(Ordering::Acquire), self.all.load(Ordering::Acquire))
    }
}
