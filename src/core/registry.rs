//! The stores of the process: named ones, which every thread may open, and private ones.
//!
//! A named store lives as long as somebody has it open.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::engine::{Config, Engine};
use super::error::{Error, ErrorKind, Result};

static NAMED: LazyLock<Mutex<HashMap<String, Weak<Engine>>>> = LazyLock::new(Mutex::default);

/// Opens the store of that name, or a private one. A name that is open with another configuration is
/// [`ErrorKind::Config`].
pub fn open(name: Option<&str>, config: Config) -> Result<Arc<Engine>> {
    let Some(name) = name else {
        return Ok(Arc::new(Engine::new(config)));
    };
    let mut named = NAMED.lock();
    if let Some(engine) = named.get(name).and_then(Weak::upgrade) {
        if *engine.config() == config {
            return Ok(engine);
        }
        return Err(Error::new(
            ErrorKind::Config,
            "open",
            format!(
                "the store {name:?} is open with another configuration; \
                 give the same maxSize, maxSizeBytes, policy and clock, or another name"
            ),
        ));
    }
    named.retain(|_, engine| engine.strong_count() > 0);
    let engine = Arc::new(Engine::new(config));
    named.insert(name.to_owned(), Arc::downgrade(&engine));
    Ok(engine)
}
