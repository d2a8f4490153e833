//! The calls that are not on the hot path, one plain function each.

#![expect(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    reason = "`#[napi]` hands strings over by value, and an options object costs more than the call"
)]

use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;

use super::convert::{self, NativePayload, duration, life, names, value};
use super::error::{Result, cross, unexpected};
use super::sessions;
use crate::core::command::{Command, Condition, LeaseReply, LockReply, Reply};
use crate::core::value::Payload;

fn run(handle: u32, command: Command) -> Result<Reply> {
    sessions::with(handle, |session| session.memory().apply(session.id, command).map_err(cross))
}

fn changed(handle: u32, command: Command) -> Result<bool> {
    match run(handle, command)? {
        Reply::Changed(changed) => Ok(changed),
        _ => Err(unexpected()),
    }
}

/// Stores a value of any format, with grace and tags; whether it was stored.
#[napi(catch_unwind)]
pub fn write(
    handle: u32,
    key: String,
    format: u32,
    content: Either<String, Buffer>,
    ttl: f64,
    grace: f64,
    tags: Option<Vec<String>>,
    if_absent: bool,
) -> Result<bool> {
    let condition = if if_absent { Condition::IfAbsent } else { Condition::Always };
    let value = value(format, content, (ttl, grace), tags);
    changed(handle, Command::Put { key: key.into(), value, condition })
}

/// Whether the key holds a value.
#[napi(catch_unwind)]
pub fn has(handle: u32, key: String) -> Result<bool> {
    sessions::with(handle, |session| Ok(session.memory().get(&key).is_some()))
}

/// Removes the key; whether it held a value.
#[napi(catch_unwind)]
pub fn forget(handle: u32, key: String) -> Result<bool> {
    changed(handle, Command::Forget { key: key.into() })
}

/// Removes the key; what it held.
#[napi(catch_unwind, ts_return_type = "string | [string] | Buffer | undefined")]
pub fn pull(handle: u32, key: String) -> Result<NativePayload> {
    match run(handle, Command::Pull { key: key.into() })? {
        Reply::Payload(payload) => Ok(NativePayload(payload)),
        _ => Err(unexpected()),
    }
}

/// The value, also one in its grace.
#[napi(catch_unwind, ts_return_type = "string | [string] | Buffer | undefined")]
pub fn peek(handle: u32, key: String) -> Result<NativePayload> {
    match run(handle, Command::Peek { key: key.into() })? {
        Reply::Payload(payload) => Ok(NativePayload(payload)),
        _ => Err(unexpected()),
    }
}

/// Gives the value a new TTL from now; whether there was one.
#[napi(catch_unwind)]
pub fn touch(handle: u32, key: String, ttl: f64) -> Result<bool> {
    changed(handle, Command::Touch { key: key.into(), ttl: duration(ttl).unwrap_or(Duration::MAX) })
}

/// How long the value stays fresh, in milliseconds; `Infinity` for ever, `null` without a value.
#[napi(catch_unwind)]
pub fn remaining(handle: u32, key: String) -> Result<Option<f64>> {
    match run(handle, Command::Remaining { key: key.into() })? {
        Reply::Remaining(remaining) => Ok(remaining.map(convert::millis)),
        _ => Err(unexpected()),
    }
}

/// Adds to a counter.
#[napi(catch_unwind)]
pub fn increment(handle: u32, key: String, step: f64, ttl: f64) -> Result<f64> {
    match run(handle, Command::Increment { key: key.into(), step, life: life(ttl, 0.0) })? {
        Reply::Number(number) => Ok(number),
        _ => Err(unexpected()),
    }
}

/// What a miss may do.
#[napi(object, object_from_js = false)]
pub struct NativeLease {
    /// `hit`, `granted`, `held`.
    pub state: &'static str,
    /// The run's name; 0 for a hit.
    pub lease: f64,
    /// When the asker joined a run of another.
    pub joined: f64,
    /// The value of a hit, or a stale one.
    #[napi(ts_type = "string | [string] | Buffer")]
    pub payload: NativePayload,
}

/// The value, or the right to compute it, or the name of the run that computes it.
#[napi(catch_unwind)]
pub fn lease(handle: u32, key: String, tags: Option<Vec<String>>) -> Result<NativeLease> {
    let command = Command::Lease { key: key.into(), tags: names(tags.unwrap_or_default()) };
    let Reply::Lease(reply) = run(handle, command)? else {
        return Err(unexpected());
    };
    Ok(match reply {
        LeaseReply::Hit(payload) => native_lease("hit", (0, 0), Some(payload)),
        LeaseReply::Granted { lease, stale } => native_lease("granted", (lease, 0), stale),
        LeaseReply::Held { lease, joined, stale } => native_lease("held", (lease, joined), stale),
    })
}

fn native_lease(state: &'static str, (lease, joined): (u64, u64), payload: Option<Payload>) -> NativeLease {
    NativeLease { state, lease: lease as f64, joined: joined as f64, payload: NativePayload(payload) }
}

/// How a fill went.
#[napi(object, object_from_js = false)]
pub struct NativeFill {
    /// Whether the value was stored.
    pub stored: bool,
    /// Those who joined at or after this must compute anew; 0: nobody.
    pub superseded: f64,
}

/// Ends a run with what its factory made; `keep: false` stores nothing.
#[napi(catch_unwind)]
pub fn fill(
    handle: u32,
    key: String,
    lease: f64,
    format: u32,
    content: Either<String, Buffer>,
    ttl: f64,
    grace: f64,
    tags: Option<Vec<String>>,
    keep: bool,
) -> Result<NativeFill> {
    let value = value(format, content, (ttl, grace), tags);
    match run(handle, Command::Fill { key: key.into(), lease: lease as u64, value, keep })? {
        Reply::Filled { stored, superseded } => Ok(NativeFill { stored, superseded: superseded as f64 }),
        _ => Err(unexpected()),
    }
}

