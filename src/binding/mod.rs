//! The only code that imports `napi`: converts, calls the core, converts back.
//!
//! A memory hit is one call of a raw function ([`raw`]) on the JavaScript thread. All other calls are plain
//! functions ([`operations`]). What happens without being asked for arrives by the [`mailbox`], one wake for
//! all that is queued. No promise is made here and no thread is hopped.

mod convert;
mod error;
mod mailbox;
mod operations;
mod raw;
mod sessions;
