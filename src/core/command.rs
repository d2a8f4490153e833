//! The closed set of what a driver can be asked, and what it answers.
//!
//! A batch of commands is one pass over memory, one Redis pipeline, or a few `CouchDB` requests. What one
//! session asks of one key takes effect in the order in which it was asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::error::ErrorKind;
use super::value::{Life, Payload, Value};

/// Names a request among those that a thread has not been answered yet.
pub type RequestId = u32;

/// Names one run of a factory, uniquely in the process: made by the miss that is to fill the key.
pub type LeaseId = u64;

/// The last run of the process, over all stores: a thread knows its runs by their names alone.
static LAST_LEASE: AtomicU64 = AtomicU64::new(0);

/// A name for a run that no other of this process has had.
pub fn next_lease() -> LeaseId {
    LAST_LEASE.fetch_add(1, Ordering::Relaxed) + 1
}

/// A point in the order of a store's writes and invalidations; it only grows.
pub type Sequence = u64;

/// When a write takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In any case.
    Always,
    /// If the key holds no value.
    IfAbsent,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// The value. → [`Reply::Payload`]
    Get {
        /// The key.
        key: Box<str>,
    },
    /// The values of several keys. → [`Reply::Payloads`], in their order
    Many {
        /// The keys.
        keys: Vec<Box<str>>,
    },
    /// Whether the key holds a value. → [`Reply::Changed`]
    Has {
        /// The key.
        key: Box<str>,
    },
    /// Stores a value. → [`Reply::Changed`]: whether it was stored
    Put {
        /// The key.
        key: Box<str>,
        /// What to store.
        value: Value,
        /// When to store it.
        condition: Condition,
    },
    /// Removes the key. → [`Reply::Changed`]: whether it held a value
    Forget {
        /// The key.
        key: Box<str>,
    },
    /// Removes the key. → [`Reply::Payload`]: what it held
    Pull {
        /// The key.
        key: Box<str>,
    },
    /// The value, also one in its grace. → [`Reply::Payload`]
    Peek {
        /// The key.
        key: Box<str>,
    },
    /// Gives the value a new TTL from now; a grace stays. → [`Reply::Changed`]: whether there was one
    Touch {
        /// The key.
        key: Box<str>,
        /// The new TTL; [`Duration::MAX`] is for ever.
        ttl: Duration,
    },
    /// How long the value stays fresh. → [`Reply::Remaining`]
    Remaining {
        /// The key.
        key: Box<str>,
    },
    /// Adds to a counter; a missing one starts at 0 with `life`. → [`Reply::Number`]
    Increment {
        /// The key.
        key: Box<str>,
        /// What to add; finite.
        step: f64,
        /// The life of a counter that is created.
        life: Life,
    },
    /// The value, or the right to compute it. → [`Reply::Lease`]
    Lease {
        /// The key.
        key: Box<str>,
        /// The tags that the value will have, as far as they are known.
        tags: Vec<Box<str>>,
        /// Whether this process may decide alone while the backend cannot be asked. → [`Reply::Offline`]
        offline: bool,
    },
    /// Ends a lease with what the factory made. → [`Reply::Filled`]
    Fill {
        /// The key.
        key: Box<str>,
        /// The lease.
        lease: LeaseId,
        /// What to store, and hand to those who wait.
        value: Value,
        /// `false` hands the value over and stores nothing.
        keep: bool,
    },
    /// Ends a lease with an error, as opaque text for those who wait. → [`Reply::Done`]
    Fail {
        /// The key.
        key: Box<str>,
        /// The lease.
        lease: LeaseId,
        /// The error.
        error: Box<str>,
    },
    /// Makes every entry with one of the tags a miss. → [`Reply::Done`]
    FlushTags {
        /// The tags.
        tags: Vec<Box<str>>,
    },
    /// Removes every key under a prefix, and no lock. → [`Reply::Done`]
    Flush {
        /// The prefix; empty is everything.
        prefix: Box<str>,
    },
    /// Some of the keys under a prefix that hold a value. → [`Reply::Keys`]
    Scan {
        /// The prefix; empty is everything.
        prefix: Box<str>,
        /// Where the last answer ended; `None` begins.
        cursor: Option<Box<str>>,
    },
    /// Takes a lock. → [`Reply::Lock`]
    Lock {
        /// The lock's name.
        name: Box<str>,
        /// The owner's secret.
        owner: Box<str>,
        /// How long it is held without an extension.
        ttl: Duration,
        /// Whether to be told when it is free.
        wait: bool,
    },
    /// Releases a lock that is ours. → [`Reply::Changed`]: whether it was
    Unlock {
        /// The lock's name.
        name: Box<str>,
        /// The owner's secret.
        owner: Box<str>,
    },
    /// Sets the remaining life of a lock that is ours. → [`Reply::Changed`]: whether it was
    Extend {
        /// The lock's name.
        name: Box<str>,
        /// The owner's secret.
        owner: Box<str>,
        /// Its new remaining life.
        ttl: Duration,
    },
    /// The value, with what a tier above needs to keep it. → [`Reply::Fetched`]
    Fetch {
        /// The key.
        key: Box<str>,
    },
    /// Waits until the backend can be asked. → [`Reply::Done`]
    Ready,
}

