//! A batch on its way to the lower tier and back.
//!
//! Reads are asked for with what is needed to keep them, and kept if nothing came between; writes take what is kept
//! away when they are answered, whatever the answer is.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Tiered;
use crate::core::command::{Command, Fetched, LeaseId, LeaseReply, Outage, Reply, RequestId};
use crate::core::driver::{Answers, Batch, Change};
use crate::core::error::{Error, Result};
use crate::core::hub::SessionId;
use crate::core::value::Payload;

/// What is done with an answer.
enum Waiting {
    /// It is handed on.
    Other(RequestId),
    /// A read, for all who asked for it in this batch; with the right to keep what it finds.
    Read { key: Box<str>, ticket: Option<LeaseId>, askers: Vec<Asker> },
    /// A look that says no more than whether there is a value.
    Look(RequestId, Box<str>),
    /// A lease: a value that it finds is worth keeping.
    Lease(RequestId, Box<str>),
    /// A write of a key; what a factory made is worth keeping.
    Write(RequestId, Box<str>, bool),
    /// A flush of tags.
    FlushTags(RequestId, Vec<Box<str>>),
    /// A flush of everything under a prefix.
    Flush(RequestId, Box<str>),
}

/// Who asked for a value.
enum Asker {
    Get(RequestId),
    Part(Arc<Many>, usize),
}

type Found = std::result::Result<Option<Payload>, Outage>;

/// A `many`: its parts come one by one.
struct Many {
    id: RequestId,
    parts: Mutex<(Vec<Found>, usize)>,
}

impl Many {
    /// Puts a part in its place; all of them, if it was the last.
    fn put(&self, at: usize, found: Found) -> Option<Reply> {
        let mut parts = self.parts.lock();
        parts.0[at] = found;
        parts.1 -= 1;
        (parts.1 == 0).then(|| Reply::Payloads(std::mem::take(&mut parts.0)))
    }
}

/// The answers to a batch, on their way up.
pub struct Passing {
    tiered: Arc<Tiered>,
    answers: Arc<dyn Answers>,
    waiting: Mutex<HashMap<RequestId, Waiting>>,
}

impl Passing {
    /// Hands a batch to the lower tier.
    pub fn down(tiered: Arc<Tiered>, batch: Batch) {
        let Batch { session, requests, answers } = batch;
        let mut down = Vec::with_capacity(requests.len());
        let mut waiting = HashMap::with_capacity(requests.len());
        // By key, the read of this batch that others may share: nothing was written since.
        let mut reads: HashMap<Box<str>, RequestId> = HashMap::new();
        let mut at_once = Vec::new();
        for (id, command) in requests {
            let mut ask = |waits, command| {
                let number = down.len() as RequestId;
                waiting.insert(number, waits);
                down.push((number, command));
                number
            };
            match command {
                Command::Many { keys } if keys.is_empty() => {
                    at_once.push((id, Ok(Reply::Payloads(Vec::new()))));
                }
                Command::Get { key } => {
                    let asker = Asker::Get(id);
                    if let Some(asker) = join(&mut reads, &mut waiting, &key, asker) {
                        let ticket = tiered.may_keep(&key);
                        let number = down.len() as RequestId;
                        let read = Waiting::Read { key: key.clone(), ticket, askers: vec![asker] };
                        waiting.insert(number, read);
                        down.push((number, Command::Fetch { key: key.clone() }));
                        reads.insert(key, number);
                    }
                }
                Command::Many { keys } => {
                    let parts = Mutex::new((vec![Ok(None); keys.len()], keys.len()));
                    let many = Arc::new(Many { id, parts });
                    for (at, key) in keys.into_iter().enumerate() {
                        let asker = Asker::Part(Arc::clone(&many), at);
                        if let Some(asker) = join(&mut reads, &mut waiting, &key, asker) {
                            let ticket = tiered.may_keep(&key);
                            let number = down.len() as RequestId;
                            let read = Waiting::Read { key: key.clone(), ticket, askers: vec![asker] };
                            waiting.insert(number, read);
                            down.push((number, Command::Fetch { key: key.clone() }));
                            reads.insert(key, number);
                        }
                    }
                }
                Command::Has { ref key } | Command::Remaining { ref key } => {
                    ask(Waiting::Look(id, key.clone()), command);
                }
                Command::Lease { ref key, .. } => {
                    ask(Waiting::Lease(id, key.clone()), command);
                }
                Command::FlushTags { ref tags } => {
                    reads.clear();
                    ask(Waiting::FlushTags(id, tags.clone()), command);
                }
                Command::Flush { ref prefix } => {
                    reads.clear();
                    ask(Waiting::Flush(id, prefix.clone()), command);
                }
                command => match written(&command) {
                    Some(key) => {
                        reads.remove(key);
                        let fills = matches!(command, Command::Fill { keep: true, .. });
                        ask(Waiting::Write(id, key.into(), fills), command);
                    }
                    None => {
                        ask(Waiting::Other(id), command);
                    }
                },
            }
        }
        if !at_once.is_empty() {
            answers.answer(at_once);
        }
        let changed: Vec<Changed> = waiting.values().filter_map(Changed::by).collect();
        let (lower, announcing) = (Arc::clone(&tiered.lower), Arc::clone(&tiered));
        let passing = Self { tiered, answers, waiting: Mutex::new(waiting) };
        lower.execute(Batch { session, requests: down, answers: Arc::new(passing) });
        // Behind the writes, on the same connection: who dies now has told.
        for changed in &changed {
            changed.announce(&announcing);
        }
    }
}

/// What a request changes.
enum Changed {
    Key(Box<str>),
    Tags(Vec<Box<str>>),
    Everything,
}

