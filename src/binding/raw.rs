//! The calls of the hot path, as raw Node-API functions.
//!
//! A key is read into a buffer on the stack and the answer is a plain value: no allocation, no class, no
//! promise. `#[napi]` would read a string in two calls and an allocation.

use std::cell::RefCell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{JsValue, Null, Object, ToNapiValue};
use napi::sys;
use napi_derive::napi;

use super::completions::completions;
use super::convert::{boolean, check, life, payload_value};
use super::copies::{share, used};
use super::error::{self, Code, Result};
use super::outbox::requests;
use super::replies::NativeReply;
use super::sessions;
use crate::core::command::{Command, Condition};
use crate::core::driver::tiered::Near;
use crate::core::error::ErrorKind;
use crate::core::value::{Format, Payload, Value};

/// Keys up to this many bytes are read without an allocation.
const STACK: usize = 512;
/// Texts up to this many bytes are read in one call, into a buffer that the thread keeps.
const SCRATCH: usize = 64 * 1024;
/// The longest character in UTF-8, and the terminator that Node-API writes: a text that comes this close
/// to the end of its buffer may have been cut.
const SLACK: usize = 4;

thread_local! {
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Adds the raw functions to the module.
#[napi(module_exports)]
pub fn exports(exports: Object<'_>) -> napi::Result<()> {
    let module = exports.value();
    let functions: [(&CStr, sys::napi_callback); 9] = [
        (c"get", Some(get)),
        (c"near", Some(near)),
        (c"put", Some(put)),
        (c"many", Some(many)),
        (c"completions", Some(completions)),
        (c"probe", Some(probe)),
        (c"requests", Some(requests)),
        (c"share", Some(share)),
        (c"used", Some(used)),
    ];
    for (name, function) in functions {
        let mut value = ptr::null_mut();
        // SAFETY: `module` holds the environment that is loading and its exports; names are static.
        unsafe {
            check(
                sys::napi_create_function(
                    module.env,
                    name.as_ptr(),
                    name.count_bytes().cast_signed(),
                    function,
                    ptr::null_mut(),
                    &raw mut value,
                ),
                "napi_create_function",
            )?;
            check(
                sys::napi_set_named_property(module.env, module.value, name.as_ptr(), value),
                "napi_set_named_property",
            )?;
        }
    }
    Ok(())
}

/// `get(handle, id, key)`: the payload, or `undefined`; `undefined` where it is answered later.
unsafe extern "C" fn get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running.
        unsafe {
            let [handle, id, key] = arguments(env, info)?;
            let handle = number_of(env, handle)?;
            with_text(env, key, |key| {
                sessions::with(handle, |session| {
                    if let Some(memory) = session.engine.embedded() {
                        let entry = memory.get(key);
                        return payload_value(env, entry.as_ref().map(|entry| &entry.payload)).map_err(lift);
                    }
                    session.queue(number_of(env, id)?, Command::Get { key: key.into() });
                    Ok(ptr::null_mut())
                })
            })
        }
    })
}

/// `near(handle, key)`: what the memory of this process has: the payload, `null` if it knows that a backend holds none,
/// `undefined` if it does not know. If a copy of it may be kept, what that is valid under is left in shared memory.
unsafe extern "C" fn near(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: as in `get`.
        unsafe {
            let [handle, key] = arguments(env, info)?;
            let handle = number_of(env, handle)?;
            with_text(env, key, |key| {
                sessions::with(handle, |session| {
                    let sharing = &session.sharing;
                    let near = if let Some(memory) = session.engine.embedded() {
                        Near::from(sharing.look(memory, key, || true))
                    } else if let Some(tiered) = session.engine.tiered() {
                        tiered.near(key, |upper| sharing.look(upper, key, || tiered.may_copy(key)))
                    } else {
                        Near::Unknown
                    };
                    near_value(env, &near).map_err(lift)
                })
            })
        }
    })
}

/// `many(handle, keys)`: the payloads, in the order of their keys, of a store in this process.
unsafe extern "C" fn many(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: as in `get`.
        unsafe {
            let [handle, array] = arguments(env, info)?;
            let mut length = 0;
            check(sys::napi_get_array_length(env, array, &raw mut length), "napi_get_array_length")
                .map_err(lift)?;
            let mut keys = Vec::with_capacity(length as usize);
            for at in 0..length {
                let mut key = ptr::null_mut();
                check(sys::napi_get_element(env, array, at, &raw mut key), "napi_get_element")
                    .map_err(lift)?;
                keys.push(with_text(env, key, |key| Ok(key.into()))?);
            }
            // What is not in this process is asked by lib/outbox.js.
            let handle = number_of(env, handle)?;
            let reply = sessions::with(handle, |session| session.ask(0, Command::Many { keys }))?;
            NativeReply::to_napi_value(env, NativeReply(reply)).map_err(lift)
        }
    })
}

/// `put(handle, id, key, json, ttlMillis)`: whether the untagged JSON text was stored; `undefined` where it is
/// answered later.
unsafe extern "C" fn put(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: as in `get`.
        unsafe {
            let [handle, id, key, json, ttl] = arguments(env, info)?;
            let handle = number_of(env, handle)?;
            let mut millis = 0.0;
            check(sys::napi_get_value_double(env, ttl, &raw mut millis), "napi_get_value_double")
                .map_err(lift)?;
            let payload = with_long_text(env, json, |text| Payload::new(Format::Json, text))?;
            let value = Value { payload, life: life(millis, 0.0), tags: Vec::new() };
            with_text(env, key, |key| {
                sessions::with(handle, |session| {
                    let condition = Condition::Always;
                    if let Some(memory) = session.engine.embedded() {
                        return boolean(env, memory.put(key, value, condition)).map_err(lift);
                    }
                    session.queue(number_of(env, id)?, Command::Put { key: key.into(), value, condition });
                    Ok(ptr::null_mut())
                })
            })
        }
    })
}

