//! What is stored, as JSON: docs/couchdb.md shows each form.
//!
//! `value`, `expiresAt` and `updatedAt` are what the plugin stored that this driver replaces; times are milliseconds
//! since the Unix epoch. A value is one opaque text: what JSON `CouchDB` would keep of it is not what was put
//! (`-0`, members that begin with `_`).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::ids;
use crate::core::driver::remote::Tagged;
use crate::core::value::{Format, Payload, Value};

/// For how long a document stays that says that a key was removed: long enough that whoever follows the changes of
/// the database sees it before a sweep takes it away.
pub const GONE_KEPT: u64 = 10 * 60_000;
/// How long the error of a failed run stays for those who wait for it in other processes.
const ERROR_KEPT: u64 = 2000;

/// A factory that runs for a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lease {
    /// Names the run.
    pub token: Box<str>,
    /// Until when it is the run's, without an extension.
    pub until: u64,
    /// Its tags, with the epochs from before it began.
    pub tags: BTreeMap<Box<str>, Box<str>>,
}

/// A factory that failed, for those who wait for it in other processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failed {
    /// Names the run.
    pub token: Box<str>,
    /// The error.
    pub error: Box<str>,
}

/// Any document of this driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Document {
    /// The id: [`super::ids`].
    #[serde(rename = "_id")]
    pub id: Box<str>,
    /// The revision: of what was read, or of what is to be replaced.
    #[serde(rename = "_rev", skip_serializing_if = "Option::is_none")]
    pub rev: Option<Box<str>>,
    /// Whether it was deleted.
    #[serde(rename = "_deleted", skip_serializing_if = "is_default")]
    pub deleted: bool,
    /// The key, if the id is its hash.
    #[serde(skip_serializing_if = "is_default")]
    pub key: Option<Box<str>>,
    /// The value.
    #[serde(skip_serializing_if = "is_default")]
    pub value: Option<String>,
    /// How to read it: JSON text without, `superjson`, or `base64` for the bytes of a Buffer.
    #[serde(skip_serializing_if = "is_default")]
    pub format: Option<Box<str>>,
    /// When the document may go.
    #[serde(skip_serializing_if = "is_default")]
    pub expires_at: Option<u64>,
    /// Until when the value is fresh, if a grace follows.
    #[serde(skip_serializing_if = "is_default")]
    pub fresh_until: Option<u64>,
    /// When it was written.
    pub updated_at: u64,
    /// The value's tags, with the epochs from before it was computed.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: BTreeMap<Box<str>, Box<str>>,
    /// The factory that runs for the key.
    #[serde(skip_serializing_if = "is_default")]
    pub lease: Option<Lease>,
    /// The factory that failed.
    #[serde(skip_serializing_if = "is_default")]
    pub failed: Option<Failed>,
    /// The epoch, of a tag.
    #[serde(skip_serializing_if = "is_default")]
    pub epoch: Option<Box<str>>,
    /// Who has it, of a lock.
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<Box<str>>,
    /// The last fencing number, of a lock.
    #[serde(skip_serializing_if = "is_default")]
    pub fence: u64,
    /// Until when it is held, of a lock.
    #[serde(skip_serializing_if = "is_default")]
    pub until: u64,
    /// Names the write that made this revision: whoever lost the answer to it knows it again.
    #[serde(skip_serializing_if = "is_default")]
    pub write: Box<str>,
    /// Names the last writes before it, the newest first.
    #[serde(skip_serializing_if = "is_default")]
    pub recent: Vec<Box<str>>,
    /// Whether it could not be read.
    #[serde(skip)]
    pub corrupt: bool,
    /// Whether it is a counter that is being changed.
    #[serde(skip)]
    pub counts: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is known of a document that cannot be read.
#[derive(Deserialize)]
struct Unreadable {
    #[serde(rename = "_rev")]
    rev: Option<Box<str>>,
    #[serde(rename = "_deleted", default)]
    deleted: bool,
}

impl Document {
    /// A document without anything in it.
    pub fn of(id: Box<str>, now: u64) -> Self {
        Self { id, updated_at: now, ..Self::default() }
    }

    /// The document of a key without anything in it.
    pub fn of_key(key: &str, now: u64) -> Self {
        let hashed = ids::is_hashed(key).then(|| key.into());
        Self { key: hashed, ..Self::of(ids::entry(key), now) }
    }

    /// A document that says that the key holds nothing.
    pub fn gone(key: &str, now: u64) -> Self {
        Self { expires_at: Some(now + GONE_KEPT), ..Self::of_key(key, now) }
    }

    /// A document that says how a run ended that failed.
    pub fn failed(key: &str, token: &str, error: &str, now: u64) -> Self {
        let failed = Failed { token: token.into(), error: error.into() };
        Self { failed: Some(failed), expires_at: Some(now + ERROR_KEPT), ..Self::of_key(key, now) }
    }

    /// A document that holds a value from now on.
    pub fn holding(key: &str, value: &Value, epochs: &[Tagged], now: u64) -> Self {
        let mut document = Self { tags: epochs.iter().cloned().collect(), ..Self::of_key(key, now) };
        document.put(&value.payload);
        if let Some(ttl) = value.life.ttl.and_then(super::millis) {
            let fresh_until = now.saturating_add(ttl);
            let grace = super::millis(value.life.grace);
            document.expires_at = grace.map(|grace| fresh_until.saturating_add(grace));
            document.fresh_until = (grace != Some(0)).then_some(fresh_until);
        }
        document
    }

