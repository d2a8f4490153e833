//! The sessions that this JavaScript thread has opened, by handle.
//!
//! A handle is a number that is never used twice, so that a late call finds nothing instead of another's
//! session. A thread that ends (a terminated worker too) ends its sessions by an environment cleanup hook:
//! what they held is handed over at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use super::convert::duration;
use super::copies::Sharing;
use super::couchdb::NativeCouchDb;
use super::error::{self, Result};
use super::mailbox::{self, Address};
use super::outbox::Gathered;
use super::redis::NativeRedis;
use crate::core::clock::ClockKind;
use crate::core::command::{AtOnce, Command, Reply, RequestId};
use crate::core::driver::memory::{Bounds, Policy};
use crate::core::driver::tiered::{self, Lower};
use crate::core::driver::{Answers, Batch};
use crate::core::engine::{Config, Engine};
use crate::core::hub::SessionId;
use crate::core::registry;

/// One opened cache.
pub struct Session {
    /// The environment that opened it, as a number: an embedder may run several on one thread.
    env: usize,
    /// Its store.
    pub engine: Arc<Engine>,
    /// Its name there.
    pub id: SessionId,
    address: Arc<Address>,
    /// What it has to do with copies that JavaScript keeps.
    pub sharing: Sharing,
    /// What this thread has asked since it submitted last.
    queue: RefCell<Vec<Queued>>,
}

impl Session {
    /// Answers a command at once where the store can, and queues it else.
    pub fn ask(&self, id: RequestId, command: Command) -> Result<Option<Reply>> {
        if let Some(memory) = self.engine.embedded() {
            return memory.apply(self.id, command).map(Some).map_err(error::cross);
        }
        self.queue(id, command);
        Ok(None)
    }

    /// Queues a command for [`submit`].
    pub fn queue(&self, id: RequestId, command: Command) {
        if let Some(tiered) = self.engine.tiered() {
            tiered.asked(&command);
        }
        self.queue.borrow_mut().push(Queued::One(id, command));
    }

    /// Queues requests that crossed together.
    pub fn queue_gathered(&self, gathered: Gathered) {
        if self.engine.tiered().is_some() {
            // The upper tier is told what each of them is.
            gathered.read(|id, command| self.queue(id, command));
        } else {
            self.queue.borrow_mut().push(Queued::Gathered(gathered));
        }
    }

    fn submit(&self) {
        let queued = self.queue.take();
        if queued.is_empty() {
            return;
        }
        let (session, answers) = (self.id, Arc::clone(&self.address) as Arc<dyn Answers>);
        if let Some(redis) = self.engine.at_once()
            && let Some(requests) = queued.iter().map(Queued::at_once).collect::<Option<Vec<_>>>()
            && redis.ask_now(session, &answers, &requests)
        {
            return;
        }
        self.engine.submit(move || {
            let mut requests = Vec::with_capacity(queued.iter().map(Queued::most).sum());
            for queued in queued {
                match queued {
                    Queued::One(id, command) => requests.push((id, command)),
                    Queued::Gathered(gathered) => gathered.read(|id, command| requests.push((id, command))),
                }
            }
            Batch { session, requests, answers }
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.submit();
        self.sharing.end(&self.engine);
        self.engine.leave(self.id);
    }
}

/// What waits to be submitted.
enum Queued {
    One(RequestId, Command),
    Gathered(Gathered),
}

impl Queued {
    /// How many requests it is at most.
    fn most(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Gathered(gathered) => gathered.most(),
        }
    }

    /// What this thread may send by itself.
    fn at_once(&self) -> Option<AtOnce<'_>> {
        match self {
            Self::One(..) => None,
            Self::Gathered(gathered) => gathered.simple(),
        }
    }
}

/// Sends what this thread has queued, of all its sessions; early, before the tick is over, of those alone for which
/// that is worth while.
#[napi(catch_unwind)]
pub fn submit(early: bool) {
    SESSIONS.with_borrow(|sessions| {
        let ready = sessions.values().filter(|session| !early || session.engine.is_eager());
        ready.for_each(Session::submit);
    });
}

/// Handles count up and are already spread; hashing them costs more than looking them up.
#[derive(Default)]
struct HandleHasher(u64);

