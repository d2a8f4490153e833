//! From values to bytes and back, and whether what was read may be served.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::Redis;
use super::call::Call;
use super::fault::Fault;
use super::record::{self, Header, Stored, parse};
use super::scripts::HEAD;
use super::wire::Value as Answered;
use crate::core::driver::remote::Tagged;
use crate::core::driver::remote::lifetimes::LONGEST;
pub use crate::core::driver::remote::lifetimes::{lifetime, millis};
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::value::{Life, Payload, Value};

/// Up to this many bytes, compressing takes less time than handing the work to another thread.
const AT_ONCE: usize = 64 * 1024;
/// zstd's fastest level but one: on JSON it is within a tenth of the default's size at a third of its time.
const LEVEL: i32 = 1;
/// The same as a script's argument.
pub fn argument(millis: Option<u64>) -> Vec<u8> {
    millis.map(|millis| millis.to_string().into_bytes()).unwrap_or_default()
}

/// A TTL (`0`: the key is to go) and a grace, as scripts take them.
pub fn times(life: Life) -> [Vec<u8>; 2] {
    let ttl = match life.ttl {
        Some(Duration::ZERO) => b"0".to_vec(),
        ttl => argument(ttl.and_then(millis)),
    };
    [ttl, millis(life.grace).unwrap_or(LONGEST.as_millis() as u64).to_string().into_bytes()]
}

impl Redis {
    /// Whether a value is too large to be stored at all.
    pub fn check_size(&self, value: &Value, operation: &'static str) -> Result<()> {
        let (size, most) = (value.payload.bytes.len(), self.config.max_value_bytes);
        if size <= most {
            return Ok(());
        }
        let message =
            format!("the encoded value has {size} bytes, more than the {most} that maxValueBytes allows");
        Err(Error::new(ErrorKind::InvalidValue, operation, message))
    }

    /// Whether the value is large enough to be compressed on another thread.
    pub fn is_slow_to_encode(&self, value: &Value) -> bool {
        let size = value.payload.bytes.len();
        size > AT_ONCE && self.config.compress.is_some_and(|least| size >= least)
    }

    /// Whether JSON text of so many bytes, without tags and grace, is stored as it is.
    pub fn is_stored_as_it_is(&self, size: usize) -> bool {
        size <= self.config.max_value_bytes && self.config.compress.is_none_or(|least| size < least)
    }

    /// The bytes of a value that is quick to encode; see [`record::encode`] for the two parts.
    pub fn encode_now(&self, value: Value, epochs: &[Tagged]) -> (Vec<u8>, Vec<u8>) {
        let compressed = compress(&value.payload, self.config.compress);
        record::encode(value, compressed.as_deref(), epochs)
    }

    /// The bytes of a value that is quick to encode and has neither tags nor a grace.
    pub fn encode_whole(&self, value: Value) -> Vec<u8> {
        let (mut bytes, rest) = self.encode_now(value, &[]);
        bytes.extend(rest);
        bytes
    }

    /// The bytes of any value.
    pub async fn encode(&self, value: Value, epochs: Vec<Tagged>) -> (Vec<u8>, Vec<u8>) {
        if !self.is_slow_to_encode(&value) {
            return self.encode_now(value, &epochs);
        }
        let (least, copy) = (self.config.compress, value.clone());
        let compressed = spawn_blocking(move || compress(&copy.payload, least)).await.unwrap_or_default();
        record::encode(value, compressed.as_deref(), &epochs)
    }

