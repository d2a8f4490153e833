//! Changes where a server cannot tell of keys (no RESP3, or no client tracking): the processes tell each other, on a
//! channel. What other programs write is not told.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::Redis;
use super::call::{Answer, Call};
use super::config::Address;
use super::connect::subscribe;
use super::heartbeat::{Heartbeat, SILENCE};
use super::tracking::Group;
use super::wire::Value;
use crate::core::driver::{Change, Changes};
use crate::core::runtime;

/// How changes are told.
pub const MEANS: &str = "pubsub";

/// What is said where anything may have changed.
const EVERYTHING: &str = "*";
/// Beyond so many messages that are owed, one says that anything may have changed.
const MOST_OWED: usize = 1000;

/// The channel of a prefix.
fn channel(prefix: &str) -> String {
    format!("ferrocache:changes:{prefix}")
}

/// What is said of a change.
fn message(change: Change<'_>) -> String {
    match change {
        Change::Key(key) => format!("k{key}"),
        Change::Tag(tag) => format!("t{tag}"),
        Change::Everything => EVERYTHING.to_owned(),
    }
}

/// What the others must hear, and may not have heard.
#[derive(Default)]
pub struct Owed(Mutex<Debts>);

#[derive(Default)]
struct Debts {
    messages: HashSet<String>,
    /// Whether somebody is at it.
    working: bool,
}

impl Owed {
    /// Adds a message; whether nobody is at it.
    fn add(&self, message: String) -> bool {
        let mut debts = self.0.lock();
        if debts.messages.len() >= MOST_OWED {
            debts.messages = HashSet::from([EVERYTHING.to_owned()]);
        } else {
            debts.messages.insert(message);
        }
        !std::mem::replace(&mut debts.working, true)
    }

    /// All messages; without any, whoever asks is at it no more.
    fn take(&self) -> HashSet<String> {
        let mut debts = self.0.lock();
        debts.working = !debts.messages.is_empty();
        std::mem::take(&mut debts.messages)
    }
}

impl Redis {
    /// Tells the other processes of a change, if that is how they hear of it. Nobody waits for it.
    pub(super) fn announce_to_others(&self, prefix: &str, change: Change<'_>) {
        drop(self.publish(prefix, message(change)));
    }

    /// The same, again and again until it is said: a connection may be lost between a write and the word of it, and
    /// those who listen on others would never know.
    pub(super) fn announce_surely(self: &Arc<Self>, prefix: &str, change: Change<'_>) {
        if !self.owed.add(message(change)) {
            return;
        }
        let (redis, prefix) = (Arc::downgrade(self), Box::<str>::from(prefix));
        // Later: this is called where answers are handed out, which a cluster does with its locks held.
        runtime::spawn(async move {
            let mut failures = 0;
            while let Some(redis) = redis.upgrade() {
                let messages = redis.owed.take();
                if messages.is_empty() {
                    return;
                }
                let said = messages.into_iter().map(|message| {
                    let said = redis.publish(&prefix, message.clone());
                    async move {
                        // Who may not publish never will.
                        said.await.is_err_and(|fault| !fault.is("NOPERM")).then_some(message)
                    }
                });
                let unsaid = join_all(said.collect::<Vec<_>>()).await;
                let unsaid: Vec<String> = unsaid.into_iter().flatten().collect();
                failures = if unsaid.is_empty() { 0 } else { failures + 1 };
                for message in unsaid {
                    redis.owed.add(message);
                }
                let pause = redis.config.pause(failures);
                drop(redis);
                if failures > 0 {
                    sleep(pause).await;
                }
            }
        });
    }

    fn publish(&self, prefix: &str, message: String) -> impl Future<Output = Answer> + use<> {
        let name = channel(prefix).into_bytes();
        self.ask(Call::Command("PUBLISH", name.into(), vec![message.into_bytes()]), self.deadline())
    }
}

/// Hands on what a channel says, for as long as the server answers.
pub async fn listen(group: &Group, member: &str, place: &Address) {
    let channel = channel(&group.prefix);
    let Ok(Ok(mut wire)) = timeout(SILENCE, subscribe(&group.config, place, &channel)).await else { return };
    if !group.is_read_from(place) {
        return;
    }
    group.tells(member, MEANS);
    let (mut heartbeat, mut said) = (Heartbeat::new(b"PING"), Vec::new());
    while group.is_member(member) && group.is_read_from(place) && heartbeat.hear(&mut wire, &mut said).await {
        let Some(changes) = group.changes.upgrade() else { return };
        for value in said.drain(..) {
            let Value::Array(parts) = value else { return };
            match &parts[..] {
                [kind, _, Value::BulkString(message)] if kind.text() == Some("message") => {
                    hand_on(message, &*changes);
                }
                [kind, ..] if kind.text() == Some("pong") => heartbeat.answered(),
                _ => {}
            }
        }
    }
}

fn hand_on(message: &[u8], changes: &dyn Changes) {
    let text = std::str::from_utf8(message).unwrap_or(EVERYTHING);
    match text.split_at_checked(1) {
        Some(("k", key)) => changes.key(key),
        Some(("t", tag)) => changes.tag(tag),
        _ => changes.everything(),
    }
}
