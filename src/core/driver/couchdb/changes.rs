//! The changes of the database, as they happen: `_changes`, on a connection of its own.
//!
//! Where the feed stands is read first, then whoever listens starts clean, then the feed is followed from there: so
//! nothing falls between. A feed that says nothing for some heartbeats is dead, whatever its connection says.

use std::sync::{Arc, Weak};
use std::time::Duration;

use reqwest::{Method, Response};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::backend::Backend;
use super::http::escaped;
use super::ids;
use crate::core::driver::Changes;
use crate::core::driver::remote::fault::Fault;
use crate::core::runtime;

/// How often the server says that it is there, where nothing changes.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// After so long without a word the feed is dead.
const SILENCE: Duration = Duration::from_millis(1500);
/// How changes are told.
const MEANS: &str = "changes";

#[derive(Deserialize)]
struct Since {
    last_seq: serde_json::Value,
}

#[derive(Deserialize)]
struct Row {
    id: Option<String>,
    last_seq: Option<serde_json::Value>,
}

/// Follows the changes under a prefix for as long as anybody listens.
pub fn watch(backend: &Arc<Backend>, prefix: &str, changes: Weak<dyn Changes>) {
    let (backend, prefix) = (Arc::downgrade(backend), Box::<str>::from(prefix));
    runtime::spawn(async move {
        let mut failures = 0;
        while let Some(backend) = backend.upgrade() {
            let began = Instant::now();
            let followed = follow(&backend, &prefix, &changes).await;
            let Some(listener) = changes.upgrade() else { return };
            listener.untold();
            drop(listener);
            // One that lived is made anew at once.
            failures = if followed.is_ok() && began.elapsed() > SILENCE { 0 } else { failures + 1 };
            let pause = if failures == 0 { Duration::ZERO } else { backend.config.pause(failures) };
            drop(backend);
            sleep(pause).await;
        }
    });
}

/// Follows the feed until it ends.
async fn follow(backend: &Arc<Backend>, prefix: &str, changes: &Weak<dyn Changes>) -> Result<(), Fault> {
    let limit = backend.config.connect_timeout;
    let answer = backend.ask(Method::GET, "/_changes?since=now&limit=0", None, limit).await?;
    let since: Since = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
    let since = match &since.last_seq {
        serde_json::Value::String(text) => escaped(text),
        other => escaped(&other.to_string()),
    };
    let path = format!("/_changes?feed=continuous&since={since}&heartbeat={}", HEARTBEAT.as_millis());
    let mut feed = backend.http.stream(&path, Instant::now() + limit).await?;
    changes.upgrade().ok_or_else(unreadable)?.told(MEANS);
    let mut line = Vec::new();
    while let Some(piece) = piece(&mut feed).await? {
        let Some(listener) = changes.upgrade() else { return Ok(()) };
        for byte in piece {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            if !line.is_empty() && !tell(&line, prefix, &*listener) {
                return Ok(());
            }
            line.clear();
        }
    }
    Ok(())
}

async fn piece(feed: &mut Response) -> Result<Option<bytes::Bytes>, Fault> {
    match timeout(SILENCE, feed.chunk()).await {
        Ok(Ok(piece)) => Ok(piece),
        _ => Err(unreadable()),
    }
}

/// Tells of a row; whether the feed goes on.
fn tell(line: &[u8], prefix: &str, listener: &dyn Changes) -> bool {
    let Ok(row) = serde_json::from_slice::<Row>(line) else {
        // What it was is not known.
        listener.everything();
        return true;
    };
    if let Some(id) = row.id {
        if let Some(key) = ids::key(&id) {
            if key.starts_with(prefix) {
                listener.key(key);
            }
        } else if let Some(tag) = ids::tag_of(&id) {
            listener.tag(tag);
        } else if ids::is_hashed_tag(&id) {
            listener.everything();
        }
    }
    // The last row: the database is gone.
    row.last_seq.is_none()
}

fn unreadable() -> Fault {
    Fault::Down("the feed of changes has ended".into())
}
