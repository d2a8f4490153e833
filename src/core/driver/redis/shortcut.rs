//! The shortcut to a server: a thread that asks sends by itself what is one call each, while no call is on its way to the
//! task.
//!
//! To wake the task of the link takes longer than to send, and a processor that it would be woken on may have enough to
//! do. What was sent is the task's from then on: it answers it, and gives it up when its time is over.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::sending::Flight;
use super::task::lower;
use super::wire::{Outlet, Pending};

/// A link's shortcut.
#[derive(Default)]
pub struct Shortcut {
    outlet: RwLock<Option<Arc<Outlet>>>,
    /// Calls that are on their way to the task: what is asked after them must not pass them.
    queued: AtomicUsize,
    sent: Mutex<Sent>,
    wake: Notify,
}

/// What the task has not seen yet.
#[derive(Default)]
struct Sent {
    flights: Vec<Flight>,
    /// When the task will look by itself, if it will.
    watched: Option<Instant>,
}

impl Shortcut {
    /// A call is on its way to the task.
    pub fn queue(&self) {
        self.queued.fetch_add(1, Ordering::AcqRel);
    }

    /// The task has sent, or put aside, so many calls.
    pub fn taken(&self, count: usize) {
        self.queued.fetch_sub(count, Ordering::AcqRel);
    }

    /// There is a connection, and nothing waits for it.
    pub fn open(&self, outlet: Arc<Outlet>) {
        *self.outlet.write() = Some(outlet);
    }

    /// The connection is given up: when this returns, nothing more is sent on it.
    pub fn close(&self) {
        if let Some(outlet) = self.outlet.write().take() {
            outlet.close();
        }
    }

    /// Sends a pipeline, which `write` makes and appends, on the calling thread. `false`, and it is not called, where the
    /// task is to be asked.
    pub fn send(&self, write: impl FnOnce(&mut Pending) -> Flight) -> bool {
        if self.queued.load(Ordering::Acquire) > 0 {
            return false;
        }
        let Some(outlet) = self.outlet.read().clone() else { return false };
        let mut is_watched = false;
        let sent = outlet.send_now(|pending| {
            let flight = write(pending);
            // Before it is sent: the answer finds it.
            let mut sent = self.sent.lock();
            is_watched = sent.watched.is_some_and(|watched| watched <= flight.deadline);
            if !is_watched {
                // It will have been woken, for those that come next.
                sent.watched = Some(flight.deadline);
            }
            sent.flights.push(flight);
        });
        if sent == Some(false) || !is_watched {
            self.wake.notify_one();
        }
        sent.is_some()
    }

    /// Hands what was sent over to the task, which looks at `earliest`, or not at all until it is woken.
    pub fn adopt(&self, flights: &mut VecDeque<Flight>, earliest: &mut Option<Instant>) {
        let mut sent = self.sent.lock();
        for flight in sent.flights.drain(..) {
            lower(earliest, flight.deadline);
            flights.push_back(flight);
        }
        sent.watched = *earliest;
    }

    /// Waits until something was sent that needs the task.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}
