//! Requests to the server, and what their failures mean.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Method};
use tokio::time::{Instant, timeout_at};

use super::clock::ServerClock;
use super::config::{Config, Tls};
use crate::core::driver::remote::fault::Fault;
use crate::core::error::{Error, ErrorKind, Result};

/// Connections are given up that were idle for so long. `CouchDB` keeps them longer.
const IDLE: Duration = Duration::from_secs(30);
/// What needs no escape in a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What the server answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether the request was done, or accepted.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Why it was not, in the server's words.
    pub fn reason(&self) -> String {
        #[derive(Default, serde::Deserialize)]
        struct Refusal {
            #[serde(default)]
            error: String,
            #[serde(default)]
            reason: String,
        }
        let Refusal { error, reason } = serde_json::from_slice(&self.body).unwrap_or_default();
        match self.status {
            // Where the server failed, its reason may show paths and processes of its own.
            500.. => format!("{} {error}", self.status),
            status => format!("{status} {error}: {reason}"),
        }
    }
}

/// A client of one database.
pub struct Http {
    client: Client,
    database: String,
    clock: Arc<ServerClock>,
}

impl Http {
    /// A client; [`ErrorKind::Config`] if a certificate cannot be read.
    pub fn new(config: &Config, clock: Arc<ServerClock>) -> Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let (Some(username), Some(password)) = (&config.username, &config.password) {
            let login = BASE64.encode(format!("{username}:{password}"));
            let mut login = HeaderValue::from_str(&format!("Basic {login}"))
                .map_err(|_| wrong("the user name and the password cannot be sent"))?;
            login.set_sensitive(true);
            headers.insert(AUTHORIZATION, login);
        }
        let mut client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("ferrocache/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(IDLE)
            .redirect(Policy::none())
            .no_proxy();
        if let Some(tls) = &config.tls {
            client = secured(client, tls)?;
        }
        let client =
            client.build().map_err(|error| wrong(&format!("TLS cannot be set up: {}", words(&error))))?;
        Ok(Self { client, database: format!("{}/{}", config.url, escaped(&config.database)), clock })
    }

    /// Asks the database; the path begins after its name.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        deadline: Instant,
    ) -> std::result::Result<Answer, Fault> {
        let mut request = self.client.request(method, format!("{}{path}", self.database));
        if let Some(body) = body {
            request = request.body(body);
        }
        let asked = async {
            let sent = SystemTime::now();
            let response = request.send().await?;
            let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
            if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
                self.clock.note(date, sent, SystemTime::now());
            }
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>(Answer { status, body: response.bytes().await? })
        };
        match timeout_at(deadline, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_connect() => {
                Err(Fault::Down(format!("CouchDB cannot be reached: {}", words(&error)).into()))
            }
            Ok(Err(error)) => {
                Err(Fault::Dropped(format!("the connection to CouchDB was lost: {}", words(&error)).into()))
            }
            Err(_) => Err(Fault::Timeout("CouchDB did not answer in time (commandTimeout)".into())),
        }
    }
}

impl Http {
    /// Asks for what comes in pieces, without end; the first answer is to come by the deadline.
    pub async fn stream(
        &self,
        path: &str,
        deadline: Instant,
    ) -> std::result::Result<reqwest::Response, Fault> {
        let request = self.client.get(format!("{}{path}", self.database)).send();
        match timeout_at(deadline, request).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => {
                let status = response.status().as_u16();
                Err(Fault::Refused {
                    code: "stream".into(),
                    message: format!("CouchDB answered {status}").into(),
                })
            }
            Ok(Err(error)) => {
                Err(Fault::Down(format!("CouchDB cannot be reached: {}", words(&error)).into()))
            }
            Err(_) => Err(Fault::Timeout("CouchDB did not answer in time (connectTimeout)".into())),
        }
    }
}

fn secured(client: ClientBuilder, tls: &Tls) -> Result<ClientBuilder> {
    let mut client = client;
    if let Some(ca) = &tls.ca {
        let roots =
            Certificate::from_pem_bundle(ca.as_bytes()).map_err(|_| wrong("tls.ca cannot be read"))?;
        client = client.tls_certs_only(roots);
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        let identity = Identity::from_pem(format!("{cert}\n{key}").as_bytes())
            .map_err(|_| wrong("tls.cert and tls.key cannot be read"))?;
        client = client.identity(identity);
    }
    Ok(client.tls_danger_accept_invalid_certs(tls.insecure))
}

/// A name as part of a path.
pub fn escaped(name: &str) -> String {
    utf8_percent_encode(name, PLAIN).to_string()
}

/// What went wrong below, in words that name no URL.
fn words(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "it broke off".to_owned(), ToString::to_string)
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Config, "open", message)
}
