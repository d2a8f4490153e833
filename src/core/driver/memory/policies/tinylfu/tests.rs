//! The container against plain lists, and what it is for.

use proptest::prelude::*;

use super::super::support::{Step, entry, shown, steps, surroundings};
use super::model::Model;
use super::*;
use crate::core::driver::memory::container::Policy;
use crate::core::driver::memory::generations::Generations;

fn container(entries: Option<u64>, bytes: u64) -> TinyLfu {
    TinyLfu::new(Bounds { entries, bytes, policy: Policy::TinyLfu }, surroundings())
}

fn hash(container: &TinyLfu, key: &str) -> u64 {
    container.surroundings.hasher.hash_one(key)
}

/// A read, and a write where it was a miss; whether it was a hit.
fn ask(container: &TinyLfu, key: &str, bytes: usize) -> bool {
    let hash = hash(container, key);
    let hit = container.get(key, hash).is_some();
    if !hit {
        container.insert(key, hash, entry(bytes));
    }
    hit
}

fn ask_often(container: &TinyLfu, times: usize, key: &str, bytes: usize) {
    for _ in 0..times {
        ask(container, key, bytes);
    }
}

fn put(container: &TinyLfu, key: &str, bytes: usize) {
    container.insert(key, hash(container, key), entry(bytes));
}

fn holds(container: &TinyLfu, key: &str) -> bool {
    shown(container).iter().any(|shown| shown == key)
}

fn evictions(container: &TinyLfu) -> u64 {
    container.surroundings.counters.evictions.get()
}

proptest! {
    #[test]
    fn the_order_and_the_bounds_are_those_of_three_lists(
        steps in steps(),
        most in 1_u64..20,
        bytes in 700_u64..9000,
    ) {
        let tested = container(Some(most), bytes);
        let name = |key: u8| format!("k{key}");
        let hash = |key: u8| hash(&tested, &name(key));
        let mut model = Model::new(most, bytes);
        for step in steps {
            match step {
                Step::Get(key) => {
                    prop_assert_eq!(tested.get(&name(key), hash(key)).is_some(), model.get(key, hash(key)));
                }
                Step::Insert(key, length) => {
                    let size = tested.size(&name(key), &entry(length));
                    if size > bytes {
                        continue;
                    }
                    let was_held = model.lists.iter().flatten().any(|(held, _)| *held == key);
                    prop_assert_eq!(tested.insert(&name(key), hash(key), entry(length)), !was_held);
                    model.insert(key, size, hash);
                    if was_held {
                        prop_assert!(holds(&tested, &name(key)), "another value of a held key is let in");
                    }
                }
                Step::Remove(key) => {
                    let removed = tested.remove(&name(key), hash(key)).is_some();
                    prop_assert_eq!(removed, model.take(key).is_some());
                }
                Step::Clear => {
                    tested.clear();
                    model.clear();
                }
            }
            let held = model.lists.iter().flatten();
            let mut expected: Vec<String> = held.map(|(key, _)| name(*key)).collect();
            expected.sort();
            prop_assert_eq!(shown(&tested), expected);
            prop_assert_eq!(tested.held(), model.held());
            prop_assert!(tested.held().0 <= most && tested.held().1 <= bytes);
        }
    }
}

#[test]
fn a_scan_does_not_displace_what_is_asked_for_often() {
    let cache = container(Some(1000), 1 << 30);
    for at in 0..4000 {
        ask(&cache, &format!("hot{}", at % 800), 10);
    }
    for at in 0..20_000 {
        ask(&cache, &format!("scan{at}"), 10);
    }
    let kept = (0..800).filter(|at| holds(&cache, &format!("hot{at}"))).count();
    assert!(kept >= 700, "{kept} of 800");
}

#[test]
fn what_was_popular_is_forgotten() {
    let cache = container(Some(100), 1 << 30);
    for at in 0..1600 {
        ask(&cache, &format!("old{}", at % 100), 10);
    }
    let mut turned = 0;
    while (0..100).filter(|at| holds(&cache, &format!("old{at}"))).count() > 10 {
        for at in 0..150 {
            ask(&cache, &format!("new{at}"), 10);
        }
        turned += 1;
        assert!(turned < 100, "what nobody asks for is still held");
    }
}

#[test]
fn a_key_that_is_not_held_is_counted_when_it_is_asked_for() {
    let cache = container(Some(10), 1 << 30);
    for at in 0..10 {
        ask_often(&cache, 3, &format!("k{at}"), 10);
    }
    (0..9).for_each(|_| assert!(cache.get("wanted", hash(&cache, "wanted")).is_none()));
    put(&cache, "wanted", 10);
    put(&cache, "unwanted", 10);
    put(&cache, "another", 10);
    assert!(holds(&cache, "wanted") && !holds(&cache, "unwanted") && holds(&cache, "another"));
    // What follows a read asks no more.
    (0..9).for_each(|_| assert!(cache.find("unwanted", hash(&cache, "unwanted")).is_none()));
    put(&cache, "unwanted", 10);
    put(&cache, "last", 10);
    assert!(!holds(&cache, "unwanted"));
}

