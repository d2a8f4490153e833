//! What the core answers, as JavaScript gets it: the same form whether it comes at once or later.

use napi::bindgen_prelude::{Null, ToNapiValue, TypeName, Undefined, ValidateNapiValue};
use napi::{ValueType, sys};
use napi_derive::napi;

use super::convert::{self, NativePayload, boolean, payload_value};
use crate::core::command::{LeaseReply, LockReply, Outage, Reply};

/// An answer; `None` is one that comes later.
pub struct NativeReply(pub Option<Reply>);

impl TypeName for NativeReply {
    fn type_name() -> &'static str {
        "NativeReply"
    }
    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ValidateNapiValue for NativeReply {}

impl ToNapiValue for NativeReply {
    unsafe fn to_napi_value(env: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: the caller passes the environment that is running.
        unsafe {
            match value.0 {
                None | Some(Reply::Done) => Undefined::to_napi_value(env, ()),
                Some(Reply::Payload(payload)) => payload_value(env, payload.as_ref()),
                // Between tiers alone.
                Some(Reply::Fetched(found)) => payload_value(env, found.as_ref().map(|found| &found.payload)),
                Some(Reply::Changed(changed)) => boolean(env, changed),
                Some(Reply::Number(number)) => f64::to_napi_value(env, number),
                Some(Reply::Remaining(None)) => Null::to_napi_value(env, Null),
                Some(Reply::Remaining(Some(left))) => f64::to_napi_value(env, convert::millis(left)),
                Some(Reply::Payloads(payloads)) => {
                    // A store that answers at once has no outages.
                    let payloads = payloads.into_iter().map(|payload| NativePayload(payload.ok().flatten()));
                    Vec::to_napi_value(env, payloads.collect())
                }
                Some(Reply::Lease(reply)) => lease_value(env, reply, None),
                Some(Reply::Offline(reply, outage)) => lease_value(env, reply, Some(outage)),
                Some(Reply::Filled { stored, superseded: 0 }) => boolean(env, stored),
                Some(Reply::Filled { stored, superseded }) => {
                    NativeFill::to_napi_value(env, NativeFill { stored, superseded: superseded as f64 })
                }
                Some(Reply::Lock(lock)) => NativeLock::to_napi_value(env, NativeLock::of(lock)),
                Some(Reply::Keys { keys, cursor }) => {
                    let keys = keys.into_iter().map(String::from).collect();
                    NativeKeys::to_napi_value(env, NativeKeys { keys, cursor: cursor.map(String::from) })
                }
            }
        }
    }
}

/// The value of a hit, the number of the run that a miss is to make, or a [`NativeLease`].
///
/// # Safety
/// `env` must be the environment that is running on this thread.
unsafe fn lease_value(
    env: sys::napi_env,
    reply: LeaseReply,
    outage: Option<Outage>,
) -> napi::Result<sys::napi_value> {
    let (state, lease, joined, in_grace) = match reply {
        // SAFETY: as the caller's.
        LeaseReply::Hit(payload) => return unsafe { payload_value(env, Some(&payload)) },
        // Most misses: to make an object takes several times as long.
        LeaseReply::Granted { lease, stale: None } if outage.is_none() => {
            // SAFETY: as the caller's.
            return unsafe { f64::to_napi_value(env, lease as f64) };
        }
        LeaseReply::Granted { lease, stale } => ("granted", lease, 0, stale),
        LeaseReply::Held { lease, joined, stale } => ("held", lease, joined, stale),
    };
    let lease = NativeLease {
        state,
        lease: lease as f64,
        joined: joined as f64,
        payload: NativePayload(in_grace),
        outage: outage.map(|outage| vec![outage.kind.code().to_owned(), outage.message.into_string()]),
    };
    // SAFETY: as the caller's.
    unsafe { NativeLease::to_napi_value(env, lease) }
}

/// What a miss may do, where it is more than to compute the value.
#[napi(object, object_from_js = false)]
pub struct NativeLease {
    /// `granted`, `held`.
    pub state: &'static str,
    /// The run's name.
    pub lease: f64,
    /// When the asker joined a run of another.
    pub joined: f64,
    /// A value in its grace.
    #[napi(ts_type = "string | [string] | Buffer")]
    pub payload: NativePayload,
    /// Why this process decided alone: a code and a message.
    pub outage: Option<Vec<String>>,
}

/// How a fill went that came after an invalidation; else it is told whether the value was stored.
#[napi(object, object_from_js = false)]
pub struct NativeFill {
    /// Whether the value was stored.
    pub stored: bool,
    /// Those who joined at or after this must compute anew.
    pub superseded: f64,
}

/// How a try for a lock went.
#[napi(object, object_from_js = false)]
pub struct NativeLock {
    /// The fencing number; left out if another owner has the lock.
    pub fence: Option<f64>,
    /// How long the other owner can hold it without an extension, in milliseconds.
    pub expires_in: f64,
}

impl NativeLock {
    fn of(reply: LockReply) -> Self {
        match reply {
            LockReply::Acquired { fence } => Self { fence: Some(fence as f64), expires_in: 0.0 },
            LockReply::Busy { expires_in } => Self { fence: None, expires_in: convert::millis(expires_in) },
        }
    }
}

/// Some keys.
#[napi(object, object_from_js = false)]
pub struct NativeKeys {
    /// The keys; one may come twice.
    pub keys: Vec<String>,
    /// Where to go on; left out at the end.
    pub cursor: Option<String>,
}
