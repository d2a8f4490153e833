//! A request that waits for its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Remote;
use crate::core::command::{Reply, RequestId};
use crate::core::driver::Answers;
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::hub::SessionId;

/// A request. It is answered once, whatever happens to it: dropped, it says that something here is broken.
pub struct Asked<S: Remote> {
    /// The driver, which lives until the last request is answered.
    pub store: Arc<S>,
    /// Who asks.
    pub session: SessionId,
    /// When the answer comes too late.
    pub deadline: Instant,
    id: RequestId,
    answers: Option<Arc<dyn Answers>>,
}

impl<S: Remote> Asked<S> {
    /// A request of a session.
    pub fn new(
        store: Arc<S>,
        session: SessionId,
        deadline: Instant,
        (id, answers): (RequestId, Arc<dyn Answers>),
    ) -> Self {
        store.pending().fetch_add(1, Ordering::Relaxed);
        Self { store, session, deadline, id, answers: Some(answers) }
    }

    /// Answers.
    pub fn answer(mut self, reply: Result<Reply>) {
        self.hand_back(&reply);
        if let Some(answers) = self.answers.take() {
            answers.answer(vec![(self.id, reply)]);
        }
    }
}

impl<S: Remote> Asked<S> {
    /// Who went while it was given something keeps nothing: a run that nobody ends would be renewed for ever.
    fn hand_back(&self, reply: &Result<Reply>) {
        let is_given = matches!(reply, Ok(Reply::Lease(_) | Reply::Offline(..) | Reply::Lock(_)));
        // One that goes from now on finds what it was given.
        if is_given && !self.store.hub().knows(self.session) {
            Arc::clone(&self.store).release_session(self.session);
        }
    }
}

impl<S: Remote> Drop for Asked<S> {
    fn drop(&mut self) {
        self.store.pending().fetch_sub(1, Ordering::Relaxed);
        if let Some(answers) = self.answers.take() {
            let error = Error::new(ErrorKind::Internal, S::NAME, "a request was dropped without an answer");
            answers.answer(vec![(self.id, Err(error))]);
        }
    }
}

/// Answers that are handed over together, when this is dropped at the latest: JavaScript is woken once for all of them.
#[derive(Default)]
pub struct Ready {
    to: Option<Arc<dyn Answers>>,
    answers: Vec<(RequestId, Result<Reply>)>,
}

impl Ready {
    /// Whether there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Adds an answer.
    pub fn push<S: Remote>(&mut self, mut asked: Asked<S>, reply: Result<Reply>) {
        let Some(answers) = asked.answers.take() else { return };
        asked.hand_back(&reply);
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

impl Drop for Ready {
    fn drop(&mut self) {
        self.hand_over();
    }
}
