//! What went wrong between here and a server, in Redis's words.

use redis::{RedisError, ServerError};

pub use crate::core::driver::remote::fault::Fault;

/// The fault that a server's error is.
pub fn refused(error: &ServerError, address: &str) -> Fault {
    let code: Box<str> = error.code().into();
    let details = error.details().unwrap_or_default();
    Fault::Refused { message: format!("Redis at {address} refused: {code} {details}").into(), code }
}

/// What kept a connection from being made, in words. redis-rs names neither users nor passwords.
pub fn words(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("{code} {}", error.detail().unwrap_or_default()),
        None => error.to_string(),
    }
}
