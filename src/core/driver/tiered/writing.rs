//! What this process is writing: from the moment at which it is asked until it is answered, nothing of it is served
//! from the upper tier, and nothing is kept there. So what a thread asks after its own write comes after it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// The keys that are being written, and how many flushes are under way.
#[derive(Default)]
pub struct Writing {
    keys: Mutex<HashMap<Box<str>, usize>>,
    count: AtomicUsize,
    flushes: AtomicUsize,
}

impl Writing {
    /// A write of a key is asked for.
    pub fn begin(&self, key: &str) {
        *self.keys.lock().entry(key.into()).or_default() += 1;
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    /// It is answered.
    pub fn end(&self, key: &str) {
        let mut keys = self.keys.lock();
        let Some(writes) = keys.get_mut(key) else { return };
        *writes -= 1;
        if *writes == 0 {
            keys.remove(key);
        }
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// A flush is asked for.
    pub fn begin_flush(&self) {
        self.flushes.fetch_add(1, Ordering::AcqRel);
    }

    /// It is answered.
    pub fn end_flush(&self) {
        let one_less = |flushes: usize| flushes.checked_sub(1);
        let _ = self.flushes.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
    }

    /// Whether a key may be changed by what is under way.
    pub fn covers(&self, key: &str) -> bool {
        self.flushes.load(Ordering::Acquire) > 0
            || (self.count.load(Ordering::Acquire) > 0 && self.keys.lock().contains_key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_covered_until_its_last_write_is_answered() {
        let writing = Writing::default();
        writing.begin("k");
        writing.begin("k");
        writing.end("k");
        assert!(writing.covers("k") && !writing.covers("other"));
        writing.end("k");
        writing.end("k");
        assert!(!writing.covers("k"));
        writing.begin_flush();
        assert!(writing.covers("k"));
        writing.end_flush();
        writing.end_flush();
        assert!(!writing.covers("k"));
    }
}
