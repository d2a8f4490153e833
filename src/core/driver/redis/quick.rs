//! A `remember` that takes one call to ask and one to end, as most do: no tags, no grace, nobody else's run.
//!
//! Both are answered from the pipeline that they went with, and may be sent by the thread that asks ([`super::at_once`]).
//! What is more than that goes on as [`super::leases`] and [`super::find`] have it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::call::{Answer, Call, Fill, Outgoing, Sink};
use super::fault::Fault;
use super::record::{self, Header, Stored, parse};
use super::wire::Value as Answered;
use super::{Asked, Leasing, Redis, leases, values};
use crate::core::command::{Command, LeaseId};
use crate::core::driver::remote::asked::Ready;
use crate::core::driver::remote::leasing::{Found, answer};
use crate::core::driver::remote::runs::Run;
use crate::core::runtime::{self, start};
use crate::core::value::{Format, Life, Payload, Value};

/// Callers who ask for the same lease at the same time.
pub struct Lookup {
    askers: Vec<Asked>,
    offline: bool,
    lease: LeaseId,
    /// When the server was asked, by its clock in µs. Their run begins then, if it becomes one, and before the lease is
    /// given: what is flushed between counts as flushed while it runs.
    began: u64,
}

impl Lookup {
    /// Takes what the server says of its time.
    pub fn time(&mut self, said: &Answered) {
        let Answered::Array(parts) = said else { return };
        let number = |at: usize| parts.get(at).and_then(Answered::text).and_then(|text| text.parse().ok());
        let [seconds, micros]: [u64; 2] = [0, 1].map(|at| number(at).unwrap_or(0));
        self.began = seconds * 1_000_000 + micros;
    }
}

/// What a factory made, on its way.
pub struct Filling {
    asked: Asked,
    lease: LeaseId,
    /// The value, where the call has it in another form.
    value: Option<Value>,
}

impl Redis {
    /// Whether `SET … NX GET` gives the lease or says what there is. Servers before 7.0 do not know it.
    pub(super) fn is_looked_up(&self, tags: &[Box<str>]) -> bool {
        tags.is_empty() && !self.has_no_get.load(Ordering::Relaxed)
    }

    /// Asks for a lease that [`Redis::is_looked_up`].
    pub(super) fn lookup(
        &self,
        askers: Vec<Asked>,
        key: Bytes,
        offline: bool,
        deadline: Instant,
    ) -> Outgoing {
        let (lease, token) = self.runs.name();
        let life = self.config.lease_ttl.as_millis() as u64;
        let call = Call::Lease(key, record::lease(&token).into(), life);
        let lookup = Lookup { askers, offline, lease, began: 0 };
        Outgoing::new(call, deadline, Sink::Lookup(Box::new(lookup)))
    }

    /// The bytes of a run's lease, if what its factory made may be stored by comparing with them alone.
    pub(super) fn marker(&self, lease: LeaseId, value: &Value, keep: bool) -> Option<Arc<[u8]>> {
        let is_quick = self.check_size(value, "remember").is_ok() && !self.is_slow_to_encode(value);
        if !keep || !lives(value.life) || !value.tags.is_empty() || !is_quick {
            return None;
        }
        self.runs.marker(lease)
    }

    /// Stores what a factory made, in the place of the marker.
    pub(super) fn store_leased(
        &self,
        asked: Asked,
        key: Box<str>,
        lease: LeaseId,
        value: Value,
        marker: Arc<[u8]>,
    ) -> Outgoing {
        let (bytes, life) = (self.encode_whole(value.clone()).into(), value.life);
        let filling = Filling { asked, lease, value: Some(value) };
        self.fill_quickly(filling, key.into_boxed_bytes().into(), bytes, life, marker)
    }

    /// Stores JSON text that a factory made, in the place of the marker, as it is.
    pub(super) fn store_text_leased(
        &self,
        asked: Asked,
        lease: LeaseId,
        (key, text): (Bytes, Bytes),
        life: Life,
        marker: Arc<[u8]>,
    ) -> Outgoing {
        self.fill_quickly(Filling { asked, lease, value: None }, key, text, life, marker)
    }

    fn fill_quickly(
        &self,
        filling: Filling,
        key: Bytes,
        value: Bytes,
        life: Life,
        marker: Arc<[u8]>,
    ) -> Outgoing {
        let millis = values::lifetime(life).unwrap_or_default();
        let by_script = self.has_no_ifeq.load(Ordering::Relaxed);
        let (call, deadline) = (Fill { key, marker, value, millis, by_script }, filling.asked.deadline);
        Outgoing::new(Call::Fill(call), deadline, Sink::Fill(Box::new(filling)))
    }
}

/// A key, which came as text.
fn as_text(key: &[u8]) -> &str {
    str::from_utf8(key).unwrap_or_default()
}

/// Whether what is stored with this life has no grace, and a time to live that Redis counts.
pub fn lives(Life { ttl, grace }: Life) -> bool {
    grace.is_zero() && ttl.is_some_and(|ttl| !ttl.is_zero() && values::millis(ttl).is_some())
}

