//! What holds the entries, and why an entry leaves by itself.
//!
//! A container knows bounds and which entry goes first. It knows nothing of time (but to tell an eviction
//! from an expiry), tags or leases. There is one for each policy.

use std::sync::Arc;

use super::copies::Copies;
use super::generations::Generations;
use super::tags::TagCells;
use crate::core::clock::{Clock, Timestamp};
use crate::core::command::Sequence;
use crate::core::hub::{EvictReason, Hub, Notice};
use crate::core::stats::Counters;
use crate::core::value::Payload;

/// Which entry goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The least recently used.
    Lru,
    /// The one asked for least often; a new entry must be asked for more often than what it would displace.
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

/// Holds entries within bounds. Every key comes with its hash by [`Surroundings::hasher`].
pub trait Container: Send + Sync {
    /// The entry, dead or alive; it counts as used, and the key as asked for.
    fn get(&self, key: &str, hash: u64) -> Option<Arc<Entry>>;

    /// As [`Container::get`], for what follows a read: the key was asked for once, not twice.
    fn find(&self, key: &str, hash: u64) -> Option<Arc<Entry>>;

    /// A key was asked for once more than was seen here.
    fn asked(&self, hash: u64);

    /// Stores an entry that fits the bounds, and lets entries go until they hold: others, or this one if the policy
    /// does not let it in and the key is new. Whether the key is new.
    fn insert(&self, key: &str, hash: u64, entry: Entry) -> bool;

    /// Removes a key; what it held.
    fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>>;

    /// Removes everything.
    fn clear(&self);

    /// Shows all entries, dead or alive, in no order; what is written meanwhile may be missed. `see` must not
    /// call the container.
    fn visit(&self, see: &mut dyn FnMut(&str, &Arc<Entry>));

    /// How many entries are held, and their bytes.
    fn held(&self) -> (u64, u64);

    /// The bytes that an entry counts for.
    fn size(&self, key: &str, entry: &Entry) -> u64;
}

/// What a container needs to know when an entry leaves by itself.
pub struct Surroundings {
    /// Who is told.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub counters: Counters,
    /// The copies that are kept outside of the store.
    pub copies: Arc<Copies>,
    /// What tells an eviction from an expiry.
    pub clock: Arc<Clock>,
    /// Hashes keys, with a seed of its own: nobody can make keys that collide.
    pub hasher: ahash::RandomState,
}

impl Surroundings {
    /// What tells readers.
    pub fn generations(&self) -> &Generations {
        &self.copies.generations
    }

    /// An entry was too large to be let in.
    pub fn too_large(&self, key: &str) {
        self.counters.evictions.count();
        self.tell_evicted(key, EvictReason::TooLarge);
    }

    /// An entry's time was over.
    pub fn expired(&self, key: &str) {
        self.counters.expirations.count();
        if self.hub.is_watched() {
            self.hub.tell_watchers(&Notice::Expired { key: Arc::from(key) });
        }
    }

    /// An entry went to keep the bounds.
    pub fn evicted(&self, key: &str, hash: u64, entry: &Entry) {
        self.generations().raise(Generations::of_key(hash));
        self.generations().press();
        if entry.dead_at <= self.clock.now() {
            self.expired(key);
        } else {
            self.counters.evictions.count();
            self.tell_evicted(key, EvictReason::Size);
        }
    }

    fn tell_evicted(&self, key: &str, reason: EvictReason) {
        if self.hub.is_watched() {
            self.hub.tell_watchers(&Notice::Evicted { key: Arc::from(key), reason });
        }
    }
}
