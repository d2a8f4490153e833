//! Answers and notices on their way to a JavaScript thread: queued here, drained there, with one wake for all.
//!
//! One mailbox for each environment that loads the addon (a thread may have several). Its handle on Node is
//! weak: a thread that only waits for notices may end (the facade holds a timer while an operation is pending).

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use parking_lot::Mutex;

use super::completions::width;
use super::convert::NativePayload;
use crate::core::command::{LeaseReply, Outage, Reply, RequestId};
use crate::core::driver::Answers;
use crate::core::error::{Error, Result};
use crate::core::hub::{EvictReason, Notice, Observer, Outcome};
use crate::core::recent::{Handed, Recent};

/// Wakes JavaScript. Not callee-handled: the callback takes no error and must not throw.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Most notices of evictions and expirations that wait at once; further ones are dropped. Notices that a
/// promise waits for are never dropped: there are as many as promises.
const MOST_WATCHED: usize = 65_536;

struct Mailbox {
    queue: Mutex<Vec<(u32, Notice)>>,
    answers: Mutex<VecDeque<(RequestId, Answer)>>,
    recent: Mutex<Option<Box<Recent>>>,
    awake: AtomicBool,
    wake: Wake,
}

thread_local! {
    /// By environment, as a number.
    static MAILBOXES: RefCell<HashMap<usize, Arc<Mailbox>>> = RefCell::default();
}

/// A session's end of this thread's mailbox.
pub struct Address {
    mailbox: Arc<Mailbox>,
    handle: u32,
}

impl Observer for Address {
    fn deliver(&self, notice: Notice) {
        let mut queue = self.mailbox.queue.lock();
        let droppable = matches!(notice, Notice::Evicted { .. } | Notice::Expired { .. });
        if droppable && queue.len() >= MOST_WATCHED {
            return;
        }
        queue.push((self.handle, notice));
        drop(queue);
        self.mailbox.wake();
    }
}

/// An answer on its way.
pub enum Answer {
    /// To a read of one key, or a lease of it, that found a value.
    One(Handed),
    /// To a read of several keys.
    Several(Vec<std::result::Result<Option<Handed>, Outage>>),
    /// To anything else.
    Reply(Reply),
    /// There is none.
    Failed(Error),
}

impl Answer {
    fn of(answer: Result<Reply>, recent: &mut Recent) -> Self {
        match answer {
            Ok(Reply::Payload(Some(payload)) | Reply::Lease(LeaseReply::Hit(payload))) => {
                Self::One(recent.hand_over(payload))
            }
            Ok(Reply::Payloads(payloads)) => {
                let mut hand_over = |payload: Option<_>| payload.map(|payload| recent.hand_over(payload));
                Self::Several(payloads.into_iter().map(|payload| payload.map(&mut hand_over)).collect())
            }
            Ok(reply) => Self::Reply(reply),
            Err(error) => Self::Failed(error),
        }
    }
}

impl Answers for Address {
    fn answer(&self, answers: Vec<(RequestId, Result<Reply>)>) {
        // Held until they are queued: what is to be kept must be told before it is referred to.
        let mut recent = self.mailbox.recent.lock();
        let recent = recent.get_or_insert_default();
        let answers = answers.into_iter().map(|(id, answer)| (id, Answer::of(answer, recent)));
        let answers: Vec<_> = answers.collect();
        self.mailbox.answers.lock().extend(answers);
        self.mailbox.wake();
    }
}

