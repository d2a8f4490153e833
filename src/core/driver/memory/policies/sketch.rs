//! How often keys are asked for, held or not: a count-min sketch of four-bit counters, which are halved now and then.
//!
//! A key has four counters, all in one line of memory, and was asked for as often as the least of them says, or less:
//! others may share them. A counter ends at 15. Each shard has a sketch of its own under its lock, so counting needs
//! no further one; all of them age together, by the [`Asks`] of the store.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The words of a block: one line of memory.
const WORDS: usize = 8;
/// The counters of a key, and how many each of them is one of.
const COUNTERS: usize = 4;
const CHOICES: u64 = 32;
/// How many entries share a block before the sketch grows: each has 64 counters then, and twice as many after it. With
/// half of them, too many keys are taken for popular: multi2's hit ratio at 10 % (docs/benchmarks/hits.md) fell by 0.4
/// points, and by up to 0.7 from one run to the next.
const ENTRIES_PER_BLOCK: usize = 2;
/// A counter's bits, and its highest value.
const BITS: u64 = 4;
pub const FULL: u64 = 15;
/// Every counter, halved: without the bit that came from its neighbour.
const HALVES: u64 = 0x7777_7777_7777_7777;

/// So often must an entry be asked for, on the average, before all counts are halved; and so often any of them.
/// What the traces of docs/benchmarks/hits.md showed: with less, what is popular but seldom is forgotten (multi2);
/// with more, what was popular stays for too long (sprite).
const ASKS_PER_ENTRY: u64 = 12;
const FEWEST_ASKS: u64 = 1500;

#[repr(align(64))]
#[derive(Clone, Debug, Default)]
struct Block([u64; WORDS]);

/// The counts of one shard's keys.
#[derive(Debug, Default)]
pub struct Sketch {
    /// None, or a power of two.
    blocks: Vec<Block>,
    age: u32,
}

impl Sketch {
    /// A key with this hash was asked for, in this age.
    pub fn add(&mut self, hash: u64, age: u32) {
        self.come_of(age);
        self.grow_to(1);
        let at = self.block_of(hash);
        let Some(Block(words)) = self.blocks.get_mut(at) else { return };
        for (word, shift) in counters(hash) {
            if words[word] >> shift & FULL < FULL {
                words[word] += 1 << shift;
            }
        }
    }

    /// How often a key with this hash was asked for, as seen in this age.
    pub fn count(&self, hash: u64, age: u32) -> u64 {
        let Some(Block(words)) = self.blocks.get(self.block_of(hash)) else { return 0 };
        let least = counters(hash).map(|(word, shift)| words[word] >> shift & FULL).min().unwrap_or(0);
        least >> self.behind(age)
    }

    /// Makes room for the counts of so many entries. No count changes: each half has what the whole had.
    pub fn grow_to(&mut self, entries: usize) {
        while self.blocks.len() * ENTRIES_PER_BLOCK < entries {
            if self.blocks.is_empty() {
                self.blocks.push(Block::default());
            } else {
                self.blocks.extend_from_within(..);
            }
        }
    }

    /// How many ages the counts are behind; more than four leave nothing.
    fn behind(&self, age: u32) -> u64 {
        u64::from(age.wrapping_sub(self.age)).min(BITS)
    }

    fn come_of(&mut self, age: u32) {
        for _ in 0..self.behind(age) {
            for Block(words) in &mut self.blocks {
                for word in words {
                    *word = *word >> 1 & HALVES;
                }
            }
        }
        self.age = age;
    }

    /// The block of a hash: by its high bits, which neither choose the shard nor the counters.
    fn block_of(&self, hash: u64) -> usize {
        (hash >> 37) as usize & self.blocks.len().wrapping_sub(1)
    }
}

/// The word and the place in it of each counter of a hash: by its low bits.
fn counters(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..COUNTERS).map(move |at| {
        let choice = (hash >> (at * 5)) % CHOICES;
        (at * 2 + (choice >> 4) as usize, (choice & 15) * BITS)
    })
}

/// How much was asked for in the whole store.
#[derive(Debug, Default)]
pub struct Asks {
    asked: AtomicU64,
    missed: AtomicU64,
    /// Where this age began.
    began: AtomicU64,
    age: AtomicU32,
}

impl Asks {
    /// Something was asked for, while so many entries are held; the age in which it was.
    pub fn ask(&self, held: u64) -> u32 {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let began = self.began.load(Ordering::Relaxed);
        if asked.saturating_sub(began) >= (held * ASKS_PER_ENTRY).max(FEWEST_ASKS)
            && self.began.compare_exchange(began, asked, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.age.fetch_add(1, Ordering::Relaxed);
        }
        self.age()
    }

    /// It was not there.
    pub fn miss(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// The age.
    pub fn age(&self) -> u32 {
        self.age.load(Ordering::Relaxed)
    }

    /// How often something was asked for, and how often it was not there.
    pub fn total(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.missed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: u64) -> u64 {
        ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(key)
    }

    #[test]
    fn counts_up_to_fifteen_and_hardly_ever_for_others() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.count(hash(1), 0), 0, "before there is any");
        sketch.grow_to(1000);
        for key in 0..1000 {
            for _ in 0..key % 20 {
                sketch.add(hash(key), 0);
            }
        }
        let counts = (0..1000).map(|key| (sketch.count(hash(key), 0), (key % 20).min(FULL)));
        assert!(counts.clone().all(|(count, asked)| count >= asked), "never too few");
        let wrong = counts.filter(|(count, asked)| count > asked).count();
        assert!(wrong < 100, "{wrong} of 1000 too many");
    }

    #[test]
    fn every_age_halves() {
        let mut sketch = Sketch::default();
        for _ in 0..13 {
            sketch.add(hash(1), 7);
        }
        assert_eq!([7, 8, 9, 10, 11, 4_000].map(|age| sketch.count(hash(1), age)), [13, 6, 3, 1, 0, 0]);
        sketch.add(hash(2), 8);
        assert_eq!([8, 9].map(|age| sketch.count(hash(1), age)), [6, 3]);
        sketch.add(hash(2), 100);
        assert_eq!((sketch.count(hash(1), 100), sketch.count(hash(2), 100)), (0, 1));
    }

    #[test]
    fn growing_changes_no_count() {
        let mut sketch = Sketch::default();
        for key in 0..50 {
            for _ in 0..key % 16 {
                sketch.add(hash(key), 0);
            }
        }
        let counts = |sketch: &Sketch| (0..50).map(|key| sketch.count(hash(key), 0)).collect::<Vec<_>>();
        let before = counts(&sketch);
        sketch.grow_to(5000);
        assert_eq!((counts(&sketch), sketch.blocks.len()), (before, 4096));
    }

    #[test]
    fn an_age_ends_when_entries_were_asked_for_so_often() {
        let asks = Asks::default();
        let mut ages = Vec::new();
        for _ in 0..3 * FEWEST_ASKS {
            ages.push(asks.ask(10));
        }
        assert_eq!((ages[0], ages[FEWEST_ASKS as usize - 1], asks.age()), (0, 1, 3));
        for _ in 0..1000 * ASKS_PER_ENTRY - 1 {
            assert_eq!(asks.ask(1000), 3);
        }
        assert_eq!(asks.ask(1000), 4);
    }
}
