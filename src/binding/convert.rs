//! Values in and out.
//!
//! A payload is, in JavaScript: a string if it is JSON text, a `Buffer` if it is bytes, and a one-element
//! array of a string if it is superjson text. `undefined` is no payload at all.

use std::ffi::c_void;
use std::ptr;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Either, ToNapiValue, TypeName, ValidateNapiValue};
use napi::{Status, ValueType, sys};

use super::error::Result;
use crate::core::value::{Format, Life, Payload, Value};

/// A payload on its way to JavaScript.
pub struct NativePayload(pub Option<Payload>);

impl TypeName for NativePayload {
    fn type_name() -> &'static str {
        "NativePayload"
    }
    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ValidateNapiValue for NativePayload {}

impl ToNapiValue for NativePayload {
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: the caller passes the environment that is running.
        unsafe { payload_value(env, value.0.as_ref()) }
    }
}

/// Turns a Node-API status into a result.
pub fn check(status: sys::napi_status, call: &str) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(napi::Error::new(Status::from(status), format!("{call} failed")))
    }
}

/// A boolean for JavaScript.
///
/// # Safety
/// `env` must be the environment that is running on this thread.
pub unsafe fn boolean(env: sys::napi_env, value: bool) -> napi::Result<sys::napi_value> {
    let mut out = std::ptr::null_mut();
    // SAFETY: as the caller's.
    check(unsafe { sys::napi_get_boolean(env, value, &raw mut out) }, "napi_get_boolean")?;
    Ok(out)
}

/// The JavaScript form of a payload.
///
/// # Safety
/// `env` must be the environment that is running on this thread.
pub unsafe fn payload_value(env: sys::napi_env, payload: Option<&Payload>) -> napi::Result<sys::napi_value> {
    let mut out = std::ptr::null_mut();
    // SAFETY: `env` is valid by contract; every pointer outlives the call that reads it.
    unsafe {
        match payload {
            None => check(sys::napi_get_undefined(env, &raw mut out), "napi_get_undefined")?,
            Some(payload) => match payload.format {
                Format::Json => out = text_value(env, payload)?,
                Format::SuperJson => {
                    let text = text_value(env, payload)?;
                    check(sys::napi_create_array_with_length(env, 1, &raw mut out), "napi_create_array")?;
                    check(sys::napi_set_element(env, out, 0, text), "napi_set_element")?;
                }
                // Copied, for the bytes go on being the cache's.
                Format::Bytes => check(
                    sys::napi_create_buffer_copy(
                        env,
                        payload.bytes.len(),
                        payload.bytes.as_ptr().cast(),
                        std::ptr::null_mut(),
                        &raw mut out,
                    ),
                    "napi_create_buffer_copy",
                )?,
            },
        }
    }
    Ok(out)
}

/// # Safety
/// As [`payload_value`].
unsafe fn text_value(env: sys::napi_env, payload: &Payload) -> napi::Result<sys::napi_value> {
    let mut out = std::ptr::null_mut();
    let (text, length) = (payload.bytes.as_ptr().cast(), payload.bytes.len().cast_signed());
    // SAFETY: as the caller's; the bytes live as long as the payload.
    let status = unsafe {
        if payload.ascii {
            sys::napi_create_string_latin1(env, text, length, &raw mut out)
        } else {
            sys::napi_create_string_utf8(env, text, length, &raw mut out)
        }
    };
    check(status, "napi_create_string")?;
    Ok(out)
}

/// How a facade writes a payload: the number of a [`Format`].
pub fn format(number: u32) -> Format {
    match number {
        0 => Format::Json,
        1 => Format::SuperJson,
        _ => Format::Bytes,
    }
}

/// A payload from JavaScript.
pub fn payload(format_number: u32, content: Either<String, Buffer>) -> Payload {
    match content {
        Either::A(text) => Payload::new(format(format_number), text.into_bytes()),
        Either::B(bytes) => Payload::new(format(format_number), bytes.as_ref()),
    }
}

/// A duration from JavaScript: milliseconds, `Infinity` for ever; less than zero, or NaN, is zero.
pub fn duration(millis: f64) -> Option<Duration> {
    (millis != f64::INFINITY).then(|| Duration::from_millis(millis as u64))
}

/// A life from JavaScript.
pub fn life(ttl_millis: f64, grace_millis: f64) -> Life {
    Life { ttl: duration(ttl_millis), grace: duration(grace_millis).unwrap_or(Duration::MAX) }
}

/// A value from JavaScript.
pub fn value(
    format_number: u32,
    content: Either<String, Buffer>,
    (ttl_millis, grace_millis): (f64, f64),
    tags: Option<Vec<String>>,
) -> Value {
    Value {
        payload: payload(format_number, content),
        life: life(ttl_millis, grace_millis),
        tags: names(tags.unwrap_or_default()),
    }
}

/// Names from JavaScript.
pub fn names(names: Vec<String>) -> Vec<Box<str>> {
    names.into_iter().map(String::into_boxed_str).collect()
}

/// A duration for JavaScript: milliseconds, `Infinity` for ever.
pub fn millis(duration: Duration) -> f64 {
    if duration == Duration::MAX { f64::INFINITY } else { duration.as_millis() as f64 }
}

/// The duration that a humantime text says, in milliseconds, rounded up: `'1us'` is not "at once".
pub fn parse_duration(text: &str) -> Result<f64> {
    let duration = humantime::parse_duration(text).map_err(|cause| {
        let expected = format!(
            "{text:?} is no duration; expected seconds as a number, or a text like '500ms', '30s', '5m', '1h', '1d', '1w', '1h 30m'"
        );
        super::error::cross(
            crate::core::error::Error::new(crate::core::error::ErrorKind::InvalidTtl, "ttl", expected).caused_by(cause),
        )
    })?;
    Ok(duration.as_nanos().div_ceil(1_000_000) as f64)
}

/// Where the numbers of a typed array are, and how many; an error if they are of another kind.
///
/// # Safety
/// `env` must be running.
pub unsafe fn typed_array(
    env: sys::napi_env,
    array: sys::napi_value,
    expected: i32,
) -> napi::Result<(*mut c_void, usize)> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: as the caller's; what is not asked for is null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            array,
            &raw mut kind,
            &raw mut length,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, "napi_get_typedarray_info")?;
    if kind != expected || data.is_null() {
        return Err(napi::Error::from_reason("a typed array of another kind is needed"));
    }
    Ok((data, length))
}
