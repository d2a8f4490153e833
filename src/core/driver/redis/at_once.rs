//! Requests that are sent by the thread that asks them ([`super::shortcut`]).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Outgoing, Sink};
use super::quick::lives;
use super::router::Router;
use super::sending::Flight;
use super::{Asked, Redis, values};
use crate::core::command::{AtOnce, Simple};
use crate::core::driver::Answers;
use crate::core::hub::SessionId;
use crate::core::value::Life;

/// Up to so many bytes are sent at once: they are copied under the connection's lock.
const MOST_SENT: usize = 64 * 1024;

/// What stands under the keys that are filled, in their order.
type Markers = VecDeque<Arc<[u8]>>;

impl Redis {
    /// Sends the requests of a session at once, if each is one call and none must wait for anything. `false` if not: none
    /// was sent.
    pub fn ask_now(
        self: &Arc<Self>,
        session: SessionId,
        answers: &Arc<dyn Answers>,
        all: &[AtOnce<'_>],
    ) -> bool {
        let Router::Single(link) = &self.router else { return false };
        let room = self.config.max_queue.saturating_sub(self.pending.load(Ordering::Relaxed));
        let count: usize = all.iter().map(|some| some.requests.len()).sum();
        if self.order.is_claiming() || count as u64 > room {
            return false;
        }
        let Some(mut markers) = self.are_calls(all) else { return false };
        let deadline = self.deadline();
        link.shortcut.send(|out| {
            let mut calls = VecDeque::with_capacity(count);
            for AtOnce { text, requests } in all {
                let mut rest = Bytes::clone(text);
                for (id, simple) in requests {
                    let asked = Asked::new(Arc::clone(self), session, deadline, (*id, Arc::clone(answers)));
                    let outgoing = self.call(asked, *simple, &mut rest, &mut markers);
                    // Nothing is watched here.
                    let before = outgoing.pack(out, false);
                    calls.push_back((outgoing, before));
                }
            }
            Flight::of(calls, deadline)
        })
    }

    /// What is filled, if each request is one call.
    fn are_calls(&self, all: &[AtOnce<'_>]) -> Option<Markers> {
        let (mut markers, mut looked_up) = (Markers::new(), HashSet::new());
        for AtOnce { text, requests } in all {
            let mut at = 0;
            for (_, simple) in requests {
                let key = at..at + simple.key();
                at = key.end + simple.value();
                let is_call = match *simple {
                    Simple::Get { .. } => true,
                    Simple::Put { value, .. } => self.is_stored_as_it_is(value as usize),
                    // The task asks once for all who want the same.
                    Simple::Lease { .. } => self.is_looked_up(&[]) && looked_up.insert(text.get(key)?),
                    Simple::Fill { lease, value, ttl, .. } => {
                        markers.push_back(self.runs.marker(lease)?);
                        self.is_stored_as_it_is(value as usize) && lives(Life { ttl, grace: Duration::ZERO })
                    }
                };
                if !is_call {
                    return None;
                }
            }
            if at > MOST_SENT {
                return None;
            }
        }
        Some(markers)
    }

    /// A request whose key and value are the next parts of a text.
    fn call(&self, asked: Asked, simple: Simple, rest: &mut Bytes, markers: &mut Markers) -> Outgoing {
        let deadline = asked.deadline;
        let (key, value) = (rest.split_to(simple.key()), rest.split_to(simple.value()));
        match simple {
            Simple::Get { .. } => Outgoing::new(Call::Get(key), deadline, Sink::Get(asked)),
            Simple::Put { ttl, .. } => {
                let millis = values::lifetime(Life { ttl, grace: Duration::ZERO });
                let begun = self.flushes.put(&key);
                Outgoing::new(Call::Set(key, value, millis), deadline, Sink::Put(asked, begun))
            }
            Simple::Lease { offline, .. } => self.lookup(vec![asked], key, offline, deadline),
            Simple::Fill { lease, ttl, .. } => {
                let life = Life { ttl, grace: Duration::ZERO };
                let marker = markers.pop_front().unwrap_or_default();
                self.store_text_leased(asked, lease, (key, value), life, marker)
            }
        }
    }
}
