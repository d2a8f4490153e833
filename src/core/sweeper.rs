//! The thread that has expired entries leave the memory without being read.
//!
//! One for the process, started with the first store. It watches drivers, weakly, and not
//! stores: one whose last session has left while it is being swept is not open. It ends when none is left.

use std::sync::{Arc, LazyLock, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::driver::Driver;

/// How often stores are swept: an expired entry is gone within a minute even if a sweep takes long.
const PERIOD: Duration = Duration::from_secs(15);

#[derive(Default)]
struct Watched {
    drivers: Vec<Weak<dyn Driver>>,
    running: bool,
}

static WATCHED: LazyLock<Mutex<Watched>> = LazyLock::new(Mutex::default);
/// Never signalled: a wait on it is a sleep that gives the lock back.
static NEVER: Condvar = Condvar::new();

/// Sweeps a driver from now on, for as long as somebody holds it.
pub fn watch<D: Driver + 'static>(driver: &Arc<D>) {
    let driver: Weak<D> = Arc::downgrade(driver);
    let mut watched = WATCHED.lock();
    watched.drivers.push(driver);
    if !watched.running {
        // Without a thread to be had, entries still expire when they are read or displaced.
        watched.running = thread::Builder::new().name("ferrocache-sweep".into()).spawn(run).is_ok();
    }
}

fn run() {
    loop {
        let drivers = {
            let mut watched = WATCHED.lock();
            NEVER.wait_for(&mut watched, PERIOD);
            watched.drivers.retain(|driver| driver.strong_count() > 0);
            if watched.drivers.is_empty() {
                watched.running = false;
                return;
            }
            watched.drivers.clone()
        };
        for driver in drivers.iter().filter_map(Weak::upgrade) {
            driver.sweep();
        }
    }
}
