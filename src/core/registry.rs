//! The stores of the process: those that several may open, and private ones.
//!
//! A memory store is shared by those who give its name. A store on a backend is shared by all who give the
//! same configuration: it is the same data, so one connection, one breaker and one run of a factory serve
//! every thread. A store lives as long as somebody has it open.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::engine::{Config, Engine};
use super::error::{Error, ErrorKind, Result};

static NAMED: LazyLock<Mutex<HashMap<String, Weak<Engine>>>> = LazyLock::new(Mutex::default);
static REMOTE: LazyLock<Mutex<Vec<Weak<Engine>>>> = LazyLock::new(Mutex::default);

/// Opens the store of that name, or the one of that backend, or a private one. A name that is open with
/// another configuration is [`ErrorKind::Config`].
pub fn open(name: Option<&str>, config: Config) -> Result<Arc<Engine>> {
    match (name, &config) {
        (Some(name), _) => named(name, config),
        (None, Config::Memory { .. }) => Ok(Arc::new(Engine::new(config)?)),
        (None, Config::Redis(_) | Config::CouchDb(_) | Config::Tiered(_)) => remote(config),
    }
}

fn named(name: &str, config: Config) -> Result<Arc<Engine>> {
    let mut stores = NAMED.lock();
    if let Some(engine) = stores.get(name).and_then(Weak::upgrade) {
        if *engine.config() == config {
            return Ok(engine);
        }
        return Err(Error::new(
            ErrorKind::Config,
            "open",
            format!(
                "the store {name:?} is open with another configuration; \
                 give the same driver, config and clock, or another name"
            ),
        ));
    }
    stores.retain(|_, engine| engine.strong_count() > 0);
    let engine = Arc::new(Engine::new(config)?);
    stores.insert(name.to_owned(), Arc::downgrade(&engine));
    Ok(engine)
}

fn remote(config: Config) -> Result<Arc<Engine>> {
    let mut stores = REMOTE.lock();
    stores.retain(|engine| engine.strong_count() > 0);
    if let Some(engine) = stores.iter().filter_map(Weak::upgrade).find(|engine| *engine.config() == config) {
        return Ok(engine);
    }
    let engine = Arc::new(Engine::new(config)?);
    stores.push(Arc::downgrade(&engine));
    Ok(engine)
}
