//! Writes that were given up: they may still be on their way, and arrive after what is done next.
//!
//! A write that names the revision it replaces is refused then. One that names none is not, if there is no document: so
//! whoever removes a key of which a write may be late leaves a document that says so. It stays for longer than anything
//! is on its way.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// After so long nothing is on its way any more.
pub const LONGEST: Duration = Duration::from_secs(120);
/// So many keys are remembered; of more, those that are late longest are forgotten first.
const MOST: usize = 10_000;

/// The keys of which a write may be late.
#[derive(Default)]
pub struct Late(Mutex<HashMap<Box<str>, Instant>>);

impl Late {
    /// A write of a key was given up.
    pub fn note(&self, key: &str) {
        let (mut keys, now) = (self.0.lock(), Instant::now());
        if keys.len() >= MOST && !keys.contains_key(key) {
            keys.retain(|_, since| now - *since < LONGEST);
            if keys.len() >= MOST
                && let Some((first, _)) = keys.iter().min_by_key(|(_, since)| **since)
            {
                let first = first.clone();
                keys.remove(&first);
            }
        }
        keys.insert(key.into(), now);
    }

    /// Since when a write of a key may be late, if one may.
    pub fn of(&self, key: &str) -> Option<Instant> {
        self.0.lock().get(key).copied().filter(|since| since.elapsed() < LONGEST)
    }

    /// The keys under a prefix of which a write may be late, and since when.
    pub fn under(&self, prefix: &str) -> Vec<(Box<str>, Instant)> {
        let keys = self.0.lock();
        let late = keys.iter().filter(|(key, since)| key.starts_with(prefix) && since.elapsed() < LONGEST);
        late.map(|(key, since)| (key.clone(), *since)).collect()
    }

    /// A document keeps out what was late then.
    pub fn kept_out(&self, key: &str, since: Option<Instant>) {
        let mut keys = self.0.lock();
        if keys.get(key).is_some_and(|last| Some(*last) == since) {
            keys.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_after_the_look_is_still_late() {
        let late = Late::default();
        late.note("k");
        let since = late.of("k");
        late.0.lock().insert("k".into(), Instant::now() + Duration::from_millis(1));
        late.kept_out("k", since);
        assert!(late.of("k").is_some());
        late.kept_out("k", late.of("k"));
        assert_eq!((late.of("k"), late.under("").len()), (None, 0));
    }

    #[test]
    fn of_too_many_the_first_is_forgotten() {
        let late = Late::default();
        let earlier = Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now);
        late.0.lock().insert("first".into(), earlier);
        for at in 0..MOST {
            late.note(&format!("k{at}"));
        }
        assert_eq!((late.of("first"), late.under("k").len()), (None, MOST));
    }
}
