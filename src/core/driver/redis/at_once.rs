//! Requests that are sent by the thread that asks them ([`super::shortcut`]).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Outgoing, Sink};
use super::router::Router;
use super::sending::Flight;
use super::{Asked, Redis, values};
use crate::core::command::{AtOnce, Command, LeaseId, RequestId, Simple};
use crate::core::driver::Answers;
use crate::core::hub::SessionId;
use crate::core::value::{Life, Value};

/// Up to so many bytes of what factories have made are sent at once: they are copied under the connection's lock.
const MOST_FILLED: usize = 64 * 1024;

/// Requests that are one call each.
enum Step<'a> {
    Gathered(&'a Bytes, &'a [(RequestId, Simple)]),
    Lookup { id: RequestId, key: &'a str, offline: bool },
    Fill { id: RequestId, key: &'a str, lease: LeaseId, value: &'a Value, marker: Arc<[u8]> },
}

impl Redis {
    /// Sends the requests of a session at once, if each is one call and none must wait for anything. `false` if not: none
    /// was sent.
    pub fn ask_now(
        self: &Arc<Self>,
        session: SessionId,
        answers: &Arc<dyn Answers>,
        requests: &[AtOnce<'_>],
    ) -> bool {
        let Router::Single(link) = &self.router else { return false };
        let room = self.config.max_queue.saturating_sub(self.pending.load(Ordering::Relaxed));
        let count: usize = requests.iter().map(AtOnce::count).sum();
        if self.order.is_claiming() || count as u64 > room {
            return false;
        }
        let Some(steps) = self.steps(requests) else { return false };
        let deadline = self.deadline();
        link.shortcut.send(|out| {
            let mut calls = VecDeque::with_capacity(count);
            let mut send = |outgoing: Outgoing| {
                // Nothing is watched here.
                let before = outgoing.pack(out, false);
                calls.push_back((outgoing, before));
            };
            let asked = |id| Asked::new(Arc::clone(self), session, deadline, (id, Arc::clone(answers)));
            for step in steps {
                match step {
                    Step::Gathered(text, all) => {
                        let mut rest = text.clone();
                        for (id, simple) in all {
                            send(self.simple(asked(*id), *simple, &mut rest));
                        }
                    }
                    Step::Lookup { id, key, offline } => {
                        send(self.lookup(vec![asked(id)], key, offline, deadline));
                    }
                    Step::Fill { id, key, lease, value, marker } => {
                        send(self.store_leased(asked(id), key, lease, value.clone(), &marker));
                    }
                }
            }
            Flight::of(calls, deadline)
        })
    }

    /// The requests, if each is one call.
    fn steps<'a>(&self, requests: &'a [AtOnce<'a>]) -> Option<Vec<Step<'a>>> {
        let (mut looked_up, mut filled) = (HashSet::new(), 0);
        let step = |request: &'a AtOnce<'a>| match *request {
            AtOnce::Gathered(text, ref all) => {
                let is_plain = |(_, simple): &(RequestId, Simple)| match simple {
                    Simple::Get { .. } => true,
                    Simple::Put { value, .. } => self.is_stored_as_it_is(*value as usize),
                };
                all.iter().all(is_plain).then_some(Step::Gathered(text, all))
            }
            AtOnce::One(id, Command::Lease { key, tags, offline }) => {
                // The task asks once for all who want the same.
                let may_be = self.is_looked_up(tags) && looked_up.insert(key);
                may_be.then_some(Step::Lookup { id, key, offline: *offline })
            }
            AtOnce::One(id, Command::Fill { key, lease, value, keep }) => {
                let (size, lease) = (value.payload.bytes.len(), *lease);
                filled += size;
                if filled > MOST_FILLED || !self.is_stored_as_it_is(size) {
                    return None;
                }
                Some(Step::Fill { id, key, lease, value, marker: self.marker(lease, value, *keep)? })
            }
            AtOnce::One(..) => None,
        };
        requests.iter().map(step).collect()
    }

    /// A request whose key and value are the next parts of a text.
    fn simple(&self, asked: Asked, simple: Simple, rest: &mut Bytes) -> Outgoing {
        let deadline = asked.deadline;
        let mut part = |length: u32| rest.split_to(length as usize);
        let (call, sink) = match simple {
            Simple::Get { key } => (Call::Get(part(key)), Sink::Get(asked)),
            Simple::Put { key, value, ttl } => {
                let (key, value) = (part(key), part(value));
                let millis = values::lifetime(Life { ttl, grace: Duration::ZERO });
                let begun = self.flushes.put(&key);
                (Call::Set(key, value, millis), Sink::Put(asked, begun))
            }
        };
        Outgoing::new(call, deadline, sink)
    }
}
