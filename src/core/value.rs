//! What is stored under a key: an encoded payload and how long it lives.
//!
//! The core never looks into a payload, but for counters, which are JSON numbers.

use std::time::Duration;

use super::clock::Timestamp;

/// How the bytes of a [`Payload`] are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON text, UTF-8.
    Json,
    /// superjson's JSON text, UTF-8: values that JSON cannot hold.
    SuperJson,
    /// The bytes of a Buffer.
    Bytes,
}

/// An encoded value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// How to read the bytes.
    pub format: Format,
    /// Whether all bytes are ASCII: such text becomes a JavaScript string without transcoding.
    pub ascii: bool,
    /// The bytes.
    pub bytes: Box<[u8]>,
}

impl Payload {
    /// A payload of these bytes.
    pub fn new(format: Format, bytes: impl Into<Box<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { format, ascii: bytes.is_ascii(), bytes }
    }

    /// What is handed over for bytes that nobody here wrote: text that is no JSON, so that whoever decodes it says so.
    pub fn corrupt() -> Self {
        Self::new(Format::Json, *b"\xfc")
    }

    /// What an upper tier keeps of a key that holds nothing. No value has it, for no JSON text is empty.
    pub fn nothing() -> Self {
        Self::new(Format::Json, [])
    }

    /// Whether it is [`Payload::nothing`].
    pub fn is_nothing(&self) -> bool {
        self.bytes.is_empty() && self.format == Format::Json
    }

    /// Whether it is [`Payload::corrupt`].
    pub fn is_corrupt(&self) -> bool {
        *self.bytes == *b"\xfc"
    }

    /// A JSON number.
    pub fn number(value: f64) -> Self {
        // Adding zero turns -0 into 0, which is what a counter shows.
        Self::new(Format::Json, (value + 0.0).to_string().into_bytes())
    }

    /// The number that this payload is, if it is a JSON number.
    pub fn as_number(&self) -> Option<f64> {
        // Rust also reads "inf" and "nan", which JSON has not; neither starts like a JSON number.
        let starts_like_a_number = matches!(self.bytes.first(), Some(b'-' | b'0'..=b'9'));
        if self.format != Format::Json || !starts_like_a_number {
            return None;
        }
        std::str::from_utf8(&self.bytes).ok()?.parse().ok()
    }
}

/// How long a value lives from when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// How long it is fresh; `None` is for ever.
    pub ttl: Option<Duration>,
    /// How much longer it is kept to be served stale.
    pub grace: Duration,
}

impl Life {
    /// Until it is removed or evicted.
    pub const FOREVER: Self = Self { ttl: None, grace: Duration::ZERO };

    /// Fresh for this long, then gone.
    pub const fn of(ttl: Duration) -> Self {
        Self { ttl: Some(ttl), grace: Duration::ZERO }
    }

    /// Until when a value written now is fresh.
    pub fn fresh_until(self, now: Timestamp) -> Timestamp {
        self.ttl.map_or(Timestamp::NEVER, |ttl| now.after(ttl))
    }

    /// When a value written now leaves the store.
    pub fn dead_at(self, now: Timestamp) -> Timestamp {
        self.fresh_until(now).after(self.grace)
    }
}

/// A value to be written.
#[derive(Clone, Debug)]
pub struct Value {
    /// The encoded value.
    pub payload: Payload,
    /// How long it lives.
    pub life: Life,
    /// Its tags.
    pub tags: Vec<Box<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_json_numbers_are_numbers() {
        for text in ["\"1\"", "null", "inf", "nan", "+1", "[1]", ""] {
            assert_eq!(Payload::new(Format::Json, text.as_bytes()).as_number(), None, "{text}");
        }
        assert_eq!(Payload::new(Format::Bytes, *b"1").as_number(), None);
        assert_eq!(Payload::new(Format::Json, *b"-1.5e3").as_number(), Some(-1500.0));
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_it_was_written(value in -9_007_199_254_740_991.0_f64..9_007_199_254_740_991.0) {
            prop_assert_eq!(Payload::number(value).as_number(), Some(value + 0.0));
        }
    }
}
