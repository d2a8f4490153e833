//! Waiting for a run of another process: its key is looked at, at growing intervals; all keys that are waited for at
//! the same time in one request.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::seen::{Epochs, payload};
use super::{CouchDb, ids};
use crate::core::command::LeaseId;
use crate::core::driver::remote::runs::Run;
use crate::core::hub::Outcome;

/// How soon is looked first; each time half as late again, up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(8);
const LONGEST_LOOK: Duration = Duration::from_millis(200);

impl CouchDb {
    /// Waits for the end of another process's run, on behalf of the sessions here.
    pub(super) async fn follow_run(self: Arc<Self>, lease: LeaseId, run: Run) {
        let mut pause = FIRST_LOOK;
        let outcome = loop {
            sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
            pause = pause.mul_f64(1.5).min(LONGEST_LOOK);
            match timeout(self.config.command_timeout, self.look_at_run(&run)).await {
                Ok(None) if self.runs.is_waited_for(lease) => {}
                Ok(Some(outcome)) => break outcome,
                // Nobody waits, or nobody knows: who waits asks anew.
                _ => break Outcome::Abandoned,
            }
        };
        self.runs.complete(lease, &self.hub, 0, outcome);
    }

    /// How the run ended, if it did.
    async fn look_at_run(self: &Arc<Self>, run: &Run) -> Option<Outcome> {
        let Ok(Some(document)) = self.backend.read(&ids::entry(&run.key)).await else {
            return Some(Outcome::Abandoned);
        };
        if document.lease(self.now()).is_some_and(|lease| lease.token[..] == run.token[..]) {
            return None;
        }
        if let Some(failed) = document.failed.as_ref().filter(|failed| failed.token[..] == run.token[..]) {
            return Some(Outcome::Failed((*failed.error).into()));
        }
        let seen = self.seen(Some(document), Epochs::new()).await;
        let value = seen.ok().and_then(|seen| payload(seen.fresh()));
        Some(value.map_or(Outcome::Abandoned, |value| Outcome::Value(Arc::new(value))))
    }
}
