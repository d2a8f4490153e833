//! Entries: what is put can be read, until it is over.

use std::time::Duration;

use ferrocache::core::command::{Command, Condition, Reply};
use ferrocache::core::value::{Format, Life, Payload, Value};

use super::{LONG, Make, Needs, Subject, cases, changed, value};

pub fn run(make: Make) {
    cases(
        make,
        &[
            ("a batch is answered in the order of its commands", Needs::Commands, batch_order),
            ("what is put is read as it was, of every format", Needs::Commands, formats),
            ("any key is its own", Needs::Commands, keys),
            ("a value is over when its TTL is", Needs::ManualClock, expiry),
            ("a value for ever outlives everything", Needs::ManualClock, forever),
            ("a value in its grace is a miss to a read", Needs::ManualClock, grace),
            ("a put if absent yields to a value and not to one that is over", Needs::ManualClock, if_absent),
            ("forget and pull say what was there", Needs::Commands, forget_and_pull),
            ("touch gives a new life and nothing else", Needs::ManualClock, touch),
            ("a flush takes what is under its prefix", Needs::Commands, flush),
            ("a scan finds what can be read", Needs::ManualClock, scan),
            ("an entry that is over leaves without being read", Needs::ManualClock, sweep),
        ],
    );
}

fn batch_order(subject: &Subject) {
    let put = |text: &str| Command::Put {
        key: "k".into(),
        value: value(text, LONG, &[]),
        condition: Condition::Always,
    };
    let get = || Command::Get { key: "k".into() };
    let batch = vec![get(), put("1"), get(), put("2"), get(), Command::Forget { key: "k".into() }, get()];
    let replies: Vec<Reply> =
        subject.batch(subject.first, batch).into_iter().map(|reply| reply.unwrap()).collect();
    let held = |text: &str| Reply::Payload(Some(super::json(text)));
    let expected = [
        Reply::Payload(None),
        Reply::Changed(true),
        held("1"),
        Reply::Changed(true),
        held("2"),
        Reply::Changed(true),
        Reply::Payload(None),
    ];
    assert_eq!(replies, expected);
}

fn formats(subject: &Subject) {
    for format in [Format::Json, Format::SuperJson, Format::Bytes] {
        let payload = Payload::new(format, "\"h\u{e9}\u{1f980}\"".as_bytes());
        let value = Value { payload: payload.clone(), life: LONG, tags: Vec::new() };
        subject.ask(Command::Put { key: "k".into(), value, condition: Condition::Always });
        assert_eq!(subject.ask(Command::Get { key: "k".into() }), Reply::Payload(Some(payload)));
    }
}

fn keys(subject: &Subject) {
    let keys =
        ["", "a", "a:b", "*", "[a]", "\\", "\u{0}", "\u{1f980}", "\u{e9}", "e\u{301}", "tag:a", "lock:a"];
    for key in keys {
        subject.put(key, &format!("{key:?}"));
    }
    for key in keys {
        assert_eq!(subject.get(key), Some(format!("{key:?}")));
    }
}

fn expiry(subject: &Subject) {
    subject.put_for("k", "1", Life::of(Duration::from_secs(10)), &[]);
    subject.advance(9);
    assert_eq!(subject.get("k"), Some("1".into()));
    let remaining = subject.ask(Command::Remaining { key: "k".into() });
    assert_eq!(remaining, Reply::Remaining(Some(Duration::from_secs(1))));
    subject.advance(1);
    assert_eq!(subject.get("k"), None);
    assert_eq!(subject.ask(Command::Remaining { key: "k".into() }), Reply::Remaining(None));
}

fn forever(subject: &Subject) {
    subject.put_for("k", "1", Life::FOREVER, &[]);
    subject.advance(u64::from(u32::MAX));
    assert_eq!(subject.get("k"), Some("1".into()));
    assert_eq!(subject.ask(Command::Remaining { key: "k".into() }), Reply::Remaining(Some(Duration::MAX)));
}

