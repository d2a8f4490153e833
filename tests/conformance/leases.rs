//! Leases: one run of a factory, whose result a newer write or invalidation keeps out.

use std::time::Duration;

use ferrocache::core::command::{Command, Condition, LeaseId, LeaseReply, Reply, Sequence};
use ferrocache::core::hub::{Notice, Outcome, SessionId};
use ferrocache::core::value::Life;

use super::{LONG, Make, Needs, Subject, cases, json, names, value};

pub fn run(make: Make) {
    cases(
        make,
        &[
            ("a miss is granted once and a hit never", Needs::Commands, granted_once),
            ("a filled value is read, and who waits is told", Needs::Commands, filled),
            ("every write and invalidation keeps an older result out", Needs::Commands, no_resurrection),
            ("a tag that is named late counts from when the factory began", Needs::Commands, late_tags),
            ("who asks after an invalidation does not join the older run", Needs::Commands, no_joining),
            ("who joined after a late tag's flush is told to compute anew", Needs::Commands, superseded),
            ("a failed run tells who waits and is over", Needs::Commands, failed),
            ("a session that goes away hands its runs over", Needs::Commands, abandoned),
            ("a value in its grace comes with the lease", Needs::ManualClock, stale),
            ("a result that is not to be kept is handed over and not stored", Needs::Commands, not_kept),
        ],
    );
}

fn lease(subject: &Subject, session: SessionId, key: &str, tags: &[&str]) -> LeaseReply {
    match subject.ask_as(session, Command::Lease { key: key.into(), tags: names(tags), offline: false }) {
        Reply::Lease(reply) => reply,
        reply => panic!("a lease answers {reply:?}"),
    }
}

fn granted(subject: &Subject, key: &str, tags: &[&str]) -> LeaseId {
    match lease(subject, subject.first, key, tags) {
        LeaseReply::Granted { lease, .. } => lease,
        reply => panic!("expected a grant, got {reply:?}"),
    }
}

fn held(subject: &Subject, session: SessionId, key: &str) -> (LeaseId, Sequence) {
    match lease(subject, session, key, &[]) {
        LeaseReply::Held { lease, joined, .. } => (lease, joined),
        reply => panic!("expected a run under way, got {reply:?}"),
    }
}

fn fill(subject: &Subject, key: &str, lease: LeaseId, text: &str, tags: &[&str]) -> (bool, Sequence) {
    let command = Command::Fill { key: key.into(), lease, value: value(text, LONG, tags), keep: true };
    match subject.ask(command) {
        Reply::Filled { stored, superseded } => (stored, superseded),
        reply => panic!("a fill answers {reply:?}"),
    }
}

fn granted_once(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    assert_eq!(held(subject, subject.second, "k").0, run);
    assert_eq!(held(subject, subject.first, "k").0, run);
    fill(subject, "k", run, "1", &[]);
    assert_eq!(lease(subject, subject.second, "k", &[]), LeaseReply::Hit(json("1")));
}

fn filled(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    held(subject, subject.second, "k");
    held(subject, subject.second, "k");
    assert_eq!(fill(subject, "k", run, "1", &[]), (true, 0));
    assert_eq!(subject.get("k"), Some("1".into()));
    let told = subject.told_second();
    let [Notice::Flight { lease, outcome: Outcome::Value(payload), superseded: 0 }] = &told[..] else {
        panic!("told {told:?}");
    };
    assert_eq!((*lease, &**payload), (run, &json("1")));
}

/// A write or an invalidation, and what the key holds after it.
type Newer = (&'static str, fn(&Subject), Option<&'static str>);

fn no_resurrection(subject: &Subject) {
    let writes: [Newer; 7] = [
        ("forget", |subject| assert!(!subject.forget("k")), None),
        ("put", |subject| subject.put("k", "\"new\""), Some("\"new\"")),
        ("pull", |subject| assert_ne!(subject.ask(Command::Pull { key: "k".into() }), Reply::Done), None),
        (
            "add",
            |subject| {
                let value = value("\"new\"", LONG, &[]);
                subject.ask(Command::Put { key: "k".into(), value, condition: Condition::IfAbsent });
            },
            Some("\"new\""),
        ),
        (
            "increment",
            |subject| {
                let step = Command::Increment { key: "k".into(), step: 5.0, life: LONG };
                assert_eq!(subject.ask(step), Reply::Number(5.0));
            },
            Some("5"),
        ),
        ("tag flush", |subject| subject.flush_tags(&["t"]), None),
        ("flush", |subject| subject.flush(""), None),
    ];
    for (name, write, after) in writes {
        subject.flush("");
        let run = granted(subject, "k", &["t"]);
        write(subject);
        assert!(!fill(subject, "k", run, "\"old\"", &["t"]).0, "{name} must keep the older result out");
        assert_eq!(subject.get("k").as_deref(), after, "after {name}");
    }
    let run = granted(subject, "a:k", &[]);
    subject.flush("a:");
    assert!(!fill(subject, "a:k", run, "\"old\"", &[]).0);
}

