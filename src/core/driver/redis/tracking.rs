//! Changes of keys, as the servers tell of them: `CLIENT TRACKING … BCAST`, on a connection of its own to each primary.
//!
//! Every write counts, by whatever program. A server that does not answer a heartbeat in time tells no more. In a
//! cluster all primaries must tell; where they change, whoever listens starts clean.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::config::{Address, Config, Mode};
use super::connect::{Connection, Target, connect};
use super::heartbeat::{Heartbeat, SILENCE};
use super::wire::Value;
use super::{Redis, keys, pubsub};
use crate::core::driver::Changes;
use crate::core::runtime;

/// How often it is looked whether a cluster has other primaries.
const LOOK: Duration = Duration::from_millis(250);
/// How changes are told.
const MEANS: &str = "tracking";

/// The connections that changes are told on.
pub struct Group {
    /// Where the servers are.
    pub config: Arc<Config>,
    /// What the keys and the tags begin with.
    pub prefix: Box<str>,
    /// Who is told.
    pub changes: Weak<dyn Changes>,
    /// Whose changes they are.
    redis: Weak<Redis>,
    /// By server, how it tells, if it does; the one server there is has no name.
    members: Mutex<HashMap<Box<str>, Option<&'static str>>>,
}

/// Tells of what changes under a prefix, for as long as anybody listens.
pub fn watch(redis: &Arc<Redis>, prefix: &str, changes: Weak<dyn Changes>) {
    let config = Arc::clone(&redis.config);
    let (prefix, members) = (prefix.into(), Mutex::default());
    let group = Arc::new(Group { config, prefix, changes, redis: Arc::downgrade(redis), members });
    match &redis.config.mode {
        Mode::Cluster(_) => runtime::spawn(group.follow_cluster(Arc::downgrade(redis))),
        Mode::Standalone(address) => group.add("".into(), Target::Node(address.clone())),
        Mode::Sentinel(_) => group.add("".into(), Target::Primary),
    }
}

impl Group {
    fn add(self: &Arc<Self>, member: Box<str>, target: Target) {
        self.members.lock().insert(member.clone(), None);
        runtime::spawn(Arc::clone(self).follow(member, target));
    }

    /// Follows the primaries of a cluster, whichever they are.
    async fn follow_cluster(self: Arc<Self>, redis: Weak<Redis>) {
        while let Some(redis) = redis.upgrade().filter(|_| self.changes.strong_count() > 0) {
            if let Ok(now) = redis.router.addresses(redis.deadline()).await {
                self.adopt(now);
            }
            drop(redis);
            sleep(LOOK).await;
        }
    }

    /// Takes what has become a primary in, and what is none any more out.
    fn adopt(self: &Arc<Self>, now: Vec<Address>) {
        let now: HashMap<Box<str>, Address> =
            now.into_iter().map(|address| (address.to_string().into(), address)).collect();
        let known: Vec<Box<str>> = self.members.lock().keys().cloned().collect();
        if known.len() == now.len() && known.iter().all(|known| now.contains_key(known)) {
            return;
        }
        // What a new primary has done by now was told by nobody.
        self.untold();
        self.members.lock().retain(|member, _| now.contains_key(member));
        for (name, address) in now.into_iter().filter(|(name, _)| !known.contains(name)) {
            self.add(name, Target::Node(address));
        }
        self.tell_if_whole();
    }

    /// Whether a server is one of those that must tell, and anybody listens.
    pub fn is_member(&self, member: &str) -> bool {
        self.changes.strong_count() > 0 && self.members.lock().contains_key(member)
    }

    /// Whether what is read is read from the server that tells. While there is a failover, sentinels may have named
    /// one to the connection that is read from and another to the one that tells.
    pub fn is_read_from(&self, place: &Address) -> bool {
        let read = self.redis.upgrade().and_then(|redis| redis.router.place());
        !matches!(self.config.mode, Mode::Sentinel(_)) || read.is_none_or(|read| read == *place)
    }

    fn untold(&self) {
        if let Some(changes) = self.changes.upgrade() {
            changes.untold();
        }
    }

