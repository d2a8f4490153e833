//! What is asked for least often goes first: W-TinyLFU, of Einziger, Friedman and Manes (2017), with an adaptive window.
//!
//! A new entry is let into a window, which is a small part of the bounds. Where that is full, its least recently used
//! is a candidate for the rest. While there is room it is let in; else it must be asked for more often than what it
//! would displace, and goes if it is not. Reads are counted for every key, held or not ([`super::sketch`]). Counts end
//! somewhere; where both have come to that end, the candidate is let in, which was used later.
//!
//! - **What would be displaced** is the least asked for of the few oldest on probation. Whatever is let in comes on
//!   probation, and is protected once it is read there; the protected are at most half of all, and the oldest beyond
//!   that are on probation again.
//! - **A large candidate** must be asked for more often than each of the entries that it would displace. They are looked
//!   for first, and none of them goes if it is not. (The sum of what they were asked for is no measure: counts end at
//!   15, and a value as large as sixteen others could never be let in.) What does not fit the window is a candidate
//!   at once, so that it does not push out all that is there.
//! - **Another value of a key that is held** is always let in: whatever makes room for it, it is not that key.
//!
//! Both bounds hold after every write.

use std::sync::Arc;

use parking_lot::Mutex;

use super::shard::{Amount, Shard, Slot};
use super::shards::{Found, Shards};
use super::sketch::{Asks, FULL, Sketch};
use super::window::{Trial, Window};
use crate::core::driver::memory::container::{Bounds, Container, Entry, Surroundings};

/// What an entry costs beyond its key and its value: as with `lru`, and its part of the sketch.
///
/// Measured as resident memory per entry (docs/memory.md). The sketch has 32 to 64 bytes of it.
const OVERHEAD: u64 = 256;

/// The lists.
const WINDOW: usize = 0;
const PROBATION: usize = 1;
const PROTECTED: usize = 2;

/// The one to be displaced is the least asked for of so many.
const CHOICE: usize = 4;

/// How many entries a write moves at most to keep the shares of the lists: the bounds do not need it, so it must not
/// hold up a writer.
const MOVES: usize = 32;

/// The container of the policy `tinylfu`.
pub struct TinyLfu {
    shards: Shards<3, Sketch>,
    asks: Asks,
    window: Window,
    /// One thread at a time: two that both see one entry too many would let two go.
    evicting: Mutex<Trial>,
    surroundings: Arc<Surroundings>,
}

/// An entry that is to be let in, or to go.
struct Candidate {
    found: Found,
    hash: u64,
    size: u64,
}

/// An entry that may be displaced.
struct Victim {
    found: Found,
    asked: u64,
    size: u64,
}

impl TinyLfu {
    /// An empty container.
    pub fn new(bounds: Bounds, surroundings: Arc<Surroundings>) -> Self {
        Self {
            shards: Shards::new(bounds, OVERHEAD),
            asks: Asks::default(),
            window: Window::default(),
            evicting: Mutex::default(),
            surroundings,
        }
    }

    fn window_is_over(&self) -> bool {
        self.window.is_over(self.shards.held_by(WINDOW), self.shards.bounds())
    }

    /// The entry of a key, if it is held: it was used.
    fn used(&self, shard: &mut Shard<3, Sketch>, key: &str, hash: u64) -> Option<Arc<Entry>> {
        let at = shard.find(key, hash)?;
        let tick = self.shards.tick();
        match shard.list(at) {
            PROBATION => shard.move_to(at, PROTECTED, tick),
            _ => shard.touch(at, tick),
        }
        shard.slot(at).map(|slot| Arc::clone(&slot.entry))
    }

