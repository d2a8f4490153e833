//! One thing that a server is asked, and where its answer goes.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Asked;
use super::fault::Fault;
use super::scripts::Script;
use super::wire::{Value, command, decimal};
use crate::core::driver::remote::flushes::Begun;

/// The answer to a call.
pub type Answer = Result<Value, Fault>;

/// What is asked.
#[derive(Clone)]
pub enum Call {
    /// `GET`.
    Get(Bytes),
    /// `SET`, for so many milliseconds or for ever.
    Set(Bytes, Bytes, Option<u64>),
    /// `SET` where there is nothing, for so many milliseconds; what there is.
    Lease(Box<[u8]>, Vec<u8>, u64),
    /// The server's time. The key says which server's.
    Time(Box<[u8]>),
    /// A script on one key.
    Script(&'static Script, Box<[u8]>, Vec<Vec<u8>>),
    /// Another command: its name, its key, and what follows.
    Command(&'static str, Box<[u8]>, Vec<Vec<u8>>),
    /// A command that names no key.
    Bare(&'static str, Vec<Vec<u8>>),
    /// `GET`, and a push when the key changes.
    Watch(Box<[u8]>),
    /// The owner of a lock, and a push when it changes.
    WatchLock(Box<[u8]>),
}

/// Who waits for the answer.
pub enum Sink {
    /// A `get` of a user's.
    Get(Asked),
    /// A `put` of a user's.
    Put(Asked, Begun),
    /// A step of an operation.
    Step(oneshot::Sender<Answer>),
}

/// A call on its way.
pub struct Outgoing {
    /// What is asked.
    pub call: Call,
    /// When its answer comes too late.
    pub deadline: Instant,
    /// Who waits.
    pub sink: Sink,
    /// Whether the slot is on its way to this node.
    pub asking: bool,
}

impl Call {
    /// The key, which says where in a cluster it goes.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Get(key) | Self::Set(key, ..) => Some(key),
            Self::Lease(key, ..)
            | Self::Time(key)
            | Self::Script(_, key, _)
            | Self::Command(_, key, _)
            | Self::Watch(key)
            | Self::WatchLock(key) => Some(key),
            Self::Bare(..) => None,
        }
    }

    /// Appends the call to what is sent; how many answers come before its own.
    ///
    /// A script that this connection does not know yet is sent whole, once in a pipeline too: the server runs what
    /// it is sent in order.
    pub fn pack(&self, out: &mut Vec<u8>, known: &mut HashSet<&'static str>, pushes: bool) -> usize {
        match self {
            Self::Get(key) => pack_get(out, key),
            Self::Set(key, value, millis) => pack_set(out, key, value, *millis),
            Self::Lease(key, marker, millis) => {
                let life = &mut [0; 20];
                command(out, &[b"SET", key, marker, b"NX", b"GET", b"PX", decimal(*millis, life)]);
            }
            Self::Time(_) => command(out, &[b"TIME"]),
            Self::Script(script, key, args) => {
                let parts: [&[u8]; 2] = if known.insert(&script.hash) {
                    [b"EVAL", script.code.as_bytes()]
                } else {
                    [b"EVALSHA", script.hash.as_bytes()]
                };
                with(out, &[parts[0], parts[1], b"1", key], args);
            }
            Self::Command(name, key, args) => with(out, &[name.as_bytes(), key], args),
            Self::Bare(name, args) => with(out, &[name.as_bytes()], args),
            Self::Watch(key) => return watch(out, &[b"GET", key], pushes),
            Self::WatchLock(key) => return watch(out, &[b"HGET", key, b"owner"], pushes),
        }
        0
    }
}

/// Appends a `GET`.
pub fn pack_get(out: &mut Vec<u8>, key: &[u8]) {
    command(out, &[b"GET", key]);
}

/// Appends a `SET`, for so many milliseconds or for ever.
pub fn pack_set(out: &mut Vec<u8>, key: &[u8], value: &[u8], millis: Option<u64>) {
    match millis {
        None => command(out, &[b"SET", key, value]),
        Some(millis) => command(out, &[b"SET", key, value, b"PX", decimal(millis, &mut [0; 20])]),
    }
}

fn with(out: &mut Vec<u8>, first: &[&[u8]], args: &[Vec<u8>]) {
    let parts: Vec<&[u8]> = first.iter().copied().chain(args.iter().map(Vec::as_slice)).collect();
    command(out, &parts);
}

fn watch(out: &mut Vec<u8>, parts: &[&[u8]], pushes: bool) -> usize {
    if pushes {
        // Tracking is opted into for the next command alone.
        command(out, &[b"CLIENT", b"CACHING", b"YES"]);
    }
    command(out, parts);
    usize::from(pushes)
}
