//! The container against a plain list.

use proptest::prelude::*;

use super::super::support::{Step, entry, shown, steps, surroundings};
use super::*;
use crate::core::driver::memory::container::Policy;

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
            let mut expected: Vec<String> = model.iter().map(|(key, _)| name(*key)).collect();
            expected.sort();
            prop_assert_eq!(shown(&lru), expected);
            let sum = model.iter().map(|(_, size)| size).sum::<u64>();
            prop_assert_eq!(lru.held(), (model.len() as u64, sum));
        }
    }
}
