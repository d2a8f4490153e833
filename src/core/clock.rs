//! The one clock that all expiry reads.
//!
//! Owns the notion of "now" and of a point in time. A system clock is monotonic: setting the
//! machine's time neither expires nor revives anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::error::{Error, ErrorKind, Result};

/// A point in time: milliseconds since the Unix epoch, as its cache's clock counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Later than every other point in time.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This point plus a duration; saturates at [`Timestamp::NEVER`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Which clock a cache has; part of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The machine's monotonic clock.
    System,
    /// Stands still until it is advanced.
    Manual,
}

/// A source of time.
#[derive(Debug)]
pub enum Clock {
    /// Counts on from the wall-clock time at which it was made.
    System {
        /// When it was made, by the monotonic clock.
        started: Instant,
        /// When it was made, by the wall clock.
        epoch: Timestamp,
    },
    /// Its time in milliseconds; moved by [`Clock::advance`] alone.
    Manual(AtomicU64),
}

impl Clock {
    /// A clock of the given kind that starts at the machine's time.
    pub fn new(kind: ClockKind) -> Self {
        // A machine set before 1970 still gets a clock that counts.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch = Timestamp(0).after(since_epoch);
        match kind {
            ClockKind::System => Self::System { started: Instant::now(), epoch },
            ClockKind::Manual => Self::Manual(AtomicU64::new(epoch.0)),
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System { started, epoch } => epoch.after(started.elapsed()),
            Self::Manual(millis) => Timestamp(millis.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock; [`ErrorKind::Config`] on a system clock.
    pub fn advance(&self, duration: Duration) -> Result<()> {
        match self {
            Self::System { .. } => Err(Error::new(
                ErrorKind::Config,
                "advance",
                "only a cache made with clock: 'manual' can be advanced",
            )),
            Self::Manual(millis) => {
                let step = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                let moved = |now: u64| Some(now.saturating_add(step));
                // A closure that always answers: it cannot fail.
                let _ = millis.fetch_update(Ordering::AcqRel, Ordering::Acquire, moved);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_it_is_advanced() {
        let clock = Clock::new(ClockKind::Manual);
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(5)).unwrap();
        assert_eq!(clock.now().since(before), Duration::from_secs(5));
    }

    #[test]
    fn a_system_clock_cannot_be_advanced() {
        let error = Clock::new(ClockKind::System).advance(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
    }

    #[test]
    fn adding_to_the_end_of_time_saturates() {
        assert_eq!(Timestamp::NEVER.after(Duration::MAX), Timestamp::NEVER);
    }
}