/// What the memory of this process knows of a key.
///
/// # Safety
/// `env` must be the environment that is running.
unsafe fn near_value(env: sys::napi_env, near: &Near) -> napi::Result<sys::napi_value> {
    // SAFETY: as the caller's.
    unsafe {
        match near {
            Near::Value(entry) => payload_value(env, Some(&entry.payload)),
            Near::Nothing => Null::to_napi_value(env, Null),
            Near::Unknown => Ok(ptr::null_mut()),
        }
    }
}

/// `probe(text)`: reads the text into a stack buffer and does nothing: what crossing alone costs.
unsafe extern "C" fn probe(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: as in `get`.
        unsafe {
            let [text] = arguments(env, info)?;
            with_text(env, text, |_| Ok(ptr::null_mut()))
        }
    })
}

/// Runs a raw function: an error or a panic becomes a JavaScript exception.
pub fn guard(env: sys::napi_env, call: impl FnOnce() -> Result<sys::napi_value>) -> sys::napi_value {
    let outcome = catch_unwind(AssertUnwindSafe(call));
    let error = match outcome {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error,
        Err(panic) => napi::Error::new(Code(ErrorKind::Internal), error::panic_message(&*panic)),
    };
    // SAFETY: `env` is the environment that is running.
    unsafe { napi::JsError::from(error).throw_into(env) };
    ptr::null_mut()
}

/// An error of Node-API's own: a defect of the facade.
pub fn lift(error: napi::Error) -> napi::Error<Code> {
    napi::Error::new(Code(ErrorKind::Internal), error.reason)
}

/// The arguments of a call.
///
/// # Safety
/// `env` and `info` must be those of the call that is running.
pub unsafe fn arguments<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> Result<[sys::napi_value; N]> {
    let mut values = [ptr::null_mut(); N];
    let mut count = N;
    // SAFETY: `values` has room for `count`; missing arguments are filled with `undefined`.
    let status = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            values.as_mut_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, "napi_get_cb_info").map_err(lift)?;
    Ok(values)
}

/// A number: a handle, or an id.
///
/// # Safety
/// `env` must be running and `value` one of its values.
pub unsafe fn number_of(env: sys::napi_env, value: sys::napi_value) -> Result<u32> {
    let mut handle = 0;
    // SAFETY: as the caller's.
    let status = unsafe { sys::napi_get_value_uint32(env, value, &raw mut handle) };
    check(status, "napi_get_value_uint32").map_err(lift)?;
    Ok(handle)
}

/// Reads a text into `buffer`; how long it is, or `None` if it may not have fitted.
///
/// # Safety
/// As [`number_of`].
unsafe fn read(env: sys::napi_env, value: sys::napi_value, buffer: &mut [u8]) -> Result<Option<usize>> {
    let mut length = 0;
    // SAFETY: `buffer` is writable for its length; as the caller's.
    let status = unsafe {
        sys::napi_get_value_string_utf8(env, value, buffer.as_mut_ptr().cast(), buffer.len(), &raw mut length)
    };
    check(status, "napi_get_value_string_utf8").map_err(lift)?;
    Ok((length + SLACK < buffer.len()).then_some(length))
}

/// Reads a text of any length.
///
/// # Safety
/// As [`number_of`].
unsafe fn read_all(env: sys::napi_env, value: sys::napi_value) -> Result<Vec<u8>> {
    let mut length = 0;
    // SAFETY: without a buffer Node-API answers the length in bytes.
    let status = unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut length) };
    check(status, "napi_get_value_string_utf8").map_err(lift)?;
    let mut bytes = vec![0; length + SLACK + 1];
    // SAFETY: as the caller's.
    let length = unsafe { read(env, value, &mut bytes) }?.ok_or_else(error::unexpected)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Calls with a short text, as a key mostly is.
///
/// # Safety
/// As [`number_of`].
pub unsafe fn with_text<T>(
    env: sys::napi_env,
    value: sys::napi_value,
    call: impl FnOnce(&str) -> Result<T>,
) -> Result<T> {
    let mut buffer = [0; STACK];
    // SAFETY: as the caller's.
    match unsafe { read(env, value, &mut buffer) }? {
        Some(length) => call(utf8(&buffer[..length])?),
        // SAFETY: as the caller's.
        None => call(utf8(&unsafe { read_all(env, value) }?)?),
    }
}

/// Calls with a text that may be long, as a value may be.
///
/// # Safety
/// As [`number_of`].
pub unsafe fn with_long_text<T>(
    env: sys::napi_env,
    value: sys::napi_value,
    call: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    TEXT.with_borrow_mut(|scratch| {
        scratch.resize(SCRATCH, 0);
        // SAFETY: as the caller's.
        match unsafe { read(env, value, scratch) }? {
            Some(length) => Ok(call(&scratch[..length])),
            // SAFETY: as the caller's.
            None => Ok(call(&unsafe { read_all(env, value) }?)),
        }
    })
}

/// Node-API writes UTF-8 alone (a lone surrogate becomes U+FFFD; the facade refuses such keys).
fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| error::unexpected())
}
