//! What is stored under a key, as bytes: docs/wire-format.md.
//!
//! JSON text without tags and grace is stored as it is. Everything else has a header: one line, then the tags
//! with the epochs that they had when the value was computed. The line's numbers have a fixed width, so that a
//! script can replace them. Decoding is strict; what cannot be decoded is [`Stored::Corrupt`].

use std::fmt::Write;
use std::str::from_utf8;

use super::values;
use crate::core::driver::remote::Tagged;
use crate::core::value::{Format, Payload, Value};

/// What a header begins with. No JSON text does, for it is no UTF-8.
const MAGIC: &[u8] = b"\xfc1";

/// The header of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    kind: u8,
    /// Until when the value is fresh, by the server's clock in ms; 0 for as long as the key lives.
    pub fresh_until: u64,
    /// When the lease was given, by the server's clock in µs.
    pub began: u64,
    /// Names the run that has the lease; `-` for none.
    pub token: Box<str>,
    /// The tags. Those of a lease have no epochs.
    pub tags: Vec<Tagged>,
    /// The bytes of the header.
    pub length: usize,
}

/// What is under a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    /// JSON text.
    Plain,
    /// A value with a header.
    Record(Header),
    /// No value: a factory computes it.
    Lease(Header),
    /// No value: a factory failed. The payload is its error.
    Failed(Header),
    /// Nothing that this library wrote.
    Corrupt,
}

/// Reads the header.
pub fn parse(bytes: &[u8]) -> Stored {
    if bytes.first() != Some(&MAGIC[0]) {
        return Stored::Plain;
    }
    match header(bytes) {
        Some(header) => match header.kind {
            b'l' => Stored::Lease(header),
            b'e' => Stored::Failed(header),
            b'j' | b's' | b'b' | b'J' | b'S' | b'B' => Stored::Record(header),
            _ => Stored::Corrupt,
        },
        None => Stored::Corrupt,
    }
}

fn header(bytes: &[u8]) -> Option<Header> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let mut fields = from_utf8(&rest[..end]).ok()?.split(' ');
    let kind = match fields.next()?.as_bytes() {
        [kind] => *kind,
        _ => return None,
    };
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (tag_bytes, fresh_until, _leased, began) = (number()?, number()?, number()?, number()?);
    let token = fields.next()?.into();
    let line = MAGIC.len() + end + 1;
    let length = line.checked_add(usize::try_from(tag_bytes).ok()?)?;
    let tags = tags(bytes.get(line..length)?)?;
    Some(Header { kind, fresh_until, began, token, tags, length })
}

/// `<bytes of the tag> <epoch> <tag>\n` for each; the epoch of a lease's tag is `-`.
fn tags(mut block: &[u8]) -> Option<Vec<Tagged>> {
    let mut tags = Vec::new();
    while !block.is_empty() {
        let mut fields = block.splitn(3, |byte| *byte == b' ');
        let size: usize = from_utf8(fields.next()?).ok()?.parse().ok()?;
        let epoch = from_utf8(fields.next()?).ok()?;
        let rest = fields.next()?;
        let tag = from_utf8(rest.get(..size)?).ok()?;
        block = rest.get(size..)?.strip_prefix(b"\n")?;
        tags.push((tag.into(), epoch.into()));
    }
    Some(tags)
}

/// The block of tags.
pub fn tag_block<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut block = String::new();
    for (tag, epoch) in tags {
        // Writing to a String cannot fail.
        let _ = writeln!(block, "{} {epoch} {tag}", tag.len());
    }
    block
}

/// A value as bytes, in two parts: where it has a grace, the time until which it is fresh comes between them.
pub fn encode(value: Value, compressed: Option<&[u8]>, epochs: &[Tagged]) -> (Vec<u8>, Vec<u8>) {
    let payload = value.payload;
    let grace =
        !value.life.grace.is_zero() && value.life.ttl.is_some_and(|ttl| values::millis(ttl).is_some());
    if payload.format == Format::Json && compressed.is_none() && epochs.is_empty() && !grace {
        return (payload.bytes.into_vec(), Vec::new());
    }
    let kind = match (payload.format, compressed.is_some()) {
        (Format::Json, false) => 'j',
        (Format::SuperJson, false) => 's',
        (Format::Bytes, false) => 'b',
        (Format::Json, true) => 'J',
        (Format::SuperJson, true) => 'S',
        (Format::Bytes, true) => 'B',
    };
    let block = tag_block(epochs.iter().map(|(tag, epoch)| (&**tag, &**epoch)));
    let mut first = MAGIC.to_vec();
    first.extend_from_slice(format!("{kind} {:07} ", block.len()).as_bytes());
    let mut second = format!(" {:015} {:017} -\n{block}", 0, 0).into_bytes();
    if !grace {
        second.splice(0..0, format!("{:015}", 0).into_bytes());
    }
    second.extend_from_slice(compressed.unwrap_or(&payload.bytes));
    (first, second)
}

