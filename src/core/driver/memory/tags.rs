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

use crate::core::command::Sequence;

/// The state of one tag: when it was last flushed.
#[derive(Debug)]
pub struct TagCell(AtomicU64);

impl TagCell {
    /// The point of the last flush; what was written at or after it is valid.
    pub fn flushed_at(&self) -> Sequence {
        self.0.load(Ordering::Acquire)
    }
}

/// The cells of an entry's or a lease's tags.
pub type TagCells = Box<[Arc<TagCell>]>;

/// The last flush among some tags; 0 if there was none.
pub fn last_flush(cells: &[Arc<TagCell>]) -> Sequence {
    cells.iter().map(|cell| cell.flushed_at()).max().unwrap_or(0)
}

#[derive(Debug, Default)]
struct Cells {
    by_name: HashMap<Box<str>, Arc<TagCell>, ahash::RandomState>,
    floor: Sequence,
}

/// All tags that somebody holds.
#[derive(Debug, Default)]
pub struct TagTable {
    cells: Mutex<Cells>,
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

    /// Flushes tags at a point in the store's order.
    pub fn flush(&self, names: &[Box<str>], at: Sequence) {
        let mut cells = self.cells.lock();
        for name in names {
            cells.cell(name).0.fetch_max(at, Ordering::AcqRel);
        }
    }

    /// Drops the cells that nobody holds any more.
    pub fn prune(&self) {
        let mut cells = self.cells.lock();
        let Cells { by_name, floor } = &mut *cells;
        // A new holder needs this table's lock, so a cell that only the table holds stays so.
        by_name.retain(|_, cell| {
            let held = Arc::strong_count(cell) > 1;
            if !held {
                *floor = (*floor).max(cell.flushed_at());
            }
            held
        });
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
        let cell = Arc::new(TagCell(AtomicU64::new(self.floor)));
        self.by_name.insert(name.into(), Arc::clone(&cell));
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<Box<str>> {
        list.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_tag_that_nobody_holds_is_forgotten_and_its_flush_is_not() {
        let table = TagTable::default();
        table.flush(&names(&["a"]), 7);
        table.prune();
        assert_eq!(table.len(), 0);
        assert_eq!(last_flush(&table.intern(&names(&["b"]))), 7);
    }

    #[test]
    fn a_tag_that_is_held_survives_pruning() {
        let table = TagTable::default();
        let held = table.intern(&names(&["a"]));
        table.prune();
        table.flush(&names(&["a"]), 3);
        assert_eq!(last_flush(&held), 3);
    }
}
