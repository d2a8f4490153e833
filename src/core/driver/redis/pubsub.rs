//! Changes where a server cannot tell of keys (no RESP3, or no client tracking): the processes tell each other, on a
//! channel. What other programs write is not told.

use tokio::time::{Instant, timeout, timeout_at};

use super::Redis;
use super::call::Call;
use super::config::Address;
use super::connect::subscribe;
use super::tracking::{Group, HEARTBEAT, SILENCE};
use super::wire::{Value, command};
use crate::core::driver::{Change, Changes};

/// How changes are told.
pub const MEANS: &str = "pubsub";

/// The channel of a prefix.
fn channel(prefix: &str) -> String {
    format!("ferrocache:changes:{prefix}")
}

impl Redis {
    /// Tells the other processes of a change, if that is how they hear of it.
    pub(super) fn announce_to_others(&self, prefix: &str, change: Change<'_>) {
        let message = match change {
            Change::Key(key) => format!("k{key}"),
            Change::Tag(tag) => format!("t{tag}"),
            Change::Everything => "*".to_owned(),
        };
        let name = channel(prefix).into_bytes();
        // Nobody waits for it: who misses it hears no heartbeat either.
        drop(self.ask(Call::Command("PUBLISH", name.into(), vec![message.into_bytes()]), self.deadline()));
    }
}

/// Hands on what a channel says, for as long as the server answers.
pub async fn listen(group: &Group, member: &str, place: &Address) {
    let channel = channel(&group.prefix);
    let Ok(Ok(mut wire)) = timeout(SILENCE, subscribe(&group.config, place, &channel)).await else { return };
    group.tells(member, MEANS);
    let mut said = Vec::new();
    // When the next heartbeat is to be sent, or answered.
    let (mut due, mut asked) = (Instant::now() + HEARTBEAT, false);
    while group.is_member(member) {
        if Instant::now() >= due {
            if asked {
                return;
            }
            command(wire.output(), &[b"PING"]);
            (due, asked) = (Instant::now() + SILENCE, true);
        }
        match timeout_at(due, wire.receive(&mut said)).await {
            Ok(Ok(())) => {
                let Some(changes) = group.changes.upgrade() else { return };
                for value in said.drain(..) {
                    let Value::Array(parts) = value else { return };
                    match &parts[..] {
                        [kind, _, Value::BulkString(message)] if kind.text() == Some("message") => {
                            hand_on(message, &*changes);
                        }
                        [kind, ..] if kind.text() == Some("pong") => {
                            (due, asked) = (Instant::now() + HEARTBEAT, false);
                        }
                        _ => {}
                    }
                }
            }
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
}

fn hand_on(message: &[u8], changes: &dyn Changes) {
    let text = std::str::from_utf8(message).unwrap_or("*");
    match text.split_at_checked(1) {
        Some(("k", key)) => changes.key(key),
        Some(("t", tag)) => changes.tag(tag),
        _ => changes.everything(),
    }
}
