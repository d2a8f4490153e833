//! Which entry goes first: a container for each policy, over the same shards.
//!
//! - `shard`: entries of some keys, found by key and listed in the order of use.
//! - `shards`: all of them, in one order of use for each list.
//! - `lru`: one list; its oldest goes.
//! - `tinylfu`: three lists, and `sketch`, which counts how often keys are asked for, to choose among them;
//!   `window` says how much of the bounds new entries have without being chosen.

mod lru;
mod shard;
mod shards;
mod sketch;
mod tinylfu;
mod window;

#[cfg(test)]
mod support;

pub use self::lru::Lru;
pub use self::tinylfu::TinyLfu;
