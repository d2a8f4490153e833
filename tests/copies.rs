//! Copies of values that are kept outside of the memory driver's store: until when they are valid.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrocache::core::clock::{Clock, ClockKind};
use ferrocache::core::command::{Command, Condition, LeaseReply, Reply};
use ferrocache::core::driver::Driver;
use ferrocache::core::driver::memory::{Bounds, Keeper, Memory, Permit, Policy};
use ferrocache::core::value::{Format, Life, Payload, Value};

const LONG: Life = Life::of(Duration::from_secs(3600));
const SESSION: u64 = 1;

fn memory(bounds: Bounds, clock: ClockKind) -> Memory {
    Memory::new(bounds, Arc::new(Clock::new(clock)), Arc::default())
}

fn manual() -> Memory {
    memory(Bounds::default(), ClockKind::Manual)
}

fn value(text: &str, life: Life, tags: &[&str]) -> Value {
    let payload = Payload::new(Format::Json, text.as_bytes());
    Value { payload, life, tags: tags.iter().map(|&tag| tag.into()).collect() }
}

fn put(memory: &Memory, key: &str, life: Life, tags: &[&str]) {
    assert!(memory.put(key, value("1", life, tags), Condition::Always));
}

fn apply(memory: &Memory, command: Command) -> Reply {
    memory.apply(SESSION, command).unwrap()
}

/// Reads until a copy may be made, as what is read often is.
fn copy(memory: &Memory, keeper: &mut Keeper, key: &str) -> Permit {
    memory.look(key, keeper, || true);
    memory.look(key, keeper, || true).1
}

#[test]
fn what_is_read_again_may_be_copied() {
    let (memory, mut keeper) = (manual(), Keeper::default());
    put(&memory, "k", LONG, &[]);
    assert!(memory.look("k", &mut keeper, || true).1.generations().is_empty(), "it was read once");
    let permit = memory.look("k", &mut keeper, || true).1;
    assert_eq!(permit.generations().len(), 1);
    assert!(memory.is_current(&permit));
}

#[test]
fn nothing_is_copied_where_it_may_not_be_and_what_was_can_be_given_up() {
    let (memory, mut keeper) = (manual(), Keeper::default());
    put(&memory, "k", LONG, &["t"]);
    copy(&memory, &mut keeper, "k");
    let (entry, permit) = memory.look("k", &mut keeper, || false);
    assert!(entry.is_some() && permit.generations().is_empty());
    let give_up: [fn(&Memory); 3] = [
        |memory| memory.give_up_copies("k"),
        |memory| memory.give_up_tagged_copies(&["t".into()]),
        Memory::give_up_all_copies,
    ];
    for give_up in give_up {
        let permit = copy(&memory, &mut keeper, "k");
        assert!(memory.is_current(&permit));
        give_up(&memory);
        assert!(!memory.is_current(&permit));
        assert!(memory.get("k").is_some(), "it is held all the same");
    }
}

/// Whatever a read could notice makes a copy invalid; a change of another key leaves it (but for keys that share a
/// place, which those here do not).
#[test]
fn every_change_that_a_read_could_notice_makes_a_copy_invalid() {
    type Change = fn(&Memory);
    let changes: [(&str, Change); 13] = [
        ("put", |memory| put(memory, "k", LONG, &["t"])),
        ("add after expiry", |memory| {
            memory.advance(Duration::from_secs(4000)).unwrap();
            assert!(memory.put("k", value("2", LONG, &[]), Condition::IfAbsent));
        }),
        ("forget", |memory| drop(apply(memory, Command::Forget { key: "k".into() }))),
        ("pull", |memory| drop(apply(memory, Command::Pull { key: "k".into() }))),
        ("increment", |memory| {
            drop(apply(memory, Command::Increment { key: "k".into(), step: 1.0, life: LONG }));
        }),
        ("touch", |memory| {
            drop(apply(memory, Command::Touch { key: "k".into(), ttl: Duration::from_secs(1) }));
        }),
        ("flush of its tag", |memory| drop(apply(memory, Command::FlushTags { tags: vec!["t".into()] }))),
        ("flush of tags, its own among them", |memory| {
            let tags = ["a", "t", "b"].map(Box::from).to_vec();
            drop(apply(memory, Command::FlushTags { tags }));
        }),
        ("flush", |memory| drop(apply(memory, Command::Flush { prefix: "".into() }))),
        ("flush of its prefix", |memory| drop(apply(memory, Command::Flush { prefix: "k".into() }))),
        ("expiry", |memory| memory.advance(Duration::from_secs(3600)).unwrap()),
        ("eviction", |memory| (0..4).for_each(|at| put(memory, &format!("other{at}"), LONG, &[]))),
        ("a value that is too large", |memory| {
            let large = value(&"1".repeat(100_000), LONG, &[]);
            assert!(!memory.put("k", large, Condition::Always));
        }),
    ];
    for (what, change) in changes {
        let bounds = Bounds { entries: Some(4), bytes: 50_000, policy: Policy::Lru };
        let (memory, mut keeper) = (memory(bounds, ClockKind::Manual), Keeper::default());
        put(&memory, "k", LONG, &["t"]);
        let permit = copy(&memory, &mut keeper, "k");
        assert!(memory.is_current(&permit), "before {what}");
        put(&memory, "another", LONG, &["u"]);
        apply(&memory, Command::FlushTags { tags: vec!["u".into()] });
        assert!(memory.is_current(&permit), "after a change of another key, before {what}");
        change(&memory);
        assert!(!memory.is_current(&permit), "after {what}");
    }
}

