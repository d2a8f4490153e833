//! What a link's task sends, and how it is answered.
//!
//! Calls are sent as pipelines. Every call of a pipeline is answered by its deadline; a call that the server has
//! surely not carried out may be sent again.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::{Pipeline, RedisError, Value};
use tokio::time::{Instant, timeout_at};

use super::call::{Call, Outgoing};
use super::config::Mode;
use super::fault::{Fault, refused, words};
use super::task::{State, Task};

/// Calls whose deadlines are this near end together.
const SAME_TIME: Duration = Duration::from_millis(10);
/// How long a primary that says it is a replica is left alone before the connection is made anew again.
const DEMOTION_PAUSE: Duration = Duration::from_millis(500);

/// A pipeline that was answered, or not.
pub struct Sent {
    calls: Vec<(Outgoing, usize)>,
    outcome: Result<Vec<Value>, Option<RedisError>>,
    generation: u64,
    address: Arc<str>,
    since: Instant,
}

/// A pipeline on its way.
pub type Flying = Pin<Box<dyn Future<Output = Sent> + Send>>;

impl Task {
    pub(super) fn send(&mut self, calls: Vec<Outgoing>) {
        let now = Instant::now();
        let (mut calls, late): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.deadline > now);
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
        let State::Up(connection) = &self.state else {
            return self.refuse(calls, &Fault::Down("the connection to Redis was lost".into()));
        };
        let Some(deadline) = calls.iter().map(|call| call.deadline).max() else { return };
        let whole = scripts_before_writes(&calls);
        let mut pipeline = Pipeline::with_capacity(calls.len());
        let calls: Vec<_> = calls
            .into_iter()
            .enumerate()
            .map(|(at, call)| {
                if call.asking {
                    pipeline.cmd("ASKING");
                }
                if whole.contains(&at)
                    && let Call::Script(script, ..) = &call.call
                {
                    self.known.remove(&*script.hash);
                }
                // Redis forgets that it was asked by the next command: a key that is on its way is not watched.
                let pushes = connection.pushes.is_some() && !call.asking;
                let before =
                    call.call.pack(&mut pipeline, &mut self.known, pushes) + usize::from(call.asking);
                (call, before)
            })
            .collect();
        let (mut wire, generation) = (connection.wire.clone(), self.generation);
        let (address, since) = (Arc::clone(&connection.address), Instant::now());
        self.flying.push(Box::pin(async move {
            let answers = timeout_at(deadline, wire.send_packed_commands(&pipeline, 0, pipeline.len())).await;
            let outcome = match answers {
                Ok(Ok(values)) => Ok(values),
                Ok(Err(error)) => Err(Some(error)),
                Err(_) => Err(None),
            };
            Sent { calls, outcome, generation, address, since }
        }));
    }

    pub(super) fn settle(&mut self, sent: Sent) {
        let Sent { calls, outcome, generation, address, since } = sent;
        let current = generation == self.generation;
        let error = match outcome {
            Ok(values) => {
                if current {
                    self.timeouts = 0;
                }
                return self.answer(calls, values, &address);
            }
            Err(error) => error,
        };
        let calls = calls.into_iter().map(|(call, _)| call).collect();
        let Some(error) = error else {
            let limit = self.config.command_timeout.as_millis();
            let reason: Arc<str> =
                format!("Redis at {address} did not answer within {limit} ms (commandTimeout)").into();
            self.refuse(calls, &Fault::Timeout(Arc::clone(&reason)));
            // The last step of an operation may have had no time to be answered: that says nothing of the server.
            let fair = since.elapsed() >= self.config.command_timeout / 2;
            self.timeouts += u32::from(current && fair);
            if current && self.timeouts >= self.config.breaker_threshold {
                self.lose(&reason, true);
            }
            return;
        };
        let reason: Arc<str> =
            format!("the connection to Redis at {address} was lost: {}", words(&error)).into();
        self.refuse(calls, &Fault::Dropped(Arc::clone(&reason)));
        if current {
            self.lose(&reason, false);
        }
    }

    fn answer(&mut self, calls: Vec<(Outgoing, usize)>, values: Vec<Value>, address: &str) {
        let mut values = values.into_iter();
        let mut answers = Vec::with_capacity(calls.len());
        let (mut again, mut demoted, mut shut) = (Vec::new(), Vec::new(), None);
        for (call, before) in calls {
            let value = values.by_ref().nth(before).unwrap_or_default();
            let Value::ServerError(error) = value else {
                answers.push((call, Ok(value)));
                continue;
            };
            let fault = refused(&error, address);
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
            self.known.clear();
            self.send(again);
        }
        if !demoted.is_empty() {
            self.demote(demoted, address);
        }
        if let Some(reason) = shut {
            self.lose(&reason.into(), false);
        }
    }

    /// Another server is the primary now: where it is is asked anew, and then it is asked what this one refused. One
    /// that goes on being a replica is not left and found again all the time.
    fn demote(&mut self, refused: Vec<(Outgoing, Fault)>, address: &str) {
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
            self.lose(&format!("Redis at {address} became a replica").into(), false);
        }
    }
}

/// Which calls are scripts on a key that a later call of the same pipeline writes. They are sent whole: one that
/// the server has lost would be sent again after what follows it.
fn scripts_before_writes(calls: &[Outgoing]) -> HashSet<usize> {
    let mut written: HashSet<&[u8]> = HashSet::new();
    let mut found = HashSet::new();
    if !calls.iter().any(|call| matches!(call.call, Call::Script(..))) {
        return found;
    }
    for (at, call) in calls.iter().enumerate().rev() {
        match &call.call {
            Call::Set(key, ..) => drop(written.insert(key)),
            Call::Script(_, key, _) if written.contains(&**key) => drop(found.insert(at)),
            _ => {}
        }
    }
    found
}
