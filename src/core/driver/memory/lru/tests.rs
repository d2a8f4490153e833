//! The container against a plain list.

use proptest::prelude::*;

use super::*;
use crate::core::clock::{Clock, ClockKind, Timestamp};
use crate::core::driver::memory::container::Policy;
use crate::core::driver::memory::copies::Copies;
use crate::core::driver::memory::generations::Generations;
use crate::core::driver::memory::tags::TagCells;
use crate::core::stats::Counters;
use crate::core::value::{Format, Payload};

fn surroundings() -> Arc<Surroundings> {
    let clock = Arc::new(Clock::new(ClockKind::Manual));
    Arc::new(Surroundings {
        hub: Arc::default(),
        counters: Counters::default(),
        copies: Copies::new(Generations::new(false), Arc::clone(&clock)),
        clock,
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
