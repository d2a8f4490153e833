//! The cache itself: engine, drivers, clock, errors. Nothing below this folder knows JavaScript.
//!
//! Reading order: [`command`] (what can be asked), [`driver`] (who answers), [`engine`] (who asks),
//! [`hub`] (how one session hears of another's doings).

#![forbid(unsafe_code)]

pub mod alarm;
pub mod clock;
pub mod command;
pub mod driver;
pub mod engine;
pub mod error;
pub mod hub;
pub mod recent;
pub mod registry;
pub mod runtime;
pub mod stats;
pub mod sweeper;
pub mod value;
