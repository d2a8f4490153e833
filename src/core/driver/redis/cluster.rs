//! A cluster: which primary is asked, and calls that went to the wrong one.
//!
//! Each primary has a link of its own, with its own breaker: a shard that is down costs the keys that it has and
//! no others. The map of the slots is asked for when it is needed first, when a server says that a slot has moved,
//! and when a primary cannot be asked any more. A call that was surely not carried out (redirected, refused
//! because the slot is moving or unassigned, never sent) is sent again, within its deadline. Calls of one slot keep
//! their order: while some of them are to be sent again, later ones wait.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::call::{Answer, Call, Outgoing};
use super::config::{Address, Config};
use super::connect::Target;
use super::fault::Fault;
use super::keys::slot;
use super::link::{Link, Listener};
use super::redirect::Next;
use super::slots::{Map, SLOTS, owners_of};
use super::wire::Value as Answered;
use crate::core::runtime;
use crate::core::stats::ConnectionState;

/// How long a call waits that found its slot moving, or nobody to ask, before it is sent again.
const PAUSE: Duration = Duration::from_millis(25);
/// What has waited is not sent again with less time left than this: it would hardly be answered, and then it would not be
/// known whether it was carried out, though all who were asked have refused it.
const LEAST_LEFT: Duration = Duration::from_millis(5);
/// How often the map is asked for at most.
const REFRESH: Duration = Duration::from_millis(100);
/// How long it is known that a shard is down, and that nobody has taken it over.
const KNOWN_DOWN: Duration = Duration::from_millis(500);
/// What is said while no node of the cluster names the primaries.
const UNKNOWN: &str = "no node of the Redis cluster could be asked which server has which slot";

/// A slot of which calls are to be sent again.
#[derive(Default)]
struct Moving {
    /// They, as they were answered.
    again: Vec<(Outgoing, Answer)>,
    /// Calls that came later.
    later: Vec<Outgoing>,
    /// Whether they are to wait a little.
    pause: bool,
    /// Whether somebody is about to send them.
    scheduled: bool,
}

/// A cluster.
pub struct Cluster {
    /// Itself, for the links that tell it.
    this: Weak<Self>,
    config: Arc<Config>,
    seeds: Vec<Address>,
    listener: Arc<dyn Listener>,
    map: Mutex<Map>,
    /// By slot, the calls that are not answered.
    flying: Box<[AtomicU32]>,
    moving: Mutex<HashMap<u16, Moving>>,
    moving_count: AtomicUsize,
    /// Told after each refresh of the map.
    refreshed: Notify,
    refreshing: AtomicBool,
    /// When the map was asked for last, and why that failed.
    last: Mutex<(Option<Instant>, Option<Arc<str>>)>,
}

/// Hears of one link of a cluster. It does not hold the cluster, which holds the links.
struct Shard {
    cluster: Weak<Cluster>,
    listener: Arc<dyn Listener>,
}

impl Listener for Shard {
    fn answered(&self, answers: Vec<(Outgoing, Answer)>) {
        match self.cluster.upgrade() {
            Some(cluster) => cluster.answered(answers),
            None => self.listener.answered(answers),
        }
    }

    fn changed(&self, keys: Option<&[Answered]>) {
        self.listener.changed(keys);
    }

    fn connection(&self, up: Result<(), Arc<str>>) {
        if up.is_err()
            && let Some(cluster) = self.cluster.upgrade()
        {
            // A replica may take over.
            cluster.refresh();
        }
        self.listener.connection(up);
    }
}