#[test]
fn a_fill_makes_a_copy_of_a_value_in_its_grace_invalid() {
    let (memory, mut keeper) = (manual(), Keeper::default());
    let grace = Life { ttl: Some(Duration::from_secs(1)), grace: Duration::from_secs(60) };
    put(&memory, "k", grace, &[]);
    let permit = copy(&memory, &mut keeper, "k");
    memory.advance(Duration::from_secs(1)).unwrap();
    assert!(!memory.is_current(&permit), "a value in its grace is none that a read gets");
    let lease = apply(&memory, Command::Lease { key: "k".into(), tags: Vec::new(), offline: false });
    let Reply::Lease(LeaseReply::Granted { lease, .. }) = lease else { panic!("{lease:?}") };
    apply(&memory, Command::Fill { key: "k".into(), lease, value: value("2", LONG, &[]), keep: true });
    assert_eq!(memory.look("k", &mut keeper, || true).0.unwrap().payload.as_number(), Some(2.0));
}

/// The store has evicted the key, and its thread has not told yet; whoever forgets the key finds nothing.
#[test]
fn forgetting_a_key_that_is_not_there_makes_copies_of_it_invalid() {
    let (memory, mut keeper) = (manual(), Keeper::default());
    put(&memory, "k", LONG, &[]);
    apply(&memory, Command::Forget { key: "k".into() });
    put(&memory, "k", LONG, &[]);
    let permit = copy(&memory, &mut keeper, "k");
    apply(&memory, Command::Forget { key: "k".into() });
    let gone = memory.look("k", &mut keeper, || true);
    assert!(gone.0.is_none() && gone.1.generations().is_empty() && !memory.is_current(&permit));
}

#[test]
fn no_copy_is_made_of_what_has_many_tags_or_ends_soon_or_is_no_json() {
    let (memory, mut keeper) = (manual(), Keeper::default());
    put(&memory, "tagged", LONG, &["a", "b", "c", "d"]);
    assert_eq!(copy(&memory, &mut keeper, "tagged").generations().len(), 5);
    put(&memory, "tagged", LONG, &["a", "b", "c", "d", "e"]);
    assert!(copy(&memory, &mut keeper, "tagged").generations().is_empty());
    put(&memory, "short", Life::of(Duration::from_millis(30)), &[]);
    assert!(copy(&memory, &mut keeper, "short").generations().is_empty());
    let bytes = Value { payload: Payload::new(Format::Bytes, *b"1"), life: LONG, tags: Vec::new() };
    memory.put("bytes", bytes, Condition::Always);
    assert!(copy(&memory, &mut keeper, "bytes").generations().is_empty());
}

#[test]
fn with_a_manual_clock_a_copy_is_never_valid_when_its_entry_is_over() {
    let (memory, mut keeper) = (manual(), Keeper::default());
    for ttl in [37, 100, 999, 1000, 12_345, 3_600_000] {
        put(&memory, "k", Life::of(Duration::from_millis(ttl)), &[]);
        let mut left = ttl;
        while left > 0 {
            let permit = copy(&memory, &mut keeper, "k");
            assert!(memory.look("k", &mut keeper, || true).0.is_some(), "{left} of {ttl} ms left");
            let step = (left / 3).max(1);
            memory.advance(Duration::from_millis(step)).unwrap();
            left -= step;
            assert!(left > 0 || !memory.is_current(&permit), "{ttl}");
        }
        assert!(memory.look("k", &mut keeper, || true).0.is_none());
    }
}

#[test]
fn by_the_machines_clock_the_alarm_makes_a_copy_invalid() {
    let (memory, mut keeper) = (memory(Bounds::default(), ClockKind::System), Keeper::default());
    put(&memory, "later", LONG, &[]);
    let later = copy(&memory, &mut keeper, "later");
    put(&memory, "k", Life::of(Duration::from_millis(200)), &[]);
    let permit = copy(&memory, &mut keeper, "k");
    assert!(memory.is_current(&permit) && memory.is_current(&later));
    let begun = Instant::now();
    while memory.is_current(&permit) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the alarm did not ring");
        std::thread::yield_now();
    }
    assert!(memory.is_current(&later), "it is not over");
}