    /// The payload that these bytes are, if it can be had without asking anybody and without much work; else the
    /// header, by which [`Redis::value`] goes on.
    pub fn value_now(&self, bytes: Vec<u8>) -> std::result::Result<Option<Payload>, (Header, Vec<u8>)> {
        match parse(&bytes) {
            Stored::Plain => Ok(Some(Payload::new(crate::core::value::Format::Json, bytes))),
            Stored::Lease(_) | Stored::Failed(_) => Ok(None),
            Stored::Corrupt => Ok(Some(Payload::corrupt())),
            Stored::Record(header)
                if header.tags.is_empty() && header.fresh_until == 0 && bytes.len() <= AT_ONCE =>
            {
                let payload = record::payload(&header, bytes, self.config.max_value_bytes);
                Ok(Some(payload.unwrap_or_else(Payload::corrupt)))
            }
            Stored::Record(header) => Err((header, bytes)),
        }
    }

    /// The payload that these bytes are, if it may be served; a stale one too if `stale`.
    pub async fn value(
        &self,
        key: &[u8],
        bytes: Vec<u8>,
        stale: bool,
        deadline: Instant,
    ) -> std::result::Result<Option<Payload>, Fault> {
        let (header, bytes) = match self.value_now(bytes) {
            Ok(payload) => return Ok(payload),
            Err(more) => more,
        };
        if !stale && !self.is_fresh(key, &header, deadline).await? {
            return Ok(None);
        }
        if !self.has_valid_tags(&header, deadline).await? {
            return Ok(None);
        }
        Ok(Some(self.decode(header, bytes).await))
    }

    /// The payload of a record.
    pub async fn decode(&self, header: Header, bytes: Vec<u8>) -> Payload {
        let most = self.config.max_value_bytes;
        let payload = if bytes.len() > AT_ONCE {
            spawn_blocking(move || record::payload(&header, bytes, most)).await.unwrap_or_default()
        } else {
            record::payload(&header, bytes, most)
        };
        payload.unwrap_or_else(Payload::corrupt)
    }

    /// Whether a record is not in its grace, by the clock of the server that has it.
    async fn is_fresh(
        &self,
        key: &[u8],
        header: &Header,
        deadline: Instant,
    ) -> std::result::Result<bool, Fault> {
        if header.fresh_until == 0 {
            return Ok(true);
        }
        let head = self.head(key, deadline).await?;
        Ok(head.is_some_and(|head| header.fresh_until > head.now))
    }

    /// The header of a key that holds a value, fresh or stale.
    pub async fn head(&self, key: &[u8], deadline: Instant) -> std::result::Result<Option<Head>, Fault> {
        let answer = self.ask_again(Call::Script(&HEAD, key.into(), Vec::new()), deadline).await?;
        let Answered::Array(parts) = answer else { return Ok(None) };
        let [Answered::BulkString(bytes), Answered::Int(left), Answered::Int(now)] = &parts[..] else {
            return Ok(None);
        };
        let header = match parse(bytes) {
            Stored::Record(header) => header,
            _ => Header::default(),
        };
        Ok(Some(Head { header, left: u64::try_from(*left).ok(), now: *now as u64 }))
    }
}

/// What is known of a value without having read it.
pub struct Head {
    /// The header; that of a plain value says nothing.
    pub header: Header,
    /// How long the key lives, in milliseconds; `None` is for ever.
    pub left: Option<u64>,
    /// The server's time, in milliseconds.
    pub now: u64,
}

impl Head {
    /// How long the value stays fresh; `None` if it is stale.
    pub fn fresh_for(&self) -> Option<Duration> {
        match (self.header.fresh_until, self.left) {
            (0, None) => Some(Duration::MAX),
            (0, Some(left)) => Some(Duration::from_millis(left)),
            (until, _) => until.checked_sub(self.now).filter(|left| *left > 0).map(Duration::from_millis),
        }
    }
}

/// The compressed bytes of a payload, if that is worth while.
fn compress(payload: &Payload, least: Option<usize>) -> Option<Vec<u8>> {
    if payload.bytes.len() < least? {
        return None;
    }
    let compressed = zstd::bulk::compress(&payload.bytes, LEVEL).ok()?;
    (compressed.len() < payload.bytes.len()).then_some(compressed)
}
