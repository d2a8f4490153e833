//! The options of a store on Redis, checked by the facade.

use std::time::Duration;

use napi_derive::napi;

use super::error::{Result, cross};
use crate::core::driver::redis::{Address, Config, Mode, Sentinel, Tls};
use crate::core::error::{Error, ErrorKind};

/// Where a node listens.
#[napi(object)]
pub struct NativeNode {
    /// The host's name or address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// TLS, with PEM texts.
#[napi(object)]
pub struct NativeTls {
    /// Certificates that are trusted; the Mozilla roots without them.
    pub ca: Option<String>,
    /// The client's certificate.
    pub cert: Option<String>,
    /// The client's key.
    pub key: Option<String>,
    /// The name that the certificate must have, if it is not the host's.
    pub servername: Option<String>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
}

/// Options of a store on Redis; durations in milliseconds.
#[napi(object)]
pub struct NativeRedis {
    /// `standalone`, `cluster`, `sentinel`.
    pub mode: String,
    /// The nodes, or the sentinels.
    pub nodes: Option<Vec<NativeNode>>,
    /// The Unix socket.
    pub path: Option<String>,
    /// The name that the sentinels know the primary by.
    pub sentinel_name: Option<String>,
    /// The user at the sentinels.
    pub sentinel_username: Option<String>,
    /// The password at the sentinels.
    pub sentinel_password: Option<String>,
    /// The ACL user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The database's number.
    pub db: Option<u32>,
    /// TLS, if it is used.
    pub tls: Option<NativeTls>,
    /// Values of at least this many bytes are compressed; left out for never.
    pub compress: Option<f64>,
    /// The largest value, in bytes, before compression.
    pub max_value_bytes: f64,
    /// How long a connection may take to be made.
    pub connect_timeout: f64,
    /// How long an operation may take.
    pub command_timeout: f64,
    /// The first pause before a connection is tried again.
    pub reconnect_delay: f64,
    /// The longest pause before a connection is tried again.
    pub max_reconnect_delay: f64,
    /// How long a factory's lease outlives its process.
    pub lease_ttl: f64,
    /// Most requests that wait for an answer.
    pub max_queue: f64,
    /// After how many time-outs in a row the connection is given up.
    pub breaker_threshold: f64,
}

impl NativeRedis {
    /// The core's form.
    pub fn into_config(self) -> Result<Config> {
        let nodes = self.nodes.unwrap_or_default().into_iter();
        let nodes: Vec<Address> =
            nodes.map(|node| Address::Tcp { host: node.host.into(), port: node.port }).collect();
        let mode = match (self.mode.as_str(), self.sentinel_name, self.path) {
            ("cluster", ..) => Mode::Cluster(nodes),
            ("sentinel", Some(name), _) => Mode::Sentinel(Sentinel {
                name: name.into(),
                nodes,
                username: self.sentinel_username.map(Into::into),
                password: self.sentinel_password.map(Into::into),
            }),
            (_, _, Some(path)) => Mode::Standalone(Address::Unix(path.into())),
            _ => Mode::Standalone(nodes.into_iter().next().ok_or_else(|| {
                let message = "a host, or a path of a socket, is needed";
                cross(Error::new(ErrorKind::Config, "open", message))
            })?),
        };
        Ok(Config {
            mode,
            username: self.username.map(Into::into),
            password: self.password.map(Into::into),
            db: self.db.unwrap_or(0),
            tls: self.tls.map(|tls| Tls {
                ca: tls.ca.map(Into::into),
                cert: tls.cert.map(Into::into),
                key: tls.key.map(Into::into),
                servername: tls.servername.map(Into::into),
                insecure: tls.insecure,
            }),
            compress: self.compress.map(|bytes| bytes as usize),
            max_value_bytes: self.max_value_bytes as usize,
            connect_timeout: millis(self.connect_timeout),
            command_timeout: millis(self.command_timeout),
            reconnect_delay: millis(self.reconnect_delay),
            max_reconnect_delay: millis(self.max_reconnect_delay),
            lease_ttl: millis(self.lease_ttl),
            max_queue: self.max_queue as u64,
            breaker_threshold: self.breaker_threshold as u32,
        })
    }
}

/// A duration that the facade has bounded.
pub(super) fn millis(millis: f64) -> Duration {
    Duration::from_millis(millis as u64)
}
