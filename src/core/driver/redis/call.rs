//! One thing that a server is asked, and where its answer goes.

use std::collections::HashSet;
use std::sync::Arc;

use redis::{Cmd, Pipeline, Value, cmd};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Asked;
use super::fault::Fault;
use super::scripts::Script;
use crate::core::driver::remote::flushes::Begun;

/// The answer to a call.
pub type Answer = Result<Value, Fault>;

/// What is asked.
#[derive(Clone)]
pub enum Call {
    /// `GET`.
    Get(Arc<[u8]>),
    /// `SET`, for so many milliseconds or for ever.
    Set(Arc<[u8]>, Vec<u8>, Option<u64>),
    /// `SET` where there is nothing, for so many milliseconds; what there is.
    Lease(Arc<[u8]>, Vec<u8>, u64),
    /// The server's time. The key says which server's.
    Time(Arc<[u8]>),
    /// A script on one key.
    Script(&'static Script, Arc<[u8]>, Vec<Vec<u8>>),
    /// Another command: its name, its key, and what follows.
    Command(&'static str, Arc<[u8]>, Vec<Vec<u8>>),
    /// A command that names no key.
    Bare(&'static str, Vec<Vec<u8>>),
    /// `GET`, and a push when the key changes.
    Watch(Arc<[u8]>),
    /// The owner of a lock, and a push when it changes.
    WatchLock(Arc<[u8]>),
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
            Self::Get(key)
            | Self::Set(key, ..)
            | Self::Lease(key, ..)
            | Self::Time(key)
            | Self::Script(_, key, _)
            | Self::Command(_, key, _)
            | Self::Watch(key)
            | Self::WatchLock(key) => Some(key),
            Self::Bare(..) => None,
        }
    }

    /// Adds the call to a pipeline; how many answers come before its own.
    ///
    /// A script that this connection does not know yet is sent whole, once in a pipeline too: the server runs what
    /// it is sent in order.
    pub fn pack(&self, pipeline: &mut Pipeline, known: &mut HashSet<&'static str>, pushes: bool) -> usize {
        match self {
            Self::Get(key) => pipeline.add_command(one("GET", key)),
            Self::Set(key, value, life) => {
                let mut command = one("SET", key);
                command.arg(&value[..]);
                if let Some(millis) = life {
                    command.arg("PX").arg(*millis);
                }
                pipeline.add_command(command)
            }
            Self::Lease(key, marker, life) => {
                let mut command = one("SET", key);
                command.arg(&marker[..]).arg("NX").arg("GET").arg("PX").arg(*life);
                pipeline.add_command(command)
            }
            Self::Time(_) => pipeline.add_command(cmd("TIME")),
            Self::Script(script, key, args) => {
                let mut command = if known.insert(&script.hash) {
                    let mut command = cmd("EVAL");
                    command.arg(script.code);
                    command
                } else {
                    let mut command = cmd("EVALSHA");
                    command.arg(&script.hash);
                    command
                };
                command.arg(1).arg(&key[..]);
                pipeline.add_command(with(command, args))
            }
            Self::Command(name, key, args) => pipeline.add_command(with(one(name, key), args)),
            Self::Bare(name, args) => pipeline.add_command(with(cmd(name), args)),
            Self::Watch(key) => return watch(pipeline, one("GET", key), pushes),
            Self::WatchLock(key) => {
                let mut command = one("HGET", key);
                command.arg("owner");
                return watch(pipeline, command, pushes);
            }
        };
        0
    }
}

fn one(name: &str, key: &[u8]) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}

fn with(mut command: Cmd, args: &[Vec<u8>]) -> Cmd {
    for arg in args {
        command.arg(&arg[..]);
    }
    command
}

fn watch(pipeline: &mut Pipeline, command: Cmd, pushes: bool) -> usize {
    if pushes {
        // Tracking is opted into for the next command alone.
        let mut caching = cmd("CLIENT");
        caching.arg("CACHING").arg("YES");
        pipeline.add_command(caching);
    }
    pipeline.add_command(command);
    usize::from(pushes)
}
