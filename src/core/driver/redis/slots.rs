//! Which server of a cluster has which slot.

use std::collections::HashMap;

use super::config::Address;
use super::link::Link;
use super::wire::Value as Answered;

/// How many slots a cluster has.
pub const SLOTS: usize = 16_384;

/// What is known of the cluster.
#[derive(Default)]
pub struct Map {
    /// By slot; empty while nothing is known.
    owners: Vec<Option<Address>>,
    /// The addresses of the primaries, in order.
    primaries: Vec<Address>,
    /// All that were heard of.
    pub links: HashMap<Address, Link>,
}

impl Map {
    /// Whether anything is known.
    pub fn is_known(&self) -> bool {
        !self.owners.is_empty()
    }

    /// The link to the server that has a slot.
    pub fn owner(&self, slot: u16) -> Option<&Link> {
        self.links.get(self.owners.get(usize::from(slot))?.as_ref()?)
    }

    /// The links to the primaries, in an order that stays while they are the same.
    pub fn primaries(&self) -> Vec<Link> {
        self.primaries.iter().filter_map(|address| self.links.get(address).cloned()).collect()
    }

    /// Where the primaries are.
    pub fn primary_addresses(&self) -> Vec<Address> {
        self.primaries.clone()
    }

    /// Learns that a slot is another server's.
    pub fn moved(&mut self, slot: u16, address: &Address) {
        if let Some(owner) = self.owners.get_mut(usize::from(slot)) {
            *owner = Some(address.clone());
            if let Err(at) = self.primaries.binary_search(address) {
                self.primaries.insert(at, address.clone());
            }
        }
    }

    /// Learns who has which slot; the addresses of the primaries. What is no primary any more is forgotten, but for
    /// those that are configured: they may be all that answers one day.
    pub fn adopt(&mut self, owners: Vec<Option<Address>>, configured: &[Address]) -> Vec<Address> {
        let mut primaries: Vec<Address> = owners.iter().flatten().cloned().collect();
        primaries.dedup();
        primaries.sort();
        primaries.dedup();
        self.links.retain(|address, _| primaries.contains(address) || configured.contains(address));
        self.owners = owners;
        self.primaries.clone_from(&primaries);
        primaries
    }
}

/// The owners by slot, of what `CLUSTER SLOTS` answers: ranges, each with its primary first.
/// <https://redis.io/docs/latest/commands/cluster-slots/>
pub fn owners_of(ranges: &[Answered], seeds: &[Address]) -> Option<Vec<Option<Address>>> {
    let mut owners = vec![None; SLOTS];
    for range in ranges {
        let Answered::Array(range) = range else { return None };
        let [Answered::Int(from), Answered::Int(to), Answered::Array(primary), ..] = &range[..] else {
            return None;
        };
        let (host, port) = (primary.first().and_then(Answered::text), primary.get(1));
        let Some(Answered::Int(port)) = port else { return None };
        // A node that does not know its own address is the one that was asked.
        let host = host.filter(|host| !host.is_empty() && *host != "?").or_else(|| {
            seeds.iter().find_map(|seed| match seed {
                Address::Tcp { host, .. } => Some(&**host),
                Address::Unix(_) => None,
            })
        })?;
        let address = Address::Tcp { host: host.into(), port: u16::try_from(*port).ok()? };
        let range = usize::try_from(*from).ok()?..=usize::try_from(*to).ok()?;
        owners.get_mut(range)?.fill(Some(address));
    }
    (!ranges.is_empty()).then_some(owners)
}
