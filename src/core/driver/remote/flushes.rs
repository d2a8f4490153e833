//! What is put while a flush is under way.
//!
//! A flush looks through the keys page by page. What this process puts after it was asked for is newer, and must
//! stay: the flush leaves such keys alone. A put that failed has left the older value, which must go after all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

#[derive(Default)]
struct Flush {
    prefix: Box<str>,
    /// By key, whether the put has failed.
    written: HashMap<Box<[u8]>, bool>,
}

/// The flushes that are under way.
#[derive(Default)]
pub struct Flushes {
    running: Mutex<HashMap<u64, Flush>>,
    count: AtomicUsize,
    last: AtomicU64,
}

/// A flush that is under way, until it is dropped.
pub struct Running<'a> {
    flushes: &'a Flushes,
    /// Names it.
    pub id: u64,
}

impl Flushes {
    /// Begins a flush.
    pub fn begin(&self, prefix: &str) -> Running<'_> {
        let mut running = self.running.lock();
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        running.insert(id, Flush { prefix: prefix.into(), written: HashMap::new() });
        self.count.fetch_add(1, Ordering::Relaxed);
        Running { flushes: self, id }
    }

    /// A key is being put.
    pub fn written(&self, key: &str) {
        self.note(key.as_bytes(), false);
    }

    /// A key could not be put.
    pub fn unwritten(&self, key: &[u8]) {
        self.note(key, true);
    }

    fn note(&self, key: &[u8], failed: bool) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        for flush in self.running.lock().values_mut().filter(|flush| key.starts_with(flush.prefix.as_bytes()))
        {
            // A failure says something only of a put that came after the flush was begun.
            if !failed || flush.written.contains_key(key) {
                flush.written.insert(key.into(), failed);
            }
        }
    }

    /// Leaves only the keys that were not put since the flush began.
    pub fn keep_written(&self, id: u64, keys: &mut Vec<Vec<u8>>) {
        if let Some(flush) = self.running.lock().get(&id) {
            keys.retain(|key| !flush.written.contains_key(&key[..]));
        }
    }
}

impl Running<'_> {
    /// The keys that were left alone for puts that then failed.
    pub fn unwritten(&self) -> Vec<Vec<u8>> {
        let running = self.flushes.running.lock();
        let written = running.get(&self.id).map(|flush| &flush.written);
        let failed = written.into_iter().flatten().filter(|(_, failed)| **failed);
        failed.map(|(key, _)| key.to_vec()).collect()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.flushes.running.lock().remove(&self.id);
        self.flushes.count.fetch_sub(1, Ordering::Relaxed);
    }
}
