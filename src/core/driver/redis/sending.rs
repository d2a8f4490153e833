//! What a link's task sends, and how it is answered.
//!
//! Calls are sent as pipelines. Every call of a pipeline is answered by its deadline; a call that the server has
//! surely not carried out may be sent again.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::call::{Call, Outgoing};
use super::config::Mode;
use super::fault::{Fault, refused};
use super::task::{State, Task, lower};
use super::wire::Value;

/// Calls whose deadlines are this near end together.
const SAME_TIME: Duration = Duration::from_millis(10);
/// How long a primary that says it is a replica is left alone before the connection is made anew again.
const DEMOTION_PAUSE: Duration = Duration::from_millis(500);

/// A pipeline on its way.
pub struct Flight {
    /// The calls that are not answered yet, each with how many answers come before its own.
    calls: VecDeque<(Outgoing, usize)>,
    /// How many answers are owed to calls that were given up.
    owed: usize,
    pub(super) deadline: Instant,
    since: Instant,
}

impl Flight {
    /// A pipeline of calls that is sent now, and given up for all of them at the deadline.
    pub fn of(calls: VecDeque<(Outgoing, usize)>, deadline: Instant) -> Self {
        Self { calls, owed: 0, deadline, since: Instant::now() }
    }

    /// Whether nothing more comes for it.
    fn is_over(&self) -> bool {
        self.calls.is_empty() && self.owed == 0
    }

    /// The call that is answered by the next that the server says, if one is.
    fn next(&mut self, said: &Value) -> Option<Outgoing> {
        if self.owed > 0 {
            self.owed -= 1;
            return None;
        }
        match self.calls.front_mut() {
            Some((call, before)) if *before > 0 => {
                *before -= 1;
                call.sink.before(said);
                None
            }
            _ => self.calls.pop_front().map(|(call, _)| call),
        }
    }

    /// Gives up what is not answered.
    fn give_up(&mut self) -> Vec<Outgoing> {
        self.owed += self.calls.iter().map(|(_, before)| before + 1).sum::<usize>();
        self.calls.drain(..).map(|(call, _)| call).collect()
    }
}

impl Task {
    pub(super) fn send(&mut self, calls: Vec<Outgoing>) {
        let now = Instant::now();
        let (mut calls, late): (Vec<_>, Vec<_>) = if calls.iter().all(|call| call.deadline > now) {
            (calls, Vec::new())
        } else {
            calls.into_iter().partition(|call| call.deadline > now)
        };
        let reason = "its time was over before it could be sent (commandTimeout)";
        self.refuse(late, &Fault::Timeout(reason.into()));
        while let Some(first) = calls.first().map(|call| call.deadline) {
            // Calls that end together share a pipeline: it is given up for all of them at once.
            let near = |call: &Outgoing| {
                call.deadline.max(first).duration_since(call.deadline.min(first)) < SAME_TIME
            };
            let rest = calls.split_off(calls.iter().position(|call| !near(call)).unwrap_or(calls.len()));
            self.send_together(std::mem::replace(&mut calls, rest));
        }
    }

    fn send_together(&mut self, calls: Vec<Outgoing>) {
        let State::Up(connection) = &mut self.state else {
            return self.refuse(calls, &Fault::Down("the connection to Redis was lost".into()));
        };
        let Some(deadline) = calls.iter().map(|call| call.deadline).max() else { return };
        let mut flying = VecDeque::with_capacity(calls.len());
        let mut out = connection.wire.outlet().pending();
        let whole = sent_whole(&calls, &out.known);
        // What others have sent goes before, and nothing comes between.
        self.shortcut.adopt(&mut self.flights, &mut self.earliest);
        for (at, outgoing) in calls.into_iter().enumerate() {
            if whole.contains(&at)
                && let Some(hash) = outgoing.call.script()
            {
                out.known.remove(hash);
            }
            let before = outgoing.pack(&mut out, connection.pushes);
            flying.push_back((outgoing, before));
        }
        lower(&mut self.earliest, deadline);
        self.flights.push_back(Flight::of(flying, deadline));
    }

