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
        let key = match &command {
            // It is looked at again when that key is free.
            Command::Many { keys } => keys.iter().find(|key| claimed.contains_key(*key)).map(|key| &**key),
            command => command.key(),
        };
        match key.and_then(|key| claimed.get_mut(key)) {
            Some(parked) => {
                parked.push_back((asked, command));
                None
            }
            None => Some((asked, command)),
        }
    }

    /// Gives a key free; what waited for it, in order. [`Order::released`] is to be called when that has begun.
    pub fn release(&self, key: &str) -> Parked {
        self.claimed.lock().remove(key).unwrap_or_default()
    }

    /// What waited for a key has begun.
    pub fn released(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether any key is claimed, or what waited for one has not begun.
    pub fn is_claiming(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }
}
