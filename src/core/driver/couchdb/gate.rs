//! Whether the server may be asked: the breaker.
//!
//! While it cannot be reached, requests are refused at once, and one attempt at a time, with growing and jittered
//! pauses, finds out when it can. For the first attempt, and while a database that is missing is made, they wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::core::driver::remote::fault::Fault;
use crate::core::hub::{Hub, Notice};
use crate::core::stats::ConnectionState;

#[derive(Clone)]
enum State {
    /// Nothing was asked yet.
    Idle,
    /// Requests wait for the attempt.
    Connecting,
    /// Requests are sent.
    Up,
    /// Requests are refused; attempts go on.
    Down(Arc<str>),
}

/// The breaker of one server.
pub struct Gate {
    state: watch::Sender<State>,
    hub: Arc<Hub>,
    /// Requests in a row that were not answered.
    timeouts: AtomicU32,
    threshold: u32,
    ups: AtomicU64,
}

impl Gate {
    /// A breaker that has a server given up after so many time-outs in a row.
    pub fn new(hub: Arc<Hub>, threshold: u32) -> Self {
        let state = watch::Sender::new(State::Idle);
        Self { state, hub, timeouts: AtomicU32::new(0), threshold, ups: AtomicU64::new(0) }
    }

    /// Lets a request through as soon as the server may be asked. `connect` has attempts begun, if none is under way.
    pub async fn pass(&self, deadline: Instant, connect: impl FnOnce()) -> Result<(), Fault> {
        if matches!(*self.state.borrow(), State::Up) {
            return Ok(());
        }
        if self.begin() {
            connect();
        }
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| matches!(state, State::Up | State::Down(_)));
        match timeout_at(deadline, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Down(reason) => Err(Fault::Down(Arc::clone(reason))),
                _ => Ok(()),
            },
            _ => Err(Fault::Timeout("a connection to CouchDB was not made in time (commandTimeout)".into())),
        }
    }

    /// Whether the caller is to begin attempts: nothing was asked before.
    fn begin(&self) -> bool {
        self.state.send_if_modified(|state| {
            let idle = matches!(state, State::Idle);
            if idle {
                *state = State::Connecting;
            }
            idle
        })
    }

    /// The server may be asked.
    pub fn up(&self) {
        self.timeouts.store(0, Ordering::Relaxed);
        let was = self.state.send_replace(State::Up);
        // A database that was made anew is no new connection.
        if !matches!(was, State::Connecting) || self.ups.load(Ordering::Relaxed) == 0 {
            self.ups.fetch_add(1, Ordering::Relaxed);
            self.hub.tell_all(&Notice::Connected);
        }
    }

    /// An attempt has failed.
    pub fn down(&self, reason: Arc<str>) {
        let was = self.state.send_replace(State::Down(Arc::clone(&reason)));
        let connected = self.ups.load(Ordering::Relaxed) > 0;
        if matches!(was, State::Up) || (matches!(was, State::Connecting) && connected) {
            self.hub.tell_all(&Notice::Disconnected { reason });
        }
    }

    /// A request has failed in a way that says that no other would do better: refuses requests, and answers whether
    /// the caller is to begin attempts.
    pub fn lost(&self, reason: &Arc<str>) -> bool {
        let lost = matches!(*self.state.borrow(), State::Up);
        if lost {
            self.down(Arc::clone(reason));
        }
        lost
    }

    /// The database is missing: requests wait until it is there. Answers whether the caller is to make it.
    pub fn missing(&self) -> bool {
        self.state.send_if_modified(|state| {
            let up = matches!(state, State::Up);
            if up {
                *state = State::Connecting;
            }
            up
        })
    }

    /// A request was answered.
    pub fn answered(&self) {
        self.timeouts.store(0, Ordering::Relaxed);
    }

    /// A request was not answered, or not in time; whether that is once too often.
    pub fn failed(&self) -> bool {
        self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= self.threshold
    }

    /// Whether the server can be asked, and how often it came back.
    pub fn status(&self) -> (ConnectionState, u64) {
        let state = match *self.state.borrow() {
            State::Idle | State::Connecting => ConnectionState::Connecting,
            State::Up => ConnectionState::Up,
            State::Down(_) => ConnectionState::Down,
        };
        (state, self.ups.load(Ordering::Relaxed).saturating_sub(1))
    }
}
