//! Answering callers of `remember`: one leads, the others wait.

use std::sync::Arc;

use super::Remote;
use super::asked::{Asked, Ready};
use super::fault::Fault;
use super::runs::{Run, Runs};
use crate::core::command::{LeaseId, LeaseReply, Outage, Reply};
use crate::core::runtime;
use crate::core::value::Payload;

/// What a caller finds.
pub enum Found {
    /// A value.
    Hit(Payload),
    /// The lease: the caller is to compute the value.
    Granted {
        /// Names the run.
        lease: LeaseId,
        /// The run.
        run: Run,
        /// A value in its grace.
        stale: Option<Payload>,
    },
    /// A run that is under way.
    Held {
        /// Names the run.
        lease: LeaseId,
        /// The run, if it is another process's and is to be followed.
        follow: Option<Run>,
        /// A value in its grace.
        stale: Option<Payload>,
    },
}

/// Answers callers of the same lease: with what was found, or where that is not known and they allow it, alone.
pub fn answer<S: Remote>(
    store: &Arc<S>,
    askers: Vec<Asked<S>>,
    key: &Arc<str>,
    found: std::result::Result<Found, Fault>,
    offline: bool,
    ready: &mut Ready,
) {
    match found {
        Ok(found) => hand_out(store, askers, found, None, ready),
        Err(fault) if offline => {
            hand_out(store, askers, decide_alone(store.runs(), key), Some(&fault.outage()), ready);
        }
        Err(fault) => {
            for asked in askers {
                ready.push(asked, Err(fault.error("remember")));
            }
        }
    }
}

/// Answers what was found: one caller leads, the others wait. Nothing is awaited here, so that nobody is told of
/// a run's end before it is told of the run.
fn hand_out<S: Remote>(
    store: &Arc<S>,
    askers: Vec<Asked<S>>,
    found: Found,
    outage: Option<&Outage>,
    ready: &mut Ready,
) {
    let reply = |reply| match outage {
        None => Reply::Lease(reply),
        Some(outage) => Reply::Offline(reply, outage.clone()),
    };
    let mut askers = askers.into_iter();
    let (lease, stale) = match found {
        Found::Hit(payload) => {
            for asked in askers {
                store.counters().read(true);
                ready.push(asked, Ok(reply(LeaseReply::Hit(payload.clone()))));
            }
            return;
        }
        Found::Granted { lease, mut run, stale } => {
            let Some(leader) = askers.next() else { return };
            store.counters().read(false);
            run.holder = Some(leader.session);
            store.runs().start(lease, run);
            ready.push(leader, Ok(reply(LeaseReply::Granted { lease, stale: stale.clone() })));
            (lease, stale)
        }
        Found::Held { lease, follow, stale } => {
            if let Some(run) = follow {
                store.runs().start(lease, run.clone());
                runtime::spawn(Arc::clone(store).follow(lease, run));
            }
            (lease, stale)
        }
    };
    for asked in askers {
        store.counters().read(false);
        store.runs().join(lease, asked.session);
        let held = LeaseReply::Held { lease, joined: 1, stale: stale.clone() };
        ready.push(asked, Ok(reply(held)));
    }
}

/// Answers a caller without asking the backend.
pub fn answer_alone<S: Remote>(asked: Asked<S>, key: &str, fault: &Fault) {
    let store = Arc::clone(&asked.store);
    let found = decide_alone(store.runs(), &Arc::from(key));
    hand_out(&store, vec![asked], found, Some(&fault.outage()), &mut Ready::default());
}

/// One run for all threads of this process while the backend cannot be asked.
fn decide_alone(runs: &Runs, key: &Arc<str>) -> Found {
    if let Some(lease) = runs.offline(key) {
        return Found::Held { lease, follow: None, stale: None };
    }
    let (lease, token) = runs.name();
    let run = Run { offline: true, ..Run::of(key, token) };
    Found::Granted { lease, run, stale: None }
}