/// Ends a run with an error, as text for those who wait on other threads.
#[napi(catch_unwind)]
pub fn fail(handle: u32, key: String, lease: f64, error: String) -> Result<()> {
    run(handle, Command::Fail { key: key.into(), lease: lease as u64, error: error.into() })?;
    Ok(())
}

/// Makes every entry with one of the tags a miss.
#[napi(catch_unwind)]
pub fn flush_tags(handle: u32, tags: Vec<String>) -> Result<()> {
    run(handle, Command::FlushTags { tags: names(tags) })?;
    Ok(())
}

/// Removes every entry under a prefix.
#[napi(catch_unwind)]
pub fn flush(handle: u32, prefix: String) -> Result<()> {
    run(handle, Command::Flush { prefix: prefix.into() })?;
    Ok(())
}

/// The keys under a prefix.
#[napi(catch_unwind)]
pub fn scan(handle: u32, prefix: String) -> Result<Vec<String>> {
    match run(handle, Command::Scan { prefix: prefix.into() })? {
        Reply::Keys(keys) => Ok(keys.into_iter().map(String::from).collect()),
        _ => Err(unexpected()),
    }
}

/// How a try for a lock went.
#[napi(object, object_from_js = false)]
pub struct NativeLock {
    /// The fencing number; left out if another owner has the lock.
    pub fence: Option<f64>,
    /// How long the other owner can hold it without an extension, in milliseconds.
    pub expires_in: f64,
}

/// Tries to take a lock; with `wait` a notice says when it is free.
#[napi(catch_unwind)]
pub fn lock(handle: u32, name: String, owner: String, ttl: f64, wait: bool) -> Result<NativeLock> {
    let ttl = duration(ttl).unwrap_or(Duration::MAX);
    match run(handle, Command::Lock { name: name.into(), owner: owner.into(), ttl, wait })? {
        Reply::Lock(LockReply::Acquired { fence }) => {
            Ok(NativeLock { fence: Some(fence as f64), expires_in: 0.0 })
        }
        Reply::Lock(LockReply::Busy { expires_in }) => {
            Ok(NativeLock { fence: None, expires_in: convert::millis(expires_in) })
        }
        _ => Err(unexpected()),
    }
}

/// Releases a lock that is ours; whether it was.
#[napi(catch_unwind)]
pub fn unlock(handle: u32, name: String, owner: String) -> Result<bool> {
    changed(handle, Command::Unlock { name: name.into(), owner: owner.into() })
}

/// Sets the remaining life of a lock that is ours; whether it was.
#[napi(catch_unwind)]
pub fn extend(handle: u32, name: String, owner: String, ttl: f64) -> Result<bool> {
    let ttl = duration(ttl).unwrap_or(Duration::MAX);
    changed(handle, Command::Extend { name: name.into(), owner: owner.into(), ttl })
}

/// Says whether this session wants to hear of evictions and expirations.
#[napi(catch_unwind)]
pub fn watch(handle: u32, watching: bool) -> Result<()> {
    sessions::with(handle, |session| {
        session.engine.hub().watch(session.id, watching);
        Ok(())
    })
}

/// The store's time, in milliseconds since the Unix epoch.
#[napi(catch_unwind)]
pub fn now(handle: u32) -> Result<f64> {
    sessions::with(handle, |session| Ok(session.engine.now().as_millis() as f64))
}

/// Moves a manual clock by milliseconds.
#[napi(catch_unwind)]
pub fn advance(handle: u32, millis: f64) -> Result<()> {
    sessions::with(handle, |session| {
        session.engine.advance(duration(millis).unwrap_or(Duration::MAX)).map_err(cross)
    })
}

/// Figures of a store.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    /// Reads that found a value.
    pub hits: f64,
    /// Reads that found none.
    pub misses: f64,
    /// Values stored.
    pub writes: f64,
    /// Keys removed by name.
    pub deletes: f64,
    /// Entries that went to keep the bounds.
    pub evictions: f64,
    /// Entries whose time was over.
    pub expirations: f64,
    /// Factory results kept out by something newer.
    pub refused_fills: f64,
    /// Entries held.
    pub entries: f64,
    /// Bytes held.
    pub bytes: f64,
    /// Factories running.
    pub flights: f64,
    /// Locks held.
    pub locks: f64,
    /// Tags known.
    pub tags: f64,
}

/// Figures of a store.
#[napi(catch_unwind)]
pub fn stats(handle: u32) -> Result<NativeStats> {
    sessions::with(handle, |session| {
        let (counters, holdings) = (session.engine.counters(), session.engine.holdings());
        Ok(NativeStats {
            hits: counters.hits.get() as f64,
            misses: counters.misses.get() as f64,
            writes: counters.writes.get() as f64,
            deletes: counters.deletes.get() as f64,
            evictions: counters.evictions.get() as f64,
            expirations: counters.expirations.get() as f64,
            refused_fills: counters.refused_fills.get() as f64,
            entries: holdings.entries as f64,
            bytes: holdings.bytes as f64,
            flights: holdings.flights as f64,
            locks: holdings.locks as f64,
            tags: holdings.tags as f64,
        })
    })
}

/// The duration that a text says, in milliseconds.
#[napi(catch_unwind)]
pub fn parse_duration(text: String) -> Result<f64> {
    convert::parse_duration(&text)
}