    /// All servers tell: whoever listens starts clean.
    fn tell_if_whole(&self) {
        let means: Option<Vec<_>> = self.members.lock().values().copied().collect();
        // Where one server tells less than the others, less is told.
        let means = means
            .and_then(|means| means.iter().copied().find(|means| *means != MEANS).or(means.first().copied()));
        if let Some(means) = means
            && let Some(changes) = self.changes.upgrade()
        {
            changes.told(means);
        }
    }

    /// A server tells from now on.
    pub fn tells(&self, member: &str, means: &'static str) {
        self.set(member, Some(means));
        self.tell_if_whole();
    }

    fn set(&self, member: &str, means: Option<&'static str>) {
        if let Some(known) = self.members.lock().get_mut(member) {
            *known = means;
        }
    }

    /// Has a server tell, again and again, for as long as it is one of those that must.
    async fn follow(self: Arc<Self>, member: Box<str>, target: Target) {
        let mut failures = 0;
        while self.is_member(&member) {
            let began = Instant::now();
            if let Ok(connection) = connect(Arc::clone(&self.config), target.clone(), None).await {
                self.listen(&member, connection).await;
                self.set(&member, None);
                if self.is_member(&member) {
                    self.untold();
                }
            }
            failures = if began.elapsed() > SILENCE { 0 } else { failures + 1 };
            sleep(self.config.pause(failures)).await;
        }
    }

    /// Hands on what a server tells, until it does not any more.
    async fn listen(&self, member: &str, connection: Connection) {
        let Connection { mut wire, pushes, place, .. } = connection;
        if !pushes {
            return pubsub::listen(self, member, &place).await;
        }
        // It was switched on for single keys when the connection was made.
        let off: &[&[u8]] = &[b"CLIENT", b"TRACKING", b"OFF"];
        let (prefix, tags) = (self.prefix.as_bytes(), keys::tag(&self.prefix));
        let prefixes: [&[u8]; 4] = [b"PREFIX", prefix, b"PREFIX", &tags];
        let on: Vec<&[u8]> = [&b"CLIENT"[..], b"TRACKING", b"ON", b"BCAST"]
            .into_iter()
            .chain(prefixes)
            .chain([&b"NOLOOP"[..]])
            .collect();
        let Ok(Ok(answers)) = timeout(SILENCE, wire.ask(&[off, &on])).await else { return };
        match answers.get(1) {
            Some(Value::Okay) if !self.is_read_from(&place) => return,
            Some(Value::Okay) => {}
            // An ACL, or a proxy, may refuse it.
            Some(Value::Error(_)) => return pubsub::listen(self, member, &place).await,
            _ => return,
        }
        self.tells(member, MEANS);
        let beat: &'static [u8] =
            if matches!(self.config.mode, Mode::Standalone(_)) { b"PING" } else { b"ROLE" };
        let (mut heartbeat, mut said) = (Heartbeat::new(beat), Vec::new());
        while self.is_member(member)
            && self.is_read_from(&place)
            && heartbeat.hear(&mut wire, &mut said).await
        {
            for value in said.drain(..) {
                match value {
                    Value::Push(parts) => {
                        if !self.hand_on(&parts) {
                            return;
                        }
                    }
                    answer if is_primary(&answer) => heartbeat.answered(),
                    _ => return,
                }
            }
        }
    }

    /// Hands on a push; whether anybody listens.
    fn hand_on(&self, push: &[Value]) -> bool {
        let Some(changes) = self.changes.upgrade() else { return false };
        if push.first().and_then(Value::text) != Some("invalidate") {
            return true;
        }
        match push.get(1) {
            Some(Value::Array(names)) => {
                // What is no text is no key of this library's.
                for key in names.iter().filter_map(Value::text) {
                    match keys::tag_of(key) {
                        Some(tag) => changes.tag(tag),
                        None => changes.key(key),
                    }
                }
            }
            _ => changes.everything(),
        }
        true
    }
}

/// Whether the answer to a heartbeat is that of a server that takes writes.
fn is_primary(answer: &Value) -> bool {
    match answer {
        Value::Array(role) => role.first().and_then(Value::text) == Some("master"),
        Value::Error(_) => false,
        _ => true,
    }
}
