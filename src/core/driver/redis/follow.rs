//! Waiting for a run of another process.
//!
//! A server with RESP3 says when the key changes. A waiter looks by itself too: at growing intervals where the
//! server does not say, and now and then where it does, for a lease that expires is told late.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Redis;
use super::call::Call;
use super::record::{self, Stored, parse};
use super::wire::Value as Answered;
use crate::core::command::LeaseId;
use crate::core::driver::remote::runs::Run;
use crate::core::hub::Outcome;

/// How often a waiter looks by itself where the server tells of changes: a lease that expires is told late.
const LOOK: Duration = Duration::from_millis(250);
/// How often it looks first where the server does not; doubled up to [`LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(5);

impl Redis {
    /// Waits for the end of another process's run, on behalf of the sessions here.
    pub(super) async fn follow_run(self: Arc<Self>, lease: LeaseId, run: Run) {
        let key: Arc<[u8]> = run.key.as_bytes().into();
        let mut pause = FIRST_LOOK;
        let watch = self.waits.on(&key);
        let outcome = loop {
            let changed = watch.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(outcome) = self.look(&key, &run.token).await {
                break outcome;
            }
            // In a cluster a key that is moving cannot be watched.
            let told = self.router.status().2 == Some(3) && !self.router.is_cluster();
            let limit = if told { LOOK } else { pause };
            tokio::select! {
                () = &mut changed => {}
                () = sleep(limit) => pause = (pause * 2).min(LOOK),
            }
            if !self.runs.is_waited_for(lease) {
                break Outcome::Abandoned;
            }
        };
        self.waits.done(&key, watch);
        self.runs.complete(lease, &self.hub, 0, outcome);
    }

    /// How the run ended, if it did.
    async fn look(&self, key: &Arc<[u8]>, token: &str) -> Option<Outcome> {
        let deadline = self.deadline();
        let Ok(Answered::BulkString(bytes)) = self.ask_again(Call::Watch(key[..].into()), deadline).await
        else {
            // The lease is gone, or nobody knows: who waits asks anew.
            return Some(Outcome::Abandoned);
        };
        match parse(&bytes) {
            Stored::Lease(header) | Stored::Record(header) if *header.token == *token => return None,
            Stored::Failed(header) if *header.token == *token => {
                return Some(Outcome::Failed(record::error_text(&header, &bytes).into()));
            }
            _ => {}
        }
        Some(match self.value(key, bytes, false, deadline).await {
            Ok(Some(payload)) => Outcome::Value(Arc::new(payload)),
            _ => Outcome::Abandoned,
        })
    }
}
