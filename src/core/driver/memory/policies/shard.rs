//! Entries of some of the keys: found by key, and kept in lists in the order of use.
//!
//! What it holds and which entry of a list is the oldest is noted for whoever has the lock; nothing here is shared.

use std::mem;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashTable;
use slab::Slab;

use crate::core::driver::memory::container::Entry;
use crate::core::driver::memory::tags::tags_size;

/// No slot.
pub const NONE: u32 = u32::MAX;

/// An entry's place.
pub struct Slot {
    /// Most keys fit into the slot itself (24 bytes): no allocation, and no further line to load to compare.
    pub key: CompactString,
    pub hash: u64,
    pub entry: Arc<Entry>,
    /// When it was used last, and in which list (a field of its own would take another word). No two uses are at
    /// the same time: it tells this use of this slot from all others.
    pub used: u64,
    /// Its neighbours in the order of use.
    newer: u32,
    older: u32,
}

/// From one tick to the next: between them there is room for the number of a list.
pub const TICK: u64 = 4;

impl Slot {
    fn list(&self) -> usize {
        (self.used % TICK) as usize
    }
}

/// How many entries, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub entries: u64,
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }

    fn subtract(&mut self, bytes: u64) {
        self.entries -= 1;
        self.bytes -= bytes;
    }
}

/// The ends of a list, and what is in it.
pub struct List {
    newest: u32,
    oldest: u32,
    /// Whether another entry is the oldest now, or the same one at another time.
    pub oldest_changed: bool,
    pub held: Amount,
    /// What was said to be held.
    pub told: Amount,
}

impl Default for List {
    fn default() -> Self {
        let nothing = Amount::default();
        Self { newest: NONE, oldest: NONE, oldest_changed: true, held: nothing, told: nothing }
    }
}

/// Slots, found by key and listed by use.
pub struct Shard<const LISTS: usize, Beside> {
    table: HashTable<u32>,
    slots: Slab<Slot>,
    pub lists: [List; LISTS],
    /// What the policy keeps under the same lock.
    pub beside: Beside,
    /// What an entry costs beyond its key and its value.
    overhead: u64,
}

impl<const LISTS: usize, Beside: Default> Shard<LISTS, Beside> {
    pub fn new(overhead: u64) -> Self {
        Self {
            table: HashTable::new(),
            slots: Slab::new(),
            lists: std::array::from_fn(|_| List::default()),
            beside: Beside::default(),
            overhead,
        }
    }
}

impl<const LISTS: usize, Beside> Shard<LISTS, Beside> {
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn find(&self, key: &str, hash: u64) -> Option<u32> {
        let is_it =
            |at: &u32| self.slots.get(*at as usize).is_some_and(|slot| slot.hash == hash && slot.key == key);
        self.table.find(hash, is_it).copied()
    }

