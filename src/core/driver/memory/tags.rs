//! Tag epochs.
//!
//! An entry holds on to the cells of its tags and remembers where the store's order of writes stood
//! *before* its factory ran. Flushing a tag moves its cell past that point: O(1), no sets of keys. A cell
//! lives as long as an entry or a lease holds it, so that tags leak nothing. What was flushed in cells that
//! are gone is remembered as one [`TagTable::floor`]: a cell made anew starts there, so that a factory
//! older than the flush cannot slip past it by naming its tags late.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::copies::Copies;
use super::generations::{Generations, Place};
use crate::core::command::Sequence;

/// What a tag costs beyond its name: its cell, its place in the table, and the allocator's headers.
const OVERHEAD: u64 = 104;

/// With fewer tags than this, none is looked at before the sweep.
const FEW: usize = 1024;

/// The state of one tag.
#[derive(Debug)]
pub struct TagCell {
    /// When it was flushed last; while it is being flushed, later than everything.
    flushed: AtomicU64,
    name_bytes: u32,
    place: Place,
}

impl TagCell {
    /// The point of the last flush; what was written at or after it is valid.
    pub fn flushed_at(&self) -> Sequence {
        self.flushed.load(Ordering::Acquire)
    }

    /// The place of its generation.
    pub fn place(&self) -> Place {
        self.place
    }
}

/// The cells of an entry's or a lease's tags.
pub type TagCells = Box<[Arc<TagCell>]>;

/// The last flush among some tags; 0 if there was none.
fn last_flush(cells: &[Arc<TagCell>]) -> Sequence {
    cells.iter().map(|cell| cell.flushed_at()).max().unwrap_or(0)
}

/// The bytes that an entry counts for its tags. Every entry counts the whole tag, though several may share it:
/// the bound must hold where each has a tag of its own.
pub fn tags_size(cells: &[Arc<TagCell>]) -> u64 {
    cells.iter().map(|cell| OVERHEAD + u64::from(cell.name_bytes)).sum()
}

#[derive(Debug, Default)]
struct Cells {
    by_name: HashMap<Box<str>, Arc<TagCell>, ahash::RandomState>,
    floor: Sequence,
    prune_at: usize,
}

/// All tags that somebody holds, and the one that everything has.
#[derive(Debug, Default)]
pub struct TagTable {
    cells: Mutex<Cells>,
    everything: AtomicU64,
}

impl TagTable {
    /// The cells of these tags, made where they are missing.
    pub fn intern(&self, names: &[Box<str>]) -> TagCells {
        if names.is_empty() {
            return TagCells::default();
        }
        let mut cells = self.cells.lock();
        names.iter().map(|name| cells.cell(name)).collect()
    }

    /// Flushes tags, at a point in the store's order that `next` takes.
    pub fn flush(&self, names: &[Box<str>], copies: &Copies, next: impl FnOnce() -> Sequence) {
        let mut cells = self.cells.lock();
        // Also of those that nobody holds: a factory that is running may name them yet.
        let held: Vec<_> = names.iter().map(|name| cells.cell(name)).collect();
        // Invalid from before the point is taken: a factory that begins after it must not read what is flushed.
        copies.flush_tags(held.iter().map(|cell| cell.place), || {
            for cell in &held {
                cell.flushed.store(Sequence::MAX, Ordering::Release);
            }
            let at = next();
            for cell in &held {
                cell.flushed.store(at, Ordering::Release);
            }
        });
    }

    /// Flushes everything, as a tag that every entry has.
    pub fn flush_all(&self, copies: &Copies, next: impl FnOnce() -> Sequence) {
        let _one_at_a_time = self.cells.lock();
        copies.flush(|| {
            self.everything.store(Sequence::MAX, Ordering::Release);
            self.everything.store(next(), Ordering::Release);
        });
    }

    /// The last flush of these tags, or of everything; 0 if there was none.
    pub fn flushed_at(&self, cells: &[Arc<TagCell>]) -> Sequence {
        last_flush(cells).max(self.everything.load(Ordering::Acquire))
    }

    /// Drops the cells that nobody holds any more.
    pub fn prune(&self) {
        self.cells.lock().prune();
    }

    /// How many tags are known.
    pub fn len(&self) -> u64 {
        self.cells.lock().by_name.len() as u64
    }
}

impl Cells {
    fn cell(&mut self, name: &str) -> Arc<TagCell> {
        if let Some(cell) = self.by_name.get(name) {
            return Arc::clone(cell);
        }
        if self.by_name.len() >= self.prune_at.max(FEW) {
            self.prune();
        }
        let name_bytes = u32::try_from(name.len()).unwrap_or(u32::MAX);
        let place = Generations::of_tag(self.by_name.hasher().hash_one(name));
        let cell = Arc::new(TagCell { flushed: AtomicU64::new(self.floor), name_bytes, place });
        self.by_name.insert(name.into(), Arc::clone(&cell));
        cell
    }

    fn prune(&mut self) {
        let Self { by_name, floor, .. } = self;
        // A new holder needs this table's lock, so a cell that only the table holds stays so.
        by_name.retain(|_, cell| {
            let held = Arc::strong_count(cell) > 1;
            if !held {
                *floor = (*floor).max(cell.flushed_at());
            }
            held
        });
        // As many again may come before all are looked at once more: looking stays cheap in the mean.
        self.prune_at = by_name.len() * 2;
        by_name.shrink_to(self.prune_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::{Clock, ClockKind};

    fn copies() -> Arc<Copies> {
        Copies::new(Generations::new(false), Arc::new(Clock::new(ClockKind::Manual)))
    }

    fn names(list: &[&str]) -> Vec<Box<str>> {
        list.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_tag_that_nobody_holds_is_forgotten_and_its_flush_is_not() {
        let table = TagTable::default();
        table.intern(&names(&["a"]));
        table.flush(&names(&["a"]), &copies(), || 7);
        table.prune();
        assert_eq!(table.len(), 0);
        assert_eq!(last_flush(&table.intern(&names(&["b"]))), 7);
    }

    #[test]
    fn tags_that_come_and_go_do_not_pile_up_between_sweeps() {
        let (table, copies) = (TagTable::default(), copies());
        for at in 0..100_000_u64 {
            table.intern(&[at.to_string().into()]);
            table.flush(&[at.to_string().into(), "other".into()], &copies, || at);
        }
        assert!(table.len() <= FEW as u64, "{}", table.len());
    }

    #[test]
    fn a_tag_that_is_held_survives_pruning() {
        let table = TagTable::default();
        let held = table.intern(&names(&["a"]));
        table.prune();
        table.flush(&names(&["a"]), &copies(), || 3);
        assert_eq!(last_flush(&held), 3);
    }
}
