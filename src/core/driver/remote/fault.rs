//! What went wrong between here and a backend: classified once.

use std::sync::Arc;

use crate::core::command::Outage;
use crate::core::error::{Error, ErrorKind};

/// Why a call has no answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It was not sent: there is no connection.
    Down(Arc<str>),
    /// The connection was lost before the answer came: whether it was done is not known.
    Dropped(Arc<str>),
    /// The deadline passed: whether it was done is not known.
    Timeout(Arc<str>),
    /// The server refused it.
    Refused {
        /// The first word of the server's answer.
        code: Box<str>,
        /// All of it.
        message: Arc<str>,
    },
}

impl Fault {
    /// Whether the server said this.
    pub fn is(&self, refusal: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if **code == *refusal)
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout(_) => ErrorKind::Timeout,
            _ => ErrorKind::Unavailable,
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Down(message)
            | Self::Dropped(message)
            | Self::Timeout(message)
            | Self::Refused { message, .. } => message,
        }
    }

    /// The error of an operation that failed by it.
    pub fn error(&self, operation: &'static str) -> Error {
        Error::new(self.kind(), operation, self.message())
    }

    /// The outage that it is, for what is decided without the server.
    pub fn outage(&self) -> Outage {
        Outage { kind: self.kind(), message: self.message().into() }
    }
}
