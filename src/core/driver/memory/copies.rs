//! Copies of values that sessions keep outside of the store: when one may be made, and until when it is valid.
//!
//! A copy comes with a [`Permit`]: places of generations and what they were. It is valid while they still are.
//!
//! - A write of its key, an eviction and a tag flush raise a generation that it was made under.
//! - A flush raises those of all keys of which there may be copies. While one is under way no copy is made, and what
//!   it makes invalid is checked again when it is over: so no copy is older than the flush.
//! - Its time is rounded down, to a moment that many copies share and that is at least [`MARGIN`] before the end of the
//!   entry. At that moment the generations of their keys are raised: by a manual clock when it is advanced, else by
//!   the alarm's thread, which has the margin to be late in.
//!
//! What is read once is not copied: a [`Keeper`] remembers what was read lately.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::container::Entry;
use super::generations::{Generations, KEY_PLACES, Place};
use crate::core::alarm::{self, Alarmed};
use crate::core::clock::{Clock, Timestamp};

/// How long before the end of its entry a copy is given up, in milliseconds.
const MARGIN: u64 = 20;
/// The finest step that the end of copies is rounded to, in milliseconds. A power of two.
const FINEST: u64 = 8;
/// A copy is made anew after this time, in milliseconds: too short for a generation to come round to the same number.
const LONGEST: u64 = 600_000;

/// Entries with more tags are not copied.
pub const MOST_TAGS: usize = 4;

/// A generation that was looked at: its place, and what it was.
pub type Seen = (Place, u32);

/// What a copy is valid under: its key's generation, then those of its tags. Empty: no copy may be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permit {
    seen: [Seen; 1 + MOST_TAGS],
    count: usize,
}

impl Permit {
    /// The generations that must stay as they are.
    pub fn generations(&self) -> &[Seen] {
        &self.seen[..self.count]
    }

    fn add(&mut self, seen: Seen) {
        self.seen[self.count] = seen;
        self.count += 1;
    }
}

/// How many reads a keeper remembers, in sets. Powers of two.
const SETS: usize = 4096;
const WAYS: usize = 8;

/// One session's eye for what is worth a copy: what is read again, before it is written, among the last thousands of keys
/// that were read and not copied. Without it whatever is read once would push out what is read often, and be garbage
/// soon after; and it is the old garbage that costs a collector its time.
#[derive(Debug)]
pub struct Keeper {
    /// By the key's hash, traces of some keys and of their generations; 0 for none.
    seen: Box<[[u16; WAYS]]>,
    /// Which way of a set is given up next.
    turn: usize,
}

impl Default for Keeper {
    fn default() -> Self {
        Self { seen: vec![[0; WAYS]; SETS].into(), turn: 0 }
    }
}

impl Keeper {
    /// Whether a key with this hash was read before, since it was written.
    fn saw(&mut self, hash: u64, generation: u32) -> bool {
        let trace = ((hash >> 48) as u16 ^ (generation >> 1) as u16).max(1);
        let set = &mut self.seen[(hash >> 32) as usize % SETS];
        if set.contains(&trace) {
            return true;
        }
        self.turn = (self.turn + 1) % WAYS;
        let way = set.iter().position(|seen| *seen == 0).unwrap_or(self.turn);
        set[way] = trace;
        false
    }
}

#[derive(Debug)]
struct State {
    /// By the key's place among all keys', when its copies end, in milliseconds. Empty before the first copy.
    ends: Box<[u64]>,
    soonest: u64,
    /// Flushes that are under way.
    flushing: usize,
}

/// The copies of a store's entries.
#[derive(Debug)]
pub struct Copies {
    /// What they are valid under.
    pub generations: Generations,
    clock: Arc<Clock>,
    state: Mutex<State>,
    /// For the alarm.
    this: Weak<Self>,
}

impl Copies {
    /// None yet.
    pub fn new(generations: Generations, clock: Arc<Clock>) -> Arc<Self> {
        let state = State { ends: Box::default(), soonest: u64::MAX, flushing: 0 };
        Arc::new_cyclic(|this| Self { generations, clock, state: Mutex::new(state), this: this.clone() })
    }

    /// What a copy of an entry is valid under; empty if none is worth while, or none may be made.
    ///
    /// `key` is the key's generation from before the entry was looked for, and `is_valid` whether it may still be read.
    pub fn permit(
        &self,
        keeper: &mut Keeper,
        hash: u64,
        key: Seen,
        entry: &Entry,
        is_valid: impl FnOnce() -> bool,
    ) -> Permit {
        let (place, generation) = key;
        let mut permit = Permit::default();
        let worth_while = entry.tags.len() <= MOST_TAGS && keeper.saw(hash, generation);
        if !worth_while || Generations::is_changing(generation) {
            return permit;
        }
        let Some(end) = end_of_copy(self.clock.now(), entry.fresh_until) else { return permit };
        let mut state = self.state.lock();
        // Looked at before the entry is checked once more: what happens to it from here on changes them.
        let tags: Vec<Seen> =
            entry.tags.iter().map(|tag| (tag.place(), self.generations.at(tag.place()))).collect();
        let current = state.flushing == 0 && self.generations.at(place) == generation && is_valid();
        if !current || !self.ends(&mut state, place, end) {
            return permit;
        }
        permit.add(key);
        for tag in tags {
            permit.add(tag);
        }
        permit
    }

