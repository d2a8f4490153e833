//! JSON that a thread has parsed lately.
//!
//! Most reads of a cache find what the last read of the key found. Handing the same text over again, to be parsed
//! again, costs several times what a copy of the parsed value costs. So each thread keeps what it parsed, by a
//! number; an answer with the same bytes is that number. The backend was asked: a value is never older than its answer.
//! What is read once is not kept by JavaScript: only its hash is here, until it comes again.
//!
//! Texts are the same if 96 bits of two hashes are, whose seeds are the process's own: two that differ are taken for
//! the same once in 2^96, less often than memory fails. The texts are not here: to fetch them into the processor's
//! caches takes longer than to hash what was answered, which is there.
//!
//! It is looked up where the answer comes from, on the runtime's thread.

use ahash::RandomState;

use crate::core::value::{Format, Payload};

/// Shorter texts are parsed as fast as they are copied; longer ones would fill the memory.
const SIZES: std::ops::RangeInclusive<usize> = 48..=4096;
/// How many texts are known at most: a text has one set where it can be, with so many ways. Powers of two.
const SETS: usize = 8192;
const WAYS: usize = 4;
/// How many bytes of text are kept at most by a thread.
const MOST_BYTES: usize = 8 << 20;

/// How a payload is handed over.
#[derive(Debug, PartialEq, Eq)]
pub enum Handed {
    /// As it is.
    Payload(Payload),
    /// As text, to be kept under this number once it is parsed.
    Keep(u32, Payload),
    /// As the number that it is kept under.
    Kept(u32),
}

/// Some texts: a line of the processor's cache.
#[derive(Clone, Default)]
#[repr(align(64))]
struct Set {
    /// Of each text two hashes.
    hashes: [u64; WAYS],
    checks: [u32; WAYS],
    /// How many bytes it has if it is kept; 0 for one that was seen once.
    kept: [u16; WAYS],
    /// The number that it is kept under, if it is.
    numbers: [u16; WAYS],
}

/// What a thread has parsed lately.
pub struct Recent {
    sets: Box<[Set]>,
    hashers: (RandomState, RandomState),
    bytes: usize,
    /// Numbers that were given up. They are given again first: who keeps values by number keeps what is under them.
    free: Vec<u16>,
    /// The first number that was never given.
    next: u16,
    /// Which way of a full set is given up next.
    turn: usize,
}

impl Default for Recent {
    fn default() -> Self {
        let hashers = (RandomState::new(), RandomState::new());
        let sets = vec![Set::default(); SETS].into();
        Self { sets, hashers, bytes: 0, free: Vec::new(), next: 0, turn: 0 }
    }
}

impl Recent {
    /// How a payload is handed over now.
    pub fn hand_over(&mut self, payload: Payload) -> Handed {
        let text = &payload.bytes[..];
        if payload.format != Format::Json || !SIZES.contains(&text.len()) {
            return Handed::Payload(payload);
        }
        let hash = self.hashers.0.hash_one(text);
        // Zero is nobody's.
        let check = (self.hashers.1.hash_one(text) as u32).max(1);
        let at = hash as usize % SETS;
        let set = &mut self.sets[at];
        let Some(way) = (0..WAYS).find(|way| set.hashes[*way] == hash && set.checks[*way] == check) else {
            let way = set.checks.iter().position(|check| *check == 0).unwrap_or_else(|| {
                self.turn = (self.turn + 1) % WAYS;
                self.turn
            });
            if set.kept[way] > 0 {
                self.bytes -= usize::from(set.kept[way]);
                self.free.push(set.numbers[way]);
            }
            (set.hashes[way], set.checks[way], set.kept[way]) = (hash, check, 0);
            return Handed::Payload(payload);
        };
        if set.kept[way] > 0 {
            return Handed::Kept(set.numbers[way].into());
        }
        if self.bytes + text.len() > MOST_BYTES {
            return Handed::Payload(payload);
        }
        self.bytes += text.len();
        let number = self.free.pop().unwrap_or_else(|| {
            // There are no more than ways.
            self.next += 1;
            self.next - 1
        });
        (set.kept[way], set.numbers[way]) = (text.len() as u16, number);
        Handed::Keep(number.into(), payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Payload {
        Payload::new(Format::Json, text.as_bytes())
    }

    #[test]
    fn a_text_is_kept_when_it_comes_again() {
        let (mut recent, text) = (Recent::default(), json(&format!("[{:050}]", 1)));
        assert_eq!(recent.hand_over(text.clone()), Handed::Payload(text.clone()));
        let Handed::Keep(number, _) = recent.hand_over(text.clone()) else {
            panic!("the second time it is kept")
        };
        assert_eq!(recent.hand_over(text), Handed::Kept(number));
        let other = json(&format!("[{:050}]", 2));
        assert_eq!(recent.hand_over(other.clone()), Handed::Payload(other), "another text");
        assert_eq!(recent.hand_over(json("1")), Handed::Payload(json("1")), "too short to be worth it");
    }

    #[test]
    fn the_memory_is_bounded_and_new_texts_find_room() {
        let mut recent = Recent::default();
        for at in 0..100_000 {
            let text = json(&format!("[{at:01000}]"));
            recent.hand_over(text.clone());
            recent.hand_over(text);
            assert!(recent.bytes <= MOST_BYTES);
        }
        let held: usize = recent.sets.iter().flat_map(|set| set.kept).map(usize::from).sum();
        assert_eq!(held, recent.bytes);
        assert!(held > MOST_BYTES / 2, "{held}");
        // Values that nobody refers to any more are no more than there were at once.
        let numbers =
            recent.sets.iter().map(|set| set.kept.iter().filter(|kept| **kept > 0).count()).sum::<usize>();
        assert!(
            usize::from(recent.next) <= MOST_BYTES / 1000
                && numbers + recent.free.len() == usize::from(recent.next)
        );
    }
}
