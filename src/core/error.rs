//! The one error type. A failure is classified once, here; JavaScript owns the classes.

use std::fmt;

/// What the core answers.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A configuration contradicts itself, or another under the same name.
    Config,
    /// A duration that cannot be read.
    InvalidTtl,
    /// A counter step on a value that is no number.
    NotANumber,
    /// A counter would leave ±(2^53 − 1).
    NumberRange,
    /// The backend cannot be reached, or refuses to serve.
    Unavailable,
    /// The deadline passed.
    Timeout,
    /// What is stored under the key was not written by this library.
    Corrupt,
    /// A value that cannot be stored.
    InvalidValue,
    /// Used after it was closed.
    Closed,
    /// A defect of this library.
    Internal,
}

impl ErrorKind {
    /// Every kind, for the check that the three lists of codes are equal.
    pub const ALL: [Self; 10] = [
        Self::Config,
        Self::InvalidTtl,
        Self::NotANumber,
        Self::NumberRange,
        Self::Unavailable,
        Self::Timeout,
        Self::Corrupt,
        Self::InvalidValue,
        Self::Closed,
        Self::Internal,
    ];

    /// The literal that JavaScript sees as `error.code`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Config => "CACHE_CONFIG",
            Self::InvalidTtl => "CACHE_INVALID_TTL",
            Self::NotANumber => "CACHE_NOT_A_NUMBER",
            Self::NumberRange => "CACHE_NUMBER_RANGE",
            Self::Unavailable => "CACHE_UNAVAILABLE",
            Self::Timeout => "CACHE_TIMEOUT",
            Self::Corrupt => "CACHE_CORRUPT",
            Self::InvalidValue => "CACHE_INVALID_VALUE",
            Self::Closed => "CACHE_CLOSED",
            Self::Internal => "CACHE_INTERNAL",
        }
    }
}

/// A failure: what, in which operation, and what was expected.
///
/// Keys and values stay out of it: a message may be logged.
#[derive(Debug)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The operation that failed, by its public name.
    pub operation: &'static str,
    /// What was expected, and what to do.
    pub message: String,
    /// What caused it, if something below did.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a cause below.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, message: message.into(), source: None }
    }

    /// With what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.operation, self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
