//! Counters: JSON numbers that several may raise at once.

use std::time::Duration;

use ferrocache::core::command::{Command, Reply};
use ferrocache::core::error::ErrorKind;
use ferrocache::core::value::Life;

use super::{LONG, Make, Needs, Subject, cases};

pub fn run(make: Make) {
    cases(
        make,
        &[
            ("a counter starts at zero and can be read", Needs::Commands, from_nothing),
            ("a number that was put counts on", Needs::Commands, from_a_number),
            ("a later step keeps the counter's life and tags", Needs::ManualClock, keeps_life),
            ("a value that is no number is refused and stays", Needs::Commands, refused),
            ("a counter stops where numbers are not exact", Needs::Commands, range),
            ("no step of several threads is lost", Needs::Commands, concurrent),
        ],
    );
}

fn step(key: &str, step: f64) -> Command {
    Command::Increment { key: key.into(), step, life: LONG }
}

fn from_nothing(subject: &Subject) {
    assert_eq!(subject.ask(step("n", 1.0)), Reply::Number(1.0));
    assert_eq!(subject.ask(step("n", -3.0)), Reply::Number(-2.0));
    assert_eq!(subject.get("n"), Some("-2".into()));
    assert_eq!(subject.ask(step("n", 2.5)), Reply::Number(0.5));
    assert_eq!(subject.get("n"), Some("0.5".into()));
}

fn from_a_number(subject: &Subject) {
    subject.put("n", "10");
    assert_eq!(subject.ask(step("n", 1.0)), Reply::Number(11.0));
}

fn keeps_life(subject: &Subject) {
    let life = Life::of(Duration::from_secs(10));
    subject.ask(Command::Increment { key: "n".into(), step: 1.0, life });
    subject.advance(5);
    subject.ask(step("n", 1.0));
    let remaining = subject.ask(Command::Remaining { key: "n".into() });
    assert_eq!(remaining, Reply::Remaining(Some(Duration::from_secs(5))));
    subject.put_for("m", "1", LONG, &["t"]);
    subject.ask(step("m", 1.0));
    subject.flush_tags(&["t"]);
    assert_eq!(subject.ask(step("m", 1.0)), Reply::Number(1.0));
}

fn refused(subject: &Subject) {
    for text in ["\"1\"", "null", "[1]", "true"] {
        subject.put("k", text);
        let error = subject.batch(subject.first, vec![step("k", 1.0)]).remove(0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotANumber);
        assert_eq!(subject.get("k"), Some(text.into()));
    }
}

fn range(subject: &Subject) {
    subject.put("n", "9007199254740990");
    assert_eq!(subject.ask(step("n", 1.0)), Reply::Number(9_007_199_254_740_991.0));
    let error = subject.batch(subject.first, vec![step("n", 1.0)]).remove(0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NumberRange);
    assert_eq!(subject.get("n"), Some("9007199254740991".into()));
}

fn concurrent(subject: &Subject) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    subject.ask(step("n", 1.0));
                }
            });
        }
    });
    assert_eq!(subject.get("n"), Some("2000".into()));
}