impl Changed {
    fn by(waiting: &Waiting) -> Option<Self> {
        match waiting {
            Waiting::Write(_, key, _) => Some(Self::Key(key.clone())),
            Waiting::FlushTags(_, tags) => Some(Self::Tags(tags.clone())),
            Waiting::Flush(..) => Some(Self::Everything),
            _ => None,
        }
    }

    fn announce(&self, tiered: &Tiered) {
        match self {
            Self::Key(key) => tiered.announce(Change::Key(key)),
            Self::Tags(tags) => tags.iter().for_each(|tag| tiered.announce(Change::Tag(tag))),
            Self::Everything => tiered.announce(Change::Everything),
        }
    }
}

/// Joins a read of this batch; gives the asker back if there is none.
fn join(
    reads: &mut HashMap<Box<str>, RequestId>,
    waiting: &mut HashMap<RequestId, Waiting>,
    key: &str,
    asker: Asker,
) -> Option<Asker> {
    let read = reads.get(key).and_then(|number| waiting.get_mut(number));
    let Some(Waiting::Read { askers, .. }) = read else { return Some(asker) };
    askers.push(asker);
    None
}

/// The key whose value a command may change.
pub fn written(command: &Command) -> Option<&str> {
    match command {
        Command::Put { key, .. }
        | Command::Forget { key }
        | Command::Pull { key }
        | Command::Touch { key, .. }
        | Command::Increment { key, .. }
        | Command::Fill { key, .. } => Some(key),
        _ => None,
    }
}

impl Answers for Passing {
    fn answer(&self, answers: Vec<(RequestId, Result<Reply>)>) {
        let mut up = Vec::with_capacity(answers.len());
        for (number, reply) in answers {
            let Some(waiting) = self.waiting.lock().remove(&number) else { continue };
            match waiting {
                Waiting::Other(id) => up.push((id, reply)),
                Waiting::Read { key, ticket, askers } => {
                    let found = match reply {
                        Ok(Reply::Fetched(found)) => Ok(found),
                        Ok(_) => Ok(None),
                        Err(error) => Err(error),
                    };
                    let kept = self.tiered.keep(&key, ticket, found.as_ref().ok());
                    // Nobody is to be given anything older afterwards: what another read has kept may be.
                    if let Ok(found) = &found
                        && !kept
                    {
                        self.tiered.saw(&key, found.as_ref().map(|found| &found.payload));
                    }
                    hand_out(askers, &found, &mut up);
                }
                Waiting::Look(id, key) => {
                    match &reply {
                        Ok(Reply::Changed(there)) => self.tiered.saw_whether(&key, *there),
                        Ok(Reply::Remaining(left)) => self.tiered.saw_whether(&key, left.is_some()),
                        _ => {}
                    }
                    up.push((id, reply));
                }
                Waiting::Lease(id, key) => {
                    match &reply {
                        Ok(Reply::Lease(LeaseReply::Hit(payload))) => {
                            self.tiered.saw(&key, Some(payload));
                            self.tiered.fetch(key);
                        }
                        // It is being computed: that there is nothing is known no longer than that.
                        _ => self.tiered.expects(&key),
                    }
                    up.push((id, reply));
                }
                Waiting::Write(id, key, fills) => {
                    self.tiered.wrote(&key, reply.is_err());
                    if fills && matches!(reply, Ok(Reply::Filled { stored: true, .. })) {
                        self.tiered.fetch(key);
                    }
                    up.push((id, reply));
                }
                Waiting::FlushTags(id, tags) => {
                    self.tiered.flushed_tags(&tags, reply.is_err());
                    up.push((id, reply));
                }
                Waiting::Flush(id, prefix) => {
                    self.tiered.flushed(&prefix, reply.is_err());
                    up.push((id, reply));
                }
            }
        }
        if !up.is_empty() {
            self.answers.answer(up);
        }
    }
}

/// Answers all who asked for a value.
fn hand_out(askers: Vec<Asker>, found: &Result<Option<Fetched>>, up: &mut Vec<(RequestId, Result<Reply>)>) {
    let again = |error: &Error| Error::new(error.kind, error.operation, error.message.clone());
    for asker in askers {
        let found = match found {
            Ok(found) => Ok(found.as_ref().map(|found| found.payload.clone())),
            Err(error) => Err(again(error)),
        };
        match asker {
            Asker::Get(id) => up.push((id, found.map(Reply::Payload))),
            Asker::Part(many, at) => {
                let found = found.map_err(|error| Outage { kind: error.kind, message: error.message.into() });
                if let Some(reply) = many.put(at, found) {
                    up.push((many.id, Ok(reply)));
                }
            }
        }
    }
}

/// Nobody waits for what is fetched to be kept.
pub struct Unasked {
    tiered: Arc<Tiered>,
    key: Box<str>,
    ticket: LeaseId,
}

impl Unasked {
    /// Has the lower tier asked for a value that is worth keeping.
    pub fn fetch(tiered: Arc<Tiered>, key: Box<str>, ticket: LeaseId, session: SessionId) {
        let lower = Arc::clone(&tiered.lower);
        let requests = vec![(0, Command::Fetch { key: key.clone() })];
        lower.execute(Batch { session, requests, answers: Arc::new(Self { tiered, key, ticket }) });
    }
}

impl Answers for Unasked {
    fn answer(&self, answers: Vec<(RequestId, Result<Reply>)>) {
        for (_, reply) in answers {
            let found = match &reply {
                Ok(Reply::Fetched(found)) => Some(found),
                _ => None,
            };
            self.tiered.keep(&self.key, Some(self.ticket), found);
        }
    }
}
