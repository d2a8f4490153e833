//! Reads and writes as lib/outbox.js gathers them: numbers, and one text of all keys and values.

use std::ptr;

use napi::bindgen_prelude::ToNapiValue;
use napi::sys;

use super::convert::{life, typed_array};
use super::error::{self, Result};
use super::raw::{arguments, guard, lift, number_of, with_long_text};
use super::sessions;
use crate::core::command::{Command, Condition};
use crate::core::value::{Format, Payload, Value};

/// How many numbers a request has: its store's handle, its id, the lengths of key and value in UTF-16 units, the TTL in
/// milliseconds.
const WIDTH: usize = 5;
/// Instead of a value's length, what else is asked: the value; those of several keys, as many as the length of the key
/// says, whose lengths follow.
const READS: i64 = -1;
const READS_SEVERAL: i64 = -2;

/// `requests(numbers, used, text)`: queues the requests that so many numbers say; answers the ids of those whose session has ended, if there
/// are any.
pub unsafe extern "C" fn requests(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running. The array's memory is JavaScript's, which does
        // not run meanwhile.
        unsafe {
            let [numbers, used, text] = arguments(env, info)?;
            let used = number_of(env, used)? as usize;
            let numbers = doubles(env, numbers).map_err(lift)?;
            let numbers = numbers.get(..used).ok_or_else(error::unexpected)?;
            let ended = with_long_text(env, text, |bytes| {
                if bytes.is_ascii() {
                    // A unit is a byte.
                    queue(numbers, Ok, bytes)
                } else {
                    let text: Vec<u16> = str::from_utf8(bytes).unwrap_or_default().encode_utf16().collect();
                    queue(numbers, |part| String::from_utf16(part).map_err(|_| error::unexpected()), &text)
                }
            })??;
            if ended.is_empty() {
                return Ok(ptr::null_mut());
            }
            Vec::to_napi_value(env, ended).map_err(lift)
        }
    })
}

/// Queues requests whose text is of any units; the ids of those whose session has ended.
fn queue<'a, Unit, Text: AsRef<[u8]>>(
    mut numbers: &[f64],
    read: impl Fn(&'a [Unit]) -> Result<Text>,
    mut text: &'a [Unit],
) -> Result<Vec<u32>> {
    let mut ended = Vec::new();
    let mut next = |length: f64| {
        let (part, rest) = text.split_at_checked(length as usize).ok_or_else(error::unexpected)?;
        text = rest;
        read(part)
    };
    let name = |text: Text| {
        let text = str::from_utf8(text.as_ref()).map_err(|_| error::unexpected())?;
        Result::<Box<str>>::Ok(text.into())
    };
    while let Some((&[handle, id, length, what, ttl], rest)) = numbers.split_first_chunk::<WIDTH>() {
        numbers = rest;
        let (handle, id) = (handle as u32, id as u32);
        let command = if what as i64 == READS_SEVERAL {
            let (lengths, rest) = numbers.split_at_checked(length as usize).ok_or_else(error::unexpected)?;
            numbers = rest;
            let keys = lengths.iter().map(|length| name(next(*length)?)).collect::<Result<_>>()?;
            Command::Many { keys }
        } else {
            let key = name(next(length)?)?;
            if what as i64 == READS {
                Command::Get { key }
            } else {
                let payload = Payload::new(Format::Json, next(what)?.as_ref());
                let value = Value { payload, life: life(ttl, 0.0), tags: Vec::new() };
                Command::Put { key, value, condition: Condition::Always }
            }
        };
        let queued = sessions::with(handle, |session| {
            session.queue(id, command);
            Ok(())
        });
        if queued.is_err() {
            ended.push(id);
        }
    }
    Ok(ended)
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
