//! Leases: who in the fleet computes a missing value, and whether the result may still be stored.
//!
//! A lease is what stands under the key while its value is computed: a write, a removal, a flush of the prefix, by
//! whomever, takes it away, and the fill compares. It lives for `leaseTtl` and is prolonged while its factory
//! runs, so that a process that dies frees it. A caller that finds a lease of another joins its run, unless a tag
//! of that run was flushed since: then it takes the lease over, for what is being computed is out of date.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::call::Call;
use super::fault::Fault;
use super::scripts::{FAIL, FILL, RENEW};
use super::wire::Value as Answered;
use super::{Asked, Redis, values};
use crate::core::command::{LeaseId, Reply};
use crate::core::driver::remote::Tagged;
use crate::core::driver::remote::asked::Ready;
use crate::core::driver::remote::epochs::flushed_since;
use crate::core::driver::remote::leasing::answer;
use crate::core::driver::remote::runs::Run;
use crate::core::error::Result;
use crate::core::hub::{Outcome, SessionId};
use crate::core::runtime;
use crate::core::stats::Counters;
use crate::core::value::{Payload, Value};

/// How long the error of a failed run stays for those who wait for it in other processes.
const ERROR_KEPT: &[u8] = b"2000";

/// Answers callers who ask for the same lease at the same time.
pub async fn lease(askers: Vec<Asked>, key: &Arc<str>, tags: &[Box<str>], offline: bool) {
    let Some(first) = askers.first() else { return };
    let (redis, deadline) = (Arc::clone(&first.store), first.deadline);
    let found = redis.find(key, tags, deadline).await;
    answer(&redis, askers, key, found, offline, &mut Ready::default());
}

/// Prolongs the leases of factories that run, for as long as the store is open.
pub fn keep_alive(redis: &Arc<Redis>) {
    let (period, store) = (redis.config.lease_ttl / 3, Arc::downgrade(redis));
    runtime::spawn(async move {
        loop {
            sleep(period).await;
            let Some(redis) = store.upgrade() else { return };
            let life = redis.config.lease_ttl.as_millis().to_string().into_bytes();
            for (_, run) in redis.runs.held() {
                let args = vec![run.token.as_bytes().to_vec(), life.clone()];
                // Whether it is still held is found out by the fill.
                drop(redis.ask(Call::Script(&RENEW, run.key.as_bytes().into(), args), redis.deadline()));
            }
        }
    });
}

impl Redis {
    pub(super) async fn fill(
        &self,
        key: &str,
        lease: LeaseId,
        value: Value,
        keep: bool,
        deadline: Instant,
    ) -> Result<Reply> {
        let Some(run) = self.runs.get(lease) else {
            return Ok(Reply::Filled { stored: false, superseded: 0 });
        };
        let payload = value.payload.clone();
        let filled = if run.offline {
            Ok((false, false))
        } else if let Err(error) = self.check_size(&value, "remember") {
            drop(self.give_back(&run, b"", deadline).await);
            Err(error)
        } else {
            self.store_result(key, &run, value, keep, deadline).await.map_err(|fault| fault.error("remember"))
        };
        self.end_run(lease, payload, filled, keep && !run.offline)
    }

    /// Ends a run with what its factory made: whether that was stored, which counts if it was to be, and whether a tag was
    /// flushed of which those who wait could not know.
    pub(super) fn end_run(
        &self,
        lease: LeaseId,
        payload: Payload,
        filled: Result<(bool, bool)>,
        counts: bool,
    ) -> Result<Reply> {
        // Nobody joins a run after an invalidation: those who wait joined before.
        let superseded = u64::from(matches!(filled, Ok((_, true))));
        self.runs.complete(lease, &self.hub, superseded, Outcome::Value(Arc::new(payload)));
        let (stored, _) = filled?;
        let Counters { writes, refused_fills, .. } = &self.counters;
        if counts {
            if stored { writes } else { refused_fills }.count();
        }
        Ok(Reply::Filled { stored, superseded })
    }

    /// Whether the result was stored; and whether a tag was flushed of which those who wait could not know.
    async fn store_result(
        &self,
        key: &str,
        run: &Run,
        value: Value,
        mut keep: bool,
        deadline: Instant,
    ) -> std::result::Result<(bool, bool), Fault> {
        let life = values::lifetime(value.life);
        // Prolongs the epochs that are known, and asks for those of tags that were named late.
        let current = self.epochs(&value.tags, life, deadline);
        let named = |tag: &str| value.tags.iter().any(|named| **named == *tag);
        let known = |tag: &str| run.tags.iter().find(|(known, _)| **known == *tag);
        let (mut epochs, mut flushed) = (Vec::with_capacity(value.tags.len()), false);
        let dropped: Vec<&Tagged> = run.tags.iter().filter(|(tag, _)| !named(tag)).collect();
        let mut prolonged = Some(current);
        if value.tags.iter().all(|tag| known(tag).is_some()) && dropped.is_empty() {
            epochs.extend(value.tags.iter().filter_map(|tag| known(tag).cloned()));
        } else if let Some(current) = prolonged.take() {
            for (tag, epoch) in current.await? {
                if let Some(tagged) = known(&tag) {
                    flushed |= tagged.1 != epoch;
                    epochs.push(tagged.clone());
                } else {
                    flushed |= flushed_since(&epoch, run.began, self.skew());
                    epochs.push((tag, epoch));
                }
            }
            let others: Vec<&str> = dropped.iter().map(|(tag, _)| &**tag).collect();
            let now = self.current_epochs(&others, deadline).await?;
            flushed |= dropped.iter().zip(now).any(|((_, epoch), now)| now.as_deref() != Some(epoch));
            keep &= !flushed;
        }
        let [ttl, grace] = values::times(value.life);
        let (first, second) = self.encode(value, epochs.clone()).await;
        let kept = if keep { b"1".to_vec() } else { b"0".to_vec() };
        let args = vec![run.token.as_bytes().to_vec(), kept, ttl, grace, first, second];
        let answer = self.ask(Call::Script(&FILL, key.as_bytes().into(), args), deadline).await?;
        // With the epochs of before, what was stored after a flush of its tags is no value.
        let dead = match prolonged {
            Some(current) => current.await? != epochs,
            None => false,
        };
        Ok((answer == Answered::Int(1) && !dead, flushed))
    }

    pub(super) async fn fail(
        &self,
        _key: &str,
        lease: LeaseId,
        error: &str,
        deadline: Instant,
    ) -> Result<Reply> {
        let Some(run) = self.runs.get(lease) else { return Ok(Reply::Done) };
        let given_back = self.give_back(&run, error.as_bytes(), deadline).await;
        self.runs.complete(lease, &self.hub, 0, Outcome::Failed(error.into()));
        given_back.map_err(|fault| fault.error("remember"))?;
        Ok(Reply::Done)
    }

    async fn give_back(&self, run: &Run, error: &[u8], deadline: Instant) -> std::result::Result<(), Fault> {
        if run.offline {
            return Ok(());
        }
        let args = vec![run.token.as_bytes().to_vec(), error.to_vec(), ERROR_KEPT.to_vec()];
        self.ask(Call::Script(&FAIL, run.key.as_bytes().into(), args), deadline).await.map(drop)
    }

    /// Ends the runs of a session that went away: whoever waits computes anew.
    pub(super) async fn release_runs(&self, session: SessionId) {
        for (lease, run) in self.runs.leave(session) {
            // An outage: the lease frees itself.
            let _ = self.give_back(&run, b"", self.deadline()).await;
            self.runs.complete(lease, &self.hub, 0, Outcome::Abandoned);
        }
    }
}
