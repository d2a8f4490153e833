//! What the tests of the policies share.

use std::sync::Arc;

use proptest::prelude::*;

use crate::core::clock::{Clock, ClockKind, Timestamp};
use crate::core::driver::memory::container::{Container, Entry, Surroundings};
use crate::core::driver::memory::copies::Copies;
use crate::core::driver::memory::generations::Generations;
use crate::core::driver::memory::tags::TagCells;
use crate::core::stats::Counters;
use crate::core::value::{Format, Payload};

pub fn surroundings() -> Arc<Surroundings> {
    let clock = Arc::new(Clock::new(ClockKind::Manual));
    Arc::new(Surroundings {
        hub: Arc::default(),
        counters: Counters::default(),
        copies: Copies::new(Generations::new(false), Arc::clone(&clock)),
        clock,
        hasher: ahash::RandomState::new(),
    })
}

pub fn entry(bytes: usize) -> Entry {
    Entry {
        payload: Payload::new(Format::Bytes, vec![0; bytes]),
        fresh_until: Timestamp::NEVER,
        dead_at: Timestamp::NEVER,
        written: 0,
        tags: TagCells::default(),
    }
}

/// What is done to a container.
#[derive(Clone, Debug)]
pub enum Step {
    Get(u8),
    Insert(u8, usize),
    Remove(u8),
    Clear,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => (0_u8..40).prop_map(Step::Get),
        80 => (0_u8..40, 0_usize..400).prop_map(|(key, bytes)| Step::Insert(key, bytes)),
        20 => (0_u8..40).prop_map(Step::Remove),
        3 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 1..300)
}

/// The keys that a container shows.
pub fn shown(container: &dyn Container) -> Vec<String> {
    let mut keys = Vec::new();
    container.visit(&mut |key, _| keys.push(key.to_owned()));
    keys.sort();
    keys
}
