//! What every driver must do, as functions of a driver.
//!
//! A driver's own test file makes a [`Subject`] and calls [`run`]. What a driver cannot do, its capabilities
//! say; no test is left out by name. Everything is asked in batches, as the engine asks a remote driver.

mod counters;
mod entries;
mod leases;
mod locks;
mod tags;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ferrocache::core::clock::{Clock, ClockKind};
use ferrocache::core::command::{Command, Condition, Reply, RequestId};
use ferrocache::core::driver::{Answers, Batch, Capabilities, Driver};
use ferrocache::core::error::Result;
use ferrocache::core::hub::{Hub, Notice, Observer, SessionId};
use ferrocache::core::runtime;
use ferrocache::core::value::{Format, Life, Payload, Value};

/// An hour: longer than any test advances the clock by accident.
pub const LONG: Life = Life::of(Duration::from_secs(3600));

/// Makes a driver over a hub and a clock.
pub type Make = fn(Arc<Clock>, Arc<Hub>) -> Arc<dyn Driver>;

/// How long a request may take; far above what any does.
const LIMIT: Duration = Duration::from_secs(10);

/// A driver with two sessions that remember what they are told.
pub struct Subject {
    pub driver: Arc<dyn Driver>,
    pub first: SessionId,
    pub second: SessionId,
    told: [Arc<Told>; 2],
}

#[derive(Default)]
struct Told(Mutex<Vec<Notice>>);

impl Observer for Told {
    fn deliver(&self, notice: Notice) {
        // That there is a backend is no case's affair.
        if !matches!(notice, Notice::Connected | Notice::Disconnected { .. }) {
            self.0.lock().unwrap().push(notice);
        }
    }
}

impl Subject {
    /// A fresh, empty driver.
    pub fn new(make: Make) -> Self {
        let clock = Arc::new(Clock::new(ClockKind::Manual));
        let hub = Arc::new(Hub::default());
        let told: [Arc<Told>; 2] = Default::default();
        let [first, second] = [0, 1].map(|at: usize| hub.join(told[at].clone()));
        Self { driver: make(clock, hub), first, second, told }
    }

    /// The replies to a batch of one session.
    pub fn batch(&self, session: SessionId, batch: Vec<Command>) -> Vec<Result<Reply>> {
        let (sender, answers) = channel();
        let asked = batch.len();
        let requests = (0..).zip(batch).collect();
        let batch = Batch { session, requests, answers: Arc::new(Gathered(Mutex::new(sender))) };
        let driver = Arc::clone(&self.driver);
        runtime::spawn(async move { driver.execute(batch) });
        let mut replies: Vec<Option<Result<Reply>>> = (0..asked).map(|_| None).collect();
        while replies.iter().any(Option::is_none) {
            for (id, reply) in answers.recv_timeout(LIMIT).expect("every request is answered") {
                assert!(replies[id as usize].replace(reply).is_none(), "a request is answered once");
            }
        }
        replies.into_iter().flatten().collect()
    }

    /// The reply to one command of the first session, which must succeed.
    pub fn ask(&self, command: Command) -> Reply {
        self.ask_as(self.first, command)
    }

    /// The reply to one command, which must succeed.
    pub fn ask_as(&self, session: SessionId, command: Command) -> Reply {
        self.batch(session, vec![command]).remove(0).expect("the command succeeds")
    }

    pub fn put(&self, key: &str, text: &str) {
        self.put_for(key, text, LONG, &[]);
    }

    pub fn put_for(&self, key: &str, text: &str, life: Life, tags: &[&str]) {
        let value = value(text, life, tags);
        let reply = self.ask(Command::Put { key: key.into(), value, condition: Condition::Always });
        assert_eq!(reply, Reply::Changed(true));
    }

    /// The JSON text under a key.
    pub fn get(&self, key: &str) -> Option<String> {
        match self.ask(Command::Get { key: key.into() }) {
            Reply::Payload(payload) => payload.map(text_of),
            reply => panic!("a get answers {reply:?}"),
        }
    }

    pub fn forget(&self, key: &str) -> bool {
        changed(self.ask(Command::Forget { key: key.into() }))
    }

    pub fn flush(&self, prefix: &str) {
        assert_eq!(self.ask(Command::Flush { prefix: prefix.into() }), Reply::Done);
    }

    pub fn flush_tags(&self, tags: &[&str]) {
        assert_eq!(self.ask(Command::FlushTags { tags: names(tags) }), Reply::Done);
    }

    /// Ends a session.
    pub fn release(&self, session: SessionId) {
        Arc::clone(&self.driver).release_session(session);
    }

    pub fn advance(&self, seconds: u64) {
        self.driver.advance(Duration::from_secs(seconds)).unwrap();
    }

    /// What the second session was told since it was asked last. A driver that does not answer at once is waited
    /// for until it has told something.
    pub fn told_second(&self) -> Vec<Notice> {
        let until = Instant::now() + LIMIT;
        loop {
            let told = std::mem::take(&mut *self.told[1].0.lock().unwrap());
            if !told.is_empty() || self.driver.capabilities().embedded || Instant::now() > until {
                return told;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub fn names(list: &[&str]) -> Vec<Box<str>> {
    list.iter().map(|&name| name.into()).collect()
}

pub fn json(text: &str) -> Payload {
    Payload::new(Format::Json, text.as_bytes())
}

pub fn value(text: &str, life: Life, tags: &[&str]) -> Value {
    Value { payload: json(text), life, tags: names(tags) }
}

pub fn text_of(payload: Payload) -> String {
    String::from_utf8(payload.bytes.into_vec()).unwrap()
}

pub fn changed(reply: Reply) -> bool {
    match reply {
        Reply::Changed(changed) => changed,
        reply => panic!("expected whether it changed, got {reply:?}"),
    }
}

/// Gathers the answers to a batch.
struct Gathered(Mutex<Sender<Answered>>);

type Answered = Vec<(RequestId, Result<Reply>)>;

impl Answers for Gathered {
    fn answer(&self, answers: Answered) {
        self.0.lock().unwrap().send(answers).unwrap();
    }
}

/// Runs everything against fresh drivers.
pub fn run(make: Make) {
    entries::run(make);
    tags::run(make);
    counters::run(make);
    leases::run(make);
    locks::run(make);
}

/// What a case asks of a driver beyond the commands.
#[derive(Clone, Copy)]
pub enum Needs {
    /// Nothing.
    Commands,
    /// A clock that the test can move.
    ManualClock,
    /// Figures of all that it holds.
    Holdings,
}

impl Needs {
    fn met_by(self, able: Capabilities) -> bool {
        match self {
            Self::Commands => true,
            Self::ManualClock => able.manual_clock,
            Self::Holdings => able.embedded,
        }
    }
}

/// What must hold, as a sentence, and how it is tried.
pub type Case = (&'static str, Needs, fn(&Subject));

/// Runs named cases, each against a driver of its own, and says which failed.
pub fn cases(make: Make, cases: &[Case]) {
    for (name, needs, case) in cases {
        let subject = Subject::new(make);
        if needs.met_by(subject.driver.capabilities()) {
            println!("  {name}");
            case(&subject);
        }
    }
}
