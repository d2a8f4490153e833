//! How long to wait before something is tried again.

use std::time::Duration;

use tokio::time::sleep;

/// The first pause before something is tried again that failed for a moment; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The pauses before something is tried again: none before the first time, for most conflicts are with what is over,
/// then growing ones, spread by a half.
#[derive(Default)]
pub struct Patience(Option<Duration>);

impl Patience {
    /// Waits.
    pub async fn wait(&mut self) {
        self.0 = Some(match self.0 {
            None => FIRST_PAUSE,
            Some(pause) => {
                sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                (pause * 2).min(LONGEST_PAUSE)
            }
        });
    }

    /// The longest that the next pause takes.
    pub fn next(&self) -> Duration {
        self.0.unwrap_or_default().mul_f64(1.5)
    }
}
