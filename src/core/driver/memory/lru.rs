//! Least recently used goes first: exactly, at once, in entries and bytes.
//!
//! Keys are spread over shards, each a table of slots and a list of them in the order of use. Every use is
//! stamped with a tick of one counter, so the oldest entry of all is the one with the oldest stamp among the
//! shards' last: the order is that of one list, though no two shards are ever locked at once.
//!
//! Why not moka, as for the other policy: see "Two containers" in docs/memory.md.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use compact_str::CompactString;
use hashbrown::HashTable;
use parking_lot::Mutex;
use slab::Slab;

use super::container::{Bounds, Container, Entry, Surroundings};
use super::tags::tags_size;

/// What an entry costs beyond its key and its value: the slot, the table's share of it, the entry's fixed part,
/// the allocator's headers, and the room that growing leaves.
///
/// Measured as resident memory per entry (`npm run bench -- --only=heap`, docs/memory.md).
const OVERHEAD: u64 = 208;

/// How many shards the keys are spread over. A power of two.
const SHARDS: usize = 32;

/// How many slots are looked at in one go when all are visited: then the shard is given back.
const VISIT: usize = 1024;

/// With more entries than this, what `clear` removes is freed by a thread of its own.
const MANY: u64 = 10_000;

/// No slot.
const NONE: u32 = u32::MAX;

struct Slot {
    /// Most keys fit into the slot itself (24 bytes): no allocation, and no further line to load to compare.
    key: CompactString,
    hash: u64,
    entry: Arc<Entry>,
    /// When it was used last.
    used: u64,
    /// Its neighbours in the order of use.
    newer: u32,
    older: u32,
}

/// Slots, found by key and listed by use.
struct Shard {
    table: HashTable<u32>,
    slots: Slab<Slot>,
    newest: u32,
    oldest: u32,
    /// Whether another entry is the oldest now, or the same one at another time.
    oldest_changed: bool,
}

impl Default for Shard {
    fn default() -> Self {
        Self { table: HashTable::new(), slots: Slab::new(), newest: NONE, oldest: NONE, oldest_changed: true }
    }
}

/// The container of the policy `lru`.
pub struct Lru {
    shards: Box<[Mutex<Shard>]>,
    /// When the last of each shard was used; `u64::MAX` for an empty one. Written under the shard's lock.
    oldest: Box<[AtomicU64]>,
    ticks: AtomicU64,
    entries: AtomicU64,
    bytes: AtomicU64,
    evicting: Mutex<()>,
    bounds: Bounds,
    surroundings: Arc<Surroundings>,
}

