//! What went wrong between here and a server, in Redis's words.

use super::wire::Refusal;
pub use crate::core::driver::remote::fault::Fault;

/// The fault that a server's error is.
pub fn refused(refusal: &Refusal, address: &str) -> Fault {
    let message = format!("Redis at {address} refused: {}", refusal.0).into();
    Fault::Refused { message, code: refusal.code().into() }
}
