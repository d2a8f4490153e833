//! Requests on one key take effect in the order in which they were made.
//!
//! Every key that is asked for has a line: the first in it is dealt with, alone, or together with those behind it
//! that can be answered at once (reads by one look, steps of a counter by one write). Keys do not wait for each other.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::seen::Seen;
use super::{Asked, CouchDb, overdue};
use crate::core::command::{Command, LeaseId, Outage, Reply};
use crate::core::driver::remote::asked::Ready;
use crate::core::driver::remote::fault::Fault;
use crate::core::driver::remote::flushes::Begun;
use crate::core::driver::remote::held;
use crate::core::error::Result as Checked;
use crate::core::hub::SessionId;
use crate::core::runtime;
use crate::core::value::{Payload, Value};

type Parts = Mutex<(Vec<Result<Option<Payload>, Outage>>, usize, Option<Asked>)>;

/// The keys of a `many`, each of which waits in its own line.
#[derive(Clone)]
pub struct Many(Arc<Parts>, Instant);

impl Many {
    /// A request for so many keys.
    pub fn new(asked: Asked, count: usize) -> Self {
        let (deadline, values) = (asked.deadline, vec![Ok(None); count]);
        Self(Arc::new(Mutex::new((values, count, Some(asked)))), deadline)
    }

    /// One of the keys has its answer; with the last, the request has.
    fn answer(&self, at: usize, value: Result<Option<Payload>, Outage>) {
        let mut parts = self.0.lock();
        parts.0[at] = value;
        parts.1 -= 1;
        if parts.1 == 0
            && let Some(asked) = parts.2.take()
        {
            let values = std::mem::take(&mut parts.0);
            drop(parts);
            asked.answer(Ok(Reply::Payloads(values)));
        }
    }
}

/// What waits in a line.
pub enum Work {
    /// A request.
    Request(Asked, Command),
    /// A key of a `many`: which.
    Part(Many, usize),
    /// A value that is to be put, whatever is there.
    Put(Asked, Value, Begun),
    /// A lease that is to be prolonged.
    Renew(LeaseId),
    /// Who waits until all that came before is done.
    Mark(oneshot::Sender<()>),
}

/// The lines, by key; those of locks by the lock's document.
#[derive(Default)]
pub struct Lines(Mutex<HashMap<Box<str>, VecDeque<Work>>>);

/// What is dealt with together.
enum Group {
    Reads(Vec<Work>),
    Steps(Vec<(Asked, (f64, crate::core::value::Life))>),
    Leases(Vec<Asked>, Vec<Box<str>>, bool),
    One(Work),
}

impl Lines {
    /// The first of a line and those that go with it; `None` ends the line.
    fn next(&self, key: &str) -> Option<Group> {
        let mut lines = self.0.lock();
        let line = lines.get_mut(key)?;
        let Some(first) = line.pop_front() else {
            lines.remove(key);
            return None;
        };
        Some(match first {
            Work::Part(..) => Group::Reads(with_more(first, line, is_read)),
            Work::Request(_, ref command) if is_read_command(command) => {
                Group::Reads(with_more(first, line, is_read))
            }
            Work::Request(asked, Command::Increment { step, life, .. }) => {
                let mut steps = vec![(asked, (step, life))];
                while let Some(Work::Request(_, Command::Increment { .. })) = line.front() {
                    if let Some(Work::Request(asked, Command::Increment { step, life, .. })) =
                        line.pop_front()
                    {
                        steps.push((asked, (step, life)));
                    }
                }
                Group::Steps(steps)
            }
            Work::Request(asked, Command::Lease { tags, offline, .. }) => {
                let mut askers = vec![asked];
                while let Some(Work::Request(_, Command::Lease { tags: more, offline: alone, .. })) =
                    line.front()
                    && (more, *alone) == (&tags, offline)
                {
                    if let Some(Work::Request(asked, _)) = line.pop_front() {
                        askers.push(asked);
                    }
                }
                Group::Leases(askers, tags, offline)
            }
            one => Group::One(one),
        })
    }
}

fn with_more(first: Work, line: &mut VecDeque<Work>, fits: fn(&Work) -> bool) -> Vec<Work> {
    let mut group = vec![first];
    while line.front().is_some_and(fits) {
        group.extend(line.pop_front());
    }
    group
}

