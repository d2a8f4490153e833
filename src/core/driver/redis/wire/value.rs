//! What a server says, in the terms of RESP2 and RESP3 that this driver uses.
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

/// What a server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    #[default]
    Nil,
    /// `+OK`.
    Okay,
    /// A whole number, or a truth value as 0 or 1.
    Int(i64),
    /// A string of bytes. A verbatim one is without its kind.
    BulkString(Vec<u8>),
    /// A status, or a number that is no whole one, as it was written.
    SimpleString(Box<str>),
    /// A list; a set too, and a map as its keys and values in turn.
    Array(Vec<Value>),
    /// What nobody asked for: its kind, and what belongs to it.
    Push(Vec<Value>),
    /// An error.
    Error(Refusal),
}

impl Value {
    /// The text that a value is.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
            Self::SimpleString(text) => Some(text),
            Self::Okay => Some("OK"),
            _ => None,
        }
    }
}

/// An error that a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Box<str>);

impl Refusal {
    /// Its first word, which says of what kind it is.
    pub fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}
