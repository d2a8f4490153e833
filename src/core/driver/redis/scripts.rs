//! The steps that must be atomic, as Lua: one key each, so that every script stays within one cluster slot.

use std::fmt::Write;
use std::sync::LazyLock;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// A script with the name under which the server keeps it.
pub struct Script {
    /// The text.
    pub code: &'static str,
    /// Its SHA-1, in hexadecimal digits.
    pub hash: String,
}

impl Script {
    fn new(code: &'static str) -> Self {
        Self { code, hash: hash_of(code) }
    }
}

/// The name that Redis gives a script. It says which script is meant, and protects nothing.
fn hash_of(code: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, code.as_bytes());
    hash.as_ref().iter().fold(String::with_capacity(40), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

macro_rules! script {
    ($name:ident, $file:literal, $doc:literal) => {
        #[doc = $doc]
        pub static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/prelude.lua"),
                include_str!(concat!("scripts/", $file))
            ))
        });
    };
}

script!(LEASE, "lease.lua", "What there is, or the right to compute it.");
/// Stores what a factory made where its lease stands alone, and the value has no grace. Without the prelude, which it
/// does not need.
pub static STORE_LEASED: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/store_leased.lua")));
script!(FILL, "fill.lua", "Stores what a factory made, if its lease is still held.");
script!(FAIL, "fail.lua", "Gives a lease back.");
script!(RENEW, "renew.lua", "Prolongs a lease.");
script!(TAKE, "take.lua", "Removes a key and answers what it held.");
script!(HEAD, "head.lua", "The header of a key and how long it lives.");
script!(TOUCH, "touch.lua", "Gives a value a new life.");
script!(INCREMENT, "increment.lua", "Adds to a counter.");
script!(PUT, "put.lua", "Stores a value where there is none, or one with a grace.");
script!(EPOCH, "epoch.lua", "The epoch of a tag.");
script!(FLUSH_TAG, "flush_tag.lua", "A new epoch of a tag.");
script!(LOCK, "lock.lua", "Takes a lock.");
script!(UNLOCK, "unlock.lua", "Releases a lock.");
script!(EXTEND, "extend.lua", "Prolongs a lock.");
