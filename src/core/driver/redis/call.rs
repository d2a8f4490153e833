//! One thing that a server is asked, and where its answer goes.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Asked;
use super::fault::Fault;
use super::quick::{Filling, Lookup};
use super::scripts::{STORE_LEASED, Script};
use super::wire::{Pending, Value, command, decimal};
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
    /// The server's time, then `SET` where there is nothing, for so many milliseconds; what there is.
    Lease(Bytes, Arc<[u8]>, u64),
    /// What a factory made.
    Fill(Fill),
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

/// What is stored where a lease stands alone, if it does.
#[derive(Clone)]
pub struct Fill {
    /// The key.
    pub key: Bytes,
    /// What stands under it while the lease is held.
    pub marker: Arc<[u8]>,
    /// The bytes of the value.
    pub value: Bytes,
    /// For how many milliseconds.
    pub millis: u64,
    /// By a script, where the server has no `SET … IFEQ` (Valkey 8.1, Redis 8.4), which takes a quarter of the work.
    pub by_script: bool,
}

/// Who waits for the answer.
pub enum Sink {
    /// A `get` of a user's.
    Get(Asked),
    /// A `put` of a user's.
    Put(Asked, Begun),
    /// A `remember` of a user's.
    Lookup(Box<Lookup>),
    /// What a factory made.
    Fill(Box<Filling>),
    /// A step of an operation.
    Step(oneshot::Sender<Answer>),
}

impl Sink {
    /// Takes an answer that comes before the call's own.
    pub fn before(&mut self, answer: &Value) {
        if let Self::Lookup(lookup) = self {
            lookup.time(answer);
        }
    }
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
            Self::Get(key) | Self::Set(key, ..) | Self::Lease(key, ..) | Self::Fill(Fill { key, .. }) => {
                Some(key)
            }
            Self::Script(_, key, _) | Self::Command(_, key, _) | Self::Watch(key) | Self::WatchLock(key) => {
                Some(key)
            }
            Self::Bare(..) => None,
        }
    }

    /// The hash of the script that it is.
    pub fn script(&self) -> Option<&'static str> {
        match self {
            Self::Script(script, ..) => Some(&script.hash),
            Self::Fill(Fill { by_script: true, .. }) => Some(&STORE_LEASED.hash),
            _ => None,
        }
    }
}

impl Outgoing {
    /// A call to a server that has its key.
    pub fn new(call: Call, deadline: Instant, sink: Sink) -> Self {
        Self { call, deadline, sink, asking: false }
    }

    /// Appends the call to what is sent; how many answers come before its own.
    ///
    /// A script that the server was not sent on this connection is sent whole, once in a pipeline too: the server runs
    /// what it is sent in order.
    pub fn pack(&self, out: &mut Pending, pushes: bool) -> usize {
        let Pending { bytes: out, known, .. } = out;
        let mut before = 0;
        let mut first = |parts: &[&[u8]]| {
            command(out, parts);
            before += 1;
        };
        match &self.call {
            Call::Lease(..) => first(&[b"TIME"]),
            // Tracking is opted into for the next command alone. Redis forgets that it was asked by the next command too:
            // a key that is on its way is not watched.
            Call::Watch(_) | Call::WatchLock(_) if pushes && !self.asking => {
                first(&[b"CLIENT", b"CACHING", b"YES"]);
            }
            _ => {}
        }
        if self.asking {
            first(&[b"ASKING"]);
        }
        match &self.call {
            Call::Get(key) => command(out, &[b"GET", key]),
            Call::Watch(key) => command(out, &[b"GET", key]),
            Call::WatchLock(key) => command(out, &[b"HGET", key, b"owner"]),
            Call::Set(key, value, None) => command(out, &[b"SET", key, value]),
            Call::Set(key, value, Some(millis)) => {
                command(out, &[b"SET", key, value, b"PX", decimal(*millis, &mut [0; 20])]);
            }
            Call::Lease(key, marker, millis) => {
                let life = &mut [0; 20];
                command(out, &[b"SET", key, marker, b"NX", b"GET", b"PX", decimal(*millis, life)]);
            }
            Call::Fill(Fill { key, marker, value, millis, by_script }) => {
                let life = &mut [0; 20];
                let life = decimal(*millis, life);
                if *by_script {
                    let [eval, script] = named(&STORE_LEASED, known);
                    command(out, &[eval, script, b"1", key, marker, value, life]);
                } else {
                    command(out, &[b"SET", key, value, b"IFEQ", marker, b"PX", life]);
                }
            }
            Call::Script(script, key, args) => {
                let [eval, script] = named(script, known);
                with(out, &[eval, script, b"1", key], args);
            }
            Call::Command(name, key, args) => with(out, &[name.as_bytes(), key], args),
            Call::Bare(name, args) => with(out, &[name.as_bytes()], args),
        }
        before
    }
}

/// How a script is named to a server: by its hash, or whole if it was not sent yet.
fn named(script: &'static Script, known: &mut HashSet<&'static str>) -> [&'static [u8]; 2] {
    if known.insert(&script.hash) {
        [b"EVAL", script.code.as_bytes()]
    } else {
        [b"EVALSHA", script.hash.as_bytes()]
    }
}

fn with(out: &mut Vec<u8>, first: &[&[u8]], args: &[Vec<u8>]) {
    let parts: Vec<&[u8]> = first.iter().copied().chain(args.iter().map(Vec::as_slice)).collect();
    command(out, &parts);
}
