//! Reads and writes of single keys as lib/outbox.js gathers them: numbers, and one text of all keys and values.

use std::ptr;

use napi::bindgen_prelude::ToNapiValue;
use napi::sys;

use super::convert::{life, typed_array};
use super::error::{self, Result};
use super::raw::{arguments, guard, lift, number_of, with_long_text};
use super::sessions;
use crate::core::command::{Command, Condition};
use crate::core::value::{Format, Payload, Value};

/// How many numbers a request has: its store's handle, its id, the lengths of key and value in UTF-16 units (-1: it
/// reads), the TTL in milliseconds.
const WIDTH: usize = 5;

/// `requests(numbers, count, text)`: queues the requests; answers the ids of those whose session has ended, if there
/// are any.
pub unsafe extern "C" fn requests(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running. The array's memory is JavaScript's, which does
        // not run meanwhile.
        unsafe {
            let [numbers, count, text] = arguments(env, info)?;
            let count = number_of(env, count)? as usize;
            let numbers = doubles(env, numbers).map_err(lift)?;
            let requests = numbers.get(..count * WIDTH).ok_or_else(error::unexpected)?;
            let ended = with_long_text(env, text, |bytes| {
                if units(requests) == bytes.len() {
                    // All of it is ASCII: a unit is a byte.
                    queue(requests, Ok, bytes)
                } else {
                    let text: Vec<u16> = str::from_utf8(bytes).unwrap_or_default().encode_utf16().collect();
                    queue(requests, |part| String::from_utf16(part).map_err(|_| error::unexpected()), &text)
                }
            })??;
            if ended.is_empty() {
                return Ok(ptr::null_mut());
            }
            Vec::to_napi_value(env, ended).map_err(lift)
        }
    })
}

/// How long the text is that the requests say they have.
fn units(requests: &[f64]) -> usize {
    requests.chunks_exact(WIDTH).map(|request| request[2] as usize + request[3].max(0.0) as usize).sum()
}

/// Queues requests whose text is of any units; the ids of those whose session has ended.
fn queue<'a, Unit, Text: AsRef<[u8]>>(
    requests: &[f64],
    read: impl Fn(&'a [Unit]) -> Result<Text>,
    mut text: &'a [Unit],
) -> Result<Vec<u32>> {
    let mut ended = Vec::new();
    let mut next = |length: f64| {
        let (part, rest) = text.split_at_checked(length as usize).ok_or_else(error::unexpected)?;
        text = rest;
        read(part)
    };
    for request in requests.chunks_exact(WIDTH) {
        let (handle, id) = (request[0] as u32, request[1] as u32);
        let key = next(request[2])?;
        let key = str::from_utf8(key.as_ref()).map_err(|_| error::unexpected())?.into();
        let command = if request[3] < 0.0 {
            Command::Get { key }
        } else {
            let payload = Payload::new(Format::Json, next(request[3])?.as_ref());
            let value = Value { payload, life: life(request[4], 0.0), tags: Vec::new() };
            Command::Put { key, value, condition: Condition::Always }
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
