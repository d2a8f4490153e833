//! Leases: who in the fleet computes a missing value, and whether the result may still be stored.
//!
//! A lease stands in the key's own document: a write, a removal, a flush of the prefix, by whomever, makes another
//! revision, and the fill, which looks for its lease first, names the one that it replaces. It lives for `leaseTtl` and is prolonged while its factory
//! runs, so that a process that dies frees it. A caller that finds a lease of another joins its run, unless a tag of
//! that run was flushed since: then it takes the lease over, for what is being computed is out of date.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join;
use tokio::time::{Instant, sleep, timeout_at};

use super::backend::Committed;
use super::document::{Document, Lease};
use super::patience::Patience;
use super::seen::{Epochs, Seen, payload};
use super::tags::SKEW_MICROS;
use super::{Asked, CouchDb, ids, lifetime, millis};
use crate::core::command::{LeaseId, Reply};
use crate::core::driver::remote::Tagged;
use crate::core::driver::remote::asked::Ready;
use crate::core::driver::remote::epochs::flushed_since;
use crate::core::driver::remote::fault::Fault;
use crate::core::driver::remote::leasing::{Found, answer};
use crate::core::driver::remote::runs::Run;
use crate::core::error::Result as Checked;
use crate::core::hub::{Outcome, SessionId};
use crate::core::runtime;
use crate::core::value::Value;

impl CouchDb {
    /// Answers callers who ask for the same lease.
    pub(super) async fn lease(
        self: &Arc<Self>,
        askers: Vec<Asked>,
        key: &str,
        tags: &[Box<str>],
        offline: bool,
    ) {
        let Some(first) = askers.first() else { return };
        let name: Arc<str> = key.into();
        let found = match timeout_at(first.deadline, self.find(&name, tags)).await {
            Ok(found) => found,
            Err(_) => Err(super::overdue()),
        };
        answer(self, askers, &name, found, offline, &mut Ready::default());
    }

    async fn find(self: &Arc<Self>, key: &Arc<str>, tags: &[Box<str>]) -> Result<Found, Fault> {
        let (lease, token) = self.runs.name();
        let (mut seen, mut patience) = (self.look(key, tags).await?, Patience::default());
        loop {
            if let Some(fresh) = seen.fresh() {
                return Ok(Found::Hit(
                    payload(Some(fresh)).unwrap_or_else(crate::core::value::Payload::corrupt),
                ));
            }
            // A value whose tags were flushed may not be served stale either.
            let stale = payload(seen.held());
            if let Some(held) = self.held_by_another(key, &seen) {
                return Ok(match held {
                    Ok(lease) => Found::Held { lease, follow: None, stale },
                    Err(run) => Found::Held { lease, follow: Some(run), stale },
                });
            }
            let began = self.backend.clock.micros();
            let epochs = self.lease_epochs(tags, &seen.epochs).await?;
            match self.backend.commit(self.leased(key, &seen, &token, &epochs), &mut patience).await? {
                Committed::Stored(_) => {
                    let run = Run { began, tags: epochs.into(), ..Run::of(key, token) };
                    return Ok(Found::Granted { lease, run, stale });
                }
                Committed::Weak(document) => {
                    self.undo(Document { rev: document.rev, ..Document::gone(key, self.now()) }).await;
                    patience.wait().await;
                    seen = self.look(key, tags).await?;
                }
                // Its tags may have been flushed since they were looked at.
                Committed::Conflict { .. } => seen = self.look(key, tags).await?,
            }
        }
    }

    /// The epochs of tags, as they were when the key was looked at; made where they are missing.
    async fn lease_epochs(self: &Arc<Self>, tags: &[Box<str>], seen: &Epochs) -> Result<Vec<Tagged>, Fault> {
        let known: Option<Vec<_>> =
            tags.iter().map(|tag| Some((tag.clone(), seen.get(tag)?.clone()?))).collect();
        match known {
            Some(epochs) => Ok(epochs),
            None => self.epochs(tags, Some(0)).await,
        }
    }

