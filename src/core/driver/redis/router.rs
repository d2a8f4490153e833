//! Which server is asked.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::call::{Answer, Call, Outgoing, Sink};
use super::cluster::Cluster;
use super::config::{Address, Config, Mode};
use super::connect::Target;
use super::fault::Fault;
use super::link::{Link, Listener};
use super::wire::Value as Answered;
use crate::core::stats::ConnectionState;

/// The way to the servers.
pub enum Router {
    /// One server, or the primary that the sentinels name.
    Single(Link),
    /// A cluster's.
    Cluster(Arc<Cluster>),
}

impl Router {
    /// The way that a configuration names.
    pub fn new(config: &Arc<Config>, listener: Arc<dyn Listener>) -> Self {
        let single = |target| Self::Single(Link::new(Arc::clone(config), target, Arc::clone(&listener)));
        match &config.mode {
            Mode::Standalone(address) => single(Target::Node(address.clone())),
            Mode::Sentinel(_) => single(Target::Primary),
            Mode::Cluster(seeds) => Self::Cluster(Cluster::new(Arc::clone(config), seeds.clone(), listener)),
        }
    }

    /// Whether keys are spread over several servers.
    pub fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Asks the server of the key.
    pub fn send(&self, outgoing: Outgoing) {
        match self {
            Self::Single(link) => link.send(outgoing),
            Self::Cluster(cluster) => cluster.send(outgoing),
        }
    }

    /// Asks the server of the key; sent when this is called, not when it is awaited.
    pub fn ask(&self, call: Call, deadline: Instant) -> impl Future<Output = Answer> + use<> {
        let (outgoing, answer) = step(call, deadline);
        self.send(outgoing);
        answer
    }

    /// The primaries, in an order that stays while they are the same.
    pub async fn primaries(&self, deadline: Instant) -> Result<Vec<Link>, Fault> {
        match self {
            Self::Single(link) => Ok(vec![link.clone()]),
            Self::Cluster(cluster) => cluster.primaries(deadline).await,
        }
    }

    /// Where the primaries of a cluster are.
    pub async fn addresses(&self, deadline: Instant) -> Result<Vec<Address>, Fault> {
        match self {
            Self::Single(_) => Ok(Vec::new()),
            Self::Cluster(cluster) => cluster.addresses(deadline).await,
        }
    }

    /// Whether the servers can be asked, how often connections were made again, and the protocol's version.
    pub fn status(&self) -> (ConnectionState, u64, Option<u8>) {
        match self {
            Self::Single(link) => (link.status.state(), link.status.reconnects(), link.status.protocol()),
            Self::Cluster(cluster) => cluster.status(),
        }
    }

    /// Which server is asked, if there is one for all keys and it can be asked.
    pub fn place(&self) -> Option<Address> {
        match self {
            Self::Single(link) => link.status.place(),
            Self::Cluster(_) => None,
        }
    }

    /// Waits until a primary answers.
    pub async fn ping(&self, deadline: Instant) -> Result<(), Fault> {
        let nodes = self.primaries(deadline).await?;
        let asked = nodes.iter().map(|node| node.ask(Call::Bare("PING", Vec::new()), deadline));
        let mut answers = join_all(asked).await;
        let first = answers.iter().position(Result::is_ok).unwrap_or_default();
        answers.swap_remove(first).map(drop)
    }

    /// The values of several keys, in their order. One that is no string reads as missing on one server, and as
    /// refused on a cluster, where keys fail one by one.
    pub async fn get_many(&self, keys: &[Box<str>], deadline: Instant) -> Result<Vec<Answer>, Fault> {
        let Some((first, rest)) = keys.split_first() else { return Ok(Vec::new()) };
        if self.is_cluster() {
            let asked = |key: &[u8]| self.ask(Call::Get(Bytes::copy_from_slice(key)), deadline);
            let mut answers = join_all(keys.iter().map(|key| asked(key.as_bytes()))).await;
            for (key, answer) in keys.iter().zip(&mut answers) {
                if matches!(answer, Err(Fault::Dropped(_))) {
                    *answer = asked(key.as_bytes()).await;
                }
            }
            return Ok(answers);
        }
        let rest = rest.iter().map(|key| key.as_bytes().to_vec()).collect();
        let call = Call::Command("MGET", first.as_bytes().into(), rest);
        let answer = match self.ask(call.clone(), deadline).await {
            Err(Fault::Dropped(_)) => self.ask(call, deadline).await?,
            other => other?,
        };
        let Answered::Array(values) = answer else { return Ok(Vec::new()) };
        Ok(values.into_iter().map(Ok).collect())
    }

    /// Removes keys, without waiting until their memory is free.
    pub async fn unlink(&self, mut keys: Vec<Vec<u8>>, deadline: Instant) -> Result<(), Fault> {
        if self.is_cluster() {
            let asked: Vec<_> = keys
                .into_iter()
                .map(|key| self.ask(Call::Command("UNLINK", key.into(), Vec::new()), deadline))
                .collect();
            return try_join_all(asked).await.map(drop);
        }
        match keys.pop() {
            None => Ok(()),
            Some(first) => self.ask(Call::Command("UNLINK", first.into(), keys), deadline).await.map(drop),
        }
    }
}

/// A call, and its answer to wait for.
pub fn step(call: Call, deadline: Instant) -> (Outgoing, impl Future<Output = Answer>) {
    let (sender, receiver) = oneshot::channel();
    let outgoing = Outgoing::new(call, deadline, Sink::Step(sender));
    let answer = async move {
        receiver.await.unwrap_or_else(|_| Err(Fault::Down("the connection to Redis is closed".into())))
    };
    (outgoing, answer)
}
