//! Tags: one flush makes every entry that has the tag a miss, in every order of events.

use super::{LONG, Make, Needs, Subject, cases};

pub fn run(make: Make) {
    cases(
        make,
        &[
            ("flushing one tag of an entry is enough", Needs::Commands, one_of_several),
            ("flushing several tags flushes the union", Needs::Commands, union),
            ("what is put after a flush is valid", Needs::Commands, put_after),
            ("an entry put anew without a tag is not flushed by it", Needs::Commands, retagged),
            ("flushing a tag that nothing has does nothing", Needs::Commands, unknown),
            ("tags that nothing has any more are forgotten", Needs::Holdings, forgotten),
        ],
    );
}

fn one_of_several(subject: &Subject) {
    subject.put_for("k", "1", LONG, &["a", "b", "c"]);
    subject.flush_tags(&["b"]);
    assert_eq!(subject.get("k"), None);
    assert!(!subject.forget("k"));
}

fn union(subject: &Subject) {
    subject.put_for("a", "1", LONG, &["a"]);
    subject.put_for("b", "1", LONG, &["b"]);
    subject.put_for("c", "1", LONG, &["c"]);
    subject.flush_tags(&["a", "b"]);
    assert_eq!(["a", "b", "c"].map(|key| subject.get(key).is_some()), [false, false, true]);
}

fn put_after(subject: &Subject) {
    subject.put_for("k", "1", LONG, &["t"]);
    subject.flush_tags(&["t"]);
    subject.put_for("k", "2", LONG, &["t"]);
    assert_eq!(subject.get("k"), Some("2".into()));
    subject.flush_tags(&["t"]);
    assert_eq!(subject.get("k"), None);
}

fn retagged(subject: &Subject) {
    subject.put_for("k", "1", LONG, &["t"]);
    subject.put("k", "2");
    subject.flush_tags(&["t"]);
    assert_eq!(subject.get("k"), Some("2".into()));
}

fn unknown(subject: &Subject) {
    subject.put("k", "1");
    subject.flush_tags(&["nobody"]);
    assert_eq!(subject.get("k"), Some("1".into()));
}

fn forgotten(subject: &Subject) {
    for at in 0..100 {
        subject.put_for("k", "1", LONG, &[&format!("t{at}")]);
    }
    subject.driver.holdings();
    subject.driver.sweep();
    assert!(subject.driver.holdings().tags.unwrap() <= 1, "{}", subject.driver.holdings().tags.unwrap());
}
