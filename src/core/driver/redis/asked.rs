//! A request that waits for its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Redis;
use crate::core::command::{Reply, RequestId};
use crate::core::driver::Answers;
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::hub::SessionId;

/// A request. It is answered once, whatever happens to it: dropped, it says that something here is broken.
pub struct Asked {
    /// The driver, which lives until the last request is answered.
    pub redis: Arc<Redis>,
    /// Who asks.
    pub session: SessionId,
    /// When the answer comes too late.
    pub deadline: Instant,
    id: RequestId,
    answers: Option<Arc<dyn Answers>>,
}

impl Asked {
    /// A request of a session.
    pub fn new(
        redis: Arc<Redis>,
        session: SessionId,
        deadline: Instant,
        (id, answers): (RequestId, Arc<dyn Answers>),
    ) -> Self {
        redis.pending.fetch_add(1, Ordering::Relaxed);
        Self { redis, session, deadline, id, answers: Some(answers) }
    }

    /// Answers.
    pub fn answer(mut self, reply: Result<Reply>) {
        if let Some(answers) = self.answers.take() {
            answers.answer(vec![(self.id, reply)]);
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.redis.pending.fetch_sub(1, Ordering::Relaxed);
        if let Some(answers) = self.answers.take() {
            let error = Error::new(ErrorKind::Internal, "redis", "a request was dropped without an answer");
            answers.answer(vec![(self.id, Err(error))]);
        }
    }
}

/// Answers that are handed over together: JavaScript is woken once for all of them.
#[derive(Default)]
pub struct Ready {
    to: Option<Arc<dyn Answers>>,
    answers: Vec<(RequestId, Result<Reply>)>,
}

impl Ready {
    /// Adds an answer.
    pub fn push(&mut self, mut asked: Asked, reply: Result<Reply>) {
        let Some(answers) = asked.answers.take() else { return };
        if !self.to.as_ref().is_some_and(|to| Arc::ptr_eq(to, &answers)) {
            self.hand_over();
            self.to = Some(answers);
        }
        self.answers.push((asked.id, reply));
    }

    /// Hands over what was gathered.
    pub fn hand_over(&mut self) {
        if let Some(to) = self.to.take() {
            to.answer(std::mem::take(&mut self.answers));
        }
    }
}
