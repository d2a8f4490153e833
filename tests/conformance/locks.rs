//! Locks: one owner at a time, and nothing but their owner and their time ends them.

use std::time::Duration;

use ferrocache::core::command::{Command, LockReply, Reply};
use ferrocache::core::hub::{Notice, SessionId};

use super::{Make, Needs, Subject, cases, changed};

pub fn run(make: Make) {
    cases(
        make,
        &[
            ("a lock has one owner at a time", Needs::Commands, one_owner),
            ("a lock is free when its time is over", Needs::ManualClock, expiry),
            ("an extension counts from when it is asked", Needs::ManualClock, extension),
            ("a flush leaves locks alone, and a key of that name is another thing", Needs::Commands, flush),
            ("who waits is told when the lock is free", Needs::ManualClock, told),
            ("a session that goes away frees its locks", Needs::Commands, abandoned),
            ("no two of several threads hold a lock at once", Needs::Commands, concurrent),
        ],
    );
}

const TTL: Duration = Duration::from_secs(10);

fn take(subject: &Subject, session: SessionId, owner: &str) -> LockReply {
    let command = Command::Lock { name: "job".into(), owner: owner.into(), ttl: TTL, wait: true };
    match subject.ask_as(session, command) {
        Reply::Lock(reply) => reply,
        reply => panic!("a lock answers {reply:?}"),
    }
}

fn took(subject: &Subject, owner: &str) -> bool {
    matches!(take(subject, subject.first, owner), LockReply::Acquired { .. })
}

fn release(subject: &Subject, owner: &str) -> bool {
    changed(subject.ask(Command::Unlock { name: "job".into(), owner: owner.into() }))
}

fn one_owner(subject: &Subject) {
    assert!(took(subject, "a"));
    let LockReply::Busy { expires_in } = take(subject, subject.second, "b") else { panic!("it is held") };
    // A clock that cannot be stopped has gone on.
    assert!(expires_in <= TTL && expires_in > TTL / 2, "{expires_in:?}");
    assert!(!release(subject, "b"));
    assert!(release(subject, "a"));
    assert!(took(subject, "b"));
    assert!(!release(subject, "a"));
}

fn expiry(subject: &Subject) {
    let LockReply::Acquired { fence: first } = take(subject, subject.first, "a") else { panic!() };
    subject.advance(10);
    let LockReply::Acquired { fence: second } = take(subject, subject.second, "b") else { panic!() };
    assert!(first < second);
    assert!(!release(subject, "a"));
}

fn extension(subject: &Subject) {
    let extend = |owner: &str| {
        changed(subject.ask(Command::Extend { name: "job".into(), owner: owner.into(), ttl: TTL }))
    };
    assert!(!extend("a"));
    assert!(took(subject, "a"));
    subject.advance(8);
    assert!(extend("a"));
    assert!(!extend("b"));
    subject.advance(8);
    assert!(!took(subject, "b"));
    subject.advance(2);
    assert!(!extend("a"));
    assert!(took(subject, "b"));
}

fn flush(subject: &Subject) {
    assert!(took(subject, "a"));
    subject.put("job", "1");
    subject.flush("");
    assert_eq!(subject.get("job"), None);
    assert!(!took(subject, "b"));
    subject.forget("job");
    assert!(!took(subject, "b"));
}

fn told(subject: &Subject) {
    assert!(took(subject, "a"));
    take(subject, subject.second, "b");
    release(subject, "a");
    let told = subject.told_second();
    assert!(matches!(&told[..], [Notice::LockFree { name }] if &**name == "job"), "told {told:?}");
    assert!(took(subject, "a"));
    take(subject, subject.second, "b");
    subject.advance(10);
    assert_eq!(subject.told_second().len(), 1, "an expiry frees it too");
}

fn abandoned(subject: &Subject) {
    assert!(took(subject, "a"));
    take(subject, subject.second, "b");
    subject.release(subject.first);
    assert_eq!(subject.told_second().len(), 1);
    assert!(matches!(take(subject, subject.second, "b"), LockReply::Acquired { .. }));
}

fn concurrent(subject: &Subject) {
    let inside = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for owner in ["a", "b", "c", "d"] {
            let inside = &inside;
            scope.spawn(move || {
                for _ in 0..200 {
                    if took(subject, owner) {
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        assert!(release(subject, owner));
                    }
                }
            });
        }
    });
}