fn is_read(work: &Work) -> bool {
    match work {
        Work::Part(..) => true,
        Work::Request(_, command) => is_read_command(command),
        _ => false,
    }
}

fn is_read_command(command: &Command) -> bool {
    matches!(
        command,
        Command::Get { .. }
            | Command::Has { .. }
            | Command::Peek { .. }
            | Command::Remaining { .. }
            | Command::Fetch { .. }
    )
}

impl CouchDb {
    /// Puts work at the end of a line.
    pub(super) fn line_up(self: &Arc<Self>, key: &str, work: Work) {
        let mut lines = self.lines.0.lock();
        if let Some(line) = lines.get_mut(key) {
            line.push_back(work);
        } else {
            lines.insert(key.into(), VecDeque::from([work]));
            drop(lines);
            let (store, key) = (Arc::clone(self), key.into());
            runtime::spawn(store.serve(key));
        }
    }

    async fn serve(self: Arc<Self>, key: Box<str>) {
        while let Some(group) = self.lines.next(&key) {
            match group {
                Group::Reads(reads) => self.answer_reads(&key, reads).await,
                Group::Steps(steps) => self.answer_steps(&key, steps).await,
                Group::Leases(askers, tags, offline) => self.lease(askers, &key, &tags, offline).await,
                Group::One(Work::Renew(lease)) => {
                    let _ = timeout_at(self.deadline(), self.renew(lease)).await;
                }
                Group::One(Work::Request(asked, command)) => self.answer_one(asked, command).await,
                Group::One(Work::Put(asked, value, begun)) => {
                    self.answer_put(&key, asked, value, begun).await;
                }
                Group::One(Work::Mark(passed)) => drop(passed.send(())),
                Group::One(Work::Part(..)) => {}
            }
        }
    }

    async fn answer_reads(self: &Arc<Self>, key: &str, reads: Vec<Work>) {
        let deadline = match &reads[..] {
            [Work::Request(asked, _), ..] => asked.deadline,
            [Work::Part(many, _), ..] => many.1,
            _ => return,
        };
        let seen = in_time(deadline, self.look(key, &[])).await;
        if let Ok(Seen { document: Some(document), now, .. }) = &seen
            && document.value.is_some()
            && document.has_expired(*now)
            && document.lease(*now).is_none()
        {
            self.remove_soon(document);
        }
        for read in reads {
            match read {
                Work::Request(asked, command) => {
                    let reply = match &seen {
                        Ok(seen) => Ok(self.read_reply(seen, &command)),
                        Err(fault) => Err(fault.error(name_of(&command))),
                    };
                    self.answer(asked, reply);
                }
                Work::Part(many, at) => many.answer(
                    at,
                    match &seen {
                        Ok(seen) => {
                            self.counters.read(seen.fresh().is_some());
                            Ok(super::seen::payload(seen.fresh()))
                        }
                        Err(fault) => Err(fault.outage()),
                    },
                ),
                _ => {}
            }
        }
    }

    /// Answers together with all others that are answered in this moment, of other keys too: JavaScript, woken for the
    /// first alone, would ask for the next thing alone.
    fn answer(self: &Arc<Self>, asked: Asked, reply: Checked<Reply>) {
        let mut ready = self.ready.lock();
        if ready.is_empty() {
            let store = Arc::clone(self);
            runtime::spawn(async move { store.ready.lock().hand_over() });
        }
        ready.push(asked, reply);
    }

