//! What is asked of a store itself: its time, its figures, whom to tell what.

#![expect(clippy::needless_pass_by_value, reason = "`#[napi]` hands strings over by value")]

use std::time::Duration;

use napi_derive::napi;

use super::convert::{self, duration};
use super::error::{Result, cross};
use super::sessions;
use crate::core::stats::{Connection, ConnectionState, Upper};

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

/// Figures of a store; `null` is not known without asking the backend.
#[napi(object, object_from_js = false, use_nullable = true)]
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
    pub entries: Option<f64>,
    /// Bytes held.
    pub bytes: Option<f64>,
    /// Factories running.
    pub flights: f64,
    /// Locks held.
    pub locks: Option<f64>,
    /// Tags known.
    pub tags: Option<f64>,
    /// How the store stands with its backend; `null` without one.
    pub connection: Option<NativeConnection>,
    /// The tier above the backend; `null` without one.
    pub memory: Option<NativeUpper>,
}

/// The tier above a backend.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeUpper {
    /// Reads that it answered.
    pub hits: f64,
    /// Entries.
    pub entries: f64,
    /// Bytes.
    pub bytes: f64,
    /// Whether it is told of every change.
    pub trusted: bool,
    /// How it is told, or was last.
    pub invalidation: Option<&'static str>,
}

impl From<Upper> for NativeUpper {
    fn from(upper: Upper) -> Self {
        Self {
            hits: upper.hits as f64,
            entries: upper.entries as f64,
            bytes: upper.bytes as f64,
            trusted: upper.trusted,
            invalidation: upper.means,
        }
    }
}

/// How a store stands with its backend.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeConnection {
    /// `connecting`, `up`, `down`.
    pub state: &'static str,
    /// Requests that are not answered yet.
    pub pending: f64,
    /// How often a connection was made again after one was lost.
    pub reconnects: f64,
    /// The version of the Redis protocol, once it is known.
    pub protocol: Option<f64>,
}

impl From<Connection> for NativeConnection {
    fn from(connection: Connection) -> Self {
        Self {
            state: match connection.state {
                ConnectionState::Connecting => "connecting",
                ConnectionState::Up => "up",
                ConnectionState::Down => "down",
            },
            pending: connection.pending as f64,
            reconnects: connection.reconnects as f64,
            protocol: connection.protocol.map(f64::from),
        }
    }
}

/// Figures of a store.
#[napi(catch_unwind)]
pub fn stats(handle: u32) -> Result<NativeStats> {
    sessions::with(handle, |session| {
        let (counters, holdings) = (session.engine.counters(), session.engine.holdings());
        let known = |count: Option<u64>| count.map(|count| count as f64);
        Ok(NativeStats {
            hits: counters.all_hits() as f64,
            misses: counters.misses.get() as f64,
            writes: counters.writes.get() as f64,
            deletes: counters.deletes.get() as f64,
            evictions: counters.evictions.get() as f64,
            expirations: counters.expirations.get() as f64,
            refused_fills: counters.refused_fills.get() as f64,
            entries: known(holdings.entries),
            bytes: known(holdings.bytes),
            flights: holdings.flights as f64,
            locks: known(holdings.locks),
            tags: known(holdings.tags),
            connection: session.engine.connection().map(NativeConnection::from),
            memory: holdings.upper.map(NativeUpper::from),
        })
    })
}

/// The duration that a text says, in milliseconds.
#[napi(catch_unwind)]
pub fn parse_duration(text: String) -> Result<f64> {
    convert::parse_duration(&text)
}
