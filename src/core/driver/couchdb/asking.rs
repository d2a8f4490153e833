//! Asking the server: again where it fails for a moment, and telling the breaker what its answers, or their want, say.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::backend::Backend;
use super::http::Answer;
use super::patience::Patience;
use super::setup;
use crate::core::driver::remote::fault::Fault;
use crate::core::runtime;

/// What became of a request.
pub enum Judged {
    /// It was answered.
    Answer(Answer),
    /// It was not, or nobody was asked.
    Fault(Fault),
    /// There was no such database.
    Missing(Fault),
    /// The server failed, maybe for a moment.
    Failed(Fault),
}

impl Backend {
    /// Asks the server for what may be asked again where it fails for a moment.
    pub async fn ask(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        self.ask_until(false, (method, path, body), Instant::now() + limit).await
    }

    /// Asks for what may be asked twice: again also if the connection is lost, until the time is over.
    pub async fn ask_again(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        let (deadline, mut patience) = (Instant::now() + limit, Patience::default());
        loop {
            match self.ask_until(false, (method.clone(), path, body.clone()), deadline).await {
                Err(Fault::Dropped(_)) if Instant::now() + patience.next() < deadline => {
                    patience.wait().await;
                }
                other => return other,
            }
        }
    }

    /// Asks for what only a server admin may do. That the user is none says nothing of other requests.
    pub async fn ask_as_admin(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> std::result::Result<Answer, Fault> {
        self.ask_until(true, (method, path, Some(body)), Instant::now() + limit).await
    }

    async fn ask_until(
        self: &Arc<Self>,
        admin: bool,
        (method, path, body): (Method, &str, Option<Vec<u8>>),
        deadline: Instant,
    ) -> std::result::Result<Answer, Fault> {
        let mut patience = Patience::default();
        loop {
            let judged = self.ask_once(admin, (method.clone(), path, body.clone()), deadline).await;
            let (Judged::Missing(fault) | Judged::Failed(fault)) = &judged else {
                return match judged {
                    Judged::Answer(answer) => Ok(answer),
                    Judged::Fault(fault) | Judged::Missing(fault) | Judged::Failed(fault) => Err(fault),
                };
            };
            if Instant::now() + patience.next() < deadline {
                patience.wait().await;
                continue;
            }
            // Failing for so long is as good as silence.
            if let (Judged::Failed(_), Fault::Refused { message, .. }) = (&judged, fault) {
                self.unanswered(message);
            }
            return Err(fault.clone());
        }
    }

    /// Asks once, as soon as the server may be asked.
    pub(super) async fn ask_once(
        self: &Arc<Self>,
        admin: bool,
        (method, path, body): (Method, &str, Option<Vec<u8>>),
        deadline: Instant,
    ) -> Judged {
        if let Err(fault) = self.gate.pass(deadline, || self.connect(false)).await {
            return Judged::Fault(fault);
        }
        self.judge(self.http.ask(method, path, body, deadline).await, admin)
    }

    /// What an answer, or none, says of the server.
    fn judge(self: &Arc<Self>, asked: std::result::Result<Answer, Fault>, admin: bool) -> Judged {
        let answer = match asked {
            Ok(answer) => answer,
            Err(fault) => {
                match &fault {
                    Fault::Down(reason) => self.lost(reason, false),
                    Fault::Timeout(reason) | Fault::Dropped(reason) => self.unanswered(reason),
                    Fault::Refused { .. } => {}
                }
                return Judged::Fault(fault);
            }
        };
        let refused =
            |code: &str, message: String| Fault::Refused { code: code.into(), message: message.into() };
        match answer.status {
            // What it is to be retried later by its own words, or cannot do for a moment.
            429 | 500..=599 => {
                return Judged::Failed(refused("500", format!("CouchDB failed: {}", answer.reason())));
            }
            _ => self.gate.answered(),
        }
        match answer.status {
            401 | 403 if !admin => {
                let reason: Arc<str> = setup::refusal(&answer).into();
                self.lost(&reason, true);
                Judged::Fault(Fault::Down(reason))
            }
            404 if answer.reason().contains("Database does not exist")
                || answer.reason().contains("no_db_file") =>
            {
                self.revisions.clear();
                if self.gate.missing() {
                    self.connect(false);
                }
                Judged::Missing(refused("404", format!("CouchDB has no such database: {}", answer.reason())))
            }
            _ => Judged::Answer(answer),
        }
    }

    /// A request was not answered; of some in a row, the server is given up.
    fn unanswered(self: &Arc<Self>, reason: &Arc<str>) {
        if self.gate.failed() {
            self.lost(reason, false);
        }
    }

    /// The server is given up, until an attempt says otherwise.
    fn lost(self: &Arc<Self>, reason: &Arc<str>, refused: bool) {
        if self.gate.lost(reason) {
            self.connect(refused);
        }
    }

    fn connect(self: &Arc<Self>, refused: bool) {
        runtime::spawn(setup::connect(Arc::downgrade(self), refused));
    }
}
