//! The sessions that this JavaScript thread has opened, by handle.
//!
//! A handle is a number that is never used twice, so that a late call finds nothing instead of another's
//! session. A thread that ends (a terminated worker too) ends its sessions by an environment cleanup hook:
//! what they held is handed over at once.

#![expect(clippy::needless_pass_by_value, reason = "`#[napi]` hands an object over by value")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use napi::Env;
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use super::error::{self, Result};
use super::mailbox;
use crate::core::clock::ClockKind;
use crate::core::driver::memory::{Bounds, Memory, Policy};
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
}

impl Session {
    /// The driver that answers at once.
    pub fn memory(&self) -> &Memory {
        self.engine.embedded()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.engine.leave(self.id);
    }
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
}

/// Opens a store and answers the handle.
#[napi(catch_unwind)]
pub fn open(env: Env, options: NativeOptions) -> Result<u32> {
    let defaults = Bounds::default();
    let config = Config {
        memory: Bounds {
            entries: options.max_size.map(|entries| entries as u64),
            bytes: options.max_size_bytes.map_or(defaults.bytes, |bytes| bytes as u64),
            policy: match options.policy.as_deref() {
                Some("tinylfu") => Policy::TinyLfu,
                _ => Policy::Lru,
            },
        },
        clock: if options.manual_clock == Some(true) { ClockKind::Manual } else { ClockKind::System },
    };
    let engine = registry::open(options.name.as_deref(), config).map_err(error::cross)?;
    let handle = LAST_HANDLE.fetch_add(1, Ordering::Relaxed) + 1;
    let address = mailbox::address(env, handle).ok_or_else(error::closed)?;
    let id = engine.join(Arc::new(address));
    let session = Session { env: env.raw() as usize, engine, id };
    SESSIONS.with_borrow_mut(|sessions| sessions.insert(handle, session));
    Ok(handle)
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
