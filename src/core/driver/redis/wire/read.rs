//! Bytes to values.
//!
//! A value is first looked for to its end, in steps that go on where the last ended: what comes in many pieces is not
//! read anew with each. Then it is made in one go.

use std::fmt;

use super::value::{Refusal, Value};

/// How deep lists may lie in lists. What this driver asks for is answered by four.
const DEEPEST: usize = 16;
/// The longest string: what Redis allows at most, `proto-max-bulk-len`.
const LONGEST: usize = 512 * 1024 * 1024;
/// The longest list: what Redis allows at most.
const MOST: usize = 1024 * 1024 * 1024;
/// A line that is no string: a number, or an error's words.
const LONGEST_LINE: usize = 64 * 1024;

/// What is not RESP.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled(pub &'static str);

impl fmt::Display for Garbled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the answer is not RESP: {}", self.0)
    }
}

/// Finds where the next value ends.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Up to where it was looked.
    at: usize,
    /// How many values are missing until the one that was begun is whole; 0 between values.
    missing: usize,
}

impl Scanner {
    /// Where the value that the bytes begin with ends, if all of it is there. The next call is for what follows it.
    pub fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Garbled> {
        if self.missing == 0 {
            self.missing = 1;
        }
        while self.missing > 0 {
            let Some((line, after)) = line(bytes, self.at)? else { return Ok(None) };
            let (kind, rest) = line.split_first().ok_or(Garbled("a line is empty"))?;
            match kind {
                b'$' | b'=' | b'!' => {
                    let Some(length) = length(rest, LONGEST)? else {
                        (self.at, self.missing) = (after, self.missing - 1);
                        continue;
                    };
                    if bytes.len() < after + length + 2 {
                        return Ok(None);
                    }
                    (self.at, self.missing) = (after + length + 2, self.missing - 1);
                }
                b'*' | b'~' | b'>' => {
                    (self.at, self.missing) = (after, self.missing - 1 + length(rest, MOST)?.unwrap_or(0));
                }
                b'%' => (self.at, self.missing) = (after, self.missing - 1 + pairs(rest)?),
                // Attributes belong to the value that follows, which is still missing.
                b'|' => (self.at, self.missing) = (after, self.missing + pairs(rest)?),
                _ => (self.at, self.missing) = (after, self.missing - 1),
            }
        }
        Ok(Some(std::mem::take(&mut self.at)))
    }
}

/// The value that these bytes are.
pub fn value(bytes: &[u8]) -> Result<Value, Garbled> {
    // What most answers are.
    if let [b'$', b'0'..=b'9', ..] = bytes
        && let Some((line, after)) = line(bytes, 0)?
        && let Some(length) = length(&line[1..], LONGEST)?
        && let Some(string) = bytes.get(after..after + length)
    {
        return Ok(Value::BulkString(string.to_vec()));
    }
    Reader { bytes, at: 0 }.value(0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Garbled> {
        if depth > DEEPEST {
            return Err(Garbled("lists lie too deep in lists"));
        }
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or(Garbled("a line is empty"))?;
        Ok(match kind {
            b'$' => self.string(rest)?.map_or(Value::Nil, |bytes| Value::BulkString(bytes.to_vec())),
            b'=' => {
                // Three letters and a colon say of what kind it is.
                let bytes = self.string(rest)?.unwrap_or_default();
                Value::BulkString(bytes.get(4..).unwrap_or_default().to_vec())
            }
            b'!' => Value::Error(Refusal(words(self.string(rest)?.unwrap_or_default()))),
            b'-' => Value::Error(Refusal(words(rest))),
            b':' => Value::Int(number(rest)?),
            b'#' => Value::Int(i64::from(rest == b"t")),
            b'_' => Value::Nil,
            b'+' if rest == b"OK" => Value::Okay,
            b'+' | b',' | b'(' => Value::SimpleString(words(rest)),
            b'*' | b'~' => match length(rest, MOST)? {
                None => Value::Nil,
                Some(count) => Value::Array(self.list(count, depth)?),
            },
            b'%' => Value::Array(self.list(pairs(rest)?, depth)?),
            b'>' => Value::Push(self.list(length(rest, MOST)?.unwrap_or(0), depth)?),
            b'|' => {
                self.list(pairs(rest)?, depth)?;
                self.value(depth)?
            }
            _ => return Err(Garbled("a line begins with what is no type")),
        })
    }

    fn list(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, Garbled> {
        // A value has three bytes at least: what is said of the count is not believed further than that.
        let mut values = Vec::with_capacity(count.min((self.bytes.len() - self.at) / 3));
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }

    fn line(&mut self) -> Result<&'a [u8], Garbled> {
        let (line, after) = line(self.bytes, self.at)?.ok_or(Garbled("it ends too early"))?;
        self.at = after;
        Ok(line)
    }

    fn string(&mut self, rest: &[u8]) -> Result<Option<&'a [u8]>, Garbled> {
        let Some(length) = length(rest, LONGEST)? else { return Ok(None) };
        let end = self.at + length;
        let string = self.bytes.get(self.at..end).ok_or(Garbled("it ends too early"))?;
        self.at = end + 2;
        Ok(Some(string))
    }
}

/// The line that begins there, without its end, and where the next begins.
fn line(bytes: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, Garbled> {
    let rest = bytes.get(at..).unwrap_or_default();
    let shown = &rest[..rest.len().min(LONGEST_LINE)];
    match shown.iter().position(|byte| *byte == b'\n') {
        Some(end) if end > 0 && shown[end - 1] == b'\r' => Ok(Some((&shown[..end - 1], at + end + 1))),
        Some(_) => Err(Garbled("a line does not end as lines do")),
        None if rest.len() > LONGEST_LINE => Err(Garbled("a line does not end")),
        None => Ok(None),
    }
}

fn number(digits: &[u8]) -> Result<i64, Garbled> {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Garbled("a number is none"))
}

/// A length or a count; `None` for the -1 of what is not there.
fn length(digits: &[u8], most: usize) -> Result<Option<usize>, Garbled> {
    if digits == b"-1" {
        return Ok(None);
    }
    let mut length = 0;
    for digit in digits {
        if !digit.is_ascii_digit() || length > most {
            return Err(Garbled("a length is none"));
        }
        length = length * 10 + usize::from(digit - b'0');
    }
    if digits.is_empty() || length > most {
        return Err(Garbled("a length is none"));
    }
    Ok(Some(length))
}

/// How many values the pairs of a map are.
fn pairs(digits: &[u8]) -> Result<usize, Garbled> {
    Ok(2 * length(digits, MOST)?.ok_or(Garbled("a length is none"))?)
}

fn words(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
