//! The only code that imports `napi`: converts, calls the core, converts back.
//!
//! A memory hit is one call of a raw function ([`raw`]) on the JavaScript thread, or none: of what is read again and
//! again, JavaScript keeps copies ([`copies`]). All other calls are plain
//! functions ([`operations`], [`store`]). What a backend is asked is queued by the same functions and submitted
//! once per tick ([`sessions`]); its answers ([`completions`]), and what happens without being asked for, arrive
//! by the [`mailbox`], one wake for all that is queued. No promise is made here.

mod completions;
mod convert;
mod copies;
mod couchdb;
mod error;
mod mailbox;
mod operations;
mod outbox;
mod raw;
mod redis;
mod replies;
mod sessions;
mod store;
