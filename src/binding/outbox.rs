//! Most requests, as lib/outbox.js gathers them: numbers, and one text of all keys and values.
//!
//! They become commands where they are carried out, on the runtime's thread: what one thread allocates and another
//! frees, for each key, makes both wait for the allocator.

use std::borrow::Cow;
use std::ops::Range;
use std::{iter, ptr};

use bytes::Bytes;
use napi::bindgen_prelude::ToNapiValue;
use napi::sys;

use super::convert::{life, typed_array};
use super::error::{self, Result};
use super::raw::{arguments, guard, lift, number_of, with_long_text};
use super::sessions;
use crate::core::command::{AtOnce, Command, Condition, LeaseId, RequestId, Simple};
use crate::core::value::{Format, Payload, Value};

/// How many numbers a request has: its store's handle, its id, the lengths of key and value (in UTF-16 units until they
/// are read), the TTL in milliseconds, the lease that a value fills, or 0.
const WIDTH: usize = 6;
/// Instead of a value's length, what else is asked: the value; those of several keys, as many as the length of the key
/// says, whose lengths follow; a lease, where a TTL of 1 says that this process may decide alone.
const READS: i64 = -1;
const READS_SEVERAL: i64 = -2;
const LEASES: i64 = -3;

/// `requests(numbers, used, text)`: queues the requests that so many numbers say; answers the ids of those whose
/// session has ended, if there are any.
pub unsafe extern "C" fn requests(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running. The array's memory is JavaScript's, which does
        // not run meanwhile.
        unsafe {
            let [numbers, used, text] = arguments(env, info)?;
            let used = number_of(env, used)? as usize;
            let numbers = doubles(env, numbers).map_err(lift)?;
            let numbers = numbers.get(..used).ok_or_else(error::unexpected)?;
            let (numbers, mut text) = with_long_text(env, text, |bytes| {
                let text = str::from_utf8(bytes).unwrap_or_default();
                let numbers = if bytes.is_ascii() {
                    Some(Cow::Borrowed(numbers))
                } else {
                    in_bytes(numbers.into(), text).map(Cow::Owned)
                };
                (numbers, Bytes::copy_from_slice(bytes))
            })?;
            let numbers = numbers.ok_or_else(error::unexpected)?;
            let mut numbers = &numbers[..];
            let mut ended = Vec::new();
            while let Some(Request { handle, .. }) = Request::first(numbers) {
                let gathered = Gathered::of_first(&mut numbers, &mut text)?;
                if let Some(gathered) = sessions::queue(handle, gathered) {
                    gathered.read(|id, _| ended.push(id));
                }
            }
            if ended.is_empty() {
                return Ok(ptr::null_mut());
            }
            Vec::to_napi_value(env, ended).map_err(lift)
        }
    })
}

/// What the numbers say of a request.
struct Request<'a> {
    handle: u32,
    id: RequestId,
    what: What<'a>,
    /// How many numbers it takes.
    width: usize,
}

enum What<'a> {
    Read { key: usize },
    ReadSeveral { keys: &'a [f64] },
    Write { key: usize, value: usize, ttl: f64 },
    Lease { key: usize, offline: bool },
    Fill { key: usize, value: usize, ttl: f64, lease: LeaseId },
}

impl<'a> Request<'a> {
    /// The first request that numbers say; `None` without any.
    fn first(numbers: &'a [f64]) -> Option<Self> {
        let (&[handle, id, length, what, ttl, lease], rest) = numbers.split_first_chunk::<WIDTH>()?;
        let (mut width, key) = (WIDTH, length as usize);
        let what = match what as i64 {
            READS => What::Read { key },
            READS_SEVERAL => {
                width += key;
                What::ReadSeveral { keys: rest.get(..key)? }
            }
            LEASES => What::Lease { key, offline: ttl > 0.0 },
            value if lease > 0.0 => What::Fill { key, value: value as usize, ttl, lease: lease as LeaseId },
            value => What::Write { key, value: value as usize, ttl },
        };
        Some(Self { handle: handle as u32, id: id as RequestId, what, width })
    }

    /// All requests that numbers say, in order.
    fn all(mut numbers: &'a [f64]) -> impl Iterator<Item = Self> {
        iter::from_fn(move || {
            let request = Self::first(numbers)?;
            numbers = &numbers[request.width..];
            Some(request)
        })
    }

    /// Which of its numbers are lengths of parts of the text.
    fn lengths(&self) -> Range<usize> {
        match self.what {
            What::Read { .. } | What::Lease { .. } => 2..3,
            What::Write { .. } | What::Fill { .. } => 2..4,
            What::ReadSeveral { .. } => WIDTH..self.width,
        }
    }

    /// How much of the text is its own.
    fn size(&self) -> usize {
        match self.what {
            What::Read { key } | What::Lease { key, .. } => key,
            What::ReadSeveral { keys } => keys.iter().map(|key| *key as usize).sum(),
            What::Write { key, value, .. } | What::Fill { key, value, .. } => key + value,
        }
    }

