//! One connection as a stream of commands and of what the server says.
//!
//! The driver's own, for it decides the speed (docs/redis.md): commands are written into the buffer that is sent, and
//! answers are made from the buffer that was received, without a task, a channel or an allocation in between.

mod outlet;
mod read;
mod stream;
mod tls;
mod value;
mod write;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::MappedMutexGuard;
use tokio::io::ReadBuf;

pub use self::outlet::{Outlet, Pending};
use self::read::Scanner;
use self::stream::Stream;
pub use self::value::{Refusal, Value};
pub use self::write::{command, decimal};
use super::config::{Address, Tls};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;
/// A buffer that has grown beyond this is given back when it is empty.
const KEPT: usize = 1024 * 1024;

/// A connection.
pub struct Wire {
    stream: Stream,
    outlet: Arc<Outlet>,
    /// What is read into.
    chunk: Box<[u8]>,
    /// What was received, from `taken` on.
    input: Vec<u8>,
    taken: usize,
    scanner: Scanner,
    /// What was pushed while something else was waited for.
    pushed: Vec<Value>,
}

impl Wire {
    /// Connects. Nothing is said yet.
    pub async fn connect(address: &Address, tls: Option<&Tls>) -> io::Result<Self> {
        let stream = Stream::connect(address, tls).await?;
        let outlet = Arc::new(Outlet::new(stream.socket()));
        Ok(Self {
            stream,
            outlet,
            chunk: vec![0; CHUNK].into(),
            input: Vec::new(),
            taken: 0,
            scanner: Scanner::default(),
            pushed: Vec::new(),
        })
    }

    /// Where commands are appended to be sent, which [`Wire::receive`] does.
    pub fn output(&self) -> MappedMutexGuard<'_, Vec<u8>> {
        self.outlet.output()
    }

    /// The way out, for those who send by themselves.
    pub fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    /// Sends what is to be sent, and waits until the server has said something: adds all of it that is whole. An error
    /// is the end of the connection. Nothing is lost where this is not awaited to its end.
    pub async fn receive(&mut self, said: &mut Vec<Value>) -> io::Result<()> {
        if !self.pushed.is_empty() {
            said.append(&mut self.pushed);
            return Ok(());
        }
        poll_fn(|context| self.poll_receive(context, said)).await
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, said: &mut Vec<Value>) -> Poll<io::Result<()>> {
        // A server that reads no more is noticed by its silence: what it says is read in any case.
        if let Poll::Ready(Err(error)) = self.poll_send(context) {
            return Poll::Ready(Err(error));
        }
        loop {
            let length = ready!(self.poll_fill(context))?;
            if length == 0 {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was closed")));
            }
            self.take(said)
                .map_err(|garbled| io::Error::new(io::ErrorKind::InvalidData, garbled.to_string()))?;
            if !said.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pending = self.outlet.pending();
        while pending.written < pending.bytes.len() {
            pending.unflushed = true;
            let length = ready!(self.stream.poll_write(context, &pending.bytes[pending.written..]))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            pending.written += length;
        }
        let Pending { bytes, written, .. } = &mut *pending;
        empty(bytes, written);
        if pending.unflushed {
            ready!(self.stream.poll_flush(context))?;
            pending.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads more; how much.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = ReadBuf::new(&mut self.chunk);
        ready!(self.stream.poll_read(context, &mut chunk))?;
        self.input.extend_from_slice(chunk.filled());
        Poll::Ready(Ok(chunk.filled().len()))
    }

    fn take(&mut self, said: &mut Vec<Value>) -> Result<(), read::Garbled> {
        while self.taken < self.input.len() {
            let rest = &self.input[self.taken..];
            let Some(end) = self.scanner.end(rest)? else { break };
            said.push(read::value(&rest[..end])?);
            self.taken += end;
        }
        if self.taken == self.input.len() {
            empty(&mut self.input, &mut self.taken);
        } else if self.taken > CHUNK {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        Ok(())
    }

    /// Asks several things at once, where nothing else is under way; the answers in order. What is pushed meanwhile is
    /// said by [`Wire::receive`] later.
    pub async fn ask(&mut self, commands: &[&[&[u8]]]) -> io::Result<Vec<Value>> {
        for parts in commands {
            command(&mut self.output(), parts);
        }
        let mut answers = Vec::with_capacity(commands.len());
        let mut said = Vec::new();
        while answers.len() < commands.len() {
            poll_fn(|context| self.poll_receive(context, &mut said)).await?;
            for value in said.drain(..) {
                let to = if matches!(value, Value::Push(_)) { &mut self.pushed } else { &mut answers };
                to.push(value);
            }
        }
        Ok(answers)
    }
}

/// Empties a buffer that is done with.
fn empty(buffer: &mut Vec<u8>, done: &mut usize) {
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
    *done = 0;
}
