//! What a store on Redis is made from.

use std::fmt;
use std::time::Duration;

use crate::core::driver::remote::pause;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A host and a port.
    Tcp {
        /// The host's name or address.
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(Box<str>),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(out, "{host}:{port}"),
            Self::Unix(path) => out.write_str(path),
        }
    }
}

/// Sentinels, which know where the primary is.
#[derive(Clone, PartialEq, Eq)]
pub struct Sentinel {
    /// The name that they know the primary by.
    pub name: Box<str>,
    /// Where they listen.
    pub nodes: Vec<Address>,
    /// The ACL user at the sentinels.
    pub username: Option<Box<str>>,
    /// The password at the sentinels.
    pub password: Option<Box<str>>,
}

/// How servers are found.
#[derive(Clone, PartialEq, Eq)]
pub enum Mode {
    /// One server.
    Standalone(Address),
    /// The primary that the sentinels name.
    Sentinel(Sentinel),
    /// A cluster, known by some of its nodes.
    Cluster(Vec<Address>),
}

/// TLS; texts are PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificates that are trusted; the Mozilla roots without them.
    pub ca: Option<Box<str>>,
    /// The client's certificate.
    pub cert: Option<Box<str>>,
    /// The client's key.
    pub key: Option<Box<str>>,
    /// The name that the certificate must have, if it is not the host's.
    pub servername: Option<Box<str>>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
}

/// What a store on Redis is made from. It holds secrets and has no `Debug` that shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// How servers are found.
    pub mode: Mode,
    /// The ACL user.
    pub username: Option<Box<str>>,
    /// The password.
    pub password: Option<Box<str>>,
    /// The database's number.
    pub db: u32,
    /// TLS, if it is used.
    pub tls: Option<Tls>,
    /// Values of at least this many bytes are compressed; `None` for never.
    pub compress: Option<usize>,
    /// The largest value, before compression: larger ones are not stored, and not decompressed.
    pub max_value_bytes: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an operation may take, with all of its steps.
    pub command_timeout: Duration,
    /// The first pause before a connection is tried again; doubled each time.
    pub reconnect_delay: Duration,
    /// The longest pause before a connection is tried again.
    pub max_reconnect_delay: Duration,
    /// How long a factory's lease outlives its process.
    pub lease_ttl: Duration,
    /// Most requests that wait for an answer.
    pub max_queue: u64,
    /// After how many time-outs in a row a connection is given up.
    pub breaker_threshold: u32,
}

impl Config {
    /// How long to wait after so many failures before a connection is tried again.
    pub fn pause(&self, failures: u32) -> Duration {
        pause(self.reconnect_delay, self.max_reconnect_delay, failures)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Config").finish_non_exhaustive()
    }
}
