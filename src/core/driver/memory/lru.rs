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

/// What an entry costs beyond its key and its value: the slot, the table's share of it, the entry's fixed part,
/// the allocator's headers, and the room that growing leaves.
///
/// Measured as resident memory per entry (`npm run bench -- --only=overhead`, docs/memory.md).
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
        while self.is_over() {
            let ages = self.oldest.iter().map(|age| age.load(Ordering::Relaxed));
            let Some((at, age)) = ages.enumerate().min_by_key(|(_, age)| *age) else { return };
            if age == u64::MAX {
                return;
            }
            // Another thread may have used or taken it meanwhile; then the next oldest is looked for.
            if let Some(slot) = self.with(at, Shard::pop_oldest) {
                self.left(&slot.key, &slot.entry);
                self.surroundings.evicted(&slot.key, slot.hash, &slot.entry);
            }
        }
    }

    /// An entry is no longer held.
    fn left(&self, key: &str, entry: &Entry) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(self.size(key, entry), Ordering::Relaxed);
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

    fn insert(&self, key: &str, hash: u64, entry: Entry) {
        let size = self.size(key, &entry);
        let entry = Arc::new(entry);
        let replaced = self.with(Self::at(hash), |shard| shard.put(key, hash, entry, self.tick()));
        // Added before it is taken off: a count that is short for a moment could go below zero.
        self.bytes.fetch_add(size, Ordering::Relaxed);
        match replaced {
            Some(old) => drop(self.bytes.fetch_sub(self.size(key, &old), Ordering::Relaxed)),
            None => drop(self.entries.fetch_add(1, Ordering::Relaxed)),
        }
        self.evict();
    }

    fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        let slot = self.with(Self::at(hash), |shard| {
            let at = shard.find(key, hash)?;
            shard.take(at)
        })?;
        self.left(&slot.key, &slot.entry);
        Some(slot.entry)
    }

    fn clear(&self) {
        let mut cleared = Vec::with_capacity(SHARDS);
        for at in 0..SHARDS {
            let shard = self.with(at, mem::take);
            for (_, slot) in &shard.slots {
                self.left(&slot.key, &slot.entry);
            }
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
        key.len() as u64 + entry.payload.bytes.len() as u64 + OVERHEAD
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::clock::{Clock, ClockKind, Timestamp};
    use crate::core::driver::memory::container::Policy;
    use crate::core::driver::memory::generations::Generations;
    use crate::core::driver::memory::tags::TagCells;
    use crate::core::stats::Counters;
    use crate::core::value::{Format, Payload};

    fn surroundings() -> Arc<Surroundings> {
        Arc::new(Surroundings {
            hub: Arc::default(),
            counters: Counters::default(),
            generations: Generations::default(),
            clock: Arc::new(Clock::new(ClockKind::Manual)),
            hasher: ahash::RandomState::new(),
        })
    }

    fn entry(bytes: usize) -> Entry {
        Entry {
            payload: Payload::new(Format::Bytes, vec![0; bytes]),
            fresh_until: Timestamp::NEVER,
            dead_at: Timestamp::NEVER,
            written: 0,
            tags: TagCells::default(),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Get(u8),
        Insert(u8, usize),
        Remove(u8),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0_u8..40).prop_map(Step::Get),
            8 => (0_u8..40, 0_usize..400).prop_map(|(key, bytes)| Step::Insert(key, bytes)),
            2 => (0_u8..40).prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 1..300)
    }

    proptest! {
        /// Against a plain list, the newest at its end.
        #[test]
        fn the_order_and_the_bounds_are_those_of_one_list(steps in steps(), most in 1_u64..20, bytes in 500_u64..8000) {
            let surroundings = surroundings();
            let bounds = Bounds { entries: Some(most), bytes, policy: Policy::Lru };
            let lru = Lru::new(bounds, Arc::clone(&surroundings));
            let mut model: Vec<(u8, u64)> = Vec::new();
            for step in steps {
                let take = |model: &mut Vec<(u8, u64)>, key| {
                    model.iter().position(|(held, _)| *held == key).map(|at| model.remove(at))
                };
                let name = |key: u8| format!("k{key}");
                let hash = |key: u8| surroundings.hasher.hash_one(&*name(key));
                match step {
                    Step::Get(key) => {
                        let expected = take(&mut model, key);
                        prop_assert_eq!(lru.get(&name(key), hash(key)).is_some(), expected.is_some());
                        model.extend(expected);
                    }
                    Step::Insert(key, length) => {
                        let size = lru.size(&name(key), &entry(length));
                        if size > bytes {
                            continue;
                        }
                        lru.insert(&name(key), hash(key), entry(length));
                        take(&mut model, key);
                        model.push((key, size));
                        while model.len() as u64 > most || model.iter().map(|(_, size)| size).sum::<u64>() > bytes {
                            model.remove(0);
                        }
                    }
                    Step::Remove(key) => {
                        let expected = take(&mut model, key);
                        prop_assert_eq!(lru.remove(&name(key), hash(key)).is_some(), expected.is_some());
                    }
                    Step::Clear => {
                        lru.clear();
                        model.clear();
                    }
                }
                let mut held = Vec::new();
                lru.visit(&mut |key, _| held.push(key.to_owned()));
                held.sort();
                let mut expected: Vec<String> = model.iter().map(|(key, _)| name(*key)).collect();
                expected.sort();
                prop_assert_eq!(held, expected);
                let sum = model.iter().map(|(_, size)| size).sum::<u64>();
                prop_assert_eq!(lru.held(), (model.len() as u64, sum));
            }
        }
    }
}