    /// What is asked; `next` gives the next part of the text.
    fn command(self, mut next: impl FnMut(usize) -> Box<str>) -> Command {
        match self.what {
            What::Read { key } => Command::Get { key: next(key) },
            What::ReadSeveral { keys } => {
                Command::Many { keys: keys.iter().map(|key| next(*key as usize)).collect() }
            }
            What::Write { key, value, ttl } => {
                let (key, value) = (next(key), json(next(value), ttl));
                Command::Put { key, value, condition: Condition::Always }
            }
            What::Lease { key, offline } => Command::Lease { key: next(key), tags: Vec::new(), offline },
            What::Fill { key, value, ttl, lease } => {
                let (key, value) = (next(key), json(next(value), ttl));
                Command::Fill { key, lease, value, keep: true }
            }
        }
    }

    /// What is asked, if it is simple.
    fn simple(&self) -> Option<Simple> {
        Some(match self.what {
            What::Read { key } => Simple::Get { key: key as u32 },
            What::ReadSeveral { .. } => return None,
            What::Write { key, value, ttl } => {
                Simple::Put { key: key as u32, value: value as u32, ttl: life(ttl, 0.0).ttl }
            }
            What::Lease { key, offline } => Simple::Lease { key: key as u32, offline },
            What::Fill { key, value, ttl, lease } => {
                Simple::Fill { key: key as u32, lease, value: value as u32, ttl: life(ttl, 0.0).ttl }
            }
        })
    }
}

/// JSON text that lives for so many milliseconds.
fn json(text: Box<str>, ttl: f64) -> Value {
    let payload = Payload::new(Format::Json, text.into_boxed_bytes());
    Value { payload, life: life(ttl, 0.0), tags: Vec::new() }
}

/// The same numbers with lengths in bytes of the text, where they are in UTF-16 units.
fn in_bytes(mut numbers: Vec<f64>, text: &str) -> Option<Vec<f64>> {
    let (mut at, mut rest) = (0, text);
    while let Some(request) = Request::first(&numbers[at..]) {
        let (lengths, next) = (request.lengths(), at + request.width);
        for length in &mut numbers[at..next][lengths] {
            let (part, others) = rest.split_at(bytes_of(rest, *length as usize)?);
            (*length, rest) = (part.len() as f64, others);
        }
        at = next;
    }
    Some(numbers)
}

/// How many bytes the first so many UTF-16 units of a text have. None ends within a character: neither keys nor JSON hold
/// halves of one.
fn bytes_of(text: &str, units: usize) -> Option<usize> {
    if text.as_bytes().get(..units)?.is_ascii() {
        return Some(units);
    }
    let mut left = units;
    let mut bytes = 0;
    for char in text.chars() {
        if left == 0 {
            break;
        }
        left = left.checked_sub(char.len_utf16())?;
        bytes += char.len_utf8();
    }
    (left == 0).then_some(bytes)
}

/// Requests of one session, as they crossed.
pub struct Gathered {
    /// Their lengths are in bytes.
    numbers: Box<[f64]>,
    /// UTF-8.
    text: Bytes,
}

impl Gathered {
    /// Takes those at the beginning that are of one session.
    fn of_first(numbers: &mut &[f64], text: &mut Bytes) -> Result<Self> {
        let (mut width, mut size, mut whose) = (0, 0, None);
        for request in Request::all(numbers) {
            if *whose.get_or_insert(request.handle) != request.handle {
                break;
            }
            width += request.width;
            size += request.size();
        }
        let (first, rest) = numbers.split_at(width);
        *numbers = rest;
        if size > text.len() {
            return Err(error::unexpected());
        }
        Ok(Self { numbers: first.into(), text: text.split_to(size) })
    }

    /// How many requests it is at most.
    pub fn most(&self) -> usize {
        self.numbers.len() / WIDTH
    }

    /// What is asked, if all of it is simple.
    pub fn simple(&self) -> Option<AtOnce<'_>> {
        let mut requests = Vec::with_capacity(self.most());
        for request in Request::all(&self.numbers) {
            requests.push((request.id, request.simple()?));
        }
        Some(AtOnce { text: &self.text, requests })
    }

    /// Makes them commands, in order.
    pub fn read(&self, mut each: impl FnMut(RequestId, Command)) {
        let mut rest = str::from_utf8(&self.text).unwrap_or_default();
        for request in Request::all(&self.numbers) {
            let id = request.id;
            let command = request.command(|length| {
                let (part, others) = rest.split_at(length);
                rest = others;
                part.into()
            });
            each(id, command);
        }
    }
}

/// The numbers of a `Float64Array`.
///
/// # Safety
/// `env` must be running, and nobody may write to the array while the slice is used.
unsafe fn doubles<'a>(env: sys::napi_env, array: sys::napi_value) -> napi::Result<&'a [f64]> {
    // SAFETY: as the caller's; so many numbers of that kind are there.
    unsafe {
        let (data, length) = typed_array(env, array, sys::TypedarrayType::float64_array)?;
        Ok(std::slice::from_raw_parts(data.cast(), length))
    }
}