/// What stands under a key while its value is computed, for tags that are not known, as prelude.lua writes it. When
/// it was given is not said: that matters for tags alone.
pub fn lease(token: &str) -> Vec<u8> {
    const BEGINNING: &[u8] = b"l 0000000 000000000000000 000000000000000 00000000000000000 ";
    [MAGIC, BEGINNING, token.as_bytes(), b"\n"].concat()
}

/// The payload of a record, which may be compressed; `None` if it cannot be had within the bound.
pub fn payload(header: &Header, mut bytes: Vec<u8>, most: usize) -> Option<Payload> {
    let format = match header.kind.to_ascii_lowercase() {
        b'j' => Format::Json,
        b's' => Format::SuperJson,
        _ => Format::Bytes,
    };
    if header.kind.is_ascii_uppercase() {
        // The bound holds for what the data says of itself and for what comes out of it.
        let compressed = &bytes[header.length..];
        let size = size_of(compressed).filter(|size| *size <= most)?;
        return Some(Payload::new(format, zstd::bulk::decompress(compressed, size).ok()?));
    }
    bytes.drain(..header.length);
    Some(Payload::new(format, bytes))
}

/// How large the data says that it is. Every value that this library compresses says so.
fn size_of(compressed: &[u8]) -> Option<usize> {
    usize::try_from(zstd::zstd_safe::get_frame_content_size(compressed).ok()??).ok()
}

/// The text of a failed run's error.
pub fn error_text(header: &Header, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[header.length..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::value::Life;
    use proptest::prelude::*;
    use std::time::Duration;

    fn joined(value: &Value, compressed: Option<&[u8]>, epochs: &[Tagged]) -> Vec<u8> {
        let (mut first, second) = encode(value.clone(), compressed, epochs);
        first.extend(second);
        first
    }

    #[test]
    fn untagged_json_is_stored_as_it_is() {
        let value = Value {
            payload: Payload::new(Format::Json, *b"{\"a\":1}"),
            life: Life::FOREVER,
            tags: Vec::new(),
        };
        assert_eq!(joined(&value, None, &[]), b"{\"a\":1}");
        assert_eq!(parse(b"{\"a\":1}"), Stored::Plain);
    }

    #[test]
    fn a_value_with_a_grace_has_room_for_the_time() {
        let life = Life { ttl: Some(Duration::from_secs(1)), grace: Duration::from_secs(1) };
        let value = Value { payload: Payload::new(Format::Json, *b"1"), life, tags: Vec::new() };
        let (mut bytes, second) = encode(value, None, &[]);
        bytes.extend_from_slice(b"000000000000042");
        bytes.extend(second);
        let Stored::Record(header) = parse(&bytes) else { panic!("no record: {bytes:?}") };
        assert_eq!(header.fresh_until, 42);
        assert_eq!(&bytes[header.length..], b"1");
    }

    #[test]
    fn a_bomb_is_refused_by_what_it_says_and_by_what_it_is() {
        let bomb = zstd::bulk::compress(&vec![0; 10 << 20], 1).unwrap();
        let value =
            Value { payload: Payload::new(Format::Json, *b""), life: Life::FOREVER, tags: Vec::new() };
        let bytes = joined(&value, Some(&bomb), &[]);
        let Stored::Record(header) = parse(&bytes) else { panic!("no record") };
        assert_eq!(payload(&header, bytes.clone(), 1 << 20), None);
        assert_eq!(payload(&header, bytes, 10 << 20).unwrap().bytes.len(), 10 << 20);
    }

    proptest! {
        #[test]
        fn a_record_reads_back_as_it_was_written(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            tags in proptest::collection::vec(("\\PC{0,8}|[ \n]{1,3}", "[cf][0-9]{1,6}-[0-9a-f]{4}"), 0..4),
        ) {
            let tags: Vec<Tagged> = tags.into_iter().map(|(tag, epoch)| (tag.into(), epoch.into())).collect();
            let payload_in = Payload::new(Format::Bytes, bytes);
            let value = Value { payload: payload_in.clone(), life: Life::FOREVER, tags: Vec::new() };
            let stored = joined(&value, None, &tags);
            let Stored::Record(header) = parse(&stored) else { panic!("no record: {stored:?}") };
            prop_assert_eq!(&header.tags, &tags);
            prop_assert_eq!(payload(&header, stored, 1 << 20), Some(payload_in));
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), magic: bool) {
            if magic {
                bytes.splice(0..0, MAGIC.iter().copied());
            }
            if let Stored::Record(header) = parse(&bytes) {
                let _ = payload(&header, bytes, 1 << 20);
            }
        }
    }
}
