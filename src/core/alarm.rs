//! The thread that wakes a store when something of it is due: within milliseconds, and not at all otherwise.
//!
//! One for the process. It is started with the first alarm, and ends when none is set.

use std::sync::{LazyLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// What can be woken.
pub trait Alarmed: Send + Sync {
    /// Acts on what is due; how long it is until more is.
    fn ring(&self) -> Option<Duration>;
}

struct Alarm {
    at: Instant,
    whose: Weak<dyn Alarmed>,
}

#[derive(Default)]
struct Alarms {
    /// At most one for each that is to be woken.
    set: Vec<Alarm>,
    running: bool,
}

static ALARMS: LazyLock<Mutex<Alarms>> = LazyLock::new(Mutex::default);
static EARLIER: Condvar = Condvar::new();

/// Sets an alarm, unless an earlier one is set; whether there is a thread for it. Its owner may hold its own locks.
pub fn set(whose: Weak<dyn Alarmed>, after: Duration) -> bool {
    let at = Instant::now() + after;
    let mut alarms = ALARMS.lock();
    match alarms.set.iter_mut().find(|alarm| Weak::ptr_eq(&alarm.whose, &whose)) {
        Some(alarm) => alarm.at = alarm.at.min(at),
        None => alarms.set.push(Alarm { at, whose }),
    }
    if alarms.running {
        EARLIER.notify_one();
    } else {
        alarms.running = thread::Builder::new().name("ferrocache-alarm".into()).spawn(run).is_ok();
    }
    alarms.running
}

fn run() {
    while let Some(due) = wait() {
        for whose in due {
            let again = whose.upgrade().and_then(|alarmed| alarmed.ring());
            if let Some(after) = again {
                set(whose, after);
            }
        }
    }
}

/// Waits for the next alarm; `None` if none is set.
fn wait() -> Option<Vec<Weak<dyn Alarmed>>> {
    let mut alarms = ALARMS.lock();
    loop {
        let Some(next) = alarms.set.iter().map(|alarm| alarm.at).min() else {
            alarms.running = false;
            return None;
        };
        let now = Instant::now();
        if next <= now {
            return Some(
                alarms.set.extract_if(.., |alarm| alarm.at <= now).map(|alarm| alarm.whose).collect(),
            );
        }
        EARLIER.wait_until(&mut alarms, next);
    }
}
