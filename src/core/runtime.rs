//! The one thread that waits for backends, for all stores of the process.
//!
//! A single thread: what is spawned in some order starts in that order, which is how requests of one
//! JavaScript thread reach a backend in the order in which they were made. It is started with the first
//! store that has a backend, sleeps while nothing is asked, and ends with the process.

use std::future::{Future, pending};
use std::sync::LazyLock;
use std::task::{Context, Waker};
use std::thread;

use tokio::runtime::{Builder, Handle};

use super::error::{Error, ErrorKind, Result};

/// Threads for work that takes the processor for long (compressing large values).
const MOST_WORKERS: usize = 4;

static HANDLE: LazyLock<std::io::Result<Handle>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(MOST_WORKERS).build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("ferrocache-io".into()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(handle)
});

/// The runtime; [`ErrorKind::Internal`] where the system gives no thread for it.
pub fn handle() -> Result<&'static Handle> {
    HANDLE.as_ref().map_err(|cause| {
        let message = format!("the system gives no thread for connections: {cause}");
        Error::new(ErrorKind::Internal, "open", message)
    })
}

/// Starts a task. Stores are opened with [`handle`], so that there is a runtime by then.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(handle) = handle() {
        handle.spawn(task);
    }
}

/// Starts an operation of several steps, on the runtime's thread. Its first step is taken before this returns, so that
/// it comes before what is asked later.
pub fn start(operation: impl Future<Output = ()> + Send + 'static) {
    let mut operation = Box::pin(operation);
    let mut unwoken = Context::from_waker(Waker::noop());
    if operation.as_mut().poll(&mut unwoken).is_pending() {
        spawn(operation);
    }
}