    pub fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(at as usize)
    }

    /// The bytes that a slot counts for.
    pub fn size(&self, at: u32) -> u64 {
        self.slot(at).map_or(0, |slot| size(&slot.key, &slot.entry, self.overhead))
    }

    /// The list that a slot is in.
    pub fn list(&self, at: u32) -> usize {
        if LISTS == 1 { 0 } else { self.slot(at).map_or(0, Slot::list) }
    }

    /// The slots between two places, of which there are [`Shard::places`].
    pub fn among(&self, places: std::ops::Range<usize>) -> impl Iterator<Item = &Slot> {
        places.filter_map(|at| self.slots.get(at))
    }

    pub fn places(&self) -> usize {
        self.slots.capacity()
    }

    /// Stores an entry as the newest: of this list, or of its own if the key is held. Where; what the key held.
    pub fn put(
        &mut self,
        (key, hash): (&str, u64),
        entry: Arc<Entry>,
        list: usize,
        tick: u64,
    ) -> (u32, Option<Arc<Entry>>) {
        let size_now = size(key, &entry, self.overhead);
        if let Some(at) = self.find(key, hash) {
            let list = self.unlink(at);
            self.link_newest(at, list, tick);
            let Some(slot) = self.slots.get_mut(at as usize) else { return (at, None) };
            let old = mem::replace(&mut slot.entry, entry);
            let held = &mut self.lists[list].held;
            held.bytes = held.bytes + size_now - size(key, &old, self.overhead);
            return (at, Some(old));
        }
        let slot = Slot { key: key.into(), hash, entry, used: tick, newer: NONE, older: NONE };
        let at = self.slots.insert(slot) as u32;
        let slots = &self.slots;
        self.table.insert_unique(hash, at, |at| slots.get(*at as usize).map_or(0, |slot| slot.hash));
        self.link_newest(at, list, tick);
        self.lists[list].held.add(size_now);
        (at, None)
    }

    pub fn take(&mut self, at: u32) -> Option<Slot> {
        let list = self.unlink(at);
        let slot = self.slots.try_remove(at as usize)?;
        self.lists[list].held.subtract(size(&slot.key, &slot.entry, self.overhead));
        if let Ok(found) = self.table.find_entry(slot.hash, |other| *other == at) {
            found.remove();
        }
        Some(slot)
    }

    /// Takes the oldest of a list, if it was used at that time.
    pub fn take_oldest(&mut self, list: usize, used: u64) -> Option<Slot> {
        if self.oldest_use(list) == used { self.take(self.lists[list].oldest) } else { None }
    }

    /// A slot was used: it is the newest of its list.
    pub fn touch(&mut self, at: u32, tick: u64) {
        let list = self.unlink(at);
        self.link_newest(at, list, tick);
    }

    /// Makes a slot the newest of another list.
    pub fn move_to(&mut self, at: u32, list: usize, tick: u64) {
        let size = self.size(at);
        let before = self.unlink(at);
        self.link_newest(at, list, tick);
        self.lists[before].held.subtract(size);
        self.lists[list].held.add(size);
    }

    /// Removes everything, also what the policy keeps; what was held.
    pub fn clear(&mut self) -> Slab<Slot>
    where
        Beside: Default,
    {
        self.table = HashTable::new();
        self.beside = Beside::default();
        for list in &mut self.lists {
            *list = List { told: list.told, ..List::default() };
        }
        mem::take(&mut self.slots)
    }

    /// When the oldest of a list was used; `u64::MAX` for an empty one.
    pub fn oldest_use(&self, list: usize) -> u64 {
        self.slot(self.lists[list].oldest).map_or(u64::MAX, |slot| slot.used)
    }

    /// The slot of a list that was used at a time, or the next one after it. `hint` is where it was.
    pub fn used_since(&self, list: usize, time: u64, hint: u32) -> Option<(u32, &Slot)> {
        let mut at = hint;
        if self.slot(at).is_none_or(|slot| slot.used != time) {
            at = self.lists[list].oldest;
        }
        let mut slot = self.slot(at)?;
        while slot.used < time {
            at = slot.newer;
            slot = self.slot(at)?;
        }
        Some((at, slot))
    }

    /// The neighbour that was used next, and when; `u64::MAX` for none.
    pub fn next_used(&self, slot: &Slot) -> (u64, u32) {
        (self.slot(slot.newer).map_or(u64::MAX, |slot| slot.used), slot.newer)
    }

    fn set_oldest(&mut self, list: usize, at: u32) {
        self.lists[list].oldest = at;
        self.lists[list].oldest_changed = true;
    }

    /// Takes a slot out of its list. Which.
    fn unlink(&mut self, at: u32) -> usize {
        let Some(slot) = self.slot(at) else { return 0 };
        let (newer, older, list) = (slot.newer, slot.older, if LISTS == 1 { 0 } else { slot.list() });
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.lists[list].newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.set_oldest(list, newer),
        }
        list
    }

    fn link_newest(&mut self, at: u32, list: usize, tick: u64) {
        let older = mem::replace(&mut self.lists[list].newest, at);
        if let Some(slot) = self.slots.get_mut(at as usize) {
            (slot.newer, slot.older, slot.used) = (NONE, older, tick + list as u64);
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = at,
            None => self.set_oldest(list, at),
        }
    }
}

/// The bytes that an entry counts for, where one costs so much beyond its key and its value.
pub fn size(key: &str, entry: &Entry, overhead: u64) -> u64 {
    key.len() as u64 + entry.payload.bytes.len() as u64 + tags_size(&entry.tags) + overhead
}
