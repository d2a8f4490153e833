//! Memory that JavaScript and the core look at together, for the copies that a session keeps of what it reads.
//!
//! Each piece is an `ArrayBuffer` over an allocation of the core's, which it keeps alive. The core uses it by atomic
//! operations alone; JavaScript reads by `Atomics` what other threads write.
//!
//! Where a runtime refuses such buffers (V8's sandbox does), a session keeps no copies.

use std::cell::{OnceCell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use napi::sys;

use super::convert::check;
use super::error::Result;
use super::raw::{arguments, guard, lift, number_of, with_text};
use super::sessions;
use crate::core::driver::Driver;
use crate::core::driver::memory::{Entry, Keeper, Memory, Permit};
use crate::core::engine::Engine;
use crate::core::stats::Lent;

/// Room for a permit: how many generations it has, then each with its place.
const PERMIT: usize = 16;

/// What a session has to do with its copies; nothing if it keeps none.
#[derive(Default)]
pub struct Sharing(OnceCell<Shared>);

struct Shared {
    keeper: RefCell<Keeper>,
    /// The permit of what was read last, for JavaScript.
    permit: Arc<[AtomicU32]>,
    /// Reads that copies have answered, counted by JavaScript.
    hits: Lent,
}

impl Sharing {
    /// The entry, if it may be read. What a copy of it is valid under is left for JavaScript; `may_copy` as
    /// [`Memory::look`] has it.
    pub fn look(&self, memory: &Memory, key: &str, may_copy: impl FnOnce() -> bool) -> Option<Arc<Entry>> {
        let Some(Shared { keeper, permit, .. }) = self.0.get() else { return memory.get(key) };
        let (entry, granted) = memory.look(key, &mut keeper.borrow_mut(), may_copy);
        leave(permit, &granted);
        entry
    }

    /// The session is over: what was counted stays counted.
    pub fn end(&self, engine: &Engine) {
        if let (Some(Shared { hits, .. }), Some(memory)) = (self.0.get(), engine.memory()) {
            memory.counters().take_back(hits);
        }
    }
}

fn leave(room: &[AtomicU32], permit: &Permit) {
    let generations = permit.generations();
    room[0].store(generations.len() as u32, Ordering::Relaxed);
    let numbers = generations.iter().flat_map(|&(place, generation)| [place, generation]);
    for (word, number) in room[1..].iter().zip(numbers) {
        word.store(number, Ordering::Relaxed);
    }
}

/// `share(handle)`: from now on the session keeps copies. The generations, the permit of the last read and the count
/// of hits, as `ArrayBuffer`s; `undefined` where no copies can be kept, and the second time.
pub unsafe extern "C" fn share(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: Node calls this with the environment that is running.
        unsafe {
            let [handle] = arguments(env, info)?;
            sessions::with(number_of(env, handle)?, |session| {
                let Some(memory) = session.engine.memory() else { return Ok(ptr::null_mut()) };
                if session.sharing.0.get().is_some() {
                    return Ok(ptr::null_mut());
                }
                let words = memory.words();
                let permit: Arc<[AtomicU32]> = (0..PERMIT).map(|_| AtomicU32::new(0)).collect();
                let hits = memory.counters().lend();
                let buffers = [
                    buffer(env, words.as_ptr().cast(), size_of_val(&*words), words)?,
                    buffer(env, permit.as_ptr().cast(), size_of_val(&*permit), Arc::clone(&permit))?,
                    buffer(env, Arc::as_ptr(&hits).cast(), size_of_val(&*hits), Arc::clone(&hits))?,
                ];
                if buffers.iter().any(Option::is_none) {
                    memory.counters().take_back(&hits);
                    return Ok(ptr::null_mut());
                }
                let keeper = RefCell::default();
                // There is none yet, as was looked above.
                drop(session.sharing.0.set(Shared { keeper, permit, hits }));
                list(env, buffers.into_iter().flatten()).map_err(lift)
            })
        }
    })
}

/// `used(handle, keys)`: copies of these keys were used, in this order.
pub unsafe extern "C" fn used(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guard(env, || {
        // SAFETY: as in `share`.
        unsafe {
            let [handle, keys] = arguments(env, info)?;
            sessions::with(number_of(env, handle)?, |session| {
                let Some(memory) = session.engine.memory() else { return Ok(ptr::null_mut()) };
                let mut length = 0;
                check(sys::napi_get_array_length(env, keys, &raw mut length), "napi_get_array_length")
                    .map_err(lift)?;
                for at in 0..length {
                    let mut key = ptr::null_mut();
                    check(sys::napi_get_element(env, keys, at, &raw mut key), "napi_get_element")
                        .map_err(lift)?;
                    with_text(env, key, |key| {
                        memory.used(key);
                        Ok(())
                    })?;
                }
                Ok(ptr::null_mut())
            })
        }
    })
}

/// An `ArrayBuffer` over memory that `owner` keeps alive; `None` where the runtime allows none.
///
/// # Safety
/// `env` must be the environment that is running. `data` must be valid for `length` bytes, for reading and writing
/// from any thread by atomic operations, for as long as `owner` lives.
unsafe fn buffer<T>(
    env: sys::napi_env,
    data: *const c_void,
    length: usize,
    owner: T,
) -> Result<Option<sys::napi_value>> {
    let owner = Box::into_raw(Box::new(owner));
    let mut out = ptr::null_mut();
    // SAFETY: by contract; `release` takes the owner back once the buffer is gone.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env,
            data.cast_mut(),
            length,
            Some(release::<T>),
            owner.cast(),
            &raw mut out,
        )
    };
    if status == sys::Status::napi_ok {
        return Ok(Some(out));
    }
    // SAFETY: a buffer that was not made calls nobody: the owner is still ours.
    drop(unsafe { Box::from_raw(owner) });
    if status == sys::Status::napi_no_external_buffers_allowed {
        return Ok(None);
    }
    check(status, "napi_create_external_arraybuffer").map_err(lift)?;
    Ok(None)
}

/// A buffer is gone.
unsafe extern "C" fn release<T>(_: sys::napi_env, _: *mut c_void, owner: *mut c_void) {
    // SAFETY: `owner` is the box that `buffer` gave away, and Node-API calls this once.
    drop(unsafe { Box::from_raw(owner.cast::<T>()) });
}

/// # Safety
/// `env` must be the environment that is running, and the items its values.
unsafe fn list(
    env: sys::napi_env,
    items: impl Iterator<Item = sys::napi_value>,
) -> napi::Result<sys::napi_value> {
    let mut out = ptr::null_mut();
    // SAFETY: as the caller's.
    unsafe {
        check(sys::napi_create_array(env, &raw mut out), "napi_create_array")?;
        for (at, item) in items.enumerate() {
            check(sys::napi_set_element(env, out, at as u32, item), "napi_set_element")?;
        }
    }
    Ok(out)
}
