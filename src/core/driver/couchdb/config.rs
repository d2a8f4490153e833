//! What a store on `CouchDB` is made from.

use std::fmt;
use std::time::Duration;

use crate::core::driver::remote::pause;

/// TLS; texts are PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificates that are trusted; those of the system without them.
    pub ca: Option<Box<str>>,
    /// The client's certificate.
    pub cert: Option<Box<str>>,
    /// The client's key.
    pub key: Option<Box<str>>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
}

/// What a store on `CouchDB` is made from. It holds secrets and has no `Debug` that shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the server is, without a user, the database and a slash at its end.
    pub url: Box<str>,
    /// The database's name.
    pub database: Box<str>,
    /// The user.
    pub username: Option<Box<str>>,
    /// The password.
    pub password: Option<Box<str>>,
    /// TLS, if it is used.
    pub tls: Option<Tls>,
    /// The largest value; larger ones are not stored.
    pub max_value_bytes: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an operation may take, with all of its steps.
    pub command_timeout: Duration,
    /// The first pause before the server is tried again; doubled each time.
    pub reconnect_delay: Duration,
    /// The longest pause before the server is tried again.
    pub max_reconnect_delay: Duration,
    /// How long a factory's lease outlives its process.
    pub lease_ttl: Duration,
    /// Most requests that wait for an answer.
    pub max_queue: u64,
    /// After how many time-outs in a row the server is given up.
    pub breaker_threshold: u32,
    /// The time between two sweeps of the fleet; `None` for no sweeps.
    pub sweep: Option<Duration>,
    /// How many revisions of a document a database that is made here remembers.
    pub revs_limit: u32,
}

impl Config {
    /// How long to wait after so many failures before the server is tried again.
    pub fn pause(&self, failures: u32) -> Duration {
        pause(self.reconnect_delay, self.max_reconnect_delay, failures)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config").finish_non_exhaustive()
    }
}
