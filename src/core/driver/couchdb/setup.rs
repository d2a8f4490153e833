//! What is done before a database can be used: it is made where it is missing, and the view of the sweep with it.

use std::sync::Weak;
use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::backend::Backend;
use super::http::Answer;
use crate::core::driver::remote::fault::Fault;

/// The pause after the server has refused the user, doubled each time: five bad logins within five minutes lock the
/// user out, also with the right password.
const REFUSED: Duration = Duration::from_secs(90);
const LONGEST_REFUSED: Duration = Duration::from_secs(15 * 60);
/// The pause where somebody else has to make the database.
const MISSING: Duration = Duration::from_secs(2);

/// What is left behind as `_design/cache`: the view that the sweep goes through.
pub const DESIGN: &str = r#"{"language":"javascript","views":{"expired":{"map":"function (doc) {\n  if (doc.expiresAt) {\n    emit(doc.expiresAt, doc._rev);\n  }\n}"}}}"#;

/// Why a database cannot be used.
struct Obstacle {
    reason: String,
    kind: Kind,
}

enum Kind {
    /// The server cannot be reached, or is not ready.
    Away,
    /// It refuses the user.
    Refused,
    /// The database is missing, and the user may not make it.
    Missing,
}

/// Tries until the database can be used; not at once if the user was just refused.
pub async fn connect(backend: Weak<Backend>, refused: bool) {
    let (mut failures, mut refusals) = (0, u32::from(refused));
    if refused {
        sleep(REFUSED).await;
    }
    loop {
        let Some(backend) = backend.upgrade() else { return };
        let pause = match prepare(&backend).await {
            Ok(()) => return backend.gate.up(),
            Err(Obstacle { reason, kind }) => {
                backend.gate.down(reason.into());
                match kind {
                    Kind::Away => {
                        failures += 1;
                        backend.config.pause(failures)
                    }
                    Kind::Missing => MISSING,
                    Kind::Refused => {
                        refusals += 1;
                        (REFUSED * (1 << (refusals - 1).min(4))).min(LONGEST_REFUSED)
                    }
                }
            }
        };
        drop(backend);
        sleep(pause).await;
    }
}

async fn prepare(backend: &Backend) -> Result<(), Obstacle> {
    let name = &backend.config.database;
    let found = ask(backend, Method::GET, "", None).await?;
    match found.status {
        200 => {}
        404 => create(backend).await?,
        400 => return Err(away(format!("CouchDB takes no database of the name {name}: {}", found.reason()))),
        _ => return Err(unusable(&found)),
    }
    // Whoever may not write it can use the cache all the same, and 409 says that it is there: it is never rewritten.
    let design = ask(backend, Method::PUT, "/_design/cache", Some(DESIGN)).await?;
    if design.status >= 500 { Err(unusable(&design)) } else { Ok(()) }
}

async fn create(backend: &Backend) -> Result<(), Obstacle> {
    let name = &backend.config.database;
    let created = ask(backend, Method::PUT, "", None).await?;
    match created.status {
        // Another process was faster.
        412 => {}
        401 | 403 => {
            return Err(Obstacle {
                reason: format!(
                    "the database {name} does not exist, and the user may not create it: have a server admin create \
                     it, or give the user the server admin's rights ({})",
                    created.reason()
                ),
                kind: Kind::Missing,
            });
        }
        _ if created.is_ok() => {}
        // Of several that make it at once, some are told that they failed.
        _ if ask(backend, Method::GET, "", None).await?.is_ok() => {}
        _ => return Err(unusable(&created)),
    }
    // Fewer revisions are kept of each document: a cache needs no history. Said by all who found the database missing,
    // for the server may tell each of them that another was faster.
    let limit = backend.config.revs_limit.to_string();
    ask(backend, Method::PUT, "/_revs_limit", Some(&limit)).await.map(drop)
}

async fn ask(backend: &Backend, method: Method, path: &str, body: Option<&str>) -> Result<Answer, Obstacle> {
    let deadline = Instant::now() + backend.config.connect_timeout;
    let body = body.map(|body| body.as_bytes().to_vec());
    backend.http.ask(method, path, body, deadline).await.map_err(|fault| match fault {
        Fault::Timeout(_) => {
            away("CouchDB cannot be reached: it did not answer in time (connectTimeout)".to_owned())
        }
        Fault::Down(reason) | Fault::Dropped(reason) | Fault::Refused { message: reason, .. } => {
            away(reason.to_string())
        }
    })
}

fn unusable(answer: &Answer) -> Obstacle {
    match answer.status {
        401 | 403 => Obstacle { reason: refusal(answer), kind: Kind::Refused },
        _ => away(format!("CouchDB cannot be used: {}", answer.reason())),
    }
}

/// What is said where the server refuses the user.
pub fn refusal(answer: &Answer) -> String {
    format!(
        "CouchDB refuses the user: check username and password, and that the user is a member of the database; it \
         is tried again after a while, for bad logins lock the user out ({})",
        answer.reason()
    )
}

fn away(reason: String) -> Obstacle {
    Obstacle { reason, kind: Kind::Away }
}
