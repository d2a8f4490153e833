//! The link to one server: a queue to the task that owns its connection.
//!
//! All that is asked of the server goes through one queue, so that it is sent in the order in which it was asked,
//! and what has gathered in the queue is sent as one pipeline. The task ([`super::task`]) answers every call by its
//! deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::call::{Answer, Call, Outgoing};
use super::config::{Address, Config};
use super::connect::Target;
use super::router::step;
use super::shortcut::Shortcut;
use super::task::Task;
use super::wire::Value;
use crate::core::runtime;
use crate::core::stats::ConnectionState;

/// What the link tells.
pub trait Listener: Send + Sync + 'static {
    /// Calls that were answered, in order.
    fn answered(&self, answers: Vec<(Outgoing, Answer)>);
    /// Keys that were asked to be watched have changed; `None` is any of them.
    fn changed(&self, keys: Option<&[Value]>);
    /// The server can be asked, or no longer.
    fn connection(&self, up: Result<(), Arc<str>>);
}

/// The figures of a link.
#[derive(Default)]
pub struct Status {
    state: AtomicU8,
    protocol: AtomicU8,
    reconnects: AtomicU64,
    /// Where the connection leads that was made last.
    place: Mutex<Option<Address>>,
}

impl Status {
    /// Says whether the server can be asked.
    pub fn set(&self, state: ConnectionState) {
        let number = match state {
            ConnectionState::Connecting => 0,
            ConnectionState::Up => 1,
            ConnectionState::Down => 2,
        };
        self.state.store(number, Ordering::Relaxed);
    }

    /// Says that a connection was made, and whether another was made before.
    pub fn made(&self, protocol: u8, again: bool, place: &Address) {
        *self.place.lock() = Some(place.clone());
        self.protocol.store(protocol, Ordering::Relaxed);
        self.reconnects.fetch_add(u64::from(again), Ordering::Relaxed);
        self.set(ConnectionState::Up);
    }

    /// Whether the server can be asked.
    pub fn state(&self) -> ConnectionState {
        match self.state.load(Ordering::Relaxed) {
            0 => ConnectionState::Connecting,
            1 => ConnectionState::Up,
            _ => ConnectionState::Down,
        }
    }

    /// The protocol's version, once there was a connection.
    pub fn protocol(&self) -> Option<u8> {
        Some(self.protocol.load(Ordering::Relaxed)).filter(|version| *version > 0)
    }

    /// Which server can be asked, if one can.
    pub fn place(&self) -> Option<Address> {
        self.place.lock().clone().filter(|_| self.state() == ConnectionState::Up)
    }

    /// How often a connection was made again.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }
}

/// The way to the task; it ends when nobody has one.
#[derive(Clone)]
pub struct Link {
    queue: UnboundedSender<Outgoing>,
    /// For what needs no task to be sent.
    pub shortcut: Arc<Shortcut>,
    /// The figures.
    pub status: Arc<Status>,
}

impl Link {
    /// A link that connects when it is asked for the first time.
    pub fn new(config: Arc<Config>, target: Target, listener: Arc<dyn Listener>) -> Self {
        let (queue, calls) = unbounded_channel();
        let status = Arc::new(Status::default());
        let shortcut = Arc::new(Shortcut::default());
        let task = Task::new(config, target, listener, Arc::clone(&status), Arc::clone(&shortcut));
        runtime::spawn(task.run(calls));
        Self { queue, shortcut, status }
    }

    /// Whether calls are refused.
    pub fn is_down(&self) -> bool {
        self.status.state() == ConnectionState::Down
    }

    /// Asks this server; sent when this is called, not when it is awaited.
    pub fn ask(&self, call: Call, deadline: Instant) -> impl Future<Output = Answer> + use<> {
        let (outgoing, answer) = step(call, deadline);
        self.send(outgoing);
        answer
    }

    /// Asks.
    pub fn send(&self, outgoing: Outgoing) {
        self.shortcut.queue();
        // The task outlives its links, so that the queue takes whatever it is given.
        let _ = self.queue.send(outgoing);
    }
}
