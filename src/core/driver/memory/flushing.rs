//! The prefixes that are being flushed: what is under them cannot be read until the flush is over.
//!
//! A flush of a prefix takes a while. Without this, a factory that starts meanwhile could compute from an entry
//! that the flush has not reached, and store the result after the flush has passed its key.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

/// The prefixes that are being flushed.
#[derive(Debug, Default)]
pub struct Flushing {
    /// How many: for a read, which mostly finds none, to look at no more than this.
    active: AtomicUsize,
    prefixes: RwLock<Vec<Box<str>>>,
}

impl Flushing {
    /// Whether a key is under one of them.
    pub fn covers(&self, key: &str) -> bool {
        self.active.load(Ordering::Acquire) > 0
            && self.prefixes.read().iter().any(|prefix| key.starts_with(&**prefix))
    }

    /// Works while a prefix counts as being flushed.
    pub fn during(&self, prefix: &str, work: impl FnOnce()) {
        self.prefixes.write().push(prefix.into());
        self.active.fetch_add(1, Ordering::AcqRel);
        work();
        let mut prefixes = self.prefixes.write();
        if let Some(at) = prefixes.iter().position(|active| **active == *prefix) {
            prefixes.swap_remove(at);
        }
        self.active.fetch_sub(1, Ordering::AcqRel);
    }
}