    async fn answer_steps(self: &Arc<Self>, key: &str, steps: Vec<(Asked, super::counters::Step)>) {
        let Some((first, _)) = steps.first() else { return };
        let deadline = first.deadline;
        let (asked, steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let replies = in_time(deadline, self.increment(key, &steps)).await;
        let mut ready = Ready::default();
        match replies {
            Ok(replies) => {
                for (asked, reply) in asked.into_iter().zip(replies) {
                    ready.push(asked, reply);
                }
            }
            Err(fault) => {
                self.may_be_late(key, &fault);
                for asked in asked {
                    ready.push(asked, Err(fault.error("increment")));
                }
            }
        }
    }

    async fn answer_one(self: &Arc<Self>, asked: Asked, command: Command) {
        let (session, deadline, operation) = (asked.session, asked.deadline, name_of(&command));
        let changed = |changed: Result<bool, Fault>| changed.map(Reply::Changed);
        let reply: Pin<Box<dyn Future<Output = Checked<Reply>> + Send + '_>> = match command {
            // These bound themselves: who waits for a run is told of its end, whatever happens.
            Command::Fill { key, lease, value, keep } => {
                Box::pin(async move { self.fill(&key, lease, value, keep, deadline).await })
            }
            Command::Fail { lease, error, .. } => {
                Box::pin(async move { self.fail(lease, &error, deadline).await })
            }
            Command::Put { key, value, .. } => {
                if let Err(error) = self.check_size(&value, "add") {
                    return asked.answer(Err(error));
                }
                Box::pin(async move {
                    let added = in_time(deadline, self.add(&key, &value)).await;
                    if let Err(fault) = &added {
                        self.may_be_late(&key, fault);
                    }
                    changed(added).map_err(|fault| fault.error("add"))
                })
            }
            command => Box::pin(async move {
                let reply = in_time(deadline, async {
                    match &command {
                        Command::Forget { key } => changed(self.forget(key).await),
                        Command::Pull { key } => self.pull(key).await,
                        Command::Touch { key, ttl } => self.touch(key, *ttl).await,
                        Command::Lock { name, owner, ttl, .. } => {
                            self.lock(session, (name, owner), *ttl).await
                        }
                        Command::Unlock { name, owner } => changed(self.unlock(session, (name, owner)).await),
                        Command::Extend { name, owner, ttl } => {
                            self.extend(session, (name, owner), *ttl).await
                        }
                        _ => Err(Fault::Down("a command went the wrong way".into())),
                    }
                });
                let reply = reply.await;
                if let Err(fault) = &reply {
                    self.given_up(session, &command, fault);
                }
                reply.map_err(|fault| fault.error(operation))
            }),
        };
        asked.answer(reply.await);
    }

    async fn answer_put(self: &Arc<Self>, key: &str, asked: Asked, value: Value, begun: Begun) {
        let stored = if let Err(error) = self.check_size(&value, "put") {
            Err(error)
        } else {
            let stored = in_time(asked.deadline, self.put(key, &value)).await;
            if let Err(fault) = &stored {
                self.may_be_late(key, fault);
            }
            stored.map(|()| Reply::Changed(true)).map_err(|fault| fault.error("put"))
        };
        self.flushes.put_ended(key.as_bytes(), begun, stored.is_ok());
        self.answer(asked, stored);
    }

    /// An operation has failed, and what it writes may still be on its way.
    fn given_up(self: &Arc<Self>, session: SessionId, command: &Command, fault: &Fault) {
        match command {
            Command::Lock { name, owner, ttl, .. } => held::release_unknown(self, session, name, owner, *ttl),
            command => {
                if let Some(key) = command.key() {
                    self.may_be_late(key, fault);
                }
            }
        }
    }

    /// A write of a key has failed.
    fn may_be_late(&self, key: &str, fault: &Fault) {
        // What was refused at once was not sent.
        if !matches!(fault, Fault::Down(_)) {
            self.late.note(key);
        }
    }

    /// Resolves when all is done that was asked until now of the keys under a prefix; how long that takes is bounded by
    /// their deadlines.
    pub(super) fn done_until_now(&self, prefix: &str) -> impl Future<Output = ()> + Send + use<> {
        let mut marks = Vec::new();
        for (_, line) in self.lines.0.lock().iter_mut().filter(|(key, _)| key.starts_with(prefix)) {
            let (passed, mark) = oneshot::channel();
            line.push_back(Work::Mark(passed));
            marks.push(mark);
        }
        async move {
            join_all(marks).await;
        }
    }

    /// Has a lease prolonged, in order with what else is done with its key.
    pub(super) fn renew_in_line(self: &Arc<Self>, lease: LeaseId, key: &str) {
        self.line_up(key, Work::Renew(lease));
    }
}

/// What comes in time.
pub async fn in_time<T>(deadline: Instant, what: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout_at(deadline, what).await.unwrap_or_else(|_| Err(overdue()))
}

/// The public name of an operation.
fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Has { .. } => "has",
        Command::Peek { .. } => "remember",
        Command::Remaining { .. } => "ttl",
        Command::Forget { .. } => "forget",
        Command::Pull { .. } => "pull",
        Command::Touch { .. } => "touch",
        Command::Lock { .. } => "lock",
        Command::Unlock { .. } => "unlock",
        Command::Extend { .. } => "extend",
        _ => "get",
    }
}
