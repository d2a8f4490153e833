//! Epochs: what a tag has, and what an entry keeps of its tags.
//!
//! An epoch says when it was made, in the microseconds of the store's clock, and whether by a flush (`f`) or because
//! it was missing (`c`): `f1700000000000000-5e1f00d1`.

use std::time::Duration;

/// How long an epoch is kept at least: longer than a factory runs that names its tags late.
pub const LEAST_KEPT: Duration = Duration::from_secs(3600);
/// Whether a tag was flushed at or after this time.
pub fn flushed_since(epoch: &str, micros: u64, skew: u64) -> bool {
    let Some(rest) = epoch.strip_prefix('f') else { return false };
    let made = rest.split('-').next().and_then(|made| made.parse::<u64>().ok());
    made.is_none_or(|made| made.saturating_add(skew) >= micros)
}

/// What tells two epochs of the same microsecond apart.
pub fn random() -> String {
    format!("{:08x}", fastrand::u32(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_is_seen_by_what_began_before_it_and_an_epoch_that_was_missing_is_no_flush() {
        assert!(flushed_since("f100-ab", 99, 0) && flushed_since("f100-ab", 100, 0));
        assert!(!flushed_since("f100-ab", 101, 0) && flushed_since("f100-ab", 101, 1));
        assert!(!flushed_since("c100-ab", 1, 0) && flushed_since("f?", 1, 0));
    }
}
