//! All entries: keys are spread over shards by hash, and each list is in one order of use over all of them.
//!
//! Every use is stamped with a tick of one counter, so the oldest entry of a list is the one with the oldest stamp
//! among the shards' oldest: the order is that of one list, though no two shards are ever locked at once.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use slab::Slab;

use super::shard::{self, Amount, NONE, Shard, Slot, TICK};
use crate::core::driver::memory::container::{Bounds, Entry};

/// How many shards the keys are spread over. A power of two.
pub const SHARDS: usize = 32;

/// How many slots are looked at in one go when all are visited: then the shard is given back.
const VISIT: usize = 1024;

/// With more entries than this, what `clear` removes is freed by a thread of its own.
const MANY: usize = 10_000;

/// What is held, as all threads see it.
#[derive(Default)]
struct Held {
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl Held {
    fn change(&self, from: Amount, to: Amount) {
        if from != to {
            self.entries.fetch_add(to.entries.wrapping_sub(from.entries), Ordering::Relaxed);
            self.bytes.fetch_add(to.bytes.wrapping_sub(from.bytes), Ordering::Relaxed);
        }
    }

    fn get(&self) -> Amount {
        Amount { entries: self.entries.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

/// One use of one slot, as it was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    shard: usize,
    at: u32,
    used: u64,
}

/// The shards, with so many lists, and what the policy keeps under the lock of each.
pub struct Shards<const LISTS: usize, Beside> {
    all: Box<[Mutex<Shard<LISTS, Beside>>]>,
    /// By list, when the last of each shard was used; `u64::MAX` for an empty one. Written under the shard's lock.
    oldest: [Box<[AtomicU64]>; LISTS],
    ticks: AtomicU64,
    held: Held,
    /// By list. Not kept where there is but one.
    held_by: [Held; LISTS],
    bounds: Bounds,
    overhead: u64,
}

impl<const LISTS: usize, Beside: Default> Shards<LISTS, Beside> {
    /// Without entries; each costs `overhead` beyond its key and its value.
    pub fn new(bounds: Bounds, overhead: u64) -> Self {
        Self {
            all: (0..SHARDS).map(|_| Mutex::new(Shard::new(overhead))).collect(),
            oldest: std::array::from_fn(|_| (0..SHARDS).map(|_| AtomicU64::new(u64::MAX)).collect()),
            ticks: AtomicU64::new(0),
            held: Held::default(),
            held_by: std::array::from_fn(|_| Held::default()),
            bounds,
            overhead,
        }
    }
}

impl<const LISTS: usize, Beside> Shards<LISTS, Beside> {
    /// The bounds.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// What is held.
    pub fn held(&self) -> Amount {
        self.held.get()
    }

    /// What a list holds, where there are several. Those that are moved meanwhile may be in two, or in none.
    pub fn held_by(&self, list: usize) -> Amount {
        self.held_by[list].get()
    }

    /// By how much the bounds are passed.
    pub fn excess(&self) -> Amount {
        let held = self.held();
        let entries = self.bounds.entries.map_or(0, |most| held.entries.saturating_sub(most));
        Amount { entries, bytes: held.bytes.saturating_sub(self.bounds.bytes) }
    }

    /// Whether a bound is passed.
    pub fn is_over(&self) -> bool {
        self.excess() != Amount::default()
    }

    /// The bytes that an entry counts for.
    pub fn size(&self, key: &str, entry: &Entry) -> u64 {
        shard::size(key, entry, self.overhead)
    }

    /// The time of one use.
    pub fn tick(&self) -> u64 {
        self.ticks.fetch_add(TICK, Ordering::Relaxed)
    }

    /// Works on the shard of a key.
    pub fn with<T>(&self, hash: u64, work: impl FnOnce(&mut Shard<LISTS, Beside>) -> T) -> T {
        self.with_shard(at(hash), work)
    }

    /// Works on a shard; then all threads see what it holds, and which of its entries are the oldest now.
    fn with_shard<T>(&self, at: usize, work: impl FnOnce(&mut Shard<LISTS, Beside>) -> T) -> T {
        let mut shard = self.all[at].lock();
        let result = work(&mut shard);
        let (mut from, mut to) = (Amount::default(), Amount::default());
        // What the lists say is told before the lock is given back: whoever takes an entry finds it counted.
        for list in 0..LISTS {
            if mem::take(&mut shard.lists[list].oldest_changed) {
                self.oldest[list][at].store(shard.oldest_use(list), Ordering::Relaxed);
            }
            let list_now = &mut shard.lists[list];
            let (told, held) = (mem::replace(&mut list_now.told, list_now.held), list_now.held);
            if LISTS > 1 {
                self.held_by[list].change(told, held);
            }
            from = Amount { entries: from.entries + told.entries, bytes: from.bytes + told.bytes };
            to = Amount { entries: to.entries + held.entries, bytes: to.bytes + held.bytes };
        }
        // Once for all lists: what is moved from one to another is never missing.
        self.held.change(from, to);
        result
    }

    /// Stores an entry as the newest: of this list, or of its own if the key is held. Where, if it is new; what the
    /// key held.
    /// `also` is done under the same lock.
    pub fn put(
        &self,
        (key, hash): (&str, u64),
        entry: Arc<Entry>,
        list: usize,
        also: impl FnOnce(&mut Shard<LISTS, Beside>),
    ) -> (Found, Option<Arc<Entry>>) {
        self.with(hash, |shard| {
            // Under the lock: a list is in the order of its ticks.
            let tick = self.tick();
            let (at_slot, replaced) = shard.put((key, hash), entry, list, tick);
            also(shard);
            (Found { shard: at(hash), at: at_slot, used: tick + list as u64 }, replaced)
        })
    }

    /// Removes a key; what it held.
    pub fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        let slot = self.with(hash, |shard| {
            let at = shard.find(key, hash)?;
            shard.take(at)
        })?;
        Some(slot.entry)
    }

    /// The entries of a list, the oldest first, as they come to be looked at.
    pub fn by_age(&self, list: usize) -> ByAge<'_, LISTS, Beside> {
        let next = std::array::from_fn(|at| (self.oldest[list][at].load(Ordering::Relaxed), NONE));
        ByAge { shards: self, list, next }
    }

    /// The oldest entry of a list; what `look` sees of it.
    pub fn oldest<T>(
        &self,
        list: usize,
        look: impl FnMut(&Shard<LISTS, Beside>, u32, &Slot) -> T,
    ) -> Option<(Found, T)> {
        self.by_age(list).next(look)
    }

    /// Takes the oldest entry of a list. There may be none where another thread has used or taken it just now.
    pub fn take_oldest(&self, list: usize) -> Option<Slot> {
        let ages = self.oldest[list].iter().map(|age| age.load(Ordering::Relaxed));
        let (at, age) = ages.enumerate().min_by_key(|(_, age)| *age)?;
        self.with_shard(at, |shard| shard.take_oldest(list, age))
    }

    /// Takes what was found, unless it was used or removed meanwhile.
    pub fn take(&self, found: Found) -> Option<Slot> {
        self.with_shard(found.shard, |shard| if found.is_in(shard) { shard.take(found.at) } else { None })
    }

    /// Makes what was found the newest of another list, unless it was used or removed meanwhile. Whether it is.
    pub fn move_to(&self, found: Found, list: usize) -> bool {
        self.with_shard(found.shard, |shard| {
            let is_there = found.is_in(shard);
            if is_there {
                shard.move_to(found.at, list, self.tick());
            }
            is_there
        })
    }

    /// Removes everything.
    pub fn clear(&self)
    where
        Beside: Default,
    {
        let cleared: Vec<_> = (0..SHARDS).map(|at| self.with_shard(at, Shard::clear)).collect();
        if cleared.iter().map(Slab::len).sum::<usize>() > MANY {
            // A million small frees take a tenth of a second, which no event loop should wait for. Where there
            // is no thread to be had, it waits.
            drop(std::thread::Builder::new().name("ferrocache-clear".into()).spawn(move || drop(cleared)));
        }
    }

    /// Shows all entries, in no order; what is written meanwhile may be missed.
    pub fn visit(&self, see: &mut dyn FnMut(&str, &Arc<Entry>)) {
        for shard in &self.all {
            let mut start = 0;
            loop {
                let shard = shard.lock();
                let end = (start + VISIT).min(shard.places());
                for slot in shard.among(start..end) {
                    see(&slot.key, &slot.entry);
                }
                if end == shard.places() {
                    break;
                }
                start = end;
            }
        }
    }
}

/// The shard of a hash. Its middle bits: the table uses the low and the high ones.
fn at(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

impl Found {
    fn is_in<const LISTS: usize, Beside>(self, shard: &Shard<LISTS, Beside>) -> bool {
        shard.slot(self.at).is_some_and(|slot| slot.used == self.used)
    }
}

/// Goes through a list in the order of use, with one shard locked at a time. An entry that is used meanwhile
/// may be passed over, or come again.
pub struct ByAge<'a, const LISTS: usize, Beside> {
    shards: &'a Shards<LISTS, Beside>,
    list: usize,
    /// By shard, when the next entry was used, and its slot.
    next: [(u64, u32); SHARDS],
}

impl<const LISTS: usize, Beside> ByAge<'_, LISTS, Beside> {
    /// The next entry; what `look` sees of it.
    pub fn next<T>(
        &mut self,
        mut look: impl FnMut(&Shard<LISTS, Beside>, u32, &Slot) -> T,
    ) -> Option<(Found, T)> {
        loop {
            let (at, (time, hint)) =
                self.next.iter().copied().enumerate().min_by_key(|(_, (time, _))| *time)?;
            if time == u64::MAX {
                return None;
            }
            let shard = self.shards.all[at].lock();
            let Some((slot_at, slot)) = shard.used_since(self.list, time, hint) else {
                self.next[at] = (u64::MAX, NONE);
                continue;
            };
            if slot.used > time {
                // What was there is gone: another shard's may be older than this one.
                self.next[at] = (slot.used, slot_at);
                continue;
            }
            self.next[at] = shard.next_used(slot);
            return Some((Found { shard: at, at: slot_at, used: time }, look(&shard, slot_at, slot)));
        }
    }
}
