//! The policy on plain lists, which the tests hold the container against.

use super::super::shards::SHARDS;
use super::super::sketch::{Asks, FULL, Sketch};
use super::{CHOICE, PROBATION, PROTECTED, WINDOW};

/// Three plain lists, the newest at the end of each, under the same rules. Its counts are a sketch too: that has its
/// own tests.
pub struct Model {
    pub lists: [Vec<(u8, u64)>; 3],
    /// One for each shard.
    sketches: Vec<Sketch>,
    asks: Asks,
    most: u64,
    bytes: u64,
}

impl Model {
    pub fn new(most: u64, bytes: u64) -> Self {
        let sketches = (0..SHARDS).map(|_| Sketch::default()).collect();
        Self { lists: Default::default(), sketches, asks: Asks::default(), most, bytes }
    }

    fn sketch(&mut self, hash: u64) -> &mut Sketch {
        let shards = self.sketches.len();
        &mut self.sketches[(hash >> 32) as usize % shards]
    }

    /// Its counts go too, but not how much was asked for.
    pub fn clear(&mut self) {
        *self = Self { asks: std::mem::take(&mut self.asks), ..Self::new(self.most, self.bytes) };
    }

    pub fn held(&self) -> (u64, u64) {
        let all = self.lists.iter().flatten();
        (all.clone().count() as u64, all.map(|(_, size)| size).sum())
    }

    fn excess(&self) -> (u64, u64) {
        let (entries, bytes) = self.held();
        (entries.saturating_sub(self.most), bytes.saturating_sub(self.bytes))
    }

    pub fn take(&mut self, key: u8) -> Option<(usize, (u8, u64))> {
        self.lists.iter_mut().enumerate().find_map(|(list, held)| {
            held.iter().position(|(other, _)| *other == key).map(|at| (list, held.remove(at)))
        })
    }

    pub fn get(&mut self, key: u8, hash: u64) -> bool {
        let held = self.held().0;
        let age = self.asks.ask(held);
        self.sketch(hash).add(hash, age);
        let Some((list, slot)) = self.take(key) else { return false };
        self.lists[if list == WINDOW { WINDOW } else { PROTECTED }].push(slot);
        true
    }

    pub fn insert(&mut self, key: u8, size: u64, hash: impl Fn(u8) -> u64) {
        let held = self.take(key);
        self.lists[held.map_or(WINDOW, |(list, _)| list)].push((key, size));
        if held.is_none() && self.is_over_window(&[(key, size)]) {
            if self.excess() == (0, 0) {
                self.move_to(PROBATION, key);
            } else {
                self.choose((key, size), None, &hash);
            }
        }
        self.settle(held.is_some().then_some(key), hash);
    }

    fn settle(&mut self, kept: Option<u8>, hash: impl Fn(u8) -> u64) {
        if self.excess() == (0, 0) && !self.is_over_window(&self.lists[WINDOW]) {
            return;
        }
        while self.lists[PROTECTED].iter().map(|(_, size)| size).sum::<u64>() > self.held().1 / 2 {
            self.move_to(PROBATION, self.lists[PROTECTED][0].0);
        }
        loop {
            let is_over = self.excess() != (0, 0);
            if self.is_over_window(&self.lists[WINDOW]) {
                let candidate = self.lists[WINDOW][0];
                if is_over && kept != Some(candidate.0) {
                    self.choose(candidate, kept, &hash);
                } else {
                    self.move_to(PROBATION, candidate.0);
                }
            } else if is_over {
                let oldest = [PROBATION, PROTECTED, WINDOW].into_iter().flat_map(|list| &self.lists[list]);
                let oldest = oldest.map(|(key, _)| *key).find(|key| kept != Some(*key));
                self.take(oldest.unwrap());
            } else {
                return;
            }
        }
    }

    fn move_to(&mut self, list: usize, key: u8) {
        let (_, slot) = self.take(key).unwrap();
        self.lists[list].push(slot);
    }

    fn choose(&mut self, candidate: (u8, u64), kept: Option<u8>, hash: impl Fn(u8) -> u64) {
        let victims = self.victims(candidate, kept, hash);
        if victims.is_some() {
            self.move_to(PROBATION, candidate.0);
        }
        for gone in victims.unwrap_or_else(|| vec![candidate.0]) {
            self.take(gone);
        }
    }

    fn is_over_window(&self, held: &[(u8, u64)]) -> bool {
        let bytes = held.iter().map(|(_, size)| size).sum::<u64>();
        held.len() > 1 || bytes > (self.bytes as f64 * 0.02).round() as u64 && bytes > self.bytes / 16
    }

    fn victims(
        &mut self,
        (candidate, size): (u8, u64),
        kept: Option<u8>,
        hash: impl Fn(u8) -> u64,
    ) -> Option<Vec<u8>> {
        let age = self.asks.age();
        let asked = self.sketch(hash(candidate)).count(hash(candidate), age);
        let mut left: Vec<Vec<(u8, u64, u64)>> = Vec::new();
        for list in [PROBATION, PROTECTED] {
            let held = self.lists[list].clone().into_iter().filter(|(key, _)| kept != Some(*key));
            left.push(
                held.map(|(key, size)| (key, size, self.sketch(hash(key)).count(hash(key), age))).collect(),
            );
        }
        let (entries, bytes) = self.excess();
        let (mut entries, mut bytes) = (entries.min(1), bytes.min(size));
        let mut victims = Vec::new();
        while (entries, bytes) != (0, 0) {
            let list = left.iter_mut().find(|list| !list.is_empty())?;
            let least = (0..list.len().min(CHOICE)).min_by_key(|at| list[*at].2)?;
            let (key, size, count) = list.remove(least);
            if count >= asked && asked < FULL {
                return None;
            }
            (entries, bytes) = (entries.saturating_sub(1), bytes.saturating_sub(size));
            victims.push(key);
        }
        Some(victims)
    }
}
