//! Writes that were given up: they may still be on their way, and arrive after what is done next.
//!
//! A write that names the revision it replaces is refused then. One that names none is not, if there is no document: so
//! whoever removes a key of which a write may be late leaves a document that says so.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// After so long nothing is on its way any more.
const LONGEST: Duration = Duration::from_secs(120);
/// So many keys are remembered; of more, those that are late longest are forgotten first.
const MOST: usize = 10_000;

/// The keys of which a write may be late.
#[derive(Default)]
pub struct Late(Mutex<HashMap<Box<str>, Instant>>);

impl Late {
    /// A write of a key was given up.
    pub fn note(&self, key: &str) {
        let (mut keys, now) = (self.0.lock(), Instant::now());
        if keys.len() >= MOST {
            keys.retain(|_, since| now - *since < LONGEST);
        }
        if keys.len() < MOST {
            keys.insert(key.into(), now);
        }
    }

    /// Whether a write of a key may be late.
    pub fn may_come(&self, key: &str) -> bool {
        self.0.lock().get(key).is_some_and(|since| since.elapsed() < LONGEST)
    }

    /// The keys under a prefix of which a write may be late.
    pub fn under(&self, prefix: &str) -> Vec<Box<str>> {
        self.0.lock().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }
}
