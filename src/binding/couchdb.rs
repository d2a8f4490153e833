//! The options of a store on `CouchDB`, checked by the facade.

use napi_derive::napi;

use super::redis::{NativeTls, millis};
use crate::core::driver::couchdb::{Config, Tls};

/// Options of a store on `CouchDB`; durations in milliseconds.
#[napi(object)]
pub struct NativeCouchDb {
    /// Where the server is, without a user, the database and a slash at its end.
    pub url: String,
    /// The database's name.
    pub database: String,
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// TLS, if it is used.
    pub tls: Option<NativeTls>,
    /// The largest value, in bytes.
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
    /// After how many time-outs in a row the server is given up.
    pub breaker_threshold: f64,
    /// The time between two sweeps; left out for none.
    pub sweep: Option<f64>,
    /// How many revisions of a document a database that is made remembers.
    pub revs_limit: f64,
}

impl NativeCouchDb {
    /// The core's form.
    pub fn into_config(self) -> Config {
        Config {
            url: self.url.into(),
            database: self.database.into(),
            username: self.username.map(Into::into),
            password: self.password.map(Into::into),
            // The server's name is that of the URL.
            tls: self.tls.map(|tls| Tls {
                ca: tls.ca.map(Into::into),
                cert: tls.cert.map(Into::into),
                key: tls.key.map(Into::into),
                insecure: tls.insecure,
            }),
            max_value_bytes: self.max_value_bytes as usize,
            connect_timeout: millis(self.connect_timeout),
            command_timeout: millis(self.command_timeout),
            reconnect_delay: millis(self.reconnect_delay),
            max_reconnect_delay: millis(self.max_reconnect_delay),
            lease_ttl: millis(self.lease_ttl),
            max_queue: self.max_queue as u64,
            breaker_threshold: self.breaker_threshold as u32,
            sweep: self.sweep.map(millis),
            revs_limit: self.revs_limit as u32,
        }
    }
}