    /// The run that has the key's lease: by its name here, or what is to be followed.
    fn held_by_another(&self, key: &Arc<str>, seen: &Seen) -> Option<Result<LeaseId, Run>> {
        let lease = seen.document.as_ref()?.lease(seen.now)?;
        if !seen.has_valid(&lease.tags) {
            return None;
        }
        match self.runs.by_token(&lease.token) {
            Some(known) => Some(Ok(known)),
            // A run of this process that has ended without a word to the server.
            None if self.runs.is_own(&lease.token) => None,
            None => {
                let tags = lease.tags.iter().map(|(tag, epoch)| (tag.clone(), epoch.clone())).collect();
                Some(Err(Run { tags, ..Run::of(key, Arc::from(&*lease.token)) }))
            }
        }
    }

    /// The key's document with a lease in it; a value that may be served stale stays.
    fn leased(&self, key: &str, seen: &Seen, token: &str, epochs: &[Tagged]) -> Document {
        let now = self.now();
        let until = now + millis(self.config.lease_ttl).unwrap_or_default();
        let mut document = match seen.held() {
            Some(held) if held.expires_at.is_none_or(|at| at > until) => held.clone(),
            _ => Document { expires_at: Some(until), rev: seen.rev(), ..Document::of_key(key, now) },
        };
        document.failed = None;
        document.lease = Some(Lease { token: token.into(), until, tags: epochs.iter().cloned().collect() });
        document
    }

    pub(super) async fn fill(
        self: &Arc<Self>,
        key: &str,
        lease: LeaseId,
        value: Value,
        keep: bool,
        deadline: Instant,
    ) -> Checked<Reply> {
        let Some(run) = self.runs.get(lease) else {
            return Ok(Reply::Filled { stored: false, superseded: 0 });
        };
        let shown = value.payload.clone();
        let filled = if run.offline {
            Ok((false, false))
        } else if let Err(error) = self.check_size(&value, "remember") {
            self.give_back(&run, "", deadline).await;
            Err(error)
        } else {
            let stored = timeout_at(deadline, self.store_result(key, &run, &value, keep, deadline)).await;
            stored.unwrap_or_else(|_| Err(super::overdue())).map_err(|fault| fault.error("remember"))
        };
        // Nobody joins a run after an invalidation: those who wait joined before.
        let superseded = u64::from(matches!(filled, Ok((_, true))));
        self.runs.complete(lease, &self.hub, superseded, Outcome::Value(Arc::new(shown)));
        let (stored, _) = filled?;
        if stored {
            self.counters.writes.count();
        } else if keep && !run.offline {
            self.counters.refused_fills.count();
        }
        Ok(Reply::Filled { stored, superseded })
    }

    /// Whether the result was stored; and whether a tag was flushed of which those who wait could not know.
    async fn store_result(
        self: &Arc<Self>,
        key: &str,
        run: &Run,
        value: &Value,
        keep: bool,
        deadline: Instant,
    ) -> Result<(bool, bool), Fault> {
        let known = |tag: &str| run.tags.iter().find(|(known, _)| **known == *tag);
        let mut names = value.tags.clone();
        names.extend(run.tags.iter().map(|(tag, _)| tag.clone()).filter(|tag| !value.tags.contains(tag)));
        // Prolongs the epochs that are known, and makes those of tags that were named late.
        let held = async { if keep { self.lease_document(run).await } else { Ok(None) } };
        let (now_epochs, held) = try_join(self.epochs(&names, lifetime(value.life)), held).await?;
        let (mut epochs, mut flushed, mut dead) = (Vec::new(), false, false);
        for (tag, epoch) in now_epochs {
            let is_kept = value.tags.contains(&tag);
            if let Some(tagged) = known(&tag) {
                // Those who wait asked before it was flushed; nobody joins a run whose tags were.
                dead |= tagged.1 != epoch;
                if is_kept {
                    epochs.push(tagged.clone());
                } else {
                    flushed |= tagged.1 != epoch;
                }
            } else {
                flushed |= flushed_since(&epoch, run.began, SKEW_MICROS);
                epochs.push((tag, epoch));
            }
        }
        if !keep || flushed || dead {
            self.give_back(run, "", deadline).await;
            return Ok((false, flushed));
        }
        let Some(mut held) = held else { return Ok((false, flushed)) };
        if held.lease(self.now()).is_none() {
            // It was not prolonged, as where the machine slept: it may be purged at any moment.
            match self.prolong(held).await? {
                Some(prolonged) => held = prolonged,
                None => return Ok((false, flushed)),
            }
        }
        let (now, until) = (self.now(), held.lease.as_ref().map_or(0, |lease| lease.until));
        let result = match value.life.ttl {
            Some(Duration::ZERO) => Document::gone(key, now),
            _ => Document::holding(key, value, &epochs, now),
        };
        let (Committed::Stored(stored) | Committed::Weak(stored)) =
            self.backend.commit(Document { rev: held.rev, ..result }, &mut Patience::default()).await?
        else {
            return Ok((false, flushed));
        };
        if self.now() >= until {
            // The answer has shown that the server's clock is ahead: the lease may have lapsed, and be purged by now.
            self.undo(Document { rev: stored.rev, ..Document::gone(key, self.now()) }).await;
            return Ok((false, flushed));
        }
        Ok((true, flushed))
    }

