//! Changes where a server cannot tell of keys (no RESP3, or no client tracking): the processes tell each other, on a
//! channel. What other programs write is not told.

use futures_util::StreamExt;
use redis::Msg;
use tokio::select;
use tokio::time::{sleep, timeout};

use super::Redis;
use super::call::Call;
use super::config::Address;
use super::connect::subscribe;
use super::tracking::{Group, HEARTBEAT, SILENCE};
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
    let subscribing = subscribe(&group.config, place, channel(&group.prefix));
    let Ok(Ok((mut sink, mut messages))) = timeout(SILENCE, subscribing).await else { return };
    group.tells(member, MEANS);
    loop {
        let heard = async {
            sleep(HEARTBEAT).await;
            timeout(SILENCE, sink.ping::<redis::Value>()).await
        };
        tokio::pin!(heard);
        loop {
            select! {
                biased;
                message = messages.next() => {
                    let Some(changes) = group.changes.upgrade() else { return };
                    let Some(message) = message else { return };
                    hand_on(&message, &*changes);
                }
                answer = &mut heard => match answer {
                    Ok(Ok(_)) => break,
                    _ => return,
                },
            }
        }
        if !group.is_member(member) {
            return;
        }
    }
}

fn hand_on(message: &Msg, changes: &dyn Changes) {
    let text = std::str::from_utf8(message.get_payload_bytes()).unwrap_or("*");
    match text.split_at_checked(1) {
        Some(("k", key)) => changes.key(key),
        Some(("t", tag)) => changes.tag(tag),
        _ => changes.everything(),
    }
}
