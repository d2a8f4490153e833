//! The native core of ferrocache.
//!
//! [`core`] holds the cache and knows nothing of JavaScript; the private `binding` is the only code
//! that imports `napi`: it converts, calls the core, and converts back.

// `#[napi]` registers nothing in a test build, so that all of the binding would be dead code there.
#[cfg(not(test))]
mod binding;
pub mod core;
