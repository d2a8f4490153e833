//! How much of the bounds new entries have before they must be chosen.
//!
//! What is popular for a moment needs a large window, what is popular for long a small one (the scans and loops that
//! pass by then push out less). So its share is tried: after so many requests it is made larger or smaller, and goes
//! on that way while the hit ratio rises (Einziger, Eytan, Friedman, Manes: Adaptive Software Cache Management, 2018).
//! In a store of few entries that ratio says little, and the share stays what it was.

use std::sync::atomic::{AtomicU64, Ordering};

use super::shard::Amount;
use crate::core::driver::memory::container::Bounds;

/// The share at first, and its bounds.
const SHARE: f64 = 0.02;
const SMALLEST: f64 = 0.005;
const LARGEST: f64 = 0.8;
/// By how much it is changed at first; then less and less, until the ratio changes by more than that.
const STEP: f64 = 0.0625;
const SLOWER: f64 = 0.9;
const JUMP: f64 = 0.05;
/// So many requests make a trial: for each entry, and at least.
const ASKS_PER_ENTRY: u64 = 20;
const FEWEST_ASKS: u64 = 5000;
/// With fewer entries, nothing is tried.
const FEWEST_ENTRIES: u64 = 256;
/// One entry alone is in the window even if it is larger than its share, but not if it is larger than this part of
/// the bound on bytes.
const LARGE: u64 = 16;

/// The window.
pub struct Window {
    share: AtomicU64,
}

/// The trial that is under way.
pub struct Trial {
    step: f64,
    /// What the last one came to.
    ratio: Option<f64>,
    /// How much had been asked for, and missed, when it began.
    began: (u64, u64),
}

impl Default for Window {
    fn default() -> Self {
        Self { share: AtomicU64::new(SHARE.to_bits()) }
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self { step: STEP, ratio: None, began: (0, 0) }
    }
}

impl Window {
    fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Ordering::Relaxed))
    }

    /// Whether this is more than new entries may have.
    pub fn is_over(&self, held: Amount, bounds: Bounds) -> bool {
        let share = self.share();
        let of = |most: u64| (most as f64 * share).round() as u64;
        let many = bounds.entries.is_some_and(|most| held.entries > of(most).max(1));
        let one = held.entries <= 1 && held.bytes <= bounds.bytes / LARGE;
        many || held.bytes > of(bounds.bytes) && !one
    }

    /// Ends a trial if it is over, and begins the next.
    pub fn adapt(&self, trial: &mut Trial, held: u64, (asked, missed): (u64, u64)) {
        let asks = asked - trial.began.0;
        if held <= FEWEST_ENTRIES || asks < (held * ASKS_PER_ENTRY).max(FEWEST_ASKS) {
            return;
        }
        let ratio = 1.0 - (missed - trial.began.1) as f64 / asks as f64;
        trial.began = (asked, missed);
        let Some(before) = trial.ratio.replace(ratio) else { return };
        if ratio < before {
            trial.step = -trial.step;
        }
        let share = (self.share() + trial.step).clamp(SMALLEST, LARGEST);
        self.share.store(share.to_bits(), Ordering::Relaxed);
        let has_jumped = (ratio - before).abs() >= JUMP;
        trial.step = if has_jumped { STEP.copysign(trial.step) } else { trial.step * SLOWER };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::driver::memory::container::Policy;

    fn bounds(entries: Option<u64>, bytes: u64) -> Bounds {
        Bounds { entries, bytes, policy: Policy::TinyLfu }
    }

    #[test]
    fn a_window_has_its_share_of_both_bounds_and_room_for_one_that_is_not_large() {
        let is_over = |(entries, bytes), bounds| Window::default().is_over(Amount { entries, bytes }, bounds);
        let both = bounds(Some(1000), 100_000);
        assert!(!is_over((20, 2000), both) && is_over((21, 2000), both) && is_over((20, 2001), both));
        let tiny = bounds(Some(3), 100_000);
        assert!(!is_over((1, 500), tiny) && is_over((2, 600), tiny));
        let bytes = bounds(None, 16_000);
        assert!(!is_over((1, 1000), bytes) && is_over((1, 1001), bytes) && is_over((2, 1000), bytes));
    }

    /// The trials of a store whose hit ratio depends on the share alone.
    fn tried(held: u64, ratio: impl Fn(f64) -> f64) -> f64 {
        let (window, mut trial) = (Window::default(), Trial::default());
        let (mut asked, mut missed) = (0, 0.0);
        for _ in 0..200 {
            asked += held * ASKS_PER_ENTRY + FEWEST_ASKS;
            missed += (held * ASKS_PER_ENTRY + FEWEST_ASKS) as f64 * (1.0 - ratio(window.share()));
            window.adapt(&mut trial, held, (asked, missed as u64));
        }
        window.share()
    }

    #[test]
    fn the_share_goes_where_the_hit_ratio_is_best() {
        assert!((tried(1000, |share| 0.5 - (share - 0.4).abs() / 10.0) - 0.4).abs() < 0.1);
        assert!(tried(1000, |share| 0.5 - share / 10.0) < 0.05);
        assert!(tried(1000, |share| 0.5 + share / 10.0) > 0.5);
    }

    #[test]
    fn among_few_entries_the_share_stays() {
        let share = tried(FEWEST_ENTRIES, |share| 0.5 + share / 10.0);
        assert!((share - SHARE).abs() < f64::EPSILON);
    }
}