    /// Lets entries go until the bounds hold, but for `kept`, and keeps the shares of the lists.
    fn settle(&self, kept: Option<u64>) {
        if !self.shards.is_over() && !self.window_is_over() {
            return;
        }
        let mut trial = self.evicting.lock();
        self.window.adapt(&mut trial, self.shards.held().entries, self.asks.total());
        self.demote();
        let mut moves = 0;
        loop {
            let is_over = self.shards.is_over();
            let may_move = is_over || moves < MOVES;
            let candidate = if may_move && self.window_is_over() { self.candidate() } else { None };
            match candidate {
                Some(candidate) if is_over && kept != Some(candidate.hash) => self.choose(&candidate, kept),
                Some(candidate) => {
                    self.shards.move_to(candidate.found, PROBATION);
                    moves += 1;
                }
                None if is_over => {
                    if !self.evict_oldest(kept) {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    /// What is the next to leave the window.
    fn candidate(&self) -> Option<Candidate> {
        let (found, (hash, size)) =
            self.shards.oldest(WINDOW, |shard, at, slot| (slot.hash, shard.size(at)))?;
        Some(Candidate { found, hash, size })
    }

    /// A new entry is too large for the window: it would push out all that is there.
    fn enter(&self, candidate: &Candidate) {
        let _evicting = self.evicting.lock();
        if self.shards.is_over() {
            self.choose(candidate, None);
        } else {
            self.shards.move_to(candidate.found, PROBATION);
        }
    }

    /// Lets the candidate in and what it displaces go, or the candidate.
    fn choose(&self, candidate: &Candidate, kept: Option<u64>) {
        match self.victims(candidate, kept) {
            None => self.evict(candidate.found),
            // It may have been used just now; then the next is chosen.
            Some(victims) if self.shards.move_to(candidate.found, PROBATION) => {
                for victim in victims {
                    self.evict(victim);
                }
            }
            Some(_) => {}
        }
    }

    /// What would go for a candidate; `None` if one of them was asked for as often.
    fn victims(&self, candidate: &Candidate, kept: Option<u64>) -> Option<Vec<Found>> {
        let age = self.asks.age();
        let asked = self.shards.with(candidate.hash, |shard| shard.beside.count(candidate.hash, age));
        let excess = self.shards.excess();
        // No more than its own room: the rest is for another, which is written meanwhile or is in the window.
        let mut excess = Amount { entries: excess.entries.min(1), bytes: excess.bytes.min(candidate.size) };
        let mut victims = Vec::new();
        let mut hand: Vec<Victim> = Vec::with_capacity(CHOICE);
        let mut lists = [PROBATION, PROTECTED].into_iter().map(|list| self.shards.by_age(list));
        let mut by_age = lists.next()?;
        while excess != Amount::default() {
            while hand.len() < CHOICE {
                let look = |shard: &Shard<3, Sketch>, at, slot: &Slot| {
                    (slot.hash, shard.beside.count(slot.hash, age), shard.size(at))
                };
                let Some((found, (hash, asked, size))) = by_age.next(look) else { break };
                if kept != Some(hash) {
                    hand.push(Victim { found, asked, size });
                }
            }
            let Some(least) = (0..hand.len()).min_by_key(|at| hand[*at].asked) else {
                by_age = lists.next()?;
                continue;
            };
            let victim = hand.remove(least);
            if victim.asked >= asked && asked < FULL {
                return None;
            }
            excess.entries = excess.entries.saturating_sub(1);
            excess.bytes = excess.bytes.saturating_sub(victim.size);
            victims.push(victim.found);
        }
        Some(victims)
    }

    /// Lets the oldest go, of those on probation first; whether there is one.
    fn evict_oldest(&self, kept: Option<u64>) -> bool {
        for list in [PROBATION, PROTECTED, WINDOW] {
            let mut by_age = self.shards.by_age(list);
            while let Some((found, hash)) = by_age.next(|_, _, slot| slot.hash) {
                if kept != Some(hash) {
                    self.evict(found);
                    return true;
                }
            }
        }
        false
    }

    /// Lets an entry go, unless it was used or removed meanwhile.
    fn evict(&self, found: Found) {
        if let Some(slot) = self.shards.take(found) {
            self.surroundings.evicted(&slot.key, slot.hash, &slot.entry);
        }
    }

    /// Puts the oldest of the protected on probation while they are more than half of all.
    fn demote(&self) {
        for _ in 0..MOVES {
            if self.shards.held_by(PROTECTED).bytes <= self.shards.held().bytes / 2 {
                return;
            }
            let Some((oldest, ())) = self.shards.oldest(PROTECTED, |_, _, _| ()) else { return };
            self.shards.move_to(oldest, PROBATION);
        }
    }
}

impl Container for TinyLfu {
    fn get(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        let age = self.asks.ask(self.shards.held().entries);
        let entry = self.shards.with(hash, |shard| {
            shard.beside.add(hash, age);
            self.used(shard, key, hash)
        });
        if entry.is_none() {
            self.asks.miss();
        }
        entry
    }

    fn find(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.shards.with(hash, |shard| self.used(shard, key, hash))
    }

    fn asked(&self, hash: u64) {
        let age = self.asks.ask(self.shards.held().entries);
        self.shards.with(hash, |shard| shard.beside.add(hash, age));
    }

    fn insert(&self, key: &str, hash: u64, entry: Entry) -> bool {
        let size = self.size(key, &entry);
        let grow = |shard: &mut Shard<3, Sketch>| shard.beside.grow_to(shard.len());
        let (written, replaced) = self.shards.put((key, hash), Arc::new(entry), WINDOW, grow);
        let is_new = replaced.is_none();
        if is_new && self.window.is_over(Amount { entries: 1, bytes: size }, self.shards.bounds()) {
            self.enter(&Candidate { found: written, hash, size });
        }
        self.settle((!is_new).then_some(hash));
        is_new
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
mod model;
#[cfg(test)]
mod tests;
