//! Values under keys.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use tokio::time::Instant;

use super::call::{Answer, Call, Outgoing, Sink};
use super::fault::Fault;
use super::record;
use super::scripts::{PUT, TAKE, TOUCH};
use super::wire::Value as Answered;
use super::{Asked, Redis, values};
use crate::core::command::{Condition, Fetched, Reply};
use crate::core::driver::remote::asked::Ready;
use crate::core::driver::remote::flushes::Begun;
use crate::core::error::Result;
use crate::core::runtime::start;
use crate::core::value::{Payload, Value};

/// Answers a `get`.
pub fn got(asked: Asked, call: Call, answer: Answer, ready: &mut Ready) {
    let Call::Get(key) = call else { return };
    let bytes = match answer {
        Ok(Answered::BulkString(bytes)) => bytes,
        Ok(_) => {
            asked.store.counters.read(false);
            return ready.push(asked, Ok(Reply::Payload(None)));
        }
        Err(fault) if fault.is("WRONGTYPE") => {
            return ready.push(asked, Ok(Reply::Payload(Some(Payload::corrupt()))));
        }
        Err(Fault::Dropped(_)) => {
            return start(async move {
                let bytes = asked.store.ask(Call::Get(key.clone()), asked.deadline).await;
                let reply = asked.store.read(&key, bytes, false, asked.deadline).await;
                asked.answer(reply.map_err(|fault| fault.error("get")));
            });
        }
        Err(fault) => return ready.push(asked, Err(fault.error("get"))),
    };
    match asked.store.value_now(bytes) {
        Ok(payload) => {
            asked.store.counters.read(payload.is_some());
            ready.push(asked, Ok(Reply::Payload(payload)));
        }
        Err((_, bytes)) => {
            start(async move {
                let bytes = Ok(Answered::BulkString(bytes));
                let reply = asked.store.read(&key, bytes, false, asked.deadline).await;
                asked.answer(reply.map_err(|fault| fault.error("get")));
            });
        }
    }
}

/// Answers a `put`.
pub fn stored(asked: Asked, begun: Begun, call: &Call, answer: Answer, ready: &mut Ready) {
    asked.store.flushes.put_ended(call.key().unwrap_or_default(), begun, answer.is_ok());
    let reply = match answer {
        Ok(_) => {
            asked.store.counters.writes.count();
            Ok(Reply::Changed(true))
        }
        Err(fault) => Err(fault.error("put")),
    };
    ready.push(asked, reply);
}

/// Begins a `put` or an `add`.
pub fn put(asked: Asked, key: Box<str>, value: Value, condition: Condition) {
    let redis = Arc::clone(&asked.store);
    if let Err(error) = redis.check_size(&value, "put") {
        return asked.answer(Err(error));
    }
    let begun = (condition == Condition::Always).then(|| redis.flushes.put(key.as_bytes()));
    let quick = value.tags.is_empty() && !redis.is_slow_to_encode(&value);
    if let Some(begun) = begun
        && quick
        && value.life.grace.is_zero()
    {
        let life = values::lifetime(value.life);
        let bytes = redis.encode_whole(value).into();
        let (call, deadline) = (Call::Set(key.into_boxed_bytes().into(), bytes, life), asked.deadline);
        return redis.router.send(Outgoing::new(call, deadline, Sink::Put(asked, begun)));
    }
    let claimed = key.clone();
    let operation = async move {
        let reply = asked.store.put_slowly(&key, value, condition, asked.deadline).await;
        if let Some(begun) = begun {
            asked.store.flushes.put_ended(key.as_bytes(), begun, reply.is_ok());
        }
        asked.answer(reply.map_err(|fault| fault.error("put")));
    };
    if quick { start(operation) } else { redis.start_claiming(claimed, operation) }
}

impl Redis {
    async fn put_slowly(
        &self,
        key: &str,
        value: Value,
        condition: Condition,
        deadline: Instant,
    ) -> std::result::Result<Reply, Fault> {
        let epochs = self.epochs(&value.tags, values::lifetime(value.life), deadline).await?;
        let [ttl, grace] = values::times(value.life);
        let absent = if condition == Condition::IfAbsent { b"1" } else { b"0" }.to_vec();
        let (first, second) = self.encode(value, epochs).await;
        let mut dead = Vec::new();
        let stored = loop {
            let args = vec![first.clone(), second.clone(), ttl.clone(), grace.clone(), absent.clone(), dead];
            let answer = self.ask(Call::Script(&PUT, key.as_bytes().into(), args), deadline).await?;
            let Some(header) = verdict(answer, b"there") else { break true };
            if !self.is_dead(&header, deadline).await? {
                break false;
            }
            dead = header;
        };
        if stored {
            self.counters.writes.count();
        }
        Ok(Reply::Changed(stored))
    }

