//! The store's time: the machine's, corrected by what the server says of its own.
//!
//! `CouchDB` has no clock that a request could read, but each answer is dated to the second. So the difference of the
//! two clocks is known to lie between bounds; where they leave room for none, it is none. Machines whose clocks are
//! right are thus compared as they are, and one whose clock is wrong by minutes does not spoil the fleet's entries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// A date is cut to the second, and may be that of the second before: servers make it once a second.
const BLUR: i64 = 2000;

/// The time, by the server's clock.
#[derive(Default)]
pub struct ServerClock {
    /// The least and the most, in milliseconds, that the server is ahead.
    ahead: Mutex<Option<(i64, i64)>>,
}

impl ServerClock {
    /// Now, in milliseconds since the Unix epoch.
    pub fn millis(&self) -> u64 {
        self.micros() / 1000
    }

    /// Now, in microseconds since the Unix epoch.
    pub fn micros(&self) -> u64 {
        let ahead = self.ahead.lock().map_or(0, |(least, most)| 0.clamp(least, most));
        (local_micros() + ahead * 1000).max(0) as u64
    }

    /// The server dated an answer to a request that was sent and answered at these local times.
    pub fn note(&self, date: SystemTime, sent: SystemTime, answered: SystemTime) {
        let (date, sent, answered) = (millis_of(date), millis_of(sent), millis_of(answered));
        let (least, most) = (date - answered, date + BLUR - sent);
        let mut ahead = self.ahead.lock();
        *ahead = Some(match *ahead {
            Some((l, m)) if least.max(l) <= most.min(m) => (least.max(l), most.min(m)),
            // The first one, or a clock was set since.
            _ => (least, most),
        });
    }
}

fn millis_of(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn local_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_micros() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn clocks_that_may_agree_are_not_corrected() {
        let clock = ServerClock::default();
        clock.note(at(5000), at(5990), at(6010));
        let ahead = clock.ahead.lock().unwrap_or_default();
        assert!(ahead.0 <= 0 && ahead.1 >= 0, "{ahead:?}");
    }

    #[test]
    fn a_clock_that_is_wrong_is_corrected_as_far_as_it_is_known_to_be() {
        let clock = ServerClock::default();
        clock.note(at(100_000), at(5000), at(5020));
        assert_eq!(*clock.ahead.lock(), Some((94_980, 97_000)));
        // A later answer narrows it.
        clock.note(at(101_000), at(5980), at(5990));
        assert_eq!(*clock.ahead.lock(), Some((95_010, 97_000)));
        // One that contradicts starts anew.
        clock.note(at(5000), at(5980), at(5990));
        assert_eq!(*clock.ahead.lock(), Some((-990, 1020)));
    }
}
