//! What a tiered store is made from.

use std::time::Duration;

use crate::core::driver::memory::Bounds;
use crate::core::driver::{couchdb, redis};

/// The lower tier.
#[derive(Clone, Debug, PartialEq)]
pub enum Lower {
    /// On Redis.
    Redis(Box<redis::Config>),
    /// On `CouchDB`.
    CouchDb(Box<couchdb::Config>),
}

/// What a tiered store is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The bounds of the upper tier.
    pub bounds: Bounds,
    /// How long the upper tier keeps a value at most; `None` is for as long as the value lives.
    pub ttl: Option<Duration>,
    /// For how long the upper tier is believed after the lower tier has stopped to tell it of changes.
    pub max_staleness: Duration,
    /// What all keys and tags begin with: of these alone the lower tier tells.
    pub prefix: Box<str>,
    /// The lower tier.
    pub lower: Lower,
}
