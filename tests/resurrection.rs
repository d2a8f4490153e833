//! No resurrection, by brute force: threads that compute, write and invalidate one key at once.
//!
//! Every value says which version of the source it was computed from. Whoever invalidates raises the version
//! first, and afterwards nobody may read an older one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrocache::core::clock::{Clock, ClockKind};
use ferrocache::core::command::{Command, LeaseReply, Reply};
use ferrocache::core::driver::memory::{Bounds, Memory, Policy};
use ferrocache::core::value::{Life, Payload, Value};

const KEY: &str = "k";
const RUN: Duration = Duration::from_millis(1500);

fn memory(policy: Policy) -> Memory {
    let clock = Arc::new(Clock::new(ClockKind::Manual));
    Memory::new(Bounds { policy, ..Bounds::default() }, clock, Arc::default())
}

fn read(memory: &Memory) -> Option<u64> {
    memory.get(KEY).map(|entry| entry.payload.as_number().unwrap() as u64)
}

/// A miss computes from the source as it is now, and fills.
fn remember(memory: &Memory, source: &AtomicU64, session: u64) {
    let lease = memory.apply(session, Command::Lease { key: KEY.into(), tags: Vec::new() }).unwrap();
    let Reply::Lease(LeaseReply::Granted { lease, .. }) = lease else { return };
    let version = source.load(Ordering::SeqCst);
    let value =
        Value { payload: Payload::number(version as f64), life: Life::FOREVER, tags: vec!["t".into()] };
    memory.apply(session, Command::Fill { key: KEY.into(), lease, value, keep: true }).unwrap();
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
                    remember(memory, source, session);
                    let least = invalidated.load(Ordering::SeqCst);
                    if let Some(version) = read(memory) {
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
