//! The memory driver: conformance, and what it alone does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod conformance;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conformance::{LONG, Subject, value};
use ferrocache::core::clock::{Clock, ClockKind};
use ferrocache::core::command::{Command, Condition};
use ferrocache::core::driver::Driver;
use ferrocache::core::driver::memory::{Bounds, Memory, Policy};
use ferrocache::core::hub::Hub;
use ferrocache::core::value::Life;

fn lru(clock: Arc<Clock>, hub: Arc<Hub>) -> Arc<dyn Driver> {
    Arc::new(Memory::new(Bounds::default(), clock, hub))
}

fn tiny_lfu(clock: Arc<Clock>, hub: Arc<Hub>) -> Arc<dyn Driver> {
    Arc::new(Memory::new(Bounds { policy: Policy::TinyLfu, ..Bounds::default() }, clock, hub))
}

#[test]
fn conforms_with_the_lru_policy() {
    conformance::run(lru);
}

#[test]
fn conforms_with_the_tinylfu_policy() {
    conformance::run(tiny_lfu);
}

#[test]
fn says_what_it_can_do() {
    let capabilities = Subject::new(lru).driver.capabilities();
    assert!(capabilities.manual_clock && capabilities.embedded && capabilities.evicts);
}

fn memory(bounds: Bounds) -> Memory {
    Memory::new(bounds, Arc::new(Clock::new(ClockKind::Manual)), Arc::default())
}

fn put(memory: &Memory, key: &str, bytes: usize, life: Life) -> bool {
    memory.put(key, value(&"x".repeat(bytes), life, &[]), Condition::Always)
}

#[test]
fn a_tiny_cache_evicts_the_least_recently_used_entry_at_once() {
    let memory = memory(Bounds { entries: Some(2), ..Bounds::default() });
    put(&memory, "a", 1, LONG);
    put(&memory, "b", 1, LONG);
    assert!(memory.get("a").is_some());
    put(&memory, "c", 1, LONG);
    assert_eq!(["a", "b", "c"].map(|key| memory.get(key).is_some()), [true, false, true]);
}

#[test]
fn both_bounds_hold_after_every_write() {
    for policy in [Policy::Lru, Policy::TinyLfu] {
        let bytes = 200 * 1000;
        let memory = memory(Bounds { entries: Some(100), bytes, policy });
        for at in 0..2000_usize {
            put(&memory, &format!("k{at}"), at * 7 % 5000, LONG);
            let holdings = memory.holdings();
            assert!(holdings.entries.unwrap() <= 100 && holdings.bytes.unwrap() <= bytes, "{holdings:?}");
        }
    }
}

#[test]
fn an_entry_counts_its_tags() {
    let memory = memory(Bounds { bytes: 1 << 20, ..Bounds::default() });
    for at in 0..100 {
        let tag = format!("{at}{}", "t".repeat(100_000));
        memory.put(&format!("k{at}"), value("1", LONG, &[&tag]), Condition::Always);
    }
    let entries = memory.holdings().entries.unwrap();
    assert!((5..=10).contains(&entries), "{entries} entries with a tag of 100 KB each in 1 MiB");
}

#[test]
fn an_entry_too_large_takes_what_was_there_with_it() {
    let memory = memory(Bounds { bytes: 10_000, ..Bounds::default() });
    assert!(put(&memory, "k", 10, LONG));
    assert!(!put(&memory, "k", 20_000, LONG));
    assert!(memory.get("k").is_none());
    assert_eq!(memory.counters().evictions.get(), 1);
}

/// Lifetimes of all lengths, a byte bound, evictions, and several threads at once: where other caches had defects in
/// timer wheels and bounds.
#[test]
fn the_byte_bound_holds_under_mixed_lifetimes_and_four_writing_threads() {
    for policy in [Policy::Lru, Policy::TinyLfu] {
        let bytes = 4 << 20;
        let memory = memory(Bounds { entries: None, bytes, policy });
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..4_usize {
                let (memory, over) = (&memory, &over);
                scope.spawn(move || {
                    for at in 0..20_000_usize {
                        let key = format!("k{}", at.wrapping_mul(2_654_435_761) % 30_000);
                        let life = match at % 4 {
                            0 => Life::FOREVER,
                            1 => Life::of(Duration::from_millis(at as u64 % 50)),
                            2 => Life { ttl: Some(Duration::from_secs(5)), grace: Duration::from_secs(1) },
                            _ => LONG,
                        };
                        put(memory, &key, at % 3000, life);
                        if at % 7 == 0 {
                            memory.apply(1, Command::Forget { key: key.into() }).unwrap();
                        }
                        if at % 500 == 0 {
                            memory.advance(Duration::from_millis(20)).unwrap();
                            // Writes of the other threads may be under way: a few entries each.
                            let slack = 8 * 4000;
                            over.fetch_or(
                                memory.holdings().bytes.unwrap() > bytes + slack + bytes / 100,
                                Ordering::Relaxed,
                            );
                        }
                        if thread == 0 && at % 5000 == 0 {
                            memory.apply(1, Command::FlushTags { tags: vec!["t".into()] }).unwrap();
                        }
                    }
                });
            }
        });
        assert!(!over.load(Ordering::Relaxed), "{policy:?}: the bound was passed while writing");
        let holdings = memory.holdings();
        assert!(
            holdings.bytes.unwrap() <= bytes && holdings.entries.unwrap() > 100,
            "{policy:?}: {holdings:?}"
        );
        memory.advance(Duration::from_secs(7200)).unwrap();
        memory.apply(1, Command::Flush { prefix: "".into() }).unwrap();
        let holdings = memory.holdings();
        assert_eq!((holdings.entries.unwrap(), holdings.bytes.unwrap()), (0, 0), "{policy:?}: nothing leaks");
    }
}
