//! What the drivers of backends in other processes have in common.
//!
//! A request is answered once ([`asked`]); factories that run are known by name here and on the backend ([`runs`],
//! [`leasing`]); a tag has an epoch ([`epochs`]); what a session holds is given back when it goes ([`held`]); what
//! goes wrong is classified once ([`fault`]).

pub mod asked;
pub mod epochs;
pub mod fault;
pub mod flushes;
pub mod held;
pub mod leasing;
pub mod lifetimes;
pub mod runs;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use self::held::Held;
use self::runs::{Run, Runs};
use super::Driver;
use crate::core::command::LeaseId;
use crate::core::error::Result;
use crate::core::hub::{Hub, SessionId};

/// A tag with the epoch that it had.
pub type Tagged = (Box<str>, Box<str>);

/// How long to wait after so many failures before a backend is tried again: longer with each, and spread by a half, so
/// that many clients do not come back at the same moment.
pub fn pause(first: Duration, longest: Duration, failures: u32) -> Duration {
    let grown = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    grown.min(longest).mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// A store on a backend, as this folder sees it.
pub trait Remote: Driver + Sized + 'static {
    /// The driver's name.
    const NAME: &'static str;

    /// Its sessions.
    fn hub(&self) -> &Hub;

    /// How many requests are not answered yet.
    fn pending(&self) -> &AtomicU64;

    /// The factories that run.
    fn runs(&self) -> &Runs;

    /// The locks that are held.
    fn held(&self) -> &Held;

    /// Waits for the end of another process's run, and tells the sessions here.
    fn follow(self: Arc<Self>, lease: LeaseId, run: Run) -> impl Future<Output = ()> + Send;

    /// Releases a lock, if it is that owner's.
    fn release(
        self: &Arc<Self>,
        session: SessionId,
        name: &str,
        owner: &str,
    ) -> impl Future<Output = Result<()>> + Send;
}