impl Cluster {
    /// A cluster that is known by some of its nodes.
    pub fn new(config: Arc<Config>, seeds: Vec<Address>, listener: Arc<dyn Listener>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            config,
            seeds,
            listener,
            map: Mutex::default(),
            flying: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(),
            moving: Mutex::default(),
            moving_count: AtomicUsize::new(0),
            refreshed: Notify::new(),
            refreshing: AtomicBool::new(false),
            last: Mutex::default(),
        })
    }

    /// Asks the primary of the key's slot.
    pub fn send(&self, outgoing: Outgoing) {
        let slot = slot(outgoing.call.key().unwrap_or_default());
        if self.moving_count.load(Ordering::Acquire) > 0
            && let Some(moving) = self.moving.lock().get_mut(&slot)
        {
            return moving.later.push(outgoing);
        }
        if let Some(outgoing) = self.dispatch(slot, outgoing) {
            let unknown = Err(Fault::Down(self.unknown()));
            if self.has_just_failed() {
                return self.listener.answered(vec![(outgoing, unknown)]);
            }
            let mut moving = self.moving.lock();
            self.set_aside(&mut moving, slot, (outgoing, unknown), true);
            self.release(&mut moving, slot);
        }
    }

    /// Sends a call to the slot's owner; gives it back if that is not known.
    fn dispatch(&self, slot: u16, outgoing: Outgoing) -> Option<Outgoing> {
        let Some(link) = self.map.lock().owner(slot).cloned() else { return Some(outgoing) };
        self.flying[usize::from(slot)].fetch_add(1, Ordering::AcqRel);
        link.send(outgoing);
        None
    }

    fn answered(&self, answers: Vec<(Outgoing, Answer)>) {
        let (mut settled, mut touched) = (Vec::with_capacity(answers.len()), BTreeSet::new());
        for (mut outgoing, answer) in answers {
            let Some(key) = outgoing.call.key() else {
                settled.push((outgoing, answer));
                continue;
            };
            let slot = slot(key);
            self.flying[usize::from(slot)].fetch_sub(1, Ordering::AcqRel);
            if self.moving_count.load(Ordering::Acquire) > 0 {
                touched.insert(slot);
            }
            let next = answer.as_ref().err().and_then(Next::of);
            let Some(next) = next.filter(|_| Instant::now() < outgoing.deadline) else {
                settled.push((outgoing, answer));
                continue;
            };
            outgoing.asking = false;
            let mut moving = self.moving.lock();
            match next {
                Next::Ask(address) if !moving.contains_key(&slot) => {
                    outgoing.asking = true;
                    let link = self.link(&mut self.map.lock(), &address);
                    self.flying[usize::from(slot)].fetch_add(1, Ordering::AcqRel);
                    link.send(outgoing);
                    continue;
                }
                Next::Ask(_) => self.set_aside(&mut moving, slot, (outgoing, answer), false),
                Next::Moved(address) => {
                    {
                        let mut map = self.map.lock();
                        self.link(&mut map, &address);
                        map.moved(slot, &address);
                    }
                    self.set_aside(&mut moving, slot, (outgoing, answer), false);
                }
                Next::Wait if self.is_given_up(slot, &answer) => {
                    settled.push((outgoing, answer));
                    continue;
                }
                Next::Wait => self.set_aside(&mut moving, slot, (outgoing, answer), true),
            }
            touched.insert(slot);
        }
        if !settled.is_empty() {
            self.listener.answered(settled);
        }
        if !touched.is_empty() {
            self.refresh_if_moving();
            let mut moving = self.moving.lock();
            for slot in touched {
                self.release(&mut moving, slot);
            }
        }
    }

    fn refresh_if_moving(&self) {
        if self.moving_count.load(Ordering::Acquire) > 0 {
            self.refresh();
        }
    }

    /// Whether a shard is down, and the map, asked for since, names nobody else.
    fn is_given_up(&self, slot: u16, answer: &Answer) -> bool {
        let known = self.last.lock().0.is_some_and(|at| at.elapsed() < KNOWN_DOWN);
        let given_up =
            matches!(answer, Err(Fault::Down(_))) && self.map.lock().owner(slot).is_some_and(Link::is_down);
        if given_up && !known {
            self.refresh();
        }
        given_up && known
    }

    /// Keeps a call to be sent again.
    fn set_aside(&self, moving: &mut HashMap<u16, Moving>, slot: u16, call: (Outgoing, Answer), pause: bool) {
        let moving = moving.entry(slot).or_insert_with(|| {
            self.moving_count.fetch_add(1, Ordering::AcqRel);
            Moving::default()
        });
        moving.pause |= pause;
        moving.again.push(call);
    }

    /// Has the calls of a slot sent again, once all that were sent before are answered.
    fn release(&self, moving: &mut HashMap<u16, Moving>, slot: u16) {
        let Some(found) = moving.get_mut(&slot) else { return };
        if found.scheduled || self.flying[usize::from(slot)].load(Ordering::Acquire) > 0 {
            return;
        }
        if !found.pause {
            return self.send_again(moving, slot);
        }
        found.scheduled = true;
        let Some(cluster) = self.this.upgrade() else { return };
        runtime::spawn(async move {
            cluster.refresh();
            let known = cluster.map.lock().is_known();
            let limit = if known { PAUSE } else { cluster.config.command_timeout };
            let refreshed = cluster.refreshed.notified();
            if known {
                sleep(limit).await;
            } else {
                drop(timeout(limit, refreshed).await);
            }
            cluster.send_again(&mut cluster.moving.lock(), slot);
        });
    }

    fn send_again(&self, moving: &mut HashMap<u16, Moving>, slot: u16) {
        let Some(Moving { again, later, pause, .. }) = moving.remove(&slot) else { return };
        self.moving_count.fetch_sub(1, Ordering::AcqRel);
        let (mut over, now) = (Vec::new(), Instant::now());
        let until = if pause { now + LEAST_LEFT } else { now };
        for (outgoing, answer) in again {
            let down = matches!(answer, Err(Fault::Down(_)));
            if until >= outgoing.deadline || (down && self.map.lock().owner(slot).is_none_or(Link::is_down)) {
                let answer = if down && !self.map.lock().is_known() {
                    Err(Fault::Down(self.unknown()))
                } else {
                    answer
                };
                over.push((outgoing, answer));
            } else if let Some(outgoing) = self.dispatch(slot, outgoing) {
                over.push((outgoing, answer));
            }
        }
        for outgoing in later {
            if now >= outgoing.deadline {
                let reason = "its slot was moving for too long (commandTimeout)";
                over.push((outgoing, Err(Fault::Timeout(reason.into()))));
            } else if let Some(outgoing) = self.dispatch(slot, outgoing) {
                over.push((outgoing, Err(Fault::Down(self.unknown()))));
            }
        }
        if !over.is_empty() {
            self.listener.answered(over);
        }
    }

    fn link(&self, map: &mut Map, address: &Address) -> Link {
        let make = || {
            let shard = Shard { cluster: Weak::clone(&self.this), listener: Arc::clone(&self.listener) };
            Link::new(Arc::clone(&self.config), Target::Node(address.clone()), Arc::new(shard))
        };
        map.links.entry(address.clone()).or_insert_with(make).clone()
    }

    /// Asks some node for the map, unless somebody does already.
    fn refresh(&self) {
        if self.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(cluster) = self.this.upgrade() else { return };
        runtime::spawn(async move {
            let failure = match cluster.ask_for_map().await {
                Ok(owners) => {
                    let mut map = cluster.map.lock();
                    for address in map.adopt(owners, &cluster.seeds) {
                        cluster.link(&mut map, &address);
                    }
                    None
                }
                Err(fault) => Some(format!("{UNKNOWN}: {}", fault.error("cluster").message).into()),
            };
            *cluster.last.lock() = (Some(Instant::now()), failure);
            cluster.refreshed.notify_waiters();
            sleep(REFRESH).await;
            cluster.refreshing.store(false, Ordering::Release);
        });
    }

    /// Whether the map was asked for a moment ago, of everyone, and nobody answered.
    fn has_just_failed(&self) -> bool {
        let (at, failure) = &*self.last.lock();
        failure.is_some() && at.is_some_and(|at| at.elapsed() < KNOWN_DOWN)
    }

    fn unknown(&self) -> Arc<str> {
        self.last.lock().1.clone().unwrap_or_else(|| UNKNOWN.into())
    }

    /// The map as the first node that answers knows it: nodes that are known already, then the configured ones.
    async fn ask_for_map(&self) -> Result<Vec<Option<Address>>, Fault> {
        let nodes: Vec<Link> = {
            let mut map = self.map.lock();
            let mut known: Vec<Link> = map.links.values().cloned().collect();
            known.sort_by_key(|link| link.status.state() != ConnectionState::Up);
            known.extend(self.seeds.iter().map(|seed| self.link(&mut map, seed)));
            known
        };
        let mut last = Fault::Down("it has no nodes".into());
        for node in nodes {
            let deadline = Instant::now() + self.config.command_timeout.min(Duration::from_millis(500));
            match node.ask(Call::Bare("CLUSTER", vec![b"SLOTS".to_vec()]), deadline).await {
                Ok(Answered::Array(ranges)) => match owners_of(&ranges, &self.seeds) {
                    Some(owners) => return Ok(owners),
                    None => last = Fault::Down("a node knows of no slots".into()),
                },
                Ok(_) => last = Fault::Down("a node does not say which server has which slot".into()),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    /// The primaries, by address.
    pub async fn primaries(&self, deadline: Instant) -> Result<Vec<Link>, Fault> {
        let refreshed = self.refreshed.notified();
        tokio::pin!(refreshed);
        refreshed.as_mut().enable();
        let known = self.map.lock().primaries();
        if !known.is_empty() {
            return Ok(known);
        }
        if self.has_just_failed() {
            return Err(Fault::Down(self.unknown()));
        }
        self.refresh();
        let _ = timeout_at(deadline, refreshed).await;
        let known = self.map.lock().primaries();
        if known.is_empty() { Err(Fault::Down(self.unknown())) } else { Ok(known) }
    }

    /// Where the primaries are.
    pub async fn addresses(&self, deadline: Instant) -> Result<Vec<Address>, Fault> {
        self.primaries(deadline).await?;
        Ok(self.map.lock().primary_addresses())
    }

    /// How it stands: up while any primary answers.
    pub fn status(&self) -> (ConnectionState, u64, Option<u8>) {
        let map = self.map.lock();
        let links = || map.links.values().map(|link| &link.status);
        let state = if links().any(|status| status.state() == ConnectionState::Up) {
            ConnectionState::Up
        } else if map.is_known() {
            ConnectionState::Down
        } else {
            ConnectionState::Connecting
        };
        let reconnects = links().map(|status| status.reconnects()).sum();
        let protocol = links().filter_map(|status| status.protocol()).min();
        (state, reconnects, protocol)
    }
}
