//! What a storage backend must answer, and what it may say that it cannot.
//!
//! A driver has the same file list as every other: `mod.rs` (the commands), and one file for each thing
//! that it keeps. It is proved by the conformance suite in `tests/conformance`, a function of a driver and
//! its [`Capabilities`]; no test is skipped by name.

pub mod couchdb;
pub mod memory;
pub mod redis;
mod remote;
pub mod tiered;

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::command::{Command, Reply, RequestId};
use super::error::Result;
use super::hub::SessionId;
use super::stats::{Connection, Counters, Holdings};
use super::value::Payload;

/// Where the answers to a batch go.
pub trait Answers: Send + Sync {
    /// Takes some answers. Called on any thread; it must not block.
    fn answer(&self, answers: Vec<(RequestId, Result<Reply>)>);
}

/// What one session asks at once.
pub struct Batch {
    /// Who asks.
    pub session: SessionId,
    /// What is asked. Requests on one key take effect in this order, and after those of earlier batches.
    pub requests: Vec<(RequestId, Command)>,
    /// Who is answered.
    pub answers: Arc<dyn Answers>,
}

/// What a driver can do. The conformance suites read it: nothing else tells drivers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its time is the cache's clock, so that a test can move it.
    pub manual_clock: bool,
    /// It answers at once, on the calling thread.
    pub embedded: bool,
    /// It keeps bounds and evicts.
    pub evicts: bool,
}

/// Who is told of what changes in a backend, whoever changes it. Called on the runtime's thread, in the order of the
/// changes; each may be told more than once.
pub trait Changes: Send + Sync {
    /// A key has changed.
    fn key(&self, key: &str);

    /// A tag was flushed, or its epoch is another.
    fn tag(&self, tag: &str);

    /// Anything may have changed.
    fn everything(&self);

    /// A value of a key is about to be handed to who waits for another process to make it.
    fn found(&self, key: &str, payload: &Payload);

    /// From now on every change is told, by these means; those from before were not.
    fn told(&self, means: &'static str);

    /// From now on changes may go untold.
    fn untold(&self);
}

/// What has changed.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A key.
    Key(&'a str),
    /// A tag was flushed.
    Tag(&'a str),
    /// Anything.
    Everything,
}

/// A storage backend.
pub trait Driver: Send + Sync {
    /// Its name, as options and events spell it.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Takes a batch, and answers each of its requests once: by its deadline, whatever the backend does.
    /// Returns at once. Called on the runtime's thread ([`super::runtime`]).
    fn execute(self: Arc<Self>, batch: Batch);

    /// Gives up what a session that went away held: its leases and its locks.
    fn release_session(self: Arc<Self>, session: SessionId);

    /// Removes what has expired; called now and then, off the JavaScript threads.
    fn sweep(&self);

    /// Tells of what changes under a prefix, for as long as anybody listens. [`super::error::ErrorKind::Config`] if it
    /// cannot.
    fn watch(self: Arc<Self>, prefix: &str, changes: Weak<dyn Changes>) -> Result<()>;

    /// Tells those who watch in other processes of a change that this one has made, where the backend does not.
    fn announce(&self, _prefix: &str, _change: Change<'_>) {}

    /// The same, until it is told.
    fn announce_surely(self: Arc<Self>, _prefix: &str, _change: Change<'_>) {}

    /// Moves a manual clock, and removes what expires with it.
    fn advance(&self, duration: Duration) -> Result<()>;

    /// What it has done.
    fn counters(&self) -> &Counters;

    /// What it holds, as far as that is known without asking a backend.
    fn holdings(&self) -> Holdings;

    /// How it stands with its backend; `None` without one.
    fn connection(&self) -> Option<Connection>;
}
