//! The answers that came later, taken by one call for all of them.
//!
//! An answer is two numbers in an array that JavaScript has given, so that most answers cost no call of Node-API:
//! the request's id and the kind of the answer, and a number of the answer's own.

use std::ptr;

use napi::bindgen_prelude::ToNapiValue;
use napi::sys;

use super::convert::{check, payload_value, typed_array};
use super::error::{self, Failure};
use super::mailbox::{self, Answer};
use super::raw::{arguments, guard, lift};
use super::replies::NativeReply;
use crate::core::command::{Outage, Reply};
use crate::core::recent::Handed;

/// The kinds, in the lowest bits of the first number, as lib/queue.js reads them: nothing; false; true; the value
/// that is kept under the second number; the next of the values, which is to be kept under it; the next of the values;
/// the next of the values, which are several; the next of the values, which says what failed.
#[derive(Clone, Copy)]
enum Kind {
    Nothing,
    False,
    True,
    Kept,
    Keep,
    Value,
    Several,
    Failed,
}

/// `completions(codes)`: fills an `Int32Array` with how many answers there are, and each of them; answers the values
/// that belong to them. There may be more when it is full.
pub unsafe extern "C" fn completions(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running. The array's memory is JavaScript's, and
        // stays where it is while this call runs; nobody else writes to it.
        unsafe {
            let [codes] = arguments(env, info)?;
            let codes = numbers(env, codes).map_err(lift)?;
            let Some((count, codes)) = codes.split_first_mut() else { return Err(error::unexpected()) };
            let answers = mailbox::take_answers(env as usize, codes.len() / 2);
            *count = (answers.len() as u32).cast_signed();
            let mut values = Values { env, array: ptr::null_mut(), length: 0 };
            check(sys::napi_create_array(env, &raw mut values.array), "napi_create_array").map_err(lift)?;
            for ((id, answer), code) in answers.into_iter().zip(codes.chunks_exact_mut(2)) {
                let (kind, number) = values.tell(answer).map_err(lift)?;
                code[0] = (id << 3 | kind as u32).cast_signed();
                code[1] = number.cast_signed();
            }
            Ok(values.array)
        }
    })
}

/// The numbers of an `Int32Array`.
///
/// # Safety
/// `env` must be running, and the array must not be used by anybody else while the slice is.
unsafe fn numbers<'a>(env: sys::napi_env, array: sys::napi_value) -> napi::Result<&'a mut [i32]> {
    // SAFETY: as the caller's; so many numbers of that kind are there.
    unsafe {
        let (data, length) = typed_array(env, array, sys::TypedarrayType::int32_array)?;
        Ok(std::slice::from_raw_parts_mut(data.cast(), length))
    }
}

/// The values of answers that are no number.
struct Values {
    env: sys::napi_env,
    array: sys::napi_value,
    length: u32,
}

impl Values {
    /// # Safety
    /// The environment must be running.
    unsafe fn tell(&mut self, answer: Answer) -> napi::Result<(Kind, u32)> {
        // SAFETY: as the caller's.
        unsafe {
            let (kind, number, value) = match answer {
                Answer::One(Handed::Kept(number)) => return Ok((Kind::Kept, number)),
                Answer::Reply(Reply::Changed(changed)) => {
                    return Ok((if changed { Kind::True } else { Kind::False }, 0));
                }
                Answer::Reply(Reply::Done | Reply::Payload(None)) => return Ok((Kind::Nothing, 0)),
                Answer::One(Handed::Keep(number, payload)) => {
                    (Kind::Keep, number, payload_value(self.env, Some(&payload))?)
                }
                Answer::One(Handed::Payload(payload)) => {
                    (Kind::Value, 0, payload_value(self.env, Some(&payload))?)
                }
                Answer::Reply(reply) => {
                    (Kind::Value, 0, NativeReply::to_napi_value(self.env, NativeReply(Some(reply)))?)
                }
                Answer::Several(payloads) => (Kind::Several, 0, several(self.env, payloads)?),
                Answer::Failed(error) => {
                    let Failure { code, message } = Failure::of(error);
                    (Kind::Failed, 0, Vec::to_napi_value(self.env, vec![code.to_owned(), message])?)
                }
            };
            check(sys::napi_set_element(self.env, self.array, self.length, value), "napi_set_element")?;
            self.length += 1;
            Ok((kind, number))
        }
    }
}

/// The payloads of several keys: a number for one that is kept, `[text, number]` for one that is to be kept,
/// `['', code, message]` for one whose server could not be asked.
///
/// # Safety
/// `env` must be running.
unsafe fn several(
    env: sys::napi_env,
    payloads: Vec<Result<Option<Handed>, Outage>>,
) -> napi::Result<sys::napi_value> {
    let mut out = ptr::null_mut();
    // SAFETY: as the caller's.
    unsafe {
        check(sys::napi_create_array_with_length(env, payloads.len(), &raw mut out), "napi_create_array")?;
        for (at, payload) in (0..).zip(payloads) {
            let value = match payload {
                Ok(None) => payload_value(env, None)?,
                Ok(Some(Handed::Payload(payload))) => payload_value(env, Some(&payload))?,
                Ok(Some(Handed::Kept(number))) => u32::to_napi_value(env, number)?,
                Ok(Some(Handed::Keep(number, payload))) => {
                    let (mut pair, number) = (ptr::null_mut(), u32::to_napi_value(env, number)?);
                    check(sys::napi_create_array_with_length(env, 2, &raw mut pair), "napi_create_array")?;
                    let text = payload_value(env, Some(&payload))?;
                    check(sys::napi_set_element(env, pair, 0, text), "napi_set_element")?;
                    check(sys::napi_set_element(env, pair, 1, number), "napi_set_element")?;
                    pair
                }
                Err(outage) => Vec::to_napi_value(env, vec!["", outage.kind.code(), &outage.message])?,
            };
            check(sys::napi_set_element(env, out, at, value), "napi_set_element")?;
        }
    }
    Ok(out)
}
