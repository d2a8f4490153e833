//! Who wants to know when a key changes.
//!
//! A server with RESP3 says so by a push; what it has said while a connection was lost is not known, so that all
//! are woken then. A wake means "look again", never more.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use tokio::sync::Notify;

use super::wire::Value;

/// The keys that are watched.
#[derive(Default)]
pub struct Waits(Mutex<HashMap<Arc<[u8]>, Arc<Notify>>>);

impl Waits {
    /// Where changes of a key are told. A change between this call and the wait is not missed.
    pub fn on(&self, key: &Arc<[u8]>) -> Arc<Notify> {
        Arc::clone(self.0.lock().entry(Arc::clone(key)).or_default())
    }

    /// Forgets a key that nobody else watches: who watches holds what [`Waits::on`] gave it.
    pub fn done(&self, key: &[u8], watch: Arc<Notify>) {
        let mut watched = self.0.lock();
        drop(watch);
        if watched.get(key).is_some_and(|watch| Arc::strong_count(watch) == 1) {
            watched.remove(key);
        }
    }

    /// Keys have changed; `None` is any of them.
    pub fn changed(&self, keys: Option<&[Value]>) {
        let watched = self.0.lock();
        match keys {
            None => watched.values().for_each(|notify| notify.notify_waiters()),
            Some(keys) => {
                for key in keys {
                    if let Value::BulkString(key) = key
                        && let Some(notify) = watched.get(&key[..])
                    {
                        notify.notify_waiters();
                    }
                }
            }
        }
    }
}
