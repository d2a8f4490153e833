//! The operations that are not on the hot path, one plain function each.
//!
//! Each takes a request's id: where the store answers at once it is not used, else the answer comes with it
//! (`completions` in [`super::raw`]), in the same form.

#![expect(clippy::too_many_arguments, reason = "an options object costs more than the call")]

use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

use super::convert::{duration, life, names, value};
use super::error::Result;
use super::replies::NativeReply;
use super::sessions;
use crate::core::command::{Command, Condition};

fn ask(handle: u32, id: u32, command: Command) -> Result<NativeReply> {
    sessions::with(handle, |session| session.ask(id, command).map(NativeReply))
}

/// Stores a value of any format, with grace and tags; whether it was stored.
#[napi(catch_unwind, ts_return_type = "boolean | undefined")]
pub fn write(
    handle: u32,
    id: u32,
    key: String,
    format: u32,
    content: Either<String, Buffer>,
    ttl: f64,
    grace: f64,
    tags: Option<Vec<String>>,
    if_absent: bool,
) -> Result<NativeReply> {
    let condition = if if_absent { Condition::IfAbsent } else { Condition::Always };
    let value = value(format, content, (ttl, grace), tags);
    ask(handle, id, Command::Put { key: key.into(), value, condition })
}

/// Whether the key holds a value.
#[napi(catch_unwind, ts_return_type = "boolean | undefined")]
pub fn has(handle: u32, id: u32, key: String) -> Result<NativeReply> {
    ask(handle, id, Command::Has { key: key.into() })
}

/// Removes the key; whether it held a value.
#[napi(catch_unwind, ts_return_type = "boolean | undefined")]
pub fn forget(handle: u32, id: u32, key: String) -> Result<NativeReply> {
    ask(handle, id, Command::Forget { key: key.into() })
}

/// Removes the key; what it held.
#[napi(catch_unwind, ts_return_type = "string | [string] | Buffer | undefined")]
pub fn pull(handle: u32, id: u32, key: String) -> Result<NativeReply> {
    ask(handle, id, Command::Pull { key: key.into() })
}

/// The value, also one in its grace.
#[napi(catch_unwind, ts_return_type = "string | [string] | Buffer | undefined")]
pub fn peek(handle: u32, id: u32, key: String) -> Result<NativeReply> {
    ask(handle, id, Command::Peek { key: key.into() })
}

/// Gives the value a new TTL from now; whether there was one.
#[napi(catch_unwind, ts_return_type = "boolean | undefined")]
pub fn touch(handle: u32, id: u32, key: String, ttl: f64) -> Result<NativeReply> {
    ask(handle, id, Command::Touch { key: key.into(), ttl: duration(ttl).unwrap_or(Duration::MAX) })
}

/// How long the value stays fresh, in milliseconds; `Infinity` for ever, `null` without a value.
#[napi(catch_unwind, ts_return_type = "number | null | undefined")]
pub fn remaining(handle: u32, id: u32, key: String) -> Result<NativeReply> {
    ask(handle, id, Command::Remaining { key: key.into() })
}

/// Adds to a counter.
#[napi(catch_unwind, ts_return_type = "number | undefined")]
pub fn increment(handle: u32, id: u32, key: String, step: f64, ttl: f64) -> Result<NativeReply> {
    ask(handle, id, Command::Increment { key: key.into(), step, life: life(ttl, 0.0) })
}

/// The value, or the right to compute it, or the name of the run that computes it.
#[napi(catch_unwind, ts_return_type = "string | [string] | Buffer | number | NativeLease | undefined")]
pub fn lease(
    handle: u32,
    id: u32,
    key: String,
    tags: Option<Vec<String>>,
    offline: bool,
) -> Result<NativeReply> {
    let tags = names(tags.unwrap_or_default());
    ask(handle, id, Command::Lease { key: key.into(), tags, offline })
}

/// Ends a run with what its factory made; `keep: false` stores nothing.
#[napi(catch_unwind, ts_return_type = "boolean | NativeFill | undefined")]
pub fn fill(
    handle: u32,
    id: u32,
    key: String,
    lease: f64,
    format: u32,
    content: Either<String, Buffer>,
    ttl: f64,
    grace: f64,
    tags: Option<Vec<String>>,
    keep: bool,
) -> Result<NativeReply> {
    let value = value(format, content, (ttl, grace), tags);
    ask(handle, id, Command::Fill { key: key.into(), lease: lease as u64, value, keep })
}

/// Ends a run with an error, as text for those who wait on other threads.
#[napi(catch_unwind, ts_return_type = "void")]
pub fn fail(handle: u32, id: u32, key: String, lease: f64, error: String) -> Result<NativeReply> {
    ask(handle, id, Command::Fail { key: key.into(), lease: lease as u64, error: error.into() })
}

/// Makes every entry with one of the tags a miss.
#[napi(catch_unwind, ts_return_type = "void")]
pub fn flush_tags(handle: u32, id: u32, tags: Vec<String>) -> Result<NativeReply> {
    ask(handle, id, Command::FlushTags { tags: names(tags) })
}

/// Removes every entry under a prefix.
#[napi(catch_unwind, ts_return_type = "void")]
pub fn flush(handle: u32, id: u32, prefix: String) -> Result<NativeReply> {
    ask(handle, id, Command::Flush { prefix: prefix.into() })
}

/// Some of the keys under a prefix, from where the last answer ended.
#[napi(catch_unwind, ts_return_type = "NativeKeys | undefined")]
pub fn scan(handle: u32, id: u32, prefix: String, cursor: Option<String>) -> Result<NativeReply> {
    let cursor = cursor.map(String::into_boxed_str);
    ask(handle, id, Command::Scan { prefix: prefix.into(), cursor })
}

/// Tries to take a lock; with `wait` a notice says when it is free.
#[napi(catch_unwind, ts_return_type = "NativeLock | undefined")]
pub fn lock(handle: u32, id: u32, name: String, owner: String, ttl: f64, wait: bool) -> Result<NativeReply> {
    let ttl = duration(ttl).unwrap_or(Duration::MAX);
    ask(handle, id, Command::Lock { name: name.into(), owner: owner.into(), ttl, wait })
}

/// Releases a lock that is ours; whether it was.
#[napi(catch_unwind, ts_return_type = "boolean | undefined")]
pub fn unlock(handle: u32, id: u32, name: String, owner: String) -> Result<NativeReply> {
    ask(handle, id, Command::Unlock { name: name.into(), owner: owner.into() })
}

/// Sets the remaining life of a lock that is ours; whether it was.
#[napi(catch_unwind, ts_return_type = "boolean | undefined")]
pub fn extend(handle: u32, id: u32, name: String, owner: String, ttl: f64) -> Result<NativeReply> {
    let ttl = duration(ttl).unwrap_or(Duration::MAX);
    ask(handle, id, Command::Extend { name: name.into(), owner: owner.into(), ttl })
}

/// Waits until the backend can be asked.
#[napi(catch_unwind, ts_return_type = "void")]
pub fn ready(handle: u32, id: u32) -> Result<NativeReply> {
    ask(handle, id, Command::Ready)
}
