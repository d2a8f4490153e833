//! Least recently used goes first: exactly, at once, in entries and bytes.

use std::sync::Arc;

use parking_lot::Mutex;

use super::shard::Amount;
use super::shards::Shards;
use crate::core::driver::memory::container::{Bounds, Container, Entry, Surroundings};

/// What an entry costs beyond its key and its value: the slot, the table's share of it, the entry's fixed part,
/// the allocator's headers, and the room that growing leaves.
///
/// Measured as resident memory per entry (`npm run bench -- --only=heap`, docs/memory.md).
const OVERHEAD: u64 = 208;

/// The only list.
const ALL: usize = 0;

/// The container of the policy `lru`.
pub struct Lru {
    shards: Shards<1, ()>,
    evicting: Mutex<()>,
    surroundings: Arc<Surroundings>,
}

impl Lru {
    /// An empty container.
    pub fn new(bounds: Bounds, surroundings: Arc<Surroundings>) -> Self {
        Self { shards: Shards::new(bounds, OVERHEAD), evicting: Mutex::default(), surroundings }
    }

    /// Lets the least recently used go until the bounds hold.
    fn evict(&self) {
        if !self.shards.is_over() {
            return;
        }
        // One thread at a time: two that both see one entry too many would let two go.
        let _evicting = self.evicting.lock();
        while self.shards.is_over() {
            match self.shards.take_oldest(ALL) {
                Some(slot) => self.surroundings.evicted(&slot.key, slot.hash, &slot.entry),
                // Another thread has used or taken it meanwhile: then the next oldest is looked for.
                None if self.shards.held() == Amount::default() => return,
                None => {}
            }
        }
    }
}

impl Container for Lru {
    fn get(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.shards.with(hash, |shard| {
            let at = shard.find(key, hash)?;
            shard.touch(at, self.shards.tick());
            shard.slot(at).map(|slot| Arc::clone(&slot.entry))
        })
    }

    fn find(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.get(key, hash)
    }

    fn asked(&self, _: u64) {}

    fn insert(&self, key: &str, hash: u64, entry: Entry) -> bool {
        let (_, replaced) = self.shards.put((key, hash), Arc::new(entry), ALL, |_| ());
        self.evict();
        replaced.is_none()
    }

    fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.shards.remove(key, hash)
    }

    fn clear(&self) {
        self.shards.clear();
    }

    fn visit(&self, see: &mut dyn FnMut(&str, &Arc<Entry>)) {
        self.shards.visit(see);
    }

    fn held(&self) -> (u64, u64) {
        let held = self.shards.held();
        (held.entries, held.bytes)
    }

    fn size(&self, key: &str, entry: &Entry) -> u64 {
        self.shards.size(key, entry)
    }
}

#[cfg(test)]
mod tests;