    /// Reads a document; `None` if it was deleted.
    pub fn read(json: &str) -> Option<Self> {
        let document = serde_json::from_str::<Self>(json).unwrap_or_else(|_| {
            let known = serde_json::from_str::<Unreadable>(json);
            let Unreadable { rev, deleted } = known.unwrap_or(Unreadable { rev: None, deleted: false });
            Self { rev, deleted, corrupt: true, ..Self::default() }
        });
        (!document.deleted).then_some(document)
    }

    /// Puts a payload in.
    pub fn put(&mut self, payload: &Payload) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (format, value) = match payload.format {
            Format::Json => (None, text(&payload.bytes)),
            Format::SuperJson => (Some("superjson"), text(&payload.bytes)),
            Format::Bytes => (Some("base64"), BASE64.encode(&payload.bytes)),
        };
        self.format = format.map(Into::into);
        self.value = Some(value);
    }

    /// How many bytes a payload has in a document.
    pub fn size(payload: &Payload) -> usize {
        match payload.format {
            Format::Json | Format::SuperJson => payload.bytes.len(),
            Format::Bytes => payload.bytes.len().div_ceil(3) * 4,
        }
    }

    /// The value as it is stored.
    pub fn payload(&self) -> Option<Payload> {
        if self.corrupt {
            return Some(Payload::corrupt());
        }
        let value = self.value.as_ref()?;
        Some(match self.format.as_deref() {
            None => Payload::new(Format::Json, value.as_bytes()),
            Some("superjson") => Payload::new(Format::SuperJson, value.as_bytes()),
            Some("base64") => BASE64
                .decode(value)
                .map_or_else(|_| Payload::corrupt(), |bytes| Payload::new(Format::Bytes, bytes)),
            Some(_) => Payload::corrupt(),
        })
    }

    /// Whether the document may go.
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether it says more than that the key holds nothing.
    pub fn is_of_use(&self) -> bool {
        self.value.is_some() || self.lease.is_some() || self.corrupt
    }

    /// Whether it holds a value, fresh or in its grace.
    pub fn holds(&self, now: u64) -> bool {
        self.corrupt || (self.value.is_some() && !self.has_expired(now))
    }

    /// Whether it holds a value that is fresh.
    pub fn is_fresh(&self, now: u64) -> bool {
        self.holds(now) && self.fresh_until.is_none_or(|until| until > now)
    }

    /// The factory that runs for the key.
    pub fn lease(&self, now: u64) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.until > now)
    }

    /// How long the value stays fresh; `u64::MAX` is for ever.
    pub fn remaining(&self, now: u64) -> u64 {
        self.fresh_until.or(self.expires_at).map_or(u64::MAX, |until| until.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::value::Life;

    fn value(payload: Payload, life: Life) -> Value {
        Value { payload, life, tags: Vec::new() }
    }

    #[test]
    fn a_value_has_the_form_that_is_documented() {
        let life = Life { ttl: Some(Duration::from_secs(1)), grace: Duration::from_secs(2) };
        let json = value(Payload::new(Format::Json, *b"{\"_a\":-0}"), life);
        let tags = [("t".into(), "c1-0".into())];
        let document = Document::holding("k", &json, &tags, 1000);
        let text = serde_json::to_string(&document).unwrap_or_default();
        assert_eq!(
            text,
            r#"{"_id":"entry:k","value":"{\"_a\":-0}","expiresAt":4000,"freshUntil":2000,"updatedAt":1000,"tags":{"t":"c1-0"}}"#
        );
        assert_eq!(Document::read(&text), Some(document));
    }

    #[test]
    fn each_format_reads_back() {
        for format in [Format::Json, Format::SuperJson, Format::Bytes] {
            let payload = Payload::new(format, *b"[1]");
            let document = Document::holding("k", &value(payload.clone(), Life::FOREVER), &[], 0);
            assert!(document.is_fresh(u64::MAX));
            assert_eq!(document.payload(), Some(payload));
        }
    }

    #[test]
    fn what_nobody_here_wrote_is_corrupt_and_what_was_deleted_is_nothing() {
        let foreign = Document::read(r#"{"_id":"entry:k","_rev":"1-a","value":{"a":1}}"#);
        assert_eq!(foreign.as_ref().map(|document| document.corrupt), Some(true));
        assert_eq!(foreign.and_then(|document| document.rev).as_deref(), Some("1-a"));
        assert_eq!(Document::read(r#"{"_id":"entry:k","_rev":"2-a","_deleted":true}"#), None);
    }

    #[test]
    fn a_value_is_fresh_then_in_its_grace_then_nothing() {
        let life = Life { ttl: Some(Duration::from_millis(10)), grace: Duration::from_millis(5) };
        let document = Document::holding("k", &value(Payload::new(Format::Json, *b"1"), life), &[], 100);
        let state = |now| (document.is_fresh(now), document.holds(now));
        assert_eq!(
            [109, 110, 114, 115].map(state),
            [(true, true), (false, true), (false, true), (false, false)]
        );
    }
}