#[test]
fn what_is_refused_counts_as_evicted_and_what_the_key_held_is_gone() {
    let cache = container(Some(10), 1 << 30);
    for at in 0..10 {
        ask_often(&cache, 3, &format!("k{at}"), 10);
    }
    let generation = |key| {
        let generations = cache.surroundings.generations();
        generations.at(Generations::of_key(hash(&cache, key)))
    };
    put(&cache, "new", 10);
    assert_eq!(evictions(&cache), 1, "the oldest in the window");
    let before = generation("new");
    put(&cache, "newer", 10);
    assert_eq!((evictions(&cache), holds(&cache, "new")), (2, false));
    assert_ne!(generation("new"), before, "no copy of it is valid");
    assert!(cache.remove("new", hash(&cache, "new")).is_none());
}

#[test]
fn a_large_candidate_must_be_asked_for_more_often_than_each_that_it_would_displace() {
    let cache = container(None, 100_000);
    let fill = |cache: &TinyLfu| {
        for at in 0..90 {
            put(cache, &format!("k{at}"), 1000 - OVERHEAD as usize - 3);
        }
        // The last of many: what displaces it must displace all that are older.
        (0..5).for_each(|_| drop(cache.get("k50", hash(cache, "k50"))));
    };
    fill(&cache);
    let held = cache.held().0;
    let large = |cache: &TinyLfu, asked: usize, bytes: usize| {
        (0..asked).for_each(|_| drop(cache.get("large", hash(cache, "large"))));
        put(cache, "large", bytes);
        holds(cache, "large")
    };
    assert!(!large(&cache, 3, 99_000), "k50 was asked for more often");
    assert_eq!(cache.held().0, held, "and nothing went for it");
    assert!(large(&cache, 3, 50_000), "those that went were asked for less often");
    assert!(holds(&cache, "k50") && cache.held().1 <= 100_000);
}

#[test]
fn another_value_of_a_key_that_is_held_is_let_in_however_large() {
    for bytes in [50_000, 99_000, 99_700] {
        let cache = container(None, 100_000);
        for at in 0..200 {
            ask_often(&cache, 4, &format!("k{at}"), 700);
        }
        put(&cache, "k", 10);
        assert!(holds(&cache, "k"));
        put(&cache, "k", bytes);
        assert!(holds(&cache, "k") && cache.held().1 <= 100_000, "{bytes}");
    }
}

#[test]
fn after_a_clear_nothing_is_held_nor_known() {
    let cache = container(Some(100), 1 << 30);
    for at in 0..500 {
        ask(&cache, &format!("k{}", at % 100), 10);
    }
    cache.clear();
    assert_eq!((cache.held(), shown(&cache).len(), evictions(&cache)), ((0, 0), 0, 0));
    for list in [WINDOW, PROBATION, PROTECTED] {
        assert_eq!(cache.shards.held_by(list), Amount::default());
    }
    for at in 0..100 {
        assert!(!ask(&cache, &format!("k{at}"), 10));
    }
    assert_eq!(cache.held().0, 100);
}

#[test]
fn both_bounds_hold_after_every_write_of_four_threads() {
    let bounds = (500, 400_000);
    let cache = container(Some(bounds.0), bounds.1);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let cache = &cache;
            scope.spawn(move || {
                for at in 0..20_000_usize {
                    let key = format!(
                        "k{}",
                        at.wrapping_mul(2_654_435_761 + thread * 2) % 3000 % (at % 50 + 1) * 31
                    );
                    ask(cache, &key, at % 1500);
                    match at % 11 {
                        0 => drop(cache.remove(&key, hash(cache, &key))),
                        1 => put(cache, &key, at % 7000),
                        _ => {}
                    }
                    // Three other writes may be under way.
                    let (entries, bytes) = cache.held();
                    assert!(entries <= bounds.0 + 3 && bytes <= bounds.1 + 3 * 7300, "{entries} {bytes}");
                }
            });
        }
    });
    let (entries, bytes) = cache.held();
    assert!(entries <= bounds.0 && bytes <= bounds.1, "{entries} {bytes}");
    assert_eq!(shown(&cache).len() as u64, entries);
    let lists = [WINDOW, PROBATION, PROTECTED].map(|list| cache.shards.held_by(list));
    assert_eq!(
        lists.iter().map(|list| (list.entries, list.bytes)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (entries, bytes)
    );
    for key in shown(&cache) {
        cache.remove(&key, hash(&cache, &key));
    }
    assert_eq!(cache.held(), (0, 0));
}

#[test]
fn among_those_asked_for_more_often_than_can_be_counted_the_least_recently_used_goes() {
    let cache = container(Some(10), 1 << 30);
    for at in 0..10 {
        ask_often(&cache, 30, &format!("k{at}"), 10);
    }
    for _ in 0..30 {
        ask(&cache, "wanted", 10);
        put(&cache, "once", 10);
    }
    assert!(holds(&cache, "wanted"));
}
