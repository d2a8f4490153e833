//! Requests on one key take effect in the order in which they were made.
//!
//! What one call answers keeps that order by itself, for the calls of a key go the same way one after the other.
//! An operation of several steps claims its key: what is asked of the key meanwhile waits here.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::Asked;
use crate::core::command::Command;

type Parked = VecDeque<(Asked, Command)>;

/// The keys that are claimed.
#[derive(Default)]
pub struct Order {
    claimed: Mutex<HashMap<Box<str>, Parked>>,
    count: AtomicUsize,
}

impl Order {
    /// Claims a key that is not claimed.
    pub fn claim(&self, key: &str) {
        self.claimed.lock().insert(key.into(), Parked::new());
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a key is claimed.
    pub fn is_claimed(&self, key: &str) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.claimed.lock().contains_key(key)
    }

    /// Keeps a request on a claimed key; gives it back if the key is not.
    pub fn park(&self, asked: Asked, command: Command) -> Option<(Asked, Command)> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Some((asked, command));
        }
        let mut claimed = self.claimed.lock();
        match command.key().and_then(|key| claimed.get_mut(key)) {
            Some(parked) => {
                parked.push_back((asked, command));
                None
            }
            None => Some((asked, command)),
        }
    }

    /// Gives a key free; what waited for it, in order.
    pub fn release(&self, key: &str) -> Parked {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.claimed.lock().remove(key).unwrap_or_default()
    }
}
