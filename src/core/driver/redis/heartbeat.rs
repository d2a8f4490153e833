//! Whether a server that tells of changes is still there: it is asked, and its silence is noticed.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::wire::{Value, Wire, command};

/// How often a server is asked whether it is there.
const EVERY: Duration = Duration::from_millis(500);
/// How long it may take to say so.
pub const SILENCE: Duration = Duration::from_secs(1);

/// A server that is listened to.
pub struct Heartbeat {
    beat: &'static [u8],
    /// When it is to be asked next, or must have answered.
    due: Instant,
    asked: bool,
}

impl Heartbeat {
    /// Of a server that has just said something; it is asked by the command `beat`.
    pub fn new(beat: &'static [u8]) -> Self {
        Self { beat, due: Instant::now() + EVERY, asked: false }
    }

    /// It has answered.
    pub fn answered(&mut self) {
        (self.due, self.asked) = (Instant::now() + EVERY, false);
    }

    /// Waits until the server says something, or is to be asked; `false` if it is not there any more.
    pub async fn hear(&mut self, wire: &mut Wire, said: &mut Vec<Value>) -> bool {
        if Instant::now() >= self.due {
            if self.asked {
                return false;
            }
            command(&mut wire.output(), &[self.beat]);
            (self.due, self.asked) = (Instant::now() + SILENCE, true);
        }
        !matches!(timeout_at(self.due, wire.receive(said)).await, Ok(Err(_)))
    }
}
