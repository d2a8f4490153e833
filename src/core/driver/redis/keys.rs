//! The names of keys that are not the user's.
//!
//! A user's key is stored under `prefix + key`. Tags and locks live beside it, under a prefix of their own that
//! no cache may have (the facade refuses it), so that no key of a user's can be one of them, and `flush` leaves
//! them alone. A lease needs no key: it is kept under the key that it is for.

/// What all internal keys begin with.
const INTERNAL: &str = "ferrocache:";

/// Whether a key is not the user's.
pub fn is_internal(key: &[u8]) -> bool {
    key.starts_with(INTERNAL.as_bytes())
}

/// Where the epoch of a tag is.
pub fn tag(name: &str) -> Vec<u8> {
    format!("{INTERNAL}tag:{name}").into_bytes()
}

/// The tag whose epoch a key holds.
pub fn tag_of(key: &str) -> Option<&str> {
    key.strip_prefix(INTERNAL)?.strip_prefix("tag:")
}

/// Where a lock is.
pub fn lock(name: &str) -> Vec<u8> {
    format!("{INTERNAL}lock:{name}").into_bytes()
}

/// The pattern of all keys under a prefix, for `SCAN`: what has a meaning in a pattern is escaped.
pub fn under(prefix: &str) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 8);
    for byte in prefix.bytes() {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}

/// The cluster slot of a key: of what stands between its first braces, if anything does.
/// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags>
pub fn slot(key: &[u8]) -> u16 {
    let open = key.iter().position(|byte| *byte == b'{');
    let tagged = open.and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16::State::<crc16::XMODEM>::calculate(tagged.unwrap_or(key)) % 16384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_is_under_the_prefix_alone() {
        assert_eq!(under("a[b]*c?\\:"), br"a\[b\]\*c\?\\:*");
    }

    #[test]
    fn the_slot_is_that_of_the_first_braces() {
        // The figures are those of `CLUSTER KEYSLOT` on a Redis 7.0 server.
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"{foo}.bar"), 12182);
        assert_eq!(slot(b"x{foo}{bar}"), 12182);
        assert_eq!(slot(b"{}foo"), slot(b"{}foo"));
        assert_ne!(slot(b"{}foo"), slot(b"foo"));
    }
}
