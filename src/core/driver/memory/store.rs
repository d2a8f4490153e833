//! The entries of a store: a container, with what is the same for every policy.
//!
//! Owns the refusal of what is too large and the word to readers that a key has changed. Writes of a key are made under
//! its stripe's lock.

use std::sync::Arc;

use super::container::{Bounds, Container, Entry, Policy, Surroundings};
use super::policies::{Lru, TinyLfu};

/// The entries.
pub struct Store {
    container: Box<dyn Container>,
    most_bytes: u64,
    surroundings: Arc<Surroundings>,
}

impl Store {
    /// Without entries.
    pub fn new(bounds: Bounds, surroundings: Arc<Surroundings>) -> Self {
        let container: Box<dyn Container> = match bounds.policy {
            Policy::Lru => Box::new(Lru::new(bounds, Arc::clone(&surroundings))),
            Policy::TinyLfu => Box::new(TinyLfu::new(bounds, Arc::clone(&surroundings))),
        };
        Self { container, most_bytes: bounds.bytes, surroundings }
    }

    /// The hash of a key, as everything in the store uses it.
    pub fn hash(&self, key: &str) -> u64 {
        self.surroundings.hasher.hash_one(key)
    }

    /// The entry, dead or alive.
    pub fn get(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.container.get(key, hash)
    }

    /// As [`Store::get`], for what follows a read.
    pub fn find(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        self.container.find(key, hash)
    }

    /// A copy of a key was used, once or more often since that was told last.
    pub fn used(&self, key: &str) {
        let hash = self.hash(key);
        self.container.get(key, hash);
        // Told once an era, however often it was: with two, the policy that counts comes nearest to what it answers
        // where all reads are seen. In a tiny store every use is told.
        if !self.surroundings.generations().is_exact() {
            self.container.asked(hash);
        }
    }

    /// Stores an entry; one that is larger than the bound removes the key instead. Whether it was stored.
    pub fn insert(&self, key: &str, hash: u64, entry: Entry) -> bool {
        if self.container.size(key, &entry) > self.most_bytes {
            // What was there would be a wrong answer.
            self.remove(key, hash);
            self.surroundings.too_large(key);
            return false;
        }
        let generations = self.surroundings.generations();
        if generations.write(hash, || self.container.insert(key, hash, entry)) {
            generations.press();
        }
        generations.aged(self.container.held().0);
        true
    }

    /// Removes a key; what it held.
    pub fn remove(&self, key: &str, hash: u64) -> Option<Arc<Entry>> {
        // Also where there is nothing any more: it may have been evicted just now, by a thread that has not told yet.
        self.surroundings.generations().write(hash, || self.container.remove(key, hash))
    }

    /// Removes everything. What is to tell readers is the caller's.
    pub fn clear(&self) {
        self.container.clear();
    }

    /// The keys and entries for which `wanted` is true, dead or alive.
    pub fn select(&self, wanted: impl Fn(&str, &Entry) -> bool) -> Vec<(Box<str>, Arc<Entry>)> {
        let mut selected = Vec::new();
        self.container.visit(&mut |key, entry| {
            if wanted(key, entry) {
                selected.push((key.into(), Arc::clone(entry)));
            }
        });
        selected
    }

    /// How many entries are held, and their bytes.
    pub fn held(&self) -> (u64, u64) {
        self.container.held()
    }
}