    /// Notes when the copies of a key end; whether that will be seen to.
    fn ends(&self, state: &mut State, place: Place, end: u64) -> bool {
        if end < state.soonest {
            if let Clock::System { .. } = *self.clock {
                let after = Duration::from_millis(end.saturating_sub(self.clock.now().as_millis()));
                if !alarm::set(self.this.clone(), after) {
                    return false;
                }
            }
            state.soonest = end;
        }
        if state.ends.is_empty() {
            state.ends = vec![u64::MAX; KEY_PLACES].into();
        }
        let ends = &mut state.ends[Generations::among_keys(place)];
        *ends = end.min(*ends);
        true
    }

    /// Flushes tags, at these places. No copy of what they are on is valid from before the flush can be noticed.
    pub fn flush_tags(&self, places: impl Iterator<Item = Place>, flush: impl FnOnce()) {
        self.state.lock().flushing += 1;
        places.for_each(|place| self.generations.raise(place));
        flush();
        self.state.lock().flushing -= 1;
    }

    /// Flushes what may be anything. No copy is valid from before the flush can be noticed.
    pub fn flush(&self, flush: impl FnOnce()) {
        {
            let mut state = self.state.lock();
            state.flushing += 1;
            self.give_up(&mut state, u64::MAX - 1);
        }
        flush();
        self.state.lock().flushing -= 1;
    }

    /// Gives up the copies whose time is over.
    pub fn expire(&self) {
        let now = self.clock.now().as_millis();
        let mut state = self.state.lock();
        if state.soonest <= now {
            self.give_up(&mut state, now);
        }
    }

    /// Gives up the copies that end at a time or before.
    fn give_up(&self, state: &mut State, until: u64) {
        state.soonest = u64::MAX;
        for (hash, end) in state.ends.iter_mut().enumerate() {
            if *end <= until {
                self.generations.raise(Generations::of_key(hash as u64));
                *end = u64::MAX;
            } else {
                state.soonest = state.soonest.min(*end);
            }
        }
    }
}

impl Alarmed for Copies {
    fn ring(&self) -> Option<Duration> {
        self.expire();
        let soonest = self.state.lock().soonest;
        let left = soonest.saturating_sub(self.clock.now().as_millis());
        (soonest != u64::MAX).then(|| Duration::from_millis(left))
    }
}

/// When a copy of an entry ends, in milliseconds; `None` if that is too soon to be worth it. Rounded down to a step
/// of at most an eighth of what is left: what ends at about the same time ends together.
fn end_of_copy(now: Timestamp, fresh_until: Timestamp) -> Option<u64> {
    let (now, end) = (now.as_millis(), fresh_until.as_millis());
    let left = end.saturating_sub(now).saturating_sub(MARGIN).min(LONGEST);
    if left < 2 * FINEST {
        return None;
    }
    let step = (1 << (left / 8).max(1).ilog2()).max(FINEST);
    Some((now + left) / step * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_ends_before_its_entry_and_not_much_before() {
        for now in [0, 7, 1_764_000_000_123] {
            for left in (0..5000).chain([60_000, 3_600_000, 1 << 40]) {
                let Some(end) = end_of_copy(Timestamp::from_millis(now), Timestamp::from_millis(now + left))
                else {
                    assert!(left < MARGIN + 2 * FINEST);
                    continue;
                };
                assert!(end > now && end + MARGIN <= now + left, "{now} {left}: {end}");
                assert!(end - now >= (left - MARGIN).min(LONGEST) / 2, "{now} {left}: {end}");
            }
        }
        assert!(end_of_copy(Timestamp::from_millis(5), Timestamp::NEVER).is_some());
    }

    #[test]
    fn what_is_read_again_before_it_is_written_was_seen() {
        let mut keeper = Keeper::default();
        assert_eq!(
            [2, 2, 4, 4].map(|generation| keeper.saw(7 << 48, generation)),
            [false, true, false, true]
        );
        assert!(!keeper.saw(9 << 48, 2), "another key");
    }

    #[test]
    fn a_keeper_knows_thousands_of_keys_that_are_read_in_turn_and_not_those_that_come_by_once() {
        let hashes = |from: u64, count: u64| (from..from + count).map(ahash_of);
        let mut keeper = Keeper::default();
        let mut seen =
            |hashes: &mut dyn Iterator<Item = u64>| hashes.filter(|hash| keeper.saw(*hash, 2)).count();
        assert!(seen(&mut hashes(0, 10_000)) < 20);
        assert!(seen(&mut hashes(0, 10_000)) > 9900);
        assert!(seen(&mut hashes(1_000_000, 1_000_000)) < 1000);
    }

    fn ahash_of(number: u64) -> u64 {
        ahash::RandomState::with_seed(7).hash_one(number)
    }
}