fn grace(subject: &Subject) {
    let life = Life { ttl: Some(Duration::from_secs(10)), grace: Duration::from_secs(10) };
    subject.put_for("k", "1", life, &[]);
    subject.advance(15);
    assert_eq!(subject.get("k"), None);
    assert_eq!(subject.ask(Command::Peek { key: "k".into() }), Reply::Payload(Some(super::json("1"))));
    assert!(!subject.forget("k"));
    assert_eq!(subject.ask(Command::Peek { key: "k".into() }), Reply::Payload(None));
    subject.put_for("k", "2", life, &["t"]);
    assert!(changed(subject.ask(Command::Touch { key: "k".into(), ttl: Duration::from_secs(20) })));
    subject.advance(25);
    assert_eq!(subject.ask(Command::Peek { key: "k".into() }), Reply::Payload(Some(super::json("2"))));
    subject.flush_tags(&["t"]);
    assert_eq!(subject.ask(Command::Peek { key: "k".into() }), Reply::Payload(None));
}

fn if_absent(subject: &Subject) {
    let add = |text| {
        changed(subject.ask(Command::Put {
            key: "k".into(),
            value: value(text, Life::of(Duration::from_secs(10)), &[]),
            condition: Condition::IfAbsent,
        }))
    };
    assert!(add("1"));
    assert!(!add("2"));
    assert_eq!(subject.get("k"), Some("1".into()));
    subject.advance(10);
    assert!(add("3"));
    assert_eq!(subject.get("k"), Some("3".into()));
}

fn forget_and_pull(subject: &Subject) {
    assert!(!subject.forget("k"));
    subject.put("k", "1");
    assert!(subject.forget("k"));
    assert_eq!(subject.get("k"), None);
    subject.put("k", "2");
    assert_eq!(subject.ask(Command::Pull { key: "k".into() }), Reply::Payload(Some(super::json("2"))));
    assert_eq!(subject.ask(Command::Pull { key: "k".into() }), Reply::Payload(None));
}

fn touch(subject: &Subject) {
    let touch = |seconds| Command::Touch { key: "k".into(), ttl: Duration::from_secs(seconds) };
    assert!(!changed(subject.ask(touch(10))));
    subject.put_for("k", "1", Life::of(Duration::from_secs(10)), &["t"]);
    assert!(changed(subject.ask(touch(100))));
    subject.advance(50);
    assert_eq!(subject.get("k"), Some("1".into()));
    subject.flush_tags(&["t"]);
    assert_eq!(subject.get("k"), None);
}

fn flush(subject: &Subject) {
    for key in ["a:1", "a:2", "a*", "b:1"] {
        subject.put(key, "1");
    }
    subject.flush("a:");
    assert_eq!(["a:1", "a:2", "a*", "b:1"].map(|key| subject.get(key).is_some()), [false, false, true, true]);
    subject.flush("");
    assert_eq!(["a*", "b:1"].map(|key| subject.get(key).is_some()), [false, false]);
    subject.put("a:1", "2");
    assert_eq!(subject.get("a:1"), Some("2".into()));
}

fn scan(subject: &Subject) {
    subject.put("a:1", "1");
    subject.put_for("a:2", "1", Life::of(Duration::from_secs(1)), &[]);
    subject.put_for("a:3", "1", LONG, &["t"]);
    subject.put("b:1", "1");
    subject.flush_tags(&["t"]);
    subject.advance(2);
    let found = |prefix: &str| match subject.ask(Command::Scan { prefix: prefix.into(), cursor: None }) {
        Reply::Keys { mut keys, cursor: None } => {
            keys.sort();
            keys.join(" ")
        }
        reply => panic!("a scan answers {reply:?}"),
    };
    assert_eq!(found("a:"), "a:1");
    assert_eq!(found(""), "a:1 b:1");
}

fn sweep(subject: &Subject) {
    for at in 0..100 {
        subject.put_for(&format!("k{at}"), "1", Life::of(Duration::from_secs(1 + at % 2)), &[]);
    }
    subject.put_for("tagged", "1", LONG, &["t"]);
    subject.advance(1);
    assert_eq!(subject.driver.holdings().entries.unwrap(), 51);
    subject.advance(1);
    assert_eq!(subject.driver.holdings().entries.unwrap(), 1);
    subject.flush_tags(&["t"]);
    subject.driver.sweep();
    assert_eq!(subject.driver.holdings().entries.unwrap(), 0);
}