fn late_tags(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    subject.flush_tags(&["t"]);
    assert!(!fill(subject, "k", run, "1", &["t"]).0);
    assert_eq!(subject.get("k"), None);
    // Also where the tag was forgotten meanwhile.
    let run = granted(subject, "k", &[]);
    subject.flush_tags(&["t"]);
    subject.driver.sweep();
    assert!(!fill(subject, "k", run, "1", &["t"]).0);
    // And where the factory names other tags than it began with.
    let run = granted(subject, "k", &["t"]);
    subject.flush_tags(&["t"]);
    assert!(!fill(subject, "k", run, "1", &["other"]).0);
    let run = granted(subject, "k", &[]);
    assert!(fill(subject, "k", run, "1", &["t"]).0);
}

fn no_joining(subject: &Subject) {
    let invalidations: [fn(&Subject); 3] = [
        |subject| assert!(!subject.forget("k")),
        |subject| subject.flush_tags(&["t"]),
        |subject| subject.flush(""),
    ];
    for invalidate in invalidations {
        let older = granted(subject, "k", &["t"]);
        invalidate(subject);
        let newer = granted(subject, "k", &["t"]);
        assert_ne!(older, newer);
        assert!(!fill(subject, "k", older, "\"old\"", &["t"]).0);
        assert_eq!(subject.get("k"), None);
        assert!(fill(subject, "k", newer, "\"new\"", &["t"]).0);
        assert_eq!(subject.get("k"), Some("\"new\"".into()));
        subject.flush("");
    }
}

fn superseded(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    let (_, before) = held(subject, subject.second, "k");
    subject.flush_tags(&["t"]);
    let (_, after) = held(subject, subject.second, "k");
    let (stored, superseded) = fill(subject, "k", run, "1", &["t"]);
    assert!(!stored);
    // Who joined after it asks anew; who joined before may be given the value, or ask anew too.
    assert!(superseded > 0 && superseded <= after, "{before}, {superseded} <= {after}");
}

fn failed(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    held(subject, subject.second, "k");
    subject.ask(Command::Fail { key: "k".into(), lease: run, error: "why".into() });
    let told = subject.told_second();
    let [Notice::Flight { outcome: Outcome::Failed(error), .. }] = &told[..] else { panic!("told {told:?}") };
    assert_eq!(&**error, "why");
    granted(subject, "k", &[]);
}

fn abandoned(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    held(subject, subject.second, "k");
    subject.release(subject.first);
    let told = subject.told_second();
    assert!(
        matches!(&told[..], [Notice::Flight { lease, outcome: Outcome::Abandoned, .. }] if *lease == run)
    );
    assert!(matches!(lease(subject, subject.second, "k", &[]), LeaseReply::Granted { .. }));
    // The holder that comes back to life is too late.
    assert!(!fill(subject, "k", run, "\"old\"", &[]).0);
    assert_eq!(subject.get("k"), None);
}

fn stale(subject: &Subject) {
    let life = Life { ttl: Some(Duration::from_secs(10)), grace: Duration::from_secs(10) };
    subject.put_for("k", "1", life, &["t"]);
    subject.advance(15);
    let LeaseReply::Granted { stale, lease: run } = lease(subject, subject.first, "k", &[]) else { panic!() };
    assert_eq!(stale, Some(json("1")));
    subject.ask(Command::Fail { key: "k".into(), lease: run, error: "".into() });
    let LeaseReply::Granted { lease: run, .. } = lease(subject, subject.first, "k", &[]) else { panic!() };
    let over = Command::Fill {
        key: "k".into(),
        lease: run,
        value: value("2", Life::of(Duration::ZERO), &[]),
        keep: true,
    };
    subject.ask(over);
    assert_eq!(subject.ask(Command::Peek { key: "k".into() }), Reply::Payload(None), "a TTL of zero removes");
    subject.put_for("k", "1", life, &["t"]);
    subject.advance(15);
    subject.flush_tags(&["t"]);
    let LeaseReply::Granted { stale, .. } = lease(subject, subject.first, "k", &[]) else { panic!() };
    assert_eq!(stale, None, "an invalidated value is never served, not even stale");
}

fn not_kept(subject: &Subject) {
    let run = granted(subject, "k", &[]);
    held(subject, subject.second, "k");
    let command = Command::Fill { key: "k".into(), lease: run, value: value("1", LONG, &[]), keep: false };
    assert_eq!(subject.ask(command), Reply::Filled { stored: false, superseded: 0 });
    assert_eq!(subject.get("k"), None);
    assert_eq!(subject.told_second().len(), 1);
    granted(subject, "k", &[]);
}
