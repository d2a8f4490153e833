//! What a storage backend must answer, and what it may say that it cannot.
//!
//! A driver has the same file list as every other: `mod.rs` (the commands), and one file for each thing
//! that it keeps. It is proved by the conformance suite in `tests/conformance`, a function of a driver and
//! its [`Capabilities`]; no test is skipped by name.

pub mod memory;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::command::{Command, Reply};
use super::error::Result;
use super::hub::SessionId;
use super::stats::{Counters, Holdings};

/// The replies to a batch, in the order of its commands.
pub type Replies<'a> = Pin<Box<dyn Future<Output = Vec<Result<Reply>>> + Send + 'a>>;

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

/// A storage backend.
pub trait Driver: Send + Sync {
    /// Its name, as options and events spell it.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Answers a batch.
    fn execute(&self, session: SessionId, batch: Vec<Command>) -> Replies<'_>;

    /// Gives up what a session that went away held: its leases and its locks.
    fn release_session(&self, session: SessionId);

    /// Removes what has expired; called now and then, off the JavaScript threads.
    fn sweep(&self);

    /// Moves a manual clock, and removes what expires with it.
    fn advance(&self, duration: Duration) -> Result<()>;

    /// What it has done.
    fn counters(&self) -> &Counters;

    /// What it holds.
    fn holdings(&self) -> Holdings;
}
