//! The factories that run for keys of this store: here, and elsewhere as far as somebody here waits for them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::Tagged;
use crate::core::command::{LeaseId, Sequence, next_lease};
use crate::core::driver::Changes;
use crate::core::hub::{Hub, Notice, Outcome, SessionId};

/// One run.
#[derive(Clone)]
pub struct Run {
    /// The key.
    pub key: Arc<str>,
    /// What the lease is called on the server.
    pub token: Arc<str>,
    /// Whose factory runs; `None` for a run of another process.
    pub holder: Option<SessionId>,
    /// When it began, by the store's clock in µs.
    pub began: u64,
    /// What stands under the key on Redis while it runs, if that is known: the bytes of the lease.
    pub marker: Option<Arc<[u8]>>,
    /// Its tags, with the epochs from before it began.
    pub tags: Arc<[Tagged]>,
    /// Whether this process decided alone, for the server could not be asked.
    pub offline: bool,
}

impl Run {
    /// A run of a key, of which nothing else is known yet.
    pub fn of(key: &Arc<str>, token: Arc<str>) -> Self {
        Self {
            key: Arc::clone(key),
            token,
            holder: None,
            began: 0,
            marker: None,
            tags: Arc::default(),
            offline: false,
        }
    }
}

struct Waited {
    run: Run,
    waiting: Vec<SessionId>,
}

#[derive(Default)]
struct Table {
    running: HashMap<LeaseId, Waited>,
    by_token: HashMap<Arc<str>, LeaseId>,
    offline: HashMap<Arc<str>, LeaseId>,
}

/// All runs.
pub struct Runs {
    /// Tells the tokens of this store from those of any other.
    store: String,
    table: Mutex<Table>,
    /// The tier above, if there is one.
    above: OnceLock<Weak<dyn Changes>>,
}

impl Default for Runs {
    fn default() -> Self {
        // The hasher's keys are the system's random numbers.
        let random = RandomState::new().hash_one(std::process::id());
        Self { store: format!("{random:016x}"), table: Mutex::default(), above: OnceLock::new() }
    }
}

impl Runs {
    /// A name for a run, here and on the server.
    pub fn name(&self) -> (LeaseId, Arc<str>) {
        let id = next_lease();
        (id, self.token(id))
    }

    /// What a run of this store is called on the server.
    pub fn token(&self, id: LeaseId) -> Arc<str> {
        format!("{}-{id:x}", self.store).into()
    }

    /// Whether a token was made here.
    pub fn is_own(&self, token: &str) -> bool {
        token.starts_with(&self.store)
    }

    /// Adds a run.
    pub fn start(&self, id: LeaseId, run: Run) {
        let mut table = self.table.lock();
        table.by_token.insert(Arc::clone(&run.token), id);
        if run.offline {
            table.offline.insert(Arc::clone(&run.key), id);
        }
        table.running.insert(id, Waited { run, waiting: Vec::new() });
    }

    /// The run that has this token.
    pub fn by_token(&self, token: &str) -> Option<LeaseId> {
        self.table.lock().by_token.get(token).copied()
    }

    /// The run of a key that was begun without the server.
    pub fn offline(&self, key: &str) -> Option<LeaseId> {
        self.table.lock().offline.get(key).copied()
    }

    /// The run of that name, while it is under way.
    pub fn get(&self, id: LeaseId) -> Option<Run> {
        self.table.lock().running.get(&id).map(|waited| waited.run.clone())
    }

    /// What stands under the key of a run that is under way, if that is known.
    pub fn marker(&self, id: LeaseId) -> Option<Arc<[u8]>> {
        self.table.lock().running.get(&id)?.run.marker.clone()
    }

    /// Has a session told of the run's end.
    pub fn join(&self, id: LeaseId, session: SessionId) {
        if let Some(waited) = self.table.lock().running.get_mut(&id)
            && waited.run.holder != Some(session)
            && !waited.waiting.contains(&session)
        {
            waited.waiting.push(session);
        }
    }

    /// Whether anybody waits for a run of another process.
    pub fn is_waited_for(&self, id: LeaseId) -> bool {
        self.table.lock().running.get(&id).is_some_and(|waited| !waited.waiting.is_empty())
    }

    /// Has a tier above told of what other processes have made before anybody here is given it.
    pub fn tell_above(&self, changes: Weak<dyn Changes>) {
        let _ = self.above.set(changes);
    }

    /// Ends a run and tells those who wait for it.
    pub fn complete(&self, id: LeaseId, hub: &Hub, superseded: Sequence, outcome: Outcome) {
        let mut table = self.table.lock();
        let Some(Waited { run, waiting }) = table.running.remove(&id) else { return };
        table.by_token.remove(&run.token);
        if run.offline && table.offline.get(&run.key) == Some(&id) {
            table.offline.remove(&run.key);
        }
        drop(table);
        // What this process makes itself, it writes.
        if let Outcome::Value(payload) = &outcome
            && run.holder.is_none()
            && let Some(above) = self.above.get().and_then(Weak::upgrade)
        {
            above.found(&run.key, payload);
        }
        let notice = Notice::Flight { lease: id, outcome, superseded };
        for session in waiting {
            hub.tell(session, notice.clone());
        }
    }

    /// The runs whose leases this process holds on the server.
    pub fn held(&self) -> Vec<(LeaseId, Run)> {
        let table = self.table.lock();
        let runs = table.running.iter().map(|(id, waited)| (*id, &waited.run));
        let held = runs.filter(|(_, run)| run.holder.is_some() && !run.offline);
        held.map(|(id, run)| (id, run.clone())).collect()
    }

    /// The runs of a session's factories. It is told of no other's any more.
    pub fn leave(&self, session: SessionId) -> Vec<(LeaseId, Run)> {
        let mut table = self.table.lock();
        for waited in table.running.values_mut() {
            waited.waiting.retain(|waiting| *waiting != session);
        }
        let runs = table.running.iter().filter(|(_, waited)| waited.run.holder == Some(session));
        runs.map(|(id, waited)| (*id, waited.run.clone())).collect()
    }

    /// How many factories of this process run.
    pub fn len(&self) -> u64 {
        self.table.lock().running.values().filter(|waited| waited.run.holder.is_some()).count() as u64
    }
}