impl Mailbox {
    fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) {
            // A thread that is ending answers `Closing`; its sessions end with it.
            let _ = self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// What waited for an environment.
#[derive(Default)]
pub struct Taken {
    /// Answers.
    pub answers: Vec<(RequestId, Answer)>,
    /// Whether there are more.
    pub are_more: bool,
    /// Whether there are notices.
    pub are_notices: bool,
}

/// Takes the first answers that wait for this environment, as many as so many numbers can tell of.
pub fn take_answers(env: usize, room: usize) -> Taken {
    MAILBOXES.with_borrow(|mailboxes| {
        let Some(mailbox) = mailboxes.get(&env) else { return Taken::default() };
        // Before they are taken: what comes after wakes the thread again.
        mailbox.awake.store(false, Ordering::Release);
        let are_notices = !mailbox.queue.lock().is_empty();
        let mut answers = mailbox.answers.lock();
        let mut left = room;
        let fits = |(_, answer): &&(RequestId, Answer)| {
            let rest = left.checked_sub(width(answer));
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        let count = answers.iter().take_while(fits).count();
        if count == answers.len() {
            return Taken { answers: mem::take(&mut *answers).into(), are_more: false, are_notices };
        }
        Taken { answers: answers.drain(..count).collect(), are_more: true, are_notices }
    })
}

/// Where notices for this handle go, if this thread has said how it is woken.
pub fn address(env: Env, handle: u32) -> Option<Address> {
    mailbox(env).map(|mailbox| Address { mailbox, handle })
}

fn mailbox(env: Env) -> Option<Arc<Mailbox>> {
    MAILBOXES.with_borrow(|mailboxes| mailboxes.get(&(env.raw() as usize)).map(Arc::clone))
}

/// Forgets an environment that ends.
pub fn forget(env: usize) {
    let gone = MAILBOXES.try_with(|mailboxes| mailboxes.borrow_mut().remove(&env));
    drop(gone);
}

/// Makes the mailbox of an environment, which is woken by `wake`.
pub fn install(env: Env, wake: Function<'_, (), ()>) -> napi::Result<()> {
    let wake = wake.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()?;
    let mailbox = Arc::new(Mailbox {
        queue: Mutex::default(),
        answers: Mutex::default(),
        recent: Mutex::default(),
        awake: AtomicBool::new(false),
        wake,
    });
    MAILBOXES.with_borrow_mut(|mailboxes| mailboxes.insert(env.raw() as usize, mailbox));
    Ok(())
}

/// A notice as JavaScript gets it.
#[napi(object, object_from_js = false)]
pub struct NativeNotice {
    /// The session that it is for.
    pub handle: u32,
    /// `flight`, `lockFree`, `evict`, `expire`, `connect`, `disconnect`.
    pub kind: &'static str,
    /// The key, or the lock's name.
    pub key: Option<String>,
    /// Why an entry was evicted: `size`, `too-large`.
    pub reason: Option<&'static str>,
    /// The run that has ended.
    pub lease: Option<f64>,
    /// How it ended: `value`, `failed`, `abandoned`.
    pub outcome: Option<&'static str>,
    /// See `superseded` of a fill.
    pub superseded: Option<f64>,
    /// The value that it ended with.
    #[napi(ts_type = "string | [string] | Buffer")]
    pub payload: NativePayload,
    /// The error that it ended with, as the leader wrote it; why the backend cannot be asked.
    pub error: Option<String>,
}

/// Takes all that is queued for this environment.
#[napi(catch_unwind)]
pub fn drain(env: Env) -> Vec<NativeNotice> {
    let Some(mailbox) = mailbox(env) else { return Vec::new() };
    // Before the queue is taken: what comes after it wakes the thread again.
    mailbox.awake.store(false, Ordering::Release);
    let queued = mem::take(&mut *mailbox.queue.lock());
    queued.into_iter().map(|(handle, notice)| cross(handle, notice)).collect()
}

fn cross(handle: u32, notice: Notice) -> NativeNotice {
    let mut out = NativeNotice {
        handle,
        kind: "",
        key: None,
        reason: None,
        lease: None,
        outcome: None,
        superseded: None,
        payload: NativePayload(None),
        error: None,
    };
    match notice {
        Notice::Flight { lease, outcome, superseded } => {
            out.kind = "flight";
            out.lease = Some(lease as f64);
            out.superseded = Some(superseded as f64);
            match outcome {
                Outcome::Value(payload) => {
                    out.outcome = Some("value");
                    out.payload = NativePayload(Some(Arc::unwrap_or_clone(payload)));
                }
                Outcome::Failed(error) => {
                    out.outcome = Some("failed");
                    out.error = Some(error.to_string());
                }
                Outcome::Abandoned => out.outcome = Some("abandoned"),
            }
        }
        Notice::LockFree { name } => {
            out.kind = "lockFree";
            out.key = Some(name.to_string());
        }
        Notice::Evicted { key, reason } => {
            out.kind = "evict";
            out.key = Some(key.to_string());
            out.reason = Some(match reason {
                EvictReason::Size => "size",
                EvictReason::TooLarge => "too-large",
            });
        }
        Notice::Expired { key } => {
            out.kind = "expire";
            out.key = Some(key.to_string());
        }
        Notice::Connected => out.kind = "connect",
        Notice::Disconnected { reason } => {
            out.kind = "disconnect";
            out.error = Some(reason.to_string());
        }
    }
    out
}
