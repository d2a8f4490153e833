//! What is remembered of documents that were seen: the revision, so that most writes take one request, and the tags,
//! so that a tagged value and the epochs of its tags are read in one.
//!
//! What is remembered may be out of date: a write with an old revision is refused by the server, and tags that are
//! not remembered are read afterwards.

use std::collections::HashMap;
use std::mem::take;
use std::sync::Arc;

use parking_lot::Mutex;

use super::document::Document;

/// So many documents are remembered at least, and twice as many at most.
const REMEMBERED: usize = 8192;

/// What is remembered of a document.
#[derive(Clone)]
pub struct Remembered {
    /// The revision; `None` if it is not there.
    pub rev: Option<Box<str>>,
    /// The tags of its value.
    pub tags: Arc<[Box<str>]>,
    /// The names of the write that made this revision, and of some before it.
    pub writes: Arc<[Box<str>]>,
}

/// Two generations: when the newer is full, the older is forgotten.
#[derive(Default)]
pub struct Revisions(Mutex<[HashMap<Box<str>, Remembered>; 2]>);

impl Revisions {
    /// What is known of a document.
    pub fn get(&self, id: &str) -> Option<Remembered> {
        let generations = self.0.lock();
        generations.iter().find_map(|known| known.get(id)).cloned()
    }

    /// A document was read or written.
    pub fn saw(&self, document: &Document) {
        let tags =
            if document.tags.is_empty() { Arc::default() } else { document.tags.keys().cloned().collect() };
        let writes = std::iter::once(&document.write).chain(&document.recent).cloned();
        let writes = if document.write.is_empty() { Arc::default() } else { writes.collect() };
        self.insert(&document.id, Remembered { rev: document.rev.clone(), tags, writes });
    }

    /// There is no such document.
    pub fn saw_nothing(&self, id: &str) {
        self.insert(id, Remembered { rev: None, tags: Arc::default(), writes: Arc::default() });
    }

    /// Forgets all: the database is another.
    pub fn clear(&self) {
        *self.0.lock() = Default::default();
    }

    fn insert(&self, id: &str, remembered: Remembered) {
        let mut generations = self.0.lock();
        if generations[0].len() >= REMEMBERED {
            generations[1] = take(&mut generations[0]);
        }
        match generations[0].get_mut(id) {
            Some(known) => *known = remembered,
            None => drop(generations[0].insert(id.into(), remembered)),
        }
    }
}
