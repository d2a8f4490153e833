//! Keys, tags and locks as document ids.
//!
//! An id says what kind of document it is, so that no key collides with what the driver keeps for itself, and none
//! begins with `_` or is a path. A name that is too long for a URL is hashed: its kind ends in `~` then, and the
//! document says the name.

use std::fmt::Write;

use ring::digest::{SHA256, digest};

/// Names up to this many bytes are part of the id. Percent-encoded they are at most three times as long, and
/// `CouchDB` takes URLs of 7,900 bytes.
const LONGEST: usize = 2000;

/// The kind of entries whose key is in the id, as ids begin.
pub const ENTRIES: &str = "entry:";
/// The kind of entries whose key is hashed, as ids begin.
pub const HASHED: &str = "entry~";

/// The document of a key.
pub fn entry(key: &str) -> Box<str> {
    id("entry", key)
}

/// The document of a tag's epoch.
pub fn tag(name: &str) -> Box<str> {
    id("tag", name)
}

/// The document of a lock.
pub fn lock(name: &str) -> Box<str> {
    id("lock", name)
}

/// Whether the id does not hold the name, so that the document must.
pub fn is_hashed(name: &str) -> bool {
    name.len() > LONGEST
}

/// The key that an entry's id holds.
pub fn key(id: &str) -> Option<&str> {
    id.strip_prefix(ENTRIES)
}

/// The tag that a tag's id holds.
pub fn tag_of(id: &str) -> Option<&str> {
    id.strip_prefix("tag:")
}

/// Whether an id is that of a tag whose name it does not hold.
pub fn is_hashed_tag(id: &str) -> bool {
    id.starts_with("tag~")
}

fn id(kind: &str, name: &str) -> Box<str> {
    if !is_hashed(name) {
        return format!("{kind}:{name}").into();
    }
    let mut id = format!("{kind}~");
    for byte in digest(&SHA256, name.as_bytes()).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_never_the_id_of_a_lock_or_a_tag() {
        assert_ne!(entry("x"), lock("x"));
        assert_eq!(&*entry("_design/cache"), "entry:_design/cache");
        assert_eq!(&*entry(""), "entry:");
        assert!(entry(&"x".repeat(20_000)).len() < 100);
        // A short key cannot look like a hashed one.
        assert!(!entry("~0").starts_with(HASHED));
    }

    proptest! {
        #[test]
        fn two_keys_never_have_one_id(one in "\\PC{0,40}|[\\x00-\\x20%+/._~:]{0,40}", other in "\\PC{0,40}|[\\x00-\\x20%+/._~:]{0,40}") {
            prop_assert_eq!(entry(&one) == entry(&other), one == other);
            let long = |name: &str| name.repeat(1 + 2 * LONGEST / name.len().max(1));
            prop_assert_eq!(entry(&long(&one)) == entry(&long(&other)), long(&one) == long(&other));
        }

        #[test]
        fn a_short_id_gives_the_key_back(name in "\\PC{0,40}") {
            let id = entry(&name);
            prop_assert_eq!(key(&id), Some(&*name));
        }
    }
}
