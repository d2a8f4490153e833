//! Entries as commands see them: written, taken, given another life, counted up.
//!
//! Every write of a key is made under its stripe's lock and takes the key's lease away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Memory;
use super::container::Entry;
use super::leases::supersede;
use super::tags::TagCells;
use crate::core::clock::Timestamp;
use crate::core::command::{Condition, Sequence};
use crate::core::driver::Driver;
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::value::{Life, Payload, Value};

/// JavaScript's `Number.MAX_SAFE_INTEGER`: beyond it a counter would skip numbers.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

impl Memory {
    /// Stores a value. Whether it was stored.
    pub fn put(&self, key: &str, value: Value, condition: Condition) -> bool {
        let tags = self.tags.intern(&value.tags);
        let hash = self.store.hash(key);
        let mut leases = self.stripe(hash);
        if condition == Condition::IfAbsent && self.fresh(key).is_some() {
            return false;
        }
        supersede(&mut leases, key);
        // Read under the stripe's lock, after the tags are held: what was flushed before is not newer.
        let written = self.now_in_order();
        self.insert((key, hash), value.payload, value.life, tags, written)
    }

    pub(super) fn insert(
        &self,
        (key, hash): (&str, u64),
        payload: Payload,
        life: Life,
        tags: TagCells,
        written: Sequence,
    ) -> bool {
        let now = self.now();
        let (fresh_until, dead_at) = (life.fresh_until(now), life.dead_at(now));
        let stored = self.store.insert(key, hash, Entry { payload, fresh_until, dead_at, written, tags });
        if stored {
            self.expires_at(dead_at);
            self.counters().writes.count();
        }
        stored
    }

    /// Has the next sweep look. Said after the entry is in: a sweep that starts between finds it.
    pub(super) fn expires_at(&self, dead_at: Timestamp) {
        self.next_expiry.fetch_min(dead_at.as_millis(), Ordering::AcqRel);
    }

    /// Removes a key, and its lease; what it held, if that could still be read.
    pub fn take(&self, key: &str) -> Option<Arc<Entry>> {
        let hash = self.store.hash(key);
        let mut leases = self.stripe(hash);
        supersede(&mut leases, key);
        let removed = self.store.remove(key, hash)?;
        let live = self.is_fresh(&removed, self.now());
        if live {
            self.counters().deletes.count();
        }
        live.then_some(removed)
    }

    /// Gives an entry another payload or life; its tags and its place in the order stay.
    fn replace(&self, (key, hash): (&str, u64), old: &Entry, payload: Payload, life: (Timestamp, Timestamp)) {
        let (fresh_until, dead_at) = life;
        let entry = Entry { payload, fresh_until, dead_at, written: old.written, tags: old.tags.clone() };
        if self.store.insert(key, hash, entry) {
            self.expires_at(dead_at);
        }
    }

    pub(super) fn touch(&self, key: &str, ttl: Duration) -> bool {
        let hash = self.store.hash(key);
        let _stripe = self.stripe(hash);
        let Some(old) = self.fresh(key) else { return false };
        let now = self.now();
        let fresh_until = now.after(ttl);
        // The grace that it was written with goes on; a value for ever had no use for one.
        let grace = if old.fresh_until == Timestamp::NEVER {
            Duration::ZERO
        } else {
            old.dead_at.since(old.fresh_until)
        };
        self.replace((key, hash), &old, old.payload.clone(), (fresh_until, fresh_until.after(grace)));
        true
    }

    /// The value, fresh or in its grace.
    pub fn peek(&self, key: &str) -> Option<Payload> {
        let now = self.now();
        let entry = self.entry(key).filter(|entry| now < entry.dead_at && self.is_valid(entry))?;
        Some(entry.payload.clone())
    }

    pub(super) fn remaining(&self, key: &str) -> Option<Duration> {
        self.fresh(key).map(|entry| match entry.fresh_until {
            Timestamp::NEVER => Duration::MAX,
            until => until.since(self.now()),
        })
    }

    pub(super) fn increment(&self, key: &str, step: f64, life: Life) -> Result<f64> {
        let hash = self.store.hash(key);
        let mut leases = self.stripe(hash);
        let old = self.fresh(key);
        let before = match &old {
            None => 0.0,
            Some(entry) => entry.payload.as_number().ok_or_else(|| {
                Error::new(
                    ErrorKind::NotANumber,
                    "increment",
                    "the key holds a value that is no number; forget it or put a number first",
                )
            })?,
        };
        let after = before + step;
        if after.is_nan() || after.abs() > MAX_SAFE_INTEGER {
            return Err(Error::new(
                ErrorKind::NumberRange,
                "increment",
                "the counter would leave ±9007199254740991, where numbers are exact",
            ));
        }
        supersede(&mut leases, key);
        let payload = Payload::number(after);
        match old {
            Some(old) => self.replace((key, hash), &old, payload, (old.fresh_until, old.dead_at)),
            None => {
                self.insert((key, hash), payload, life, TagCells::default(), self.now_in_order());
            }
        }
        Ok(after + 0.0)
    }
}
