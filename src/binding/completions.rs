//! The answers that came later, taken by one call for all of them.
//!
//! They are numbers in an array that JavaScript has given, so that most cost no call of Node-API: how many numbers there
//! are, what else waits, and of each answer the request's id and a code.

use std::ptr;

use napi::bindgen_prelude::ToNapiValue;
use napi::sys;

use super::convert::{check, payload_value, typed_array};
use super::error::{self, Failure};
use super::mailbox::{self, Answer};
use super::raw::{arguments, guard, lift};
use super::replies::NativeReply;
use crate::core::command::{LeaseReply, Reply};
use crate::core::recent::Handed;

/// The kinds of codes, in their lowest bits, as lib/queue.js reads them; above them is a number. Nothing; whether it is 1;
/// the number; the value that is kept under it; the next of the values, which is to be kept under it; the next of the
/// values; so many codes that follow, of the values of several keys; the next of the values, which says what failed.
#[derive(Clone, Copy)]
enum Kind {
    Nothing,
    Boolean,
    Number,
    Kept,
    Keep,
    Value,
    Several,
    Failed,
}

/// Numbers below this fit into a code.
const FIT: u64 = 1 << 29;

/// What else waits: more answers; notices.
const MORE: i32 = 1;
const NOTICES: i32 = 2;

/// A code.
fn code(kind: Kind, number: u32) -> i32 {
    (number << 3 | kind as u32).cast_signed()
}

/// How many numbers an answer takes.
pub fn width(answer: &Answer) -> usize {
    2 + if let Answer::Several(payloads) = answer { payloads.len() } else { 0 }
}

/// `completions(codes)`: fills an `Int32Array` as above; answers the values that belong to the codes, if there are any.
pub unsafe extern "C" fn completions(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running. The array's memory is JavaScript's, and
        // stays where it is while this call runs; nobody else writes to it.
        unsafe {
            let [codes] = arguments(env, info)?;
            let codes = numbers(env, codes).map_err(lift)?;
            let [used, waits, codes @ ..] = codes else { return Err(error::unexpected()) };
            let taken = mailbox::take_answers(env as usize, codes.len());
            let mut values = Values { env, array: ptr::null_mut(), length: 0 };
            let mut at = 0;
            for (id, answer) in taken.answers {
                let end = at + width(&answer);
                let Some([to_id, to_code, to_parts @ ..]) = codes.get_mut(at..end) else {
                    return Err(error::unexpected());
                };
                *to_id = id.cast_signed();
                *to_code = values.tell(answer, to_parts).map_err(lift)?;
                at = end;
            }
            *used = (at as u32).cast_signed();
            *waits = if taken.are_more { MORE } else { 0 } | if taken.are_notices { NOTICES } else { 0 };
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
    /// Made with the first.
    array: sys::napi_value,
    length: u32,
}

impl Values {
    /// The code of an answer; those of its parts, if it has any.
    ///
    /// # Safety
    /// The environment must be running.
    unsafe fn tell(&mut self, answer: Answer, parts: &mut [i32]) -> napi::Result<i32> {
        // SAFETY: as the caller's.
        unsafe {
            match answer {
                Answer::One(handed) => self.handed(handed),
                Answer::Reply(Reply::Changed(changed) | Reply::Filled { stored: changed, superseded: 0 }) => {
                    Ok(code(Kind::Boolean, changed.into()))
                }
                Answer::Reply(Reply::Lease(LeaseReply::Granted { lease, stale: None })) if lease < FIT => {
                    Ok(code(Kind::Number, lease as u32))
                }
                Answer::Reply(Reply::Done | Reply::Payload(None)) => Ok(code(Kind::Nothing, 0)),
                Answer::Reply(reply) => {
                    let value = NativeReply::to_napi_value(self.env, NativeReply(Some(reply)))?;
                    self.value(Kind::Value, 0, value)
                }
                Answer::Several(payloads) => {
                    let count = payloads.len() as u32;
                    for (payload, part) in payloads.into_iter().zip(parts) {
                        *part = match payload {
                            Ok(None) => code(Kind::Nothing, 0),
                            Ok(Some(handed)) => self.handed(handed)?,
                            Err(outage) => self.failed(outage.kind.code(), outage.message.to_string())?,
                        };
                    }
                    Ok(code(Kind::Several, count))
                }
                Answer::Failed(error) => {
                    let Failure { code, message } = Failure::of(error);
                    self.failed(code, message)
                }
            }
        }
    }

    /// # Safety
    /// The environment must be running.
    unsafe fn handed(&mut self, handed: Handed) -> napi::Result<i32> {
        // SAFETY: as the caller's.
        unsafe {
            match handed {
                Handed::Kept(number) => Ok(code(Kind::Kept, number)),
                Handed::Keep(number, payload) => {
                    let text = payload_value(self.env, Some(&payload))?;
                    self.value(Kind::Keep, number, text)
                }
                Handed::Payload(payload) => {
                    let value = payload_value(self.env, Some(&payload))?;
                    self.value(Kind::Value, 0, value)
                }
            }
        }
    }

    /// # Safety
    /// The environment must be running.
    unsafe fn failed(&mut self, failure: &str, message: String) -> napi::Result<i32> {
        // SAFETY: as the caller's.
        unsafe {
            let value = Vec::to_napi_value(self.env, vec![failure.to_owned(), message])?;
            self.value(Kind::Failed, 0, value)
        }
    }

    /// # Safety
    /// The environment must be running, and the value be its own.
    unsafe fn value(&mut self, kind: Kind, number: u32, value: sys::napi_value) -> napi::Result<i32> {
        // SAFETY: as the caller's.
        unsafe {
            if self.array.is_null() {
                check(sys::napi_create_array(self.env, &raw mut self.array), "napi_create_array")?;
            }
            check(sys::napi_set_element(self.env, self.array, self.length, value), "napi_set_element")?;
        }
        self.length += 1;
        Ok(code(kind, number))
    }
}
