//! Whether the upper tier may be believed: while the lower tier tells of every change, and a while after.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The upper tier is believed.
const TRUSTED: u64 = u64::MAX;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How changes are told.
pub type Means = &'static str;

/// Whether the upper tier may be believed.
pub struct Trust {
    /// [`TRUSTED`], or until when it may be served all the same, in milliseconds; 0 is not at all.
    until: AtomicU64,
    max_staleness: Duration,
    means: Mutex<Option<Means>>,
}

impl Trust {
    /// Not yet.
    pub fn new(max_staleness: Duration) -> Self {
        Self { until: AtomicU64::new(0), max_staleness, means: Mutex::new(None) }
    }

    /// Whether changes are told, so that what is read may be kept.
    pub fn is_whole(&self) -> bool {
        self.until.load(Ordering::Acquire) == TRUSTED
    }

    /// Whether what is kept may be served.
    pub fn may_serve(&self) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until == TRUSTED || (until != 0 && millis() < until)
    }

    /// From now on changes are told.
    pub fn gained(&self, means: Means) {
        *self.means.lock() = Some(means);
        self.until.store(TRUSTED, Ordering::Release);
    }

    /// From now on changes are not told.
    pub fn lost(&self) {
        let until = match self.max_staleness.as_millis() as u64 {
            0 => 0,
            most => millis().saturating_add(most).min(TRUSTED - 1),
        };
        // Once: a second failure prolongs nothing.
        let _ = self.until.compare_exchange(TRUSTED, until, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// How changes are told, or were last.
    pub fn means(&self) -> Option<Means> {
        *self.means.lock()
    }
}

/// Time that only grows, and is never 0.
fn millis() -> u64 {
    STARTED.elapsed().as_millis() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_served_before_changes_are_told_nor_after_the_staleness_that_is_allowed() {
        let strict = Trust::new(Duration::ZERO);
        assert!(!strict.may_serve() && !strict.is_whole());
        strict.gained("tracking");
        assert!(strict.may_serve() && strict.is_whole());
        strict.lost();
        assert!(!strict.may_serve() && !strict.is_whole());

        let lenient = Trust::new(Duration::from_secs(3600));
        lenient.lost();
        assert!(!lenient.may_serve(), "it never was whole");
        lenient.gained("tracking");
        lenient.lost();
        assert!(lenient.may_serve() && !lenient.is_whole());
    }
}
