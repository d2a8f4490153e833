//! Reads and writes that are sent by the thread that asks them ([`super::shortcut`]).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Outgoing, Sink, pack_get, pack_set};
use super::router::Router;
use super::sending::Flight;
use super::{Asked, Redis, values};
use crate::core::command::{RequestId, Simple};
use crate::core::driver::Answers;
use crate::core::hub::SessionId;
use crate::core::value::Life;

impl Redis {
    /// Sends the requests of a session at once, if each is one call and none must wait for anything. They are of `text`.
    /// `false` if not: none was sent.
    pub fn ask_now(
        self: &Arc<Self>,
        session: SessionId,
        answers: &Arc<dyn Answers>,
        text: &Bytes,
        requests: Vec<(RequestId, Simple)>,
    ) -> bool {
        let Router::Single(link) = &self.router else { return false };
        let room = self.config.max_queue.saturating_sub(self.pending.load(Ordering::Relaxed));
        let is_plain = |(_, simple): &(RequestId, Simple)| match simple {
            Simple::Get { .. } => true,
            Simple::Put { value, .. } => self.is_stored_as_it_is(*value as usize),
        };
        if self.order.is_claiming() || requests.len() as u64 > room || !requests.iter().all(is_plain) {
            return false;
        }
        let deadline = self.deadline();
        link.shortcut.send(|out| {
            let mut calls = VecDeque::with_capacity(requests.len());
            let mut rest = text.clone();
            let mut part = |length: u32| rest.split_to(length as usize);
            for (id, simple) in requests {
                let asked = Asked::new(Arc::clone(self), session, deadline, (id, Arc::clone(answers)));
                let (call, sink) = match simple {
                    Simple::Get { key } => {
                        let key = part(key);
                        pack_get(out, &key);
                        (Call::Get(key), Sink::Get(asked))
                    }
                    Simple::Put { key, value, ttl } => {
                        let (key, value) = (part(key), part(value));
                        let millis = values::lifetime(Life { ttl, grace: Duration::ZERO });
                        pack_set(out, &key, &value, millis);
                        let begun = self.flushes.put(&key);
                        (Call::Set(key, value, millis), Sink::Put(asked, begun))
                    }
                };
                calls.push_back((Outgoing { call, deadline, sink, asking: false }, 0));
            }
            Flight::of(calls, deadline)
        })
    }
}
