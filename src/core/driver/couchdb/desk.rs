//! Few requests for much: what is asked while requests are under way is gathered, and sent as the next.
//!
//! A desk gathers one kind of thing (ids to read, documents to write). What was asked in one tick goes together, and
//! so does all that was asked while as many requests were under way as so many things are worth. Who was answered most
//! often asks for the next thing at once: where others wait already, their request does for a moment until as many have
//! come again, for `CouchDB` does nearly twice as much with one request of 64 documents as with two of 32.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use crate::core::driver::remote::fault::Fault;

/// How long those are waited for who were answered.
const LINGER: Duration = Duration::from_millis(1);
/// A request that takes so long may be stuck: others do not wait for it.
const SLOW: Duration = Duration::from_millis(250);

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
    /// For how many things, under way and waiting, a first, a second… request at the same time is worth while; there
    /// are no more requests than that at once.
    pub worth: &'static [usize],
}

struct Queue<I, O> {
    waiting: VecDeque<Waiting<I, O>>,
    /// Requests under way.
    busy: usize,
    /// How many of them have yet to take their first share.
    beginning: usize,
    /// Things under way.
    taken: usize,
    /// When a request was sent last.
    last: Option<Instant>,
    /// How many things have come, all in all.
    come: u64,
}

/// Gathers things of one kind.
pub struct Desk<I, O> {
    limits: Limits,
    queue: Mutex<Queue<I, O>>,
    came: Notify,
}

impl<I, O> Desk<I, O> {
    /// A desk with these limits.
    pub fn new(limits: Limits) -> Self {
        let queue = Queue { waiting: VecDeque::new(), busy: 0, beginning: 0, taken: 0, last: None, come: 0 };
        Self { limits, queue: Mutex::new(queue), came: Notify::new() }
    }

    /// Adds a thing; and whether the caller is to have a request begun, which takes shares until there are none.
    pub fn add(&self, item: I, size: usize) -> (oneshot::Receiver<Result<O, Fault>>, bool) {
        let (answer, receiver) = oneshot::channel();
        let mut queue = self.queue.lock();
        queue.waiting.push_back(Waiting { item, size, answer });
        queue.come += 1;
        self.came.notify_waiters();
        let things = queue.taken + queue.waiting.len();
        let worth = self.limits.worth.iter().take_while(|least| **least <= things).count();
        let stuck = queue.beginning == 0 && queue.last.is_some_and(|last| last.elapsed() > SLOW);
        let begin = queue.busy < if stuck { self.limits.worth.len() } else { worth };
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
        queue.taken += count;
        queue.last = Some(Instant::now());
        Some(queue.waiting.drain(..count).collect())
    }

    /// Sees a request to its end; `begin` has another begun if it takes long and others wait.
    pub async fn see<T>(&self, request: impl Future<Output = T>, begin: impl FnOnce()) -> T {
        let mut request = pin!(request);
        if let Ok(ended) = timeout(SLOW, &mut request).await {
            return ended;
        }
        let worth_while = {
            let mut queue = self.queue.lock();
            let begin =
                queue.beginning == 0 && queue.busy < self.limits.worth.len() && !queue.waiting.is_empty();
            queue.beginning += usize::from(begin);
            queue.busy += usize::from(begin);
            begin
        };
        if worth_while {
            begin();
        }
        request.await
    }

    /// So many things of a request were answered: where others wait, waits for a moment until as many have come again.
    pub async fn answered(&self, count: usize) {
        let enough = {
            let mut queue = self.queue.lock();
            queue.taken -= count;
            if queue.waiting.is_empty() {
                return;
            }
            queue.come + count as u64
        };
        let come_again = async {
            loop {
                // Before it is looked: what comes meanwhile is told.
                let came = self.came.notified();
                if self.queue.lock().come >= enough {
                    return;
                }
                came.await;
            }
        };
        let _ = timeout(LINGER, come_again).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { count: 3, bytes: 100, worth: &[1, 100] };

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
        let desk = Desk::<usize, ()>::new(Limits { count: 100, bytes: 1000, worth: &[1, 3] });
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
    fn no_more_requests_begin_than_what_is_asked_for_is_worth() {
        let desk = Desk::<usize, ()>::new(Limits { worth: &[1, 4, 5], ..LIMITS });
        let mut waiting = Vec::new();
        let mut add = || {
            let (receiver, begin) = desk.add(1, 1);
            waiting.push(receiver);
            begin
        };
        assert!(add());
        assert_eq!(sizes(&desk), Some(vec![1]));
        // Together with what is under way.
        assert_eq!([add(), add(), add()], [false, false, true]);
        assert_eq!(sizes(&desk), Some(vec![1, 1, 1]));
        assert_eq!([add(), add()], [true, false]);
        // The request that is over first takes what has gathered.
        assert_eq!(sizes(&desk), Some(vec![1, 1]));
        assert_eq!(sizes(&desk), None);
    }

    #[test]
    fn others_do_not_wait_for_a_request_that_may_be_stuck() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        let _first = desk.add(1, 1);
        assert_eq!(sizes(&desk), Some(vec![1]));
        let (_second, begin) = desk.add(2, 1);
        assert!(!begin);
        desk.queue.lock().last = Instant::now().checked_sub(SLOW * 2);
        let (_third, begin) = desk.add(3, 1);
        assert!(begin);
        assert_eq!(sizes(&desk), Some(vec![2, 3]));
    }

    #[tokio::test]
    async fn who_waits_already_does_not_wait_for_it_either() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        let _first = desk.add(1, 1);
        assert_eq!(sizes(&desk), Some(vec![1]));
        let _second = desk.add(2, 1);
        let (ends, ended) = oneshot::channel();
        let seen = desk.see(ended, || {
            assert_eq!(sizes(&desk), Some(vec![2]));
            assert_eq!(ends.send(()), Ok(()));
        });
        assert_eq!(seen.await, Ok(()));
    }

    #[tokio::test]
    async fn who_was_answered_is_waited_for_where_others_wait_and_not_for_long() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        let _asked = [1, 2].map(|item| desk.add(item, 1));
        assert_eq!(sizes(&desk), Some(vec![1, 2]));
        let _waits = desk.add(3, 1);
        let answered = async {
            desk.answered(2).await;
            desk.queue.lock().come
        };
        let again = async { [4, 5].map(|item| desk.add(item, 1)) };
        let (come, _again) = tokio::join!(answered, again);
        assert_eq!((come, sizes(&desk)), (5, Some(vec![3, 4, 5])));
        let _waits = desk.add(6, 1);
        desk.answered(3).await;
        assert_eq!(sizes(&desk), Some(vec![6]));
    }

    #[test]
    fn nothing_is_sent_for_those_whose_time_was_over() {
        let desk = Desk::<usize, ()>::new(LIMITS);
        drop(desk.add(1, 1));
        assert_eq!(sizes(&desk), None);
    }
}