impl Hasher for HandleHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }
    fn write_u32(&mut self, handle: u32) {
        // hashbrown takes the top bits for its tags.
        self.0 = u64::from(handle).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type Sessions = HashMap<u32, Session, BuildHasherDefault<HandleHasher>>;

thread_local! {
    static SESSIONS: RefCell<Sessions> = RefCell::default();
}

static LAST_HANDLE: AtomicU32 = AtomicU32::new(0);

/// Calls the core with the session of a handle; [`error::closed`] if it has ended.
pub fn with<T>(handle: u32, call: impl FnOnce(&Session) -> Result<T>) -> Result<T> {
    SESSIONS.with_borrow(|sessions| call(sessions.get(&handle).ok_or_else(error::closed)?))
}

/// Queues requests with the session of a handle; gives them back if it has ended.
pub fn queue(handle: u32, gathered: Gathered) -> Option<Gathered> {
    SESSIONS.with_borrow(|sessions| match sessions.get(&handle) {
        Some(session) => {
            session.queue_gathered(gathered);
            None
        }
        None => Some(gathered),
    })
}

/// Options of a store, checked by the facade.
#[napi(object)]
pub struct NativeOptions {
    /// The process-wide name, if it has one.
    pub name: Option<String>,
    /// Most entries.
    pub max_size: Option<f64>,
    /// Most bytes.
    pub max_size_bytes: Option<f64>,
    /// `lru` (default) or `tinylfu`.
    pub policy: Option<String>,
    /// Whether time stands still until it is advanced.
    pub manual_clock: Option<bool>,
    /// Whether memory is reached by batches, as a backend is: for the tests.
    pub batched: Option<bool>,
    /// The store is on Redis.
    pub redis: Option<NativeRedis>,
    /// The store is on `CouchDB`.
    pub couchdb: Option<NativeCouchDb>,
    /// The store is in memory above the one of these.
    pub tiered: Option<NativeTiered>,
}

/// The upper tier.
#[napi(object)]
pub struct NativeTiered {
    /// How long it keeps a value at most, in milliseconds; left out for as long as the value lives.
    pub ttl: Option<f64>,
    /// For how long it is believed while nothing is told of changes, in milliseconds.
    pub max_staleness: f64,
    /// What all keys and tags begin with.
    pub prefix: String,
}

/// Opens a store and answers the handle.
#[napi(catch_unwind)]
pub fn open(env: Env, options: NativeOptions) -> Result<u32> {
    let (name, config) = config(options)?;
    let engine = registry::open(name.as_deref(), config).map_err(error::cross)?;
    let handle = LAST_HANDLE.fetch_add(1, Ordering::Relaxed) + 1;
    let address = mailbox::address(env, handle).ok_or_else(error::closed)?;
    let address = Arc::new(address);
    let id = engine.join(Arc::clone(&address) as _);
    let (sharing, queue) = (Sharing::default(), RefCell::default());
    let session = Session { env: env.raw() as usize, engine, id, address, sharing, queue };
    SESSIONS.with_borrow_mut(|sessions| sessions.insert(handle, session));
    Ok(handle)
}

fn config(options: NativeOptions) -> Result<(Option<String>, Config)> {
    let defaults = Bounds::default();
    let bounds = Bounds {
        entries: options.max_size.map(|entries| entries as u64),
        bytes: options.max_size_bytes.map_or(defaults.bytes, |bytes| bytes as u64),
        policy: match options.policy.as_deref() {
            Some("tinylfu") => Policy::TinyLfu,
            _ => Policy::Lru,
        },
    };
    let clock = if options.manual_clock == Some(true) { ClockKind::Manual } else { ClockKind::System };
    let redis = options.redis.map(NativeRedis::into_config).transpose()?.map(Box::new);
    let couchdb = options.couchdb.map(NativeCouchDb::into_config).map(Box::new);
    let lower = redis.map(Lower::Redis).or(couchdb.map(Lower::CouchDb));
    let config = match (options.tiered, lower) {
        (Some(tiered), Some(lower)) => Config::Tiered(Box::new(tiered::Config {
            bounds,
            ttl: tiered.ttl.and_then(duration),
            max_staleness: duration(tiered.max_staleness).unwrap_or(Duration::MAX),
            prefix: tiered.prefix.into(),
            lower,
        })),
        (_, Some(Lower::Redis(redis))) => Config::Redis(redis),
        (_, Some(Lower::CouchDb(couchdb))) => Config::CouchDb(couchdb),
        _ => Config::Memory { bounds, clock, batched: options.batched == Some(true) },
    };
    Ok((options.name, config))
}

/// Ends a session. Idempotent.
#[napi(catch_unwind)]
pub fn close(handle: u32) {
    // Dropped after the table is given back: ending a session delivers notices.
    let session = SESSIONS.with_borrow_mut(|sessions| sessions.remove(&handle));
    drop(session);
}

/// Says how this environment is woken, and has its sessions end with it; called once, when the addon is loaded.
/// Loading it anew (as a test runner that resets modules does) makes another environment on the same thread.
#[napi(catch_unwind)]
pub fn connect(env: Env, wake: Function<'_, (), ()>) -> napi::Result<()> {
    mailbox::install(env, wake)?;
    env.add_env_cleanup_hook(env.raw() as usize, |ending| {
        let sessions = SESSIONS.try_with(|sessions| {
            let mut sessions = sessions.borrow_mut();
            let handles: Vec<u32> = sessions
                .iter()
                .filter(|(_, session)| session.env == ending)
                .map(|(handle, _)| *handle)
                .collect();
            handles.iter().filter_map(|handle| sessions.remove(handle)).collect::<Vec<_>>()
        });
        drop(sessions);
        mailbox::forget(ending);
    })?;
    Ok(())
}
