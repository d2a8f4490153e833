//! How long things live, in the milliseconds that backends count.

use std::time::Duration;

use crate::core::value::Life;

/// Longer lives are for ever: a hundred years.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A duration in the milliseconds that backends count; `None` is for ever.
pub fn millis(duration: Duration) -> Option<u64> {
    (duration < LONGEST).then_some(duration.as_millis() as u64)
}

/// How long a key lives that holds this; `None` is for ever.
pub fn lifetime(life: Life) -> Option<u64> {
    let ttl = millis(life.ttl?)?;
    Some(ttl.saturating_add(life.grace.min(LONGEST).as_millis() as u64))
}
