//! The thread that has expired entries leave the memory without being read.
//!
//! One for the process, started with the first store. It holds stores weakly, and ends when none is left.

use std::sync::{Arc, LazyLock, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::engine::Engine;

/// How often stores are swept: an expired entry is gone within a minute even if a sweep takes long.
const PERIOD: Duration = Duration::from_secs(15);

#[derive(Default)]
struct Watched {
    engines: Vec<Weak<Engine>>,
    running: bool,
}

static WATCHED: LazyLock<Mutex<Watched>> = LazyLock::new(Mutex::default);
/// Never signalled: a wait on it is a sleep that gives the lock back.
static NEVER: Condvar = Condvar::new();

/// Sweeps a store from now on, for as long as somebody holds it.
pub fn watch(engine: &Arc<Engine>) {
    let mut watched = WATCHED.lock();
    watched.engines.push(Arc::downgrade(engine));
    if !watched.running {
        // Without a thread to be had, entries still expire when they are read or displaced.
        watched.running = thread::Builder::new().name("ferrocache-sweep".into()).spawn(run).is_ok();
    }
}

fn run() {
    loop {
        let engines = {
            let mut watched = WATCHED.lock();
            NEVER.wait_for(&mut watched, PERIOD);
            watched.engines.retain(|engine| engine.strong_count() > 0);
            if watched.engines.is_empty() {
                watched.running = false;
                return;
            }
            watched.engines.clone()
        };
        for engine in engines.iter().filter_map(Weak::upgrade) {
            engine.driver().sweep();
        }
    }
}
