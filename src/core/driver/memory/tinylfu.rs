//! The policy `tinylfu`, by moka: an entry is let in if it is asked for more often than the one that it would displace.
//!
//! moka has one bound, a weight. With both bounds given, an entry weighs the larger of its two shares, so
//! that neither bound is ever passed. moka's own expiry is not used: see docs/memory.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;

use super::container::{Bounds, Container, Entry, Surroundings};
use super::tags::tags_size;

/// What an entry costs beyond its key and its value: moka's nodes, ours, and the allocator's.
///
/// Measured as resident memory per entry, docs/memory.md.
const OVERHEAD: u64 = 480;

/// How many bytes may be written, as a part of the bound on bytes, before the bounds are enforced. moka enforces
/// them lazily, a batch of 64 writes at a time; a batch of large values could pass the bound many times over.
///
/// Small values wait for moka's batch, also where the bound on entries is a small one: what was just put is
/// then asked for again before it must have been asked for often. Enforced at every write, moka's policy has no
/// such window and loses up to 13 points of the hit ratio on an ORM's traffic (docs/benchmarks/hits.md).
const SETTLE_AFTER: u64 = 128;

/// The container of the policy `tinylfu`.
pub struct TinyLfu {
    cache: moka::sync::Cache<Box<str>, Arc<Entry>, RandomState>,
    /// How many bytes are written between two times that the bounds are enforced.
    settle_after: u64,
    unsettled: AtomicU64,
    bytes: Arc<AtomicU64>,
}

fn size(key: &str, entry: &Entry) -> u64 {
    key.len() as u64 + entry.payload.bytes.len() as u64 + tags_size(&entry.tags) + OVERHEAD
}

impl TinyLfu {
    /// An empty container.
    pub fn new(bounds: Bounds, surroundings: Arc<Surroundings>) -> Self {
        // Rounding the capacity down to whole shares makes a bound on entries exact.
        let share =
            bounds.entries.map_or(0, |entries| (bounds.bytes / entries.max(1)).min(u64::from(u32::MAX)));
        let capacity = bounds.entries.filter(|_| share > 0).map_or(bounds.bytes, |entries| share * entries);
        let bytes = Arc::new(AtomicU64::new(0));
        let hasher = surroundings.hasher.clone();
        let held = Arc::clone(&bytes);
        let cache = moka::sync::Cache::<Box<str>, Arc<Entry>>::builder()
            .max_capacity(capacity)
            .weigher(move |key, entry| clamp(size(key, entry).max(share)))
            .eviction_policy(EvictionPolicy::tiny_lfu())
            .eviction_listener(move |key: Arc<Box<str>>, entry: Arc<Entry>, cause| {
                held.fetch_sub(size(&key, &entry), Ordering::Relaxed);
                if cause == RemovalCause::Size {
                    surroundings.evicted(&key, surroundings.hasher.hash_one(&**key), &entry);
                }
            })
            .build_with_hasher(hasher);
        Self { cache, settle_after: bounds.bytes / SETTLE_AFTER, unsettled: AtomicU64::new(0), bytes }
    }
}

impl Container for TinyLfu {
    fn get(&self, key: &str, _hash: u64) -> Option<Arc<Entry>> {
        self.cache.get(key)
    }

    fn insert(&self, key: &str, _hash: u64, entry: Entry) -> bool {
        let size = size(key, &entry);
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.cache.insert(key.into(), Arc::new(entry));
        let unsettled = self.unsettled.fetch_add(size, Ordering::Relaxed) + size;
        if unsettled > self.settle_after {
            self.unsettled.store(0, Ordering::Relaxed);
            self.cache.run_pending_tasks();
        }
        // moka does not say.
        true
    }

    fn remove(&self, key: &str, _hash: u64) -> Option<Arc<Entry>> {
        self.cache.remove(key)
    }

    fn clear(&self) {
        self.cache.invalidate_all();
        self.cache.run_pending_tasks();
    }

    fn visit(&self, see: &mut dyn FnMut(&str, &Arc<Entry>)) {
        for (key, entry) in &self.cache {
            see(&key, &entry);
        }
    }

    fn settle(&self) {
        self.cache.run_pending_tasks();
    }

    fn held(&self) -> (u64, u64) {
        (self.cache.entry_count(), self.bytes.load(Ordering::Relaxed))
    }

    fn size(&self, key: &str, entry: &Entry) -> u64 {
        size(key, entry)
    }
}

/// moka weighs in 32 bits; no JavaScript string or Buffer that fits a key or value comes near.
fn clamp(weight: u64) -> u32 {
    u32::try_from(weight).unwrap_or(u32::MAX)
}
