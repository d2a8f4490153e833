//! The container: moka, bounded in entries and bytes.
//!
//! Owns the bounds and the reasons for which an entry leaves by itself. It knows nothing of time (but to
//! tell an eviction from an expiry), tags or leases. moka's own expiry is not used: see docs/memory.md.
//!
//! moka has one bound, a weight. With both bounds given, an entry weighs the larger of its two shares, so
//! that neither bound is ever passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;

use super::generations::Generations;
use super::tags::TagCells;
use crate::core::clock::{Clock, Timestamp};
use crate::core::command::Sequence;
use crate::core::hub::{EvictReason, Hub, Notice};
use crate::core::stats::Counters;
use crate::core::value::Payload;

/// What an entry costs beyond its key and its value: moka's nodes, ours, and the allocator's.
///
/// Measured as resident memory per entry (`npm run bench -- --only=overhead`, docs/memory.md).
pub const ENTRY_OVERHEAD: u64 = 480;

/// How much may be written, as a part of the capacity, before the bounds are enforced. moka enforces them
/// lazily, a batch of writes at a time; a batch of large values could pass the bound many times over.
const SETTLE_AFTER: u64 = 128;

/// Which entry goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The least recently used.
    Lru,
    /// The one asked for least often; a new entry must beat the one that it would displace.
    TinyLfu,
}

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most entries; `None`: no bound of its own.
    pub entries: Option<u64>,
    /// Most bytes.
    pub bytes: u64,
    /// Which entry goes first.
    pub policy: Policy,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: None, bytes: 64 << 20, policy: Policy::Lru }
    }
}

/// What is held under a key.
#[derive(Debug)]
pub struct Entry {
    /// The encoded value.
    pub payload: Payload,
    /// Until when it may be read.
    pub fresh_until: Timestamp,
    /// When it leaves.
    pub dead_at: Timestamp,
    /// Where the store's order stood when it was written, or before its factory ran.
    pub written: Sequence,
    /// The cells of its tags.
    pub tags: TagCells,
}

/// What the container needs to know when an entry leaves by itself.
pub struct Surroundings {
    /// Who is told.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub counters: Counters,
    /// What tells readers.
    pub generations: Generations,
    /// What tells an eviction from an expiry.
    pub clock: Arc<Clock>,
}

/// The entries.
pub struct Store {
    cache: moka::sync::Cache<Box<str>, Arc<Entry>, RandomState>,
    hasher: RandomState,
    /// Bytes an entry may have at most.
    bytes: u64,
    /// What each entry weighs at least.
    share: u64,
    capacity: u64,
    unsettled: AtomicU64,
    held_bytes: Arc<AtomicU64>,
    surroundings: Arc<Surroundings>,
}

/// The bytes that an entry counts for.
pub fn size(key: &str, entry: &Entry) -> u64 {
    key.len() as u64 + entry.payload.bytes.len() as u64 + ENTRY_OVERHEAD
}

impl Store {
    /// An empty container.
    pub fn new(bounds: Bounds, surroundings: Arc<Surroundings>) -> Self {
        // Rounding the capacity down to whole shares makes a bound on entries exact.
        let share = bounds.entries.map_or(0, |entries| bounds.bytes / entries.max(1));
        let capacity = bounds.entries.filter(|_| share > 0).map_or(bounds.bytes, |entries| share * entries);
        let hasher = RandomState::new();
        let held_bytes = Arc::new(AtomicU64::new(0));
        let cache = {
            let (surroundings, held_bytes) = (Arc::clone(&surroundings), Arc::clone(&held_bytes));
            let key_hasher = hasher.clone();
            moka::sync::Cache::<Box<str>, Arc<Entry>>::builder()
                .max_capacity(capacity)
                .weigher(move |key, entry| clamp(size(key, entry).max(share)))
                .eviction_policy(match bounds.policy {
                    Policy::Lru => EvictionPolicy::lru(),
                    Policy::TinyLfu => EvictionPolicy::tiny_lfu(),
                })
                .eviction_listener(move |key: Arc<Box<str>>, entry: Arc<Entry>, cause| {
                    held_bytes.fetch_sub(size(&key, &entry), Ordering::Relaxed);
                    if cause == RemovalCause::Size {
                        surroundings.left(&key, key_hasher.hash_one(&**key), &entry);
                    }
                })
                .build_with_hasher(hasher.clone())
        };
        Self {
            cache,
            hasher,
            bytes: bounds.bytes,
            share,
            capacity,
            unsettled: AtomicU64::new(0),
            held_bytes,
            surroundings,
        }
    }

    /// The hash of a key, as [`Generations`] and the stripes use it.
    pub fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The entry, dead or alive.
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.cache.get(key)
    }

    /// Stores an entry; one that is larger than the bounds removes the key instead. Whether it was stored.
    pub fn insert(&self, key: &str, hash: u64, entry: Entry) -> bool {
        let size = size(key, &entry);
        if size > self.bytes || size > self.capacity {
            self.remove(key, hash);
            self.surroundings.counters.evictions.count();
            self.surroundings.tell_evicted(key, EvictReason::TooLarge);
            return false;
        }
        self.held_bytes.fetch_add(size, Ordering::Relaxed);
        self.cache.insert(key.into(), Arc::new(entry));
        self.surroundings.generations.changed(hash);
        let weight = size.max(self.share);
        let unsettled = self.unsettled.fetch_add(weight, Ordering::Relaxed) + weight;
        if unsettled > self.capacity / SETTLE_AFTER {
            self.unsettled.store(0, Ordering::Relaxed);
            self.cache.run_pending_tasks();
        }
        true
    }

    /// Removes a key; what it held.
    pub fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        let removed = self.cache.remove(key);
        if removed.is_some() {
            self.surroundings.generations.changed(hash);
        }
        removed
    }

    /// Removes everything.
    pub fn clear(&self) {
        self.surroundings.generations.changed_all();
        self.cache.invalidate_all();
        self.cache.run_pending_tasks();
    }

    /// All entries, dead or alive, in no order; what is written meanwhile may be missed.
    pub fn iter(&self) -> impl Iterator<Item = (Arc<Box<str>>, Arc<Entry>)> + '_ {
        self.cache.iter()
    }

    /// Enforces the bounds now.
    pub fn settle(&self) {
        self.cache.run_pending_tasks();
    }

    /// How many entries are held, and their bytes. Exact after [`Store::settle`].
    pub fn held(&self) -> (u64, u64) {
        (self.cache.entry_count(), self.held_bytes.load(Ordering::Relaxed))
    }
}

impl Surroundings {
    fn tell_evicted(&self, key: &str, reason: EvictReason) {
        if self.hub.is_watched() {
            self.hub.tell_watchers(&Notice::Evicted { key: Arc::from(key), reason });
        }
    }

    /// An entry's time was over.
    pub fn tell_expired(&self, key: &str) {
        self.counters.expirations.count();
        if self.hub.is_watched() {
            self.hub.tell_watchers(&Notice::Expired { key: Arc::from(key) });
        }
    }

    fn left(&self, key: &str, hash: u64, entry: &Entry) {
        self.generations.changed(hash);
        if entry.dead_at <= self.clock.now() {
            self.tell_expired(key);
        } else {
            self.counters.evictions.count();
            self.tell_evicted(key, EvictReason::Size);
        }
    }
}

/// moka weighs in 32 bits; no JavaScript string or Buffer that fits a key or value comes near.
fn clamp(weight: u64) -> u32 {
    u32::try_from(weight).unwrap_or(u32::MAX)
}
