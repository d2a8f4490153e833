//! Few requests for much: what is asked while requests are under way is gathered, and sent as the next.
//!
//! A desk gathers one kind of thing (ids to read, documents to write). What was asked in one tick goes together, and
//! so does all that was asked while the most requests that may be under way at once were.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::core::driver::remote::fault::Fault;

/// Who waits for the answer to a thing.
pub struct Waiting<I, O> {
    /// The thing.
    pub item: I,
    /// Its bytes.
    size: usize,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<O, Fault>>,
}

/// What a request may hold.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Most things.
    pub count: usize,
    /// Most bytes; one thing alone may have more.
    pub bytes: usize,
    /// Most requests under way at once.
    pub at_once: usize,
    /// For how many things a further request is worth while: the server works at several at the same time.
    pub share: usize,
}

struct Queue<I, O> {
    waiting: VecDeque<Waiting<I, O>>,
    /// Requests under way.
    busy: usize,
    /// How many of them have yet to take their first share.
    beginning: usize,
}

/// Gathers things of one kind.
pub struct Desk<I, O> {
    limits: Limits,
    queue: Mutex<Queue<I, O>>,
}

impl<I, O> Desk<I, O> {
    /// A desk with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, queue: Mutex::new(Queue { waiting: VecDeque::new(), busy: 0, beginning: 0 }) }
    }

    /// Adds a thing; and whether the caller is to have a request begun, which takes shares until there are none.
    pub fn add(&self, item: I, size: usize) -> (oneshot::Receiver<Result<O, Fault>>, bool) {
        let (answer, receiver) = oneshot::channel();
        let mut queue = self.queue.lock();
        queue.waiting.push_back(Waiting { item, size, answer });
        let begin =
            queue.busy < self.limits.at_once && queue.waiting.len() > queue.beginning * self.limits.share;
        if begin {
            queue.beginning += 1;
            queue.busy += 1;
        }
        (receiver, begin)
    }

    /// What the next request is to hold; `None` ends it.
    pub fn take(&self) -> Option<Vec<Waiting<I, O>>> {
        let mut queue = self.queue.lock();
        // Who waits no more had a deadline.
        queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        let most = queue.waiting.len().div_ceil(queue.beginning.max(1)).min(self.limits.count);
        queue.beginning = queue.beginning.saturating_sub(1);
        let (mut count, mut bytes) = (0, 0);
        for waiting in queue.waiting.iter().take(most) {
            bytes += waiting.size;
            if count > 0 && bytes > self.limits.bytes {
                break;
            }
            count += 1;
        }
        if count == 0 {
            queue.busy -= 1;
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { count: 3, bytes: 100, at_once: 2, share: 100 };

    fn sizes(desk: &Desk<usize, ()>) -> Option<Vec<usize>> {
        desk.take().map(|taken| taken.into_iter().map(|waiting| waiting.item).collect())
    }

    #[test]
    fn what_comes_before_a_request_takes_its_share_goes_with_it() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        let begun: Vec<_> = [10, 10, 90, 10, 200].map(|size| desk.add(size, size)).into();
        assert_eq!(
            begun.iter().map(|(_, begin)| *begin).collect::<Vec<_>>(),
            [true, false, false, false, false]
        );
        // Bounded by bytes, by count, and one that is too large for any bound goes alone.
        assert_eq!(sizes(&desk), Some(vec![10, 10]));
        assert_eq!(sizes(&desk), Some(vec![90, 10]));
        assert_eq!(sizes(&desk), Some(vec![200]));
        assert_eq!(sizes(&desk), None);
    }

    #[test]
    fn much_is_shared_by_several_requests() {
        let desk = Desk::<usize, ()>::new(Limits { count: 100, bytes: 1000, at_once: 2, share: 2 });
        let begun: Vec<_> = (0..5).map(|item| desk.add(item, 1)).collect();
        assert_eq!(
            begun.iter().map(|(_, begin)| *begin).collect::<Vec<_>>(),
            [true, false, true, false, false]
        );
        assert_eq!(sizes(&desk), Some(vec![0, 1, 2]));
        assert_eq!(sizes(&desk), Some(vec![3, 4]));
        assert_eq!((sizes(&desk), sizes(&desk)), (None, None));
    }

    #[test]
    fn no_more_requests_begin_than_may_be_under_way() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        let mut waiting = Vec::new();
        let mut add = |desk: &Desk<usize, ()>| {
            let (receiver, begin) = desk.add(1, 1);
            waiting.push(receiver);
            begin
        };
        assert!(add(&desk));
        assert_eq!(sizes(&desk), Some(vec![1]));
        assert!(add(&desk));
        assert_eq!(sizes(&desk), Some(vec![1]));
        assert!(!add(&desk));
        // The request that is over first takes what has gathered.
        assert_eq!(sizes(&desk), Some(vec![1]));
        assert_eq!(sizes(&desk), None);
        assert!(add(&desk));
    }

    #[test]
    fn nothing_is_sent_for_those_whose_time_was_over() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        drop(desk.add(1, 1));
        assert_eq!(sizes(&desk), None);
    }
}