/// Answers callers of `remember`: with what was found, or by asking what takes more than one call.
pub fn looked_up(lookup: Lookup, call: &Call, said: Answer, ready: &mut Ready) {
    let Lookup { askers, offline, lease, began } = lookup;
    let Call::Lease(key, marker, _) = call else { return };
    let Some(redis) = askers.first().map(|first| Arc::clone(&first.store)) else { return };
    let key: Arc<str> = as_text(key).into();
    let found = match said {
        Err(Fault::Refused { code, .. }) => {
            if &*code == "ERR" {
                redis.has_no_get.store(true, Ordering::Relaxed);
            }
            // Or what is no text, or a server that takes no writes now and may have the value all the same.
            None
        }
        Err(fault) => Some(Err(fault)),
        Ok(Answered::BulkString(bytes)) => match redis.stands(bytes) {
            Stands::Alone(found) => Some(Ok(found)),
            Stands::Stale(stale) => return follow_stale(redis, askers, key, stale, offline),
            Stands::More => None,
        },
        Ok(_) => {
            let marker = Some(Arc::clone(marker));
            let run = Run { began, marker, ..Run::of(&key, redis.runs.token(lease)) };
            Some(Ok(Found::Granted { lease, run, stale: None }))
        }
    };
    match found {
        Some(found) => answer(&redis, askers, &key, found, offline, ready),
        // It takes a second step. The key is claimed for it: what is asked of it meanwhile, also that a run ends that
        // this caller may join, comes after it.
        None if redis.order.is_claimed(&key) => {
            let mut leasing = Leasing::new();
            for asked in askers {
                let command = Command::Lease { key: (&*key).into(), tags: Vec::new(), offline };
                redis.begin(asked, command, &mut leasing);
            }
            redis.begin_leases(&mut leasing);
        }
        None => {
            redis.order.claim(&key);
            // Not begun here: a cluster may be about to send calls again.
            runtime::spawn(async move {
                leases::lease(askers, &key, &[], offline).await;
                redis.release(&key);
            });
        }
    }
}

/// Has callers wait for a run of this process that renews a stale value, which may take a while to decode.
fn follow_stale(redis: Arc<Redis>, askers: Vec<Asked>, key: Arc<str>, stale: Stale, offline: bool) {
    let Stale { lease, header, bytes } = stale;
    // Before the run can end: whoever waits is told of it.
    for asked in &askers {
        redis.runs.join(lease, asked.session);
    }
    start(async move {
        let stale = Some(redis.decode(header, bytes).await);
        let found = Ok(Found::Held { lease, follow: None, stale });
        answer(&redis, askers, &key, found, offline, &mut Ready::default());
    });
}

/// Answers a fill, or has it made by a script where the server has not understood it.
pub fn filled(filling: Filling, call: &Call, answer: Answer, ready: &mut Ready) {
    let Filling { asked, lease, value } = filling;
    let Call::Fill(fill) = call else { return };
    let redis = Arc::clone(&asked.store);
    let value = value.unwrap_or_else(|| Value {
        payload: Payload::new(Format::Json, &fill.value[..]),
        life: Life::of(Duration::from_millis(fill.millis)),
        tags: Vec::new(),
    });
    let stored = match answer {
        Err(Fault::Refused { code, .. }) if &*code == "ERR" && !fill.by_script => {
            redis.has_no_ifeq.store(true, Ordering::Relaxed);
            let key = fill.key.clone();
            runtime::spawn(async move {
                let reply = redis.fill(as_text(&key), lease, value, true, asked.deadline).await;
                asked.answer(reply);
            });
            return;
        }
        answer => answer.map(|answer| (matches!(answer, Answered::Okay | Answered::Int(1)), false)),
    };
    let reply = redis.end_run(lease, value.payload, stored.map_err(|fault| fault.error("remember")), true);
    ready.push(asked, reply);
}

/// What stands under a key.
enum Stands {
    /// And that is all.
    Alone(Found),
    /// A value in its grace, and a run of this process.
    Stale(Stale),
    /// What takes more to be judged: a value in its grace, a failed run, a run of another process.
    More,
}

/// A value in its grace, and the run that renews it.
struct Stale {
    lease: LeaseId,
    header: Header,
    bytes: Vec<u8>,
}

impl Redis {
    fn stands(&self, bytes: Vec<u8>) -> Stands {
        let (header, has_value) = match parse(&bytes) {
            Stored::Record(header) => (header, true),
            Stored::Lease(header) => (header, false),
            _ => return self.stands_alone(bytes),
        };
        // A run of this process is known to be under way, whatever the time.
        let running = if header.tags.is_empty() { self.runs.by_token(&header.token) } else { None };
        match running {
            None => self.stands_alone(bytes),
            Some(lease) if has_value => Stands::Stale(Stale { lease, header, bytes }),
            Some(lease) => Stands::Alone(Found::Held { lease, follow: None, stale: None }),
        }
    }

    fn stands_alone(&self, bytes: Vec<u8>) -> Stands {
        match self.value_now(bytes) {
            Ok(Some(payload)) => Stands::Alone(Found::Hit(payload)),
            _ => Stands::More,
        }
    }
}