impl Lru {
    /// An empty container.
    pub fn new(bounds: Bounds, surroundings: Arc<Surroundings>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            oldest: (0..SHARDS).map(|_| AtomicU64::new(u64::MAX)).collect(),
            ticks: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            evicting: Mutex::default(),
            bounds,
            surroundings,
        }
    }

    /// The shard of a hash. Its middle bits: the table uses the low and the high ones.
    fn at(hash: u64) -> usize {
        (hash >> 32) as usize % SHARDS
    }

    /// Works on a shard, and notes which of its entries is the oldest now.
    fn with<T>(&self, at: usize, work: impl FnOnce(&mut Shard) -> T) -> T {
        let mut shard = self.shards[at].lock();
        let result = work(&mut shard);
        if mem::take(&mut shard.oldest_changed) {
            self.oldest[at].store(shard.oldest_use(), Ordering::Relaxed);
        }
        result
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bounds.bytes
            || self.bounds.entries.is_some_and(|most| self.entries.load(Ordering::Relaxed) > most)
    }

    /// Lets the least recently used go until the bounds hold.
    fn evict(&self) {
        if !self.is_over() {
            return;
        }
        // One thread at a time: two that both see one entry too many would let two go.
        let _evicting = self.evicting.lock();
        while self.is_over() {
            let ages = self.oldest.iter().map(|age| age.load(Ordering::Relaxed));
            let Some((at, age)) = ages.enumerate().min_by_key(|(_, age)| *age) else { return };
            if age == u64::MAX {
                return;
            }
            // Another thread may have used or taken it meanwhile; then the next oldest is looked for.
            let oldest =
                self.with(at, |shard| if shard.oldest_use() == age { shard.pop_oldest() } else { None });
            if let Some(slot) = oldest {
                self.left(1, self.size(&slot.key, &slot.entry));
                self.surroundings.evicted(&slot.key, slot.hash, &slot.entry);
            }
        }
    }

    /// So many entries, with so many bytes, are no longer held.
    fn left(&self, entries: u64, bytes: u64) {
        self.entries.fetch_sub(entries, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Container for Lru {
    fn get(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.with(Self::at(hash), |shard| {
            let at = shard.find(key, hash)?;
            shard.unlink(at);
            shard.link_newest(at, self.tick());
            shard.slots.get(at as usize).map(|slot| Arc::clone(&slot.entry))
        })
    }

    fn insert(&self, key: &str, hash: u64, entry: Entry) -> bool {
        let size = self.size(key, &entry);
        let entry = Arc::new(entry);
        let replaced = self.with(Self::at(hash), |shard| {
            // Counted before it can be seen: whoever removes it takes it off the count.
            self.bytes.fetch_add(size, Ordering::Relaxed);
            self.entries.fetch_add(1, Ordering::Relaxed);
            shard.put(key, hash, entry, self.tick())
        });
        if let Some(old) = &replaced {
            self.left(1, self.size(key, old));
        }
        self.evict();
        replaced.is_none()
    }

    fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        let slot = self.with(Self::at(hash), |shard| {
            let at = shard.find(key, hash)?;
            shard.take(at)
        })?;
        self.left(1, self.size(key, &slot.entry));
        Some(slot.entry)
    }

    fn clear(&self) {
        let mut cleared = Vec::with_capacity(SHARDS);
        for at in 0..SHARDS {
            let shard = self.with(at, mem::take);
            let bytes = shard.slots.iter().map(|(_, slot)| self.size(&slot.key, &slot.entry)).sum();
            self.left(shard.slots.len() as u64, bytes);
            cleared.push(shard.slots);
        }
        if cleared.iter().map(Slab::len).sum::<usize>() as u64 > MANY {
            // A million small frees take a tenth of a second, which no event loop should wait for. Where there
            // is no thread to be had, it waits.
            drop(std::thread::Builder::new().name("ferrocache-clear".into()).spawn(move || drop(cleared)));
        }
    }

    fn visit(&self, see: &mut dyn FnMut(&str, &Arc<Entry>)) {
        for shard in &self.shards {
            let mut start = 0;
            loop {
                let shard = shard.lock();
                let end = (start + VISIT).min(shard.slots.capacity());
                for slot in (start..end).filter_map(|at| shard.slots.get(at)) {
                    see(&slot.key, &slot.entry);
                }
                if end == shard.slots.capacity() {
                    break;
                }
                start = end;
            }
        }
    }

    fn settle(&self) {
        self.evict();
    }

    fn held(&self) -> (u64, u64) {
        (self.entries.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn size(&self, key: &str, entry: &Entry) -> u64 {
        key.len() as u64 + entry.payload.bytes.len() as u64 + tags_size(&entry.tags) + OVERHEAD
    }
}

impl Shard {
    fn find(&self, key: &str, hash: u64) -> Option<u32> {
        let is_it =
            |at: &u32| self.slots.get(*at as usize).is_some_and(|slot| slot.hash == hash && slot.key == key);
        self.table.find(hash, is_it).copied()
    }

    /// Stores an entry as the newest; what the key held.
    fn put(&mut self, key: &str, hash: u64, entry: Arc<Entry>, tick: u64) -> Option<Arc<Entry>> {
        if let Some(at) = self.find(key, hash) {
            self.unlink(at);
            self.link_newest(at, tick);
            return self.slots.get_mut(at as usize).map(|slot| mem::replace(&mut slot.entry, entry));
        }
        let slot = Slot { key: key.into(), hash, entry, used: tick, newer: NONE, older: NONE };
        let at = self.slots.insert(slot) as u32;
        let slots = &self.slots;
        self.table.insert_unique(hash, at, |at| slots.get(*at as usize).map_or(0, |slot| slot.hash));
        self.link_newest(at, tick);
        None
    }

    fn take(&mut self, at: u32) -> Option<Slot> {
        self.unlink(at);
        let slot = self.slots.try_remove(at as usize)?;
        if let Ok(found) = self.table.find_entry(slot.hash, |other| *other == at) {
            found.remove();
        }
        Some(slot)
    }

    fn pop_oldest(&mut self) -> Option<Slot> {
        (self.oldest != NONE).then(|| self.take(self.oldest))?
    }

    fn oldest_use(&self) -> u64 {
        self.slots.get(self.oldest as usize).map_or(u64::MAX, |slot| slot.used)
    }

    fn set_oldest(&mut self, at: u32) {
        self.oldest = at;
        self.oldest_changed = true;
    }

    fn slot(&mut self, at: u32) -> Option<&mut Slot> {
        self.slots.get_mut(at as usize)
    }

    fn unlink(&mut self, at: u32) {
        let Some((newer, older)) = self.slot(at).map(|slot| (slot.newer, slot.older)) else { return };
        match self.slot(newer) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slot(older) {
            Some(slot) => slot.newer = newer,
            None => self.set_oldest(newer),
        }
    }

    fn link_newest(&mut self, at: u32, tick: u64) {
        let older = mem::replace(&mut self.newest, at);
        if let Some(slot) = self.slot(at) {
            (slot.newer, slot.older, slot.used) = (NONE, older, tick);
        }
        match self.slot(older) {
            Some(slot) => slot.newer = at,
            None => self.set_oldest(at),
        }
    }
}

#[cfg(test)]
mod tests;
