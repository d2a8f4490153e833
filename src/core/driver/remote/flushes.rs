//! What is put while a flush is under way.
//!
//! A flush looks through the keys page by page. What this process puts after it was asked for is newer, and must
//! stay: the flush leaves such keys alone. Until the put is there, others may read the older value: so the flush is
//! over when those puts are. One that failed has left the older value, which must go after all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The puts of a key since a flush began.
#[derive(Default)]
struct Puts {
    under_way: usize,
    stored: bool,
    /// Whether the flush has left the key alone for them.
    left: bool,
}

impl Puts {
    /// Whether the key is newer than the flush, or is about to be.
    fn keep(&self) -> bool {
        self.stored || self.under_way > 0
    }
}

#[derive(Default)]
struct Flush {
    prefix: Box<str>,
    puts: HashMap<Box<[u8]>, Puts>,
    ended: Arc<Notify>,
}

/// The flushes that are under way.
#[derive(Default)]
pub struct Flushes {
    running: Mutex<HashMap<u64, Flush>>,
    count: AtomicUsize,
    next: AtomicU64,
}

/// When a put was begun: after which flushes.
#[derive(Clone, Copy)]
pub struct Begun(u64);

/// A flush that is under way, until it is dropped.
pub struct Running<'a> {
    flushes: &'a Flushes,
    id: u64,
}

impl Flushes {
    /// Begins a flush.
    pub fn begin(&self, prefix: &str) -> Running<'_> {
        let mut running = self.running.lock();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        running.insert(id, Flush { prefix: prefix.into(), ..Flush::default() });
        self.count.fetch_add(1, Ordering::Relaxed);
        Running { flushes: self, id }
    }

    /// A key is being put.
    pub fn put(&self, key: &[u8]) -> Begun {
        let begun = Begun(self.next.load(Ordering::Relaxed));
        self.concerned(key, begun, |flush| {
            flush.puts.entry(key.into()).or_default().under_way += 1;
        });
        begun
    }

    /// A put of a key has ended.
    pub fn put_ended(&self, key: &[u8], begun: Begun, stored: bool) {
        self.concerned(key, begun, |flush| {
            if let Some(puts) = flush.puts.get_mut(key) {
                puts.under_way = puts.under_way.saturating_sub(1);
                puts.stored |= stored;
            }
            flush.ended.notify_waiters();
        });
    }

    /// Does something with the flushes that a put came after.
    fn concerned(&self, key: &[u8], begun: Begun, mut each: impl FnMut(&mut Flush)) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        for (id, flush) in self.running.lock().iter_mut() {
            if *id < begun.0 && key.starts_with(flush.prefix.as_bytes()) {
                each(flush);
            }
        }
    }
}

impl Running<'_> {
    /// Whether a key is to be left alone, for it was put since the flush began, or is being put.
    pub fn leaves(&self, key: &[u8]) -> bool {
        self.with(|flush| match flush.puts.get_mut(key) {
            Some(puts) if puts.keep() => {
                puts.left = true;
                true
            }
            _ => false,
        })
    }

    /// The keys that were left alone for puts that then failed; known when all such puts have ended.
    pub async fn unwritten(&self) -> Vec<Box<[u8]>> {
        let ended = self.with(|flush| Arc::clone(&flush.ended));
        loop {
            // Before it is looked: what ends meanwhile is told.
            let next = ended.notified();
            let failed = self.with(|flush| {
                if flush.puts.values().any(|puts| puts.left && !puts.stored && puts.under_way > 0) {
                    return None;
                }
                let failed = flush.puts.extract_if(|_, puts| puts.left && !puts.keep());
                Some(failed.map(|(key, _)| key).collect())
            });
            match failed {
                Some(failed) => return failed,
                None => next.await,
            }
        }
    }

    fn with<T: Default>(&self, what: impl FnOnce(&mut Flush) -> T) -> T {
        self.flushes.running.lock().get_mut(&self.id).map(what).unwrap_or_default()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.flushes.running.lock().remove(&self.id);
        self.flushes.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What is known now.
    fn now(running: &Running) -> Option<usize> {
        match pin!(running.unwritten()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(keys) => Some(keys.len()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_flush_waits_for_the_puts_that_it_left_alone_and_removes_what_they_did_not_replace() {
        let flushes = Flushes::default();
        let before = flushes.put(b"p:k");
        let flush = flushes.begin("p:");
        assert!(!flush.leaves(b"p:k"));
        let (first, second) = (flushes.put(b"p:k"), flushes.put(b"p:k"));
        flushes.put(b"q:k");
        assert_eq!(now(&flush), Some(0));
        assert!(flush.leaves(b"p:k"));
        // One from before says nothing of the others.
        flushes.put_ended(b"p:k", before, true);
        assert_eq!(now(&flush), None);
        flushes.put_ended(b"p:k", first, false);
        assert_eq!(now(&flush), None);
        flushes.put_ended(b"p:k", second, false);
        assert_eq!(now(&flush), Some(1));
        assert!(!flush.leaves(b"p:k"));
    }

    #[test]
    fn a_value_that_is_there_needs_no_waiting() {
        let flushes = Flushes::default();
        let flush = flushes.begin("");
        let (stored, _pending) = (flushes.put(b"k"), flushes.put(b"k"));
        flushes.put_ended(b"k", stored, true);
        assert!(flush.leaves(b"k"));
        assert_eq!(now(&flush), Some(0));
    }
}