impl Command {
    /// The key that a command reads or writes, if it is one key.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Get { key }
            | Self::Put { key, .. }
            | Self::Has { key }
            | Self::Forget { key }
            | Self::Pull { key }
            | Self::Peek { key }
            | Self::Touch { key, .. }
            | Self::Remaining { key }
            | Self::Increment { key, .. }
            | Self::Lease { key, .. }
            | Self::Fill { key, .. }
            | Self::Fail { key, .. }
            | Self::Fetch { key } => Some(key),
            _ => None,
        }
    }
}

/// What a key is read or written by most, without tags and grace, whose key and JSON are the next parts of a text. Small,
/// for many are listed at a time.
#[derive(Clone, Copy, Debug)]
pub enum Simple {
    /// [`Command::Get`]
    Get {
        /// The length of the key.
        key: u32,
    },
    /// [`Command::Put`], in any case.
    Put {
        /// The length of the key.
        key: u32,
        /// The length of the value, which is JSON text.
        value: u32,
        /// How long it is fresh; `None` is for ever.
        ttl: Option<Duration>,
    },
    /// [`Command::Lease`]
    Lease {
        /// The length of the key.
        key: u32,
        /// As there.
        offline: bool,
    },
    /// [`Command::Fill`], which stores.
    Fill {
        /// The length of the key.
        key: u32,
        /// The lease.
        lease: LeaseId,
        /// The length of the value, which is JSON text.
        value: u32,
        /// How long it is fresh; `None` is for ever.
        ttl: Option<Duration>,
    },
}

impl Simple {
    /// The length of the key.
    pub fn key(&self) -> usize {
        match *self {
            Self::Get { key } | Self::Put { key, .. } | Self::Lease { key, .. } | Self::Fill { key, .. } => {
                key as usize
            }
        }
    }

    /// The length of the value.
    pub fn value(&self) -> usize {
        match *self {
            Self::Get { .. } | Self::Lease { .. } => 0,
            Self::Put { value, .. } | Self::Fill { value, .. } => value as usize,
        }
    }
}

/// Requests that may be sent by the thread that asks them.
pub struct AtOnce<'a> {
    /// Their keys and values.
    pub text: &'a Bytes,
    /// The requests, in order.
    pub requests: Vec<(RequestId, Simple)>,
}

/// What a [`Command::Lease`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseReply {
    /// The key holds a value.
    Hit(Payload),
    /// The asker is to compute the value, then [`Command::Fill`] or [`Command::Fail`].
    Granted {
        /// Names the run.
        lease: LeaseId,
        /// A value in its grace.
        stale: Option<Payload>,
    },
    /// Another caller computes it already; its session will be told ([`super::hub::Notice::Flight`]).
    Held {
        /// Names the run.
        lease: LeaseId,
        /// When the asker joined: what a later invalidation makes too old for it.
        joined: Sequence,
        /// A value in its grace.
        stale: Option<Payload>,
    },
}

/// What a [`Command::Lock`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockReply {
    /// The lock is the asker's.
    Acquired {
        /// The fencing number; it only grows.
        fence: u64,
    },
    /// Another owner has it.
    Busy {
        /// How long it can still be held without an extension.
        expires_in: Duration,
    },
}

/// A value with what a tier above needs to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The value.
    pub payload: Payload,
    /// How long it stays fresh; `None` is for ever.
    pub remaining: Option<Duration>,
    /// Its tags.
    pub tags: Vec<Box<str>>,
}

/// Why a backend could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// [`ErrorKind::Unavailable`] or [`ErrorKind::Timeout`].
    pub kind: ErrorKind,
    /// What is known of it.
    pub message: Box<str>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was done.
    Done,
    /// Whether it changed what the command names.
    Changed(bool),
    /// The value, if there is one.
    Payload(Option<Payload>),
    /// The values, in the order of their keys; some of a cluster's servers may be away.
    Payloads(Vec<std::result::Result<Option<Payload>, Outage>>),
    /// The value, if there is one, with what is needed to keep it.
    Fetched(Option<Fetched>),
    /// How long the value stays fresh, if there is one; [`Duration::MAX`] is for ever.
    Remaining(Option<Duration>),
    /// The counter's new value.
    Number(f64),
    /// What a lease found.
    Lease(LeaseReply),
    /// How a fill went.
    Filled {
        /// Whether the value was stored.
        stored: bool,
        /// If an invalidation came between: those who joined at or after it must compute anew. 0: none.
        superseded: Sequence,
    },
    /// What a lock found.
    Lock(LockReply),
    /// What a lease found in this process alone, for the backend could not be asked.
    Offline(LeaseReply, Outage),
    /// Keys.
    Keys {
        /// Some of them; a key may come twice.
        keys: Vec<Box<str>>,
        /// Where to go on; `None` is the end.
        cursor: Option<Box<str>>,
    },
}
