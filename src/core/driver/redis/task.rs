//! The task of a link: it owns the connection, and is the breaker.
//!
//! While the server cannot be asked, calls are refused at once, and one connection attempt at a time, with growing
//! and jittered pauses, finds out when it can. Only for the first attempt, and for the one that follows a connection
//! that was lost, calls wait. What is sent and how it is answered is in [`super::sending`].

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};

use super::call::Outgoing;
use super::config::Config;
use super::connect::{Connection, Peer, Target, connect};
use super::fault::Fault;
use super::link::{Listener, Status};
use super::sending::Flight;
use super::shortcut::Shortcut;
use super::wire::Value;
use crate::core::stats::ConnectionState;

/// Most calls of one pipeline. Smaller ones let the server, this task and JavaScript work at the same time;
/// larger ones cost fewer system calls.
const PIPELINE: usize = 64;

type Made = Result<Box<Connection>, String>;
type Connecting = Pin<Box<dyn Future<Output = Made> + Send>>;

/// How a link stands with its server.
pub enum State {
    /// Nothing was asked yet.
    Idle,
    /// Calls wait for the attempt; or, if it is not the first, they are refused.
    Connecting { attempt: Connecting, refusing: Option<Arc<str>> },
    /// Calls are sent.
    Up(Box<Connection>),
    /// Calls are refused until the next attempt.
    Down { reason: Arc<str>, until: Instant },
}

/// What a link's task knows.
pub struct Task {
    pub(super) config: Arc<Config>,
    target: Target,
    pub(super) listener: Arc<dyn Listener>,
    status: Arc<Status>,
    pub(super) shortcut: Arc<Shortcut>,
    pub(super) state: State,
    waiting: VecDeque<Outgoing>,
    /// Before the first deadline of those that wait or are on their way nothing is late.
    pub(super) earliest: Option<Instant>,
    /// What was sent and is not answered, in order.
    pub(super) flights: VecDeque<Flight>,
    pub(super) timeouts: u32,
    failures: u32,
    /// How many connections were made.
    made: u64,
    /// When the connection was made.
    since: Instant,
    /// A connection that was given up while the server owed it answers.
    stalled: Option<Peer>,
    pub(super) demoted: Option<Instant>,
}

impl Task {
    /// A task that connects when it is asked for the first time.
    pub fn new(
        config: Arc<Config>,
        target: Target,
        listener: Arc<dyn Listener>,
        status: Arc<Status>,
        shortcut: Arc<Shortcut>,
    ) -> Self {
        Self {
            config,
            target,
            listener,
            status,
            shortcut,
            state: State::Idle,
            waiting: VecDeque::new(),
            earliest: None,
            flights: VecDeque::new(),
            timeouts: 0,
            failures: 0,
            made: 0,
            since: Instant::now(),
            stalled: None,
            demoted: None,
        }
    }

    /// Serves a queue until it ends and everything is answered.
    pub async fn run(mut self, mut calls: UnboundedReceiver<Outgoing>) {
        let (mut gathered, mut said) = (Vec::with_capacity(PIPELINE), Vec::new());
        let timer = sleep(Duration::ZERO);
        tokio::pin!(timer);
        let shortcut = Arc::clone(&self.shortcut);
        let mut open = true;
        while open || !self.flights.is_empty() || !self.waiting.is_empty() {
            self.adopt();
            let next = self.next_timer();
            // A timer that ends too early is set anew then: most are not needed any more by that time.
            if next.is_some_and(|next| timer.deadline() > next || timer.is_elapsed()) {
                timer.as_mut().reset(next.unwrap_or_else(Instant::now));
            }
            tokio::select! {
                biased;
                event = event(&mut self.state, &mut said) => match event {
                    Event::Made(made) => self.made(made),
                    Event::Said => self.hear(&mut said),
                    Event::Ended(error) => self.ended(&error),
                },
                count = calls.recv_many(&mut gathered, PIPELINE), if open => {
                    open = count > 0;
                    self.take(&mut gathered);
                    self.shortcut.taken(count);
                }
                () = shortcut.woken() => {}
                () = &mut timer, if next.is_some() => self.time(),
            }
        }
    }

    /// Takes over what was sent by others.
    pub(super) fn adopt(&mut self) {
        self.shortcut.adopt(&mut self.flights, &mut self.earliest);
    }

