//! JSON that this thread has parsed lately.
//!
//! Most reads of a cache find what the last read of the key found. Handing the same text over again, to be parsed
//! again, costs several times what a copy of the parsed value costs. So each thread keeps what it parsed, by a
//! number; an answer with the same bytes is that number. The backend was asked, and its bytes were compared: a
//! value is never older than its answer. What is read once is not kept: only its hash is, until it comes again.
//!
//! The comparison is made where the answer comes from, on the runtime's thread, which has the bytes at hand.

use ahash::RandomState;

use crate::core::value::{Format, Payload};

/// Shorter texts are parsed as fast as they are copied; longer ones would fill the memory.
const SIZES: std::ops::RangeInclusive<usize> = 48..=4096;
/// How many texts are kept at most, in sets of [`WAYS`]: a text has one set where it can be. Powers of two.
const SLOTS: usize = 32_768;
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

#[derive(Default)]
struct Slot {
    hash: u64,
    /// Empty for one that was seen once.
    text: Box<[u8]>,
}

/// What a thread has parsed lately.
pub struct Recent {
    slots: Box<[Slot]>,
    hasher: RandomState,
    bytes: usize,
    /// Which way of a set is given up next.
    turn: usize,
}

impl Default for Recent {
    fn default() -> Self {
        let slots = (0..SLOTS).map(|_| Slot::default()).collect();
        Self { slots, hasher: RandomState::new(), bytes: 0, turn: 0 }
    }
}

impl Recent {
    /// How a payload is handed over now.
    pub fn hand_over(&mut self, payload: Payload) -> Handed {
        if payload.format != Format::Json || !SIZES.contains(&payload.bytes.len()) {
            return Handed::Payload(payload);
        }
        // Zero is an empty slot's.
        let hash = self.hasher.hash_one(&payload.bytes[..]).max(1);
        let set = hash as usize % (SLOTS / WAYS) * WAYS;
        let ways = &mut self.slots[set..set + WAYS];
        if let Some(way) = ways.iter().position(|slot| slot.hash == hash) {
            let (slot, number) = (&mut ways[way], (set + way) as u32);
            if slot.text == payload.bytes {
                return Handed::Kept(number);
            }
            if slot.text.is_empty() && self.bytes + payload.bytes.len() <= MOST_BYTES {
                self.bytes += payload.bytes.len();
                slot.text.clone_from(&payload.bytes);
                return Handed::Keep(number, payload);
            }
            return Handed::Payload(payload);
        }
        let way = ways.iter().position(|slot| slot.text.is_empty() && slot.hash == 0).unwrap_or_else(|| {
            self.turn = (self.turn + 1) % WAYS;
            self.turn
        });
        self.bytes -= ways[way].text.len();
        ways[way] = Slot { hash, text: Box::default() };
        Handed::Payload(payload)
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
        let held: usize = recent.slots.iter().map(|slot| slot.text.len()).sum();
        assert_eq!(held, recent.bytes);
        assert!(held > MOST_BYTES / 2, "{held}");
    }
}
