//! What is to be sent on a connection, and who sends it: the task that owns the connection, or a thread that asks.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use super::empty;

/// A socket that any thread may write to, without waiting.
pub enum Socket {
    /// A TCP connection.
    Tcp(std::net::TcpStream),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*socket).write(bytes),
            #[cfg(unix)]
            Self::Unix(socket) => (&*socket).write(bytes),
        }
    }
}

/// What waits to be sent.
#[derive(Default)]
pub struct Pending {
    /// The bytes, from `written` on.
    pub bytes: Vec<u8>,
    /// How many of them were sent.
    pub written: usize,
    /// Whether an encrypted stream may keep some of them back.
    pub unflushed: bool,
    /// The scripts that the server was sent on this connection, by their hashes.
    pub known: HashSet<&'static str>,
    closed: bool,
}

/// The way out of a connection.
pub struct Outlet {
    pending: Mutex<Pending>,
    /// None where what is sent is encrypted first.
    socket: Option<Socket>,
}

impl Outlet {
    /// The way out of a connection, which other threads may use if they have a socket.
    pub fn new(socket: Option<Socket>) -> Self {
        Self { pending: Mutex::default(), socket }
    }

    /// What waits to be sent.
    pub fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock()
    }

    /// Where commands are appended to be sent.
    pub fn output(&self) -> MappedMutexGuard<'_, Vec<u8>> {
        MutexGuard::map(self.pending.lock(), |pending| &mut pending.bytes)
    }

    /// From now on only the task sends.
    pub fn close(&self) {
        self.pending.lock().closed = true;
    }

    /// Sends what `write` appends, behind what waits, on the calling thread; whether all of it is on its way, the rest is
    /// the task's to send. `None`, and `write` is not called, where somebody is sending, or none but the task may.
    pub fn send_now(&self, write: impl FnOnce(&mut Pending)) -> Option<bool> {
        let socket = self.socket.as_ref()?;
        let mut pending = self.pending.try_lock().filter(|pending| !pending.closed)?;
        write(&mut pending);
        let Pending { bytes, written, .. } = &mut *pending;
        while *written < bytes.len() {
            match socket.send(&bytes[*written..]) {
                Ok(length) if length > 0 => *written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // There is no room, or this was the end of the connection, which its task will find.
                _ => return Some(false),
            }
        }
        empty(bytes, written);
        Some(true)
    }
}