    /// When something is to be done that nothing else wakes for.
    fn next_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Down { until, .. } => Some(*until),
            _ => self.earliest,
        }
    }

    fn time(&mut self) {
        let now = Instant::now();
        if let State::Down { reason, until } = &self.state {
            if *until <= now {
                let reason = Arc::clone(reason);
                self.attempt(Duration::ZERO, Some(reason));
            }
            return;
        }
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        self.give_up(now);
        let (late, waiting): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|call| call.deadline <= now);
        self.waiting = waiting.into();
        let waiting = self.waiting.iter().map(|call| call.deadline);
        let flying = self.flights.iter().map(|flight| flight.deadline).filter(|deadline| *deadline > now);
        self.earliest = waiting.chain(flying).min();
        let reason = "a connection to Redis was not made in time (commandTimeout)";
        self.refuse(late, &Fault::Timeout(reason.into()));
    }

    /// Where the connection leads, in words.
    pub(super) fn address(&self) -> Arc<str> {
        match &self.state {
            State::Up(connection) => Arc::clone(&connection.address),
            _ => "its address".into(),
        }
    }

    /// Starts a connection attempt, after a pause. With a reason calls are refused meanwhile, else they wait.
    fn attempt(&mut self, pause: Duration, refusing: Option<Arc<str>>) {
        let attempt = connect(Arc::clone(&self.config), self.target.clone(), self.stalled.clone());
        if refusing.is_none() {
            self.status.set(ConnectionState::Connecting);
        }
        let attempt = async move {
            if !pause.is_zero() {
                sleep(pause).await;
            }
            attempt.await.map(Box::new)
        };
        self.state = State::Connecting { attempt: Box::pin(attempt), refusing };
    }

    /// How long to wait before the next attempt.
    fn pause(&self) -> Duration {
        self.config.pause(self.failures)
    }

    fn take(&mut self, gathered: &mut Vec<Outgoing>) {
        match &self.state {
            State::Up(_) => self.send(std::mem::take(gathered)),
            State::Down { reason, .. } | State::Connecting { refusing: Some(reason), .. } => {
                let fault = Fault::Down(Arc::clone(reason));
                self.refuse(std::mem::take(gathered), &fault);
            }
            State::Connecting { refusing: None, .. } => self.wait(gathered.drain(..)),
            State::Idle => {
                self.wait(gathered.drain(..));
                if !self.waiting.is_empty() {
                    self.attempt(Duration::ZERO, None);
                }
            }
        }
    }

    /// Keeps calls for the connection that is being made.
    pub(super) fn wait(&mut self, calls: impl Iterator<Item = Outgoing>) {
        for call in calls {
            lower(&mut self.earliest, call.deadline);
            self.waiting.push_back(call);
        }
    }

    pub(super) fn refuse(&self, calls: Vec<Outgoing>, fault: &Fault) {
        if !calls.is_empty() {
            self.listener.answered(calls.into_iter().map(|call| (call, Err(fault.clone()))).collect());
        }
    }

    fn made(&mut self, made: Made) {
        match made {
            Ok(connection) => {
                self.made += 1;
                let protocol = if connection.pushes { 3 } else { 2 };
                self.status.made(protocol, self.made > 1, &connection.place);
                (self.timeouts, self.stalled, self.since) = (0, None, Instant::now());
                self.state = State::Up(connection);
                // What was watched is not watched by this connection.
                self.listener.changed(None);
                self.listener.connection(Ok(()));
                let now = Instant::now();
                let (late, mut waiting): (Vec<_>, Vec<_>) =
                    self.waiting.drain(..).partition(|call| call.deadline <= now);
                self.earliest = None;
                self.refuse(
                    late,
                    &Fault::Timeout("the connection to Redis came too late (commandTimeout)".into()),
                );
                while !waiting.is_empty() {
                    let rest = waiting.split_off(waiting.len().min(PIPELINE));
                    self.send(std::mem::replace(&mut waiting, rest));
                }
                if let State::Up(connection) = &self.state {
                    self.shortcut.open(Arc::clone(connection.wire.outlet()));
                }
            }
            Err(reason) => {
                self.failures += 1;
                self.down(format!("Redis cannot be reached: {reason}").into());
            }
        }
    }

    /// Refuses calls until the next attempt.
    fn down(&mut self, reason: Arc<str>) {
        self.status.set(ConnectionState::Down);
        let waiting = std::mem::take(&mut self.waiting).into();
        self.earliest = None;
        self.refuse(waiting, &Fault::Down(Arc::clone(&reason)));
        self.state = State::Down { reason, until: Instant::now() + self.pause() };
    }

    /// Gives the connection up, if there is one: an attempt to make another goes on.
    pub(super) fn lose(&mut self, reason: &Arc<str>, stalled: bool) {
        let connection = match std::mem::replace(&mut self.state, State::Idle) {
            State::Up(connection) => connection,
            other => {
                self.state = other;
                return;
            }
        };
        self.shortcut.close();
        self.adopt();
        if stalled {
            self.stalled = connection.peer;
        }
        self.drop_flights(reason);
        self.listener.changed(None);
        self.listener.connection(Err(Arc::clone(reason)));
        if stalled {
            // It accepts and does not answer: whoever asks must not wait for what may take the whole time-out.
            self.status.set(ConnectionState::Down);
            self.attempt(Duration::ZERO, Some(Arc::clone(reason)));
        } else if self.since.elapsed() >= self.config.max_reconnect_delay {
            self.failures = 0;
            self.attempt(Duration::ZERO, None);
        } else {
            // One that did not live long: the first is made again at once, further ones after a pause.
            self.failures += 1;
            // Calls wait for it: so it leaves them time.
            let most = self.config.command_timeout / 4;
            let pause = if self.failures == 1 { Duration::ZERO } else { self.pause().min(most) };
            self.attempt(pause, None);
        }
    }

    pub(super) fn pushed(&self, push: &[Value]) {
        if push.first().and_then(Value::text) == Some("invalidate") {
            match push.get(1) {
                Some(Value::Array(keys)) => self.listener.changed(Some(keys)),
                _ => self.listener.changed(None),
            }
        }
    }

    /// The connection is gone.
    fn ended(&mut self, error: &io::Error) {
        let reason = format!("the connection to Redis at {} was lost: {error}", self.address());
        self.lose(&reason.into(), false);
    }
}

/// Notes a deadline, if it comes before the first that is known.
pub fn lower(earliest: &mut Option<Instant>, deadline: Instant) {
    *earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
}

enum Event {
    Made(Made),
    Said,
    Ended(io::Error),
}

/// The next thing that happens to a connection.
async fn event(state: &mut State, said: &mut Vec<Value>) -> Event {
    match state {
        State::Connecting { attempt, .. } => Event::Made(attempt.await),
        State::Up(connection) => match connection.wire.receive(said).await {
            Ok(()) => Event::Said,
            Err(error) => Event::Ended(error),
        },
        _ => pending().await,
    }
}