#[test]
fn a_store_that_is_gone_leaves_an_alarm_that_wakes_nobody() {
    for _ in 0..20 {
        let (memory, mut keeper) = (memory(Bounds::default(), ClockKind::System), Keeper::default());
        put(&memory, "k", Life::of(Duration::from_millis(60)), &[]);
        assert!(!copy(&memory, &mut keeper, "k").generations().is_empty());
    }
    let (memory, mut keeper) = (memory(Bounds::default(), ClockKind::System), Keeper::default());
    put(&memory, "k", Life::of(Duration::from_millis(100)), &[]);
    let permit = copy(&memory, &mut keeper, "k");
    while memory.is_current(&permit) {
        std::thread::yield_now();
    }
}

#[test]
fn a_use_that_is_told_keeps_a_key_from_being_evicted() {
    for policy in [Policy::Lru, Policy::TinyLfu] {
        let (memory, mut keeper) = (
            memory(Bounds { entries: Some(400), policy, ..Bounds::default() }, ClockKind::Manual),
            Keeper::default(),
        );
        put(&memory, "hot", LONG, &[]);
        copy(&memory, &mut keeper, "hot");
        for at in 0..4000 {
            memory.used("hot");
            put(&memory, &format!("k{at}"), LONG, &[]);
        }
        assert!(memory.get("hot").is_some(), "{policy:?}");
    }
}

/// What is told once an era counts for two reads, and for one where every use is told.
#[test]
fn a_use_that_is_told_counts_for_the_policy_that_counts() {
    for (entries, is_let_in) in [(300, true), (200, false)] {
        let bounds = Bounds { entries: Some(entries), policy: Policy::TinyLfu, ..Bounds::default() };
        let memory = memory(bounds, ClockKind::Manual);
        for at in 0..entries {
            let key = format!("k{at}");
            put(&memory, &key, LONG, &[]);
            (0..3).for_each(|_| assert!(memory.get(&key).is_some()));
        }
        (0..2).for_each(|_| memory.used("told"));
        put(&memory, "told", LONG, &[]);
        for at in 0..20 {
            put(&memory, &format!("new{at}"), LONG, &[]);
        }
        assert_eq!(memory.get("told").is_some(), is_let_in, "among {entries}");
    }
}

#[test]
fn an_era_ends_with_an_eighth_of_the_entries_and_never_in_a_tiny_store() {
    let era = |memory: &Memory| memory.words()[0].load(Ordering::Relaxed);
    let large = memory(Bounds { entries: Some(8000), ..Bounds::default() }, ClockKind::Manual);
    for at in 0..8000 {
        put(&large, &format!("k{at}"), LONG, &[]);
    }
    let before = era(&large);
    for at in 0..8000 {
        put(&large, &format!("k{at}"), LONG, &[]);
    }
    assert_eq!(era(&large), before, "nothing came and nothing left");
    for at in 0..8000 {
        put(&large, &format!("n{at}"), LONG, &[]);
    }
    let eras = era(&large) - before;
    assert!((15..=17).contains(&eras), "{eras} eras in one turnover: each evicts what comes");
    let tiny = memory(Bounds { entries: Some(256), ..Bounds::default() }, ClockKind::Manual);
    for at in 0..1000 {
        put(&tiny, &format!("k{at}"), LONG, &[]);
    }
    assert_eq!(era(&tiny), 0);
}

/// A reader that keeps copies never sees the counter go back, whoever writes; and a copy is gone before anybody
/// can read what comes after it.
#[test]
fn no_thread_reads_an_older_value_than_any_thread_has_read() {
    for clear in [false, true] {
        let memory = manual();
        let (latest, done) = (AtomicU64::new(0), AtomicBool::new(false));
        memory.put("k", value("1", LONG, &["t"]), Condition::Always);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut keeper = Keeper::default();
                    let mut kept: Option<(Permit, u64)> = None;
                    while !done.load(Ordering::Relaxed) {
                        // What any thread had read by now.
                        let least = latest.load(Ordering::SeqCst);
                        let copied = kept.as_ref().filter(|(permit, _)| memory.is_current(permit));
                        let read = if let Some((_, number)) = copied {
                            Some(*number)
                        } else {
                            let (entry, permit) = memory.look("k", &mut keeper, || true);
                            let number =
                                entry.and_then(|entry| entry.payload.as_number()).map(|is| is as u64);
                            kept = number.filter(|_| !permit.generations().is_empty()).map(|is| (permit, is));
                            number
                        };
                        if let Some(read) = read {
                            assert!(read >= least, "{read} after {least}");
                            latest.fetch_max(read, Ordering::SeqCst);
                        }
                    }
                });
            }
            for number in 2..10_000_u64 {
                memory.put("k", value(&number.to_string(), LONG, &["t"]), Condition::Always);
                match number % 16 {
                    1 => drop(apply(&memory, Command::FlushTags { tags: vec!["t".into()] })),
                    5 => drop(apply(&memory, Command::Forget { key: "k".into() })),
                    9 if clear => drop(apply(&memory, Command::Flush { prefix: "".into() })),
                    13 => drop(apply(&memory, Command::Flush { prefix: "k".into() })),
                    _ => {}
                }
                if number % 4 == 1 && (clear || number % 16 != 9) {
                    // What was invalidated is older than what is written next.
                    latest.fetch_max(number + 1, Ordering::SeqCst);
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