    /// The document in which a run's lease stands, if it is still held. A write that names a revision is no proof that
    /// it is: of a document that is not there, purged or gone with its database, `CouchDB` takes every
    /// revision.
    async fn lease_document(self: &Arc<Self>, run: &Run) -> Result<Option<Document>, Fault> {
        if run.offline {
            return Ok(None);
        }
        let found = self.backend.read(&ids::entry(&run.key)).await?;
        Ok(found.filter(|found| found.lease.as_ref().is_some_and(|lease| lease.token[..] == run.token[..])))
    }

    pub(super) async fn fail(
        self: &Arc<Self>,
        lease: LeaseId,
        error: &str,
        deadline: Instant,
    ) -> Checked<Reply> {
        if let Some(run) = self.runs.get(lease) {
            self.give_back(&run, error, deadline).await;
            self.runs.complete(lease, &self.hub, 0, Outcome::Failed(error.into()));
        }
        Ok(Reply::Done)
    }

    /// Gives a lease back, if it is still held; in an outage it frees itself.
    async fn give_back(self: &Arc<Self>, run: &Run, error: &str, deadline: Instant) {
        let give_back = async {
            let mut patience = Patience::default();
            while let Some(held) = self.lease_document(run).await? {
                let now = self.now();
                let free = match (held.value.is_some(), error) {
                    (true, _) => Document { lease: None, ..held },
                    (false, "") => Document { rev: held.rev, ..Document::gone(&run.key, now) },
                    (false, error) => {
                        Document { rev: held.rev, ..Document::failed(&run.key, &run.token, error, now) }
                    }
                };
                let Committed::Conflict { .. } = self.backend.commit(free, &mut patience).await? else {
                    break;
                };
            }
            Ok::<_, Fault>(())
        };
        let _ = timeout_at(deadline, give_back).await;
    }

    /// Prolongs a lease, if it is still held.
    pub(super) async fn renew(self: &Arc<Self>, lease: LeaseId) -> Result<(), Fault> {
        let Some(run) = self.runs.get(lease) else { return Ok(()) };
        if let Some(held) = self.lease_document(&run).await? {
            self.prolong(held).await?;
        }
        Ok(())
    }

    /// Prolongs the lease that a document has; `None` if it is held no more.
    async fn prolong(self: &Arc<Self>, mut held: Document) -> Result<Option<Document>, Fault> {
        let until = self.now() + millis(self.config.lease_ttl).unwrap_or_default();
        if let Some(lease) = &mut held.lease {
            lease.until = until;
        }
        if held.value.is_none() {
            held.expires_at = Some(until);
        }
        Ok(match self.backend.commit(held, &mut Patience::default()).await? {
            Committed::Stored(document) | Committed::Weak(document) => Some(document),
            Committed::Conflict { .. } => None,
        })
    }

    /// Ends the runs of a session that went away: whoever waits computes anew.
    pub(super) async fn release_runs(self: &Arc<Self>, session: SessionId) {
        for (lease, run) in self.runs.leave(session) {
            self.give_back(&run, "", self.deadline()).await;
            self.runs.complete(lease, &self.hub, 0, Outcome::Abandoned);
        }
    }
}

/// Prolongs the leases of factories that run, for as long as the store is open.
pub fn keep_alive(store: &Arc<CouchDb>) {
    let (period, store) = (store.config.lease_ttl / 3, Arc::downgrade(store));
    runtime::spawn(async move {
        loop {
            sleep(period).await;
            let Some(store) = store.upgrade() else { return };
            for (lease, run) in store.runs.held() {
                store.renew_in_line(lease, &run.key);
            }
        }
    });
}