    /// Whether a header says of its value that one of its tags was flushed.
    pub async fn is_dead(&self, header: &[u8], deadline: Instant) -> std::result::Result<bool, Fault> {
        match record::parse(header) {
            record::Stored::Record(header) => Ok(!self.has_valid_tags(&header, deadline).await?),
            _ => Ok(false),
        }
    }

    /// What a read found; a value in its grace too if `stale`.
    async fn read(
        &self,
        key: &[u8],
        answer: Answer,
        stale: bool,
        deadline: Instant,
    ) -> std::result::Result<Reply, Fault> {
        let payload = self.payload(key, answer, stale, deadline).await?;
        self.counters.read(payload.is_some());
        Ok(Reply::Payload(payload))
    }

    async fn payload(
        &self,
        key: &[u8],
        answer: Answer,
        stale: bool,
        deadline: Instant,
    ) -> std::result::Result<Option<Payload>, Fault> {
        match answer {
            Ok(Answered::BulkString(bytes)) => self.value(key, bytes, stale, deadline).await,
            Ok(_) => Ok(None),
            Err(fault) if fault.is("WRONGTYPE") => Ok(Some(Payload::corrupt())),
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn many(&self, keys: &[Box<str>], deadline: Instant) -> Result<Reply> {
        let answers = self.router.get_many(keys, deadline).await.map_err(|fault| fault.error("many"))?;
        let (mut payloads, mut slow) = (Vec::with_capacity(answers.len()), Vec::new());
        for (at, answer) in answers.into_iter().enumerate() {
            // Most values need nobody to be asked.
            let answer = match answer {
                Ok(Answered::BulkString(bytes)) => match self.value_now(bytes) {
                    Ok(payload) => Ok(payload),
                    Err((_, bytes)) => {
                        slow.push((at, Ok(Answered::BulkString(bytes))));
                        Ok(None)
                    }
                },
                Ok(_) => Ok(None),
                Err(fault) if fault.is("WRONGTYPE") => Ok(Some(Payload::corrupt())),
                Err(fault) => Err(fault.outage()),
            };
            payloads.push(answer);
        }
        let asked = slow.into_iter().map(|(at, answer)| async move {
            (at, self.payload(keys[at].as_bytes(), answer, false, deadline).await)
        });
        for (at, payload) in join_all(asked.collect::<Vec<_>>()).await {
            payloads[at] = payload.map_err(|fault| fault.outage());
        }
        for payload in &payloads {
            self.counters.read(matches!(payload, Ok(Some(_))));
        }
        Ok(Reply::Payloads(payloads))
    }

    /// A value with its remaining life and its tags. Both are asked for at once: the value first, so that the life is
    /// that of this value or of a newer one, of which whoever keeps the value is told.
    pub(super) async fn fetch(&self, key: &str, deadline: Instant) -> Result<Reply> {
        self.fetched(key.as_bytes(), deadline).await.map(Reply::Fetched).map_err(|fault| fault.error("get"))
    }

    async fn fetched(&self, key: &[u8], deadline: Instant) -> std::result::Result<Option<Fetched>, Fault> {
        let bytes = self.ask(Call::Get(Bytes::copy_from_slice(key)), deadline);
        let left = self.ask(Call::Command("PTTL", key.into(), Vec::new()), deadline);
        let (answer, left) = (bytes.await, left.await);
        let (tags, has_grace) = match &answer {
            Ok(Answered::BulkString(bytes)) => match record::parse(bytes) {
                record::Stored::Record(header) => {
                    (header.tags.into_iter().map(|(tag, _)| tag).collect(), header.fresh_until != 0)
                }
                _ => (Vec::new(), false),
            },
            _ => (Vec::new(), false),
        };
        let payload = self.payload(key, answer, false, deadline).await?;
        self.counters.read(payload.is_some());
        let Some(payload) = payload else { return Ok(None) };
        let remaining = if has_grace {
            let head = self.head(key, deadline).await?;
            Some(head.and_then(|head| head.fresh_for()).unwrap_or_default())
        } else {
            match left? {
                Answered::Int(-1) => None,
                // Gone since: not to be kept.
                Answered::Int(left) => Some(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
                _ => Some(Duration::ZERO),
            }
        };
        Ok(Some(Fetched { payload, remaining, tags }))
    }

    pub(super) async fn peek(&self, key: &str, deadline: Instant) -> Result<Reply> {
        let answer = self.ask_again(Call::Get(Bytes::copy_from_slice(key.as_bytes())), deadline).await;
        let payload = self.payload(key.as_bytes(), answer, true, deadline).await;
        Ok(Reply::Payload(payload.map_err(|fault| fault.error("peek"))?))
    }

    /// How long a value stays fresh, if there is one that may be read.
    async fn fresh_for(&self, key: &str, deadline: Instant) -> std::result::Result<Option<Duration>, Fault> {
        let Some(head) = self.head(key.as_bytes(), deadline).await? else { return Ok(None) };
        let Some(left) = head.fresh_for() else { return Ok(None) };
        Ok(self.has_valid_tags(&head.header, deadline).await?.then_some(left))
    }

    pub(super) async fn has(&self, key: &str, deadline: Instant) -> Result<Reply> {
        let found = self.fresh_for(key, deadline).await.map_err(|fault| fault.error("has"))?.is_some();
        self.counters.read(found);
        Ok(Reply::Changed(found))
    }

    pub(super) async fn remaining(&self, key: &str, deadline: Instant) -> Result<Reply> {
        Ok(Reply::Remaining(self.fresh_for(key, deadline).await.map_err(|fault| fault.error("ttl"))?))
    }

    pub(super) async fn forget(&self, key: &str, deadline: Instant) -> Result<Reply> {
        let held = self.take(key, false, deadline).await.map_err(|fault| fault.error("forget"))?;
        if held.is_some() {
            self.counters.deletes.count();
        }
        Ok(Reply::Changed(held.is_some()))
    }

    pub(super) async fn pull(&self, key: &str, deadline: Instant) -> Result<Reply> {
        let fault = |fault: Fault| fault.error("pull");
        let taken = self.take(key, true, deadline).await.map_err(fault)?;
        self.counters.read(taken.is_some());
        let Some((bytes, header)) = taken else { return Ok(Reply::Payload(None)) };
        self.counters.deletes.count();
        Ok(Reply::Payload(Some(match header {
            Some(header) => self.decode(header, bytes).await,
            None => self.value_now(bytes).unwrap_or_default().unwrap_or_else(Payload::corrupt),
        })))
    }

    /// Removes a key; what it held, if that could have been read.
    async fn take(
        &self,
        key: &str,
        whole: bool,
        deadline: Instant,
    ) -> std::result::Result<Option<(Vec<u8>, Option<record::Header>)>, Fault> {
        let args = vec![if whole { b"1".to_vec() } else { b"0".to_vec() }];
        let answer = self.ask(Call::Script(&TAKE, key.as_bytes().into(), args), deadline).await?;
        let Answered::Array(parts) = answer else { return Ok(None) };
        let mut parts = parts.into_iter();
        let (Some(Answered::BulkString(bytes)), Some(Answered::Int(now))) = (parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let record::Stored::Record(header) = record::parse(&bytes) else { return Ok(Some((bytes, None))) };
        let fresh = header.fresh_until == 0 || header.fresh_until > now as u64;
        let valid = fresh && self.has_valid_tags(&header, deadline).await?;
        Ok(valid.then_some((bytes, Some(header))))
    }

    pub(super) async fn touch(&self, key: &str, ttl: Duration, deadline: Instant) -> Result<Reply> {
        let fault = |fault: Fault| fault.error("touch");
        let mut known = Vec::new();
        loop {
            let args = vec![values::argument(values::millis(ttl)), known.clone()];
            let answer = self.ask(Call::Script(&TOUCH, key.as_bytes().into(), args), deadline).await;
            let Answered::Array(parts) = answer.map_err(fault)? else {
                return Err(super::unexpected("touch"));
            };
            match (parts.first(), parts.get(1)) {
                (Some(Answered::Int(2)), Some(Answered::BulkString(header))) => {
                    // The epochs must live for as long as the entry that has them.
                    let record::Stored::Record(parsed) = record::parse(header) else {
                        return Err(super::unexpected("touch"));
                    };
                    let names: Vec<Box<str>> = parsed.tags.iter().map(|(tag, _)| tag.clone()).collect();
                    let current = self.epochs(&names, values::millis(ttl), deadline).await.map_err(fault)?;
                    if current != parsed.tags {
                        return Ok(Reply::Changed(false));
                    }
                    known.clone_from(header);
                }
                (Some(Answered::Int(touched)), _) => return Ok(Reply::Changed(*touched == 1)),
                _ => return Err(super::unexpected("touch")),
            }
        }
    }
}

/// The second part of a script's answer, if the first is this word.
pub fn verdict(answer: Answered, word: &[u8]) -> Option<Vec<u8>> {
    let Answered::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter();
    match (parts.next()?, parts.next()?) {
        (Answered::BulkString(first), Answered::BulkString(second)) if first == word => Some(second),
        _ => None,
    }
}
