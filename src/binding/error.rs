//! Errors cross as a code and a message; `lib/errors.js` makes the classes of them.

use std::any::Any;

use crate::core::error::{Error, ErrorKind};

/// The code that JavaScript reads as `error.code`.
pub struct Code(pub ErrorKind);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0.code()
    }
}

impl From<napi::Status> for Code {
    fn from(_: napi::Status) -> Self {
        // A call of Node's own failed, or an argument was of the wrong type: both are defects of the
        // facade, which checks what the user gives.
        Self(ErrorKind::Internal)
    }
}

/// What a native function answers.
pub type Result<T> = std::result::Result<T, napi::Error<Code>>;

/// The core's error as the facade gets it.
pub struct Failure {
    /// The literal of its kind.
    pub code: &'static str,
    /// What was expected, and what caused it.
    pub message: String,
}

impl Failure {
    /// The failure that an error is.
    #[expect(clippy::needless_pass_by_value, reason = "it ends here")]
    pub fn of(error: Error) -> Self {
        let mut message = error.to_string();
        if let Some(source) = &error.source {
            message.push_str(": ");
            message.push_str(&source.to_string());
        }
        Self { code: error.kind.code(), message }
    }
}

/// The core's error as an exception.
pub fn cross(error: Error) -> napi::Error<Code> {
    let code = Code(error.kind);
    napi::Error::new(code, Failure::of(error).message)
}

/// The error of a handle whose session has ended.
pub fn closed() -> napi::Error<Code> {
    napi::Error::new(Code(ErrorKind::Closed), "the cache is closed")
}

/// The error of an answer that does not fit its command.
pub fn unexpected() -> napi::Error<Code> {
    napi::Error::new(Code(ErrorKind::Internal), "the driver gave an answer that does not fit the command")
}

/// What a panic says.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a panic in the native core: {}", text.unwrap_or("no message"))
}
