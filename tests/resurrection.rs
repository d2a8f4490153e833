//! No resurrection, by brute force: threads that compute, write and invalidate one key at once.
//!
//! Every value says which version of the source it was computed from. Whoever invalidates raises the version
//! first, and afterwards nobody may read an older one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrocache::core::clock::{Clock, ClockKind};
use ferrocache::core::command::{Command, Condition, LeaseReply, Reply};
use ferrocache::core::driver::memory::{Bounds, Memory, Policy};
use ferrocache::core::value::{Life, Payload, Value};

const KEY: &str = "k";
const RUN: Duration = Duration::from_millis(1500);

fn memory(policy: Policy) -> Memory {
    let clock = Arc::new(Clock::new(ClockKind::Manual));
    Memory::new(Bounds { policy, ..Bounds::default() }, clock, Arc::default())
}

fn no_reader_sees_what_was_invalidated(policy: Policy, invalidate: fn(&Memory)) {
    let memory = memory(policy);
    let (source, invalidated) = (AtomicU64::new(1), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let served = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for session in 0..3 {
            let (memory, source, invalidated, stop, served) =
                (&memory, &source, &invalidated, &stop, &served);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    compute(memory, session, KEY, || source.load(Ordering::SeqCst));
                    let least = invalidated.load(Ordering::SeqCst);
                    if let Some(version) = version_of(memory, KEY) {
                        served.fetch_add(1, Ordering::Relaxed);
                        assert!(version >= least, "read version {version} after {least} was made known");
                    }
                }
            });
        }
        let until = Instant::now() + RUN;
        while Instant::now() < until {
            let version = source.fetch_add(1, Ordering::SeqCst) + 1;
            invalidate(&memory);
            invalidated.store(version, Ordering::SeqCst);
            std::hint::spin_loop();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 100, "the test must see values, or it shows nothing");
}

#[test]
fn a_tag_flush_wins_over_every_run_that_began_before_it() {
    for policy in [Policy::Lru, Policy::TinyLfu] {
        no_reader_sees_what_was_invalidated(policy, |memory| {
            memory.apply(9, Command::FlushTags { tags: vec!["t".into()] }).unwrap();
        });
    }
}

#[test]
fn a_flush_wins_over_every_run_that_began_before_it() {
    for policy in [Policy::Lru, Policy::TinyLfu] {
        no_reader_sees_what_was_invalidated(policy, |memory| {
            memory.apply(9, Command::Flush { prefix: "".into() }).unwrap();
        });
    }
}

#[test]
fn a_forget_wins_over_every_run_that_began_before_it() {
    for policy in [Policy::Lru, Policy::TinyLfu] {
        no_reader_sees_what_was_invalidated(policy, |memory| {
            memory.apply(9, Command::Forget { key: KEY.into() }).unwrap();
        });
    }
}

/// Lists are computed from `a:item`, which is computed from the source: a flush of all must not leave a list that
/// was made of the item while the flush had not reached that yet. (Several, for the order of keys is random.)
#[test]
fn a_prefix_flush_wins_over_what_is_computed_from_what_it_has_not_reached() {
    let item = "a:item";
    let lists: Vec<String> = (0..8).map(|at| format!("a:list{at}")).collect();
    let memory = memory(Policy::Lru);
    let (source, invalidated) = (AtomicU64::new(1), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let served = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for session in 0..3 {
            let (memory, source, invalidated, stop, served) =
                (&memory, &source, &invalidated, &stop, &served);
            let lists = &lists;
            scope.spawn(move || {
                let from_source = || source.load(Ordering::SeqCst);
                let from_item = || compute(memory, session, item, from_source);
                for list in lists.iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    compute(memory, session, list, from_item);
                    let least = invalidated.load(Ordering::SeqCst);
                    if let Some(version) = version_of(memory, list) {
                        served.fetch_add(1, Ordering::Relaxed);
                        assert!(version >= least, "read version {version} after {least} was made known");
                    }
                }
            });
        }
        let until = Instant::now() + RUN;
        while Instant::now() < until {
            let version = source.fetch_add(1, Ordering::SeqCst) + 1;
            memory.apply(9, Command::Flush { prefix: "a:".into() }).unwrap();
            invalidated.store(version, Ordering::SeqCst);
            for at in 0..50 {
                put(&memory, &format!("a:other{at}"), 0);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 100, "the test must see values, or it shows nothing");
}

/// A value with the tag `t`.
fn tagged(number: u64) -> Value {
    Value { payload: Payload::number(number as f64), life: Life::FOREVER, tags: vec!["t".into()] }
}

fn put(memory: &Memory, key: &str, number: u64) {
    memory.put(key, tagged(number), Condition::Always);
}

fn version_of(memory: &Memory, key: &str) -> Option<u64> {
    memory.get(key).map(|entry| entry.payload.as_number().unwrap() as u64)
}

/// The version under a key, computed if there is none.
fn compute(memory: &Memory, session: u64, key: &str, factory: impl Fn() -> u64) -> u64 {
    let lease =
        memory.apply(session, Command::Lease { key: key.into(), tags: Vec::new(), offline: false }).unwrap();
    match lease {
        Reply::Lease(LeaseReply::Hit(payload)) => payload.as_number().unwrap() as u64,
        Reply::Lease(LeaseReply::Granted { lease, .. }) => {
            let version = factory();
            let fill = Command::Fill { key: key.into(), lease, value: tagged(version), keep: true };
            memory.apply(session, fill).unwrap();
            version
        }
        _ => factory(),
    }
}