    /// Hands on what the server has said.
    pub(super) fn hear(&mut self, said: &mut Vec<Value>) {
        self.adopt();
        let mut answers = Vec::with_capacity(said.len());
        let (mut again, mut demoted, mut shut) = (Vec::new(), Vec::new(), None);
        for value in said.drain(..) {
            if let Value::Push(parts) = value {
                // What was answered before it was said comes before it.
                self.listener.answered(std::mem::take(&mut answers));
                self.pushed(&parts);
                continue;
            }
            let Some(flight) = self.flights.front_mut() else { continue };
            let call = flight.next(&value);
            if flight.is_over() {
                self.flights.pop_front();
            }
            let Some(call) = call else { continue };
            self.timeouts = 0;
            let Value::Error(refusal) = value else {
                answers.push((call, Ok(value)));
                continue;
            };
            let fault = refused(&refusal, &self.address());
            // Neither was carried out: a server that lost its scripts is sent them again, and one that became a
            // replica is looked for anew.
            if fault.is("NOSCRIPT") {
                again.push(call);
            } else if fault.is("READONLY") {
                demoted.push((call, fault));
            } else {
                if fault.is("NOAUTH") {
                    shut = Some(fault.error("connection").message);
                }
                answers.push((call, Err(fault)));
            }
        }
        self.listener.answered(answers);
        if !again.is_empty() {
            if let State::Up(connection) = &self.state {
                connection.wire.outlet().pending().known.clear();
            }
            self.send(again);
        }
        if !demoted.is_empty() {
            self.demote(demoted);
        }
        if let Some(reason) = shut {
            self.lose(&reason.into(), false);
        }
    }

    /// Gives up the pipelines whose time is over.
    pub(super) fn give_up(&mut self, now: Instant) {
        let limit = self.config.command_timeout;
        let mut late: Vec<Outgoing> = Vec::new();
        for flight in self.flights.iter_mut().filter(|flight| flight.deadline <= now) {
            if !flight.calls.is_empty() {
                // The last step of an operation may have had no time to be answered: that says nothing of the server.
                self.timeouts += u32::from(now.duration_since(flight.since) >= limit / 2);
                late.extend(flight.give_up());
            }
        }
        if late.is_empty() {
            return;
        }
        let (address, millis) = (self.address(), limit.as_millis());
        let reason: Arc<str> =
            format!("Redis at {address} did not answer within {millis} ms (commandTimeout)").into();
        self.refuse(late, &Fault::Timeout(Arc::clone(&reason)));
        if self.timeouts >= self.config.breaker_threshold {
            self.lose(&reason, true);
        }
    }

    /// The connection is gone: whether what was sent was carried out is not known.
    pub(super) fn drop_flights(&mut self, reason: &Arc<str>) {
        let calls = self.flights.drain(..).flat_map(|flight| flight.calls).map(|(call, _)| call).collect();
        self.refuse(calls, &Fault::Dropped(Arc::clone(reason)));
    }

    /// Another server is the primary now: where it is is asked anew, and then it is asked what this one refused. One
    /// that goes on being a replica is not left and found again all the time.
    fn demote(&mut self, refused: Vec<(Outgoing, Fault)>) {
        let patient = self.demoted.is_none_or(|last| last.elapsed() > DEMOTION_PAUSE);
        // In a cluster another link has the primary: who routes the calls sends them there.
        let routed = matches!(self.config.mode, Mode::Cluster(_));
        if !patient || routed {
            self.listener.answered(refused.into_iter().map(|(call, fault)| (call, Err(fault))).collect());
        } else {
            self.wait(refused.into_iter().map(|(call, _)| call));
        }
        if patient {
            self.demoted = Some(Instant::now());
            self.lose(&format!("Redis at {} became a replica", self.address()).into(), false);
        }
    }
}

/// Which calls are scripts that are sent whole: the first uses of those that the server was not sent yet, and those before
/// another call of the same pipeline on the same key that is carried out in any case. If the server has lost them, they
/// would be sent again after it.
fn sent_whole(calls: &[Outgoing], known: &HashSet<&'static str>) -> HashSet<usize> {
    let mut whole = HashSet::new();
    let scripts = || calls.iter().enumerate().filter_map(|(at, call)| Some((at, call.call.script()?)));
    if scripts().next().is_none() {
        return whole;
    }
    let mut new: HashSet<&str> = HashSet::new();
    whole.extend(scripts().filter(|(_, hash)| !known.contains(hash) && new.insert(hash)).map(|(at, _)| at));
    let mut written: HashSet<&[u8]> = HashSet::new();
    for (at, Outgoing { call, .. }) in calls.iter().enumerate().rev() {
        let Some(key) = call.key() else { continue };
        if call.script().is_none() {
            if matches!(call, Call::Set(..) | Call::Lease(..) | Call::Fill(_)) {
                written.insert(key);
            }
        } else if written.contains(key) {
            whole.insert(at);
        } else if whole.contains(&at) {
            written.insert(key);
        }
    }
    whole
}
