//! What a caller of `remember` finds: a value, the lease of the key, or the run of another.

use std::sync::Arc;

use tokio::time::Instant;

use super::Redis;
use super::call::Call;
use super::fault::Fault;
use super::record::{self, Header, Stored, parse};
use super::scripts::LEASE;
use super::wire::Value as Answered;
use crate::core::command::LeaseId;
use crate::core::driver::remote::Tagged;
use crate::core::driver::remote::epochs::flushed_since;
use crate::core::driver::remote::leasing::Found;
use crate::core::driver::remote::runs::Run;
use crate::core::value::Payload;

impl Redis {
    /// What there is for a caller: a value, the lease, or another's run.
    pub(super) async fn find(
        &self,
        key: &Arc<str>,
        tags: &[Box<str>],
        deadline: Instant,
    ) -> std::result::Result<Found, Fault> {
        let (lease, token) = self.runs.name();
        let names = record::tag_block(tags.iter().map(|tag| (&**tag, "-"))).into_bytes();
        let life = self.config.lease_ttl.as_millis().to_string().into_bytes();
        let (mut dead, mut epochs) = (Vec::new(), None);
        loop {
            let args = vec![token.as_bytes().to_vec(), life.clone(), names.clone(), dead];
            let asked = self.ask(Call::Script(&LEASE, key.as_bytes().into(), args), deadline);
            // In the same pipeline, and once: the epochs of before the factory runs.
            let current = epochs.is_none().then(|| self.epochs(tags, Some(0), deadline));
            let answer = asked.await?;
            if let Some(current) = current {
                epochs = Some(current.await?);
            }
            let known = epochs.as_deref().unwrap_or_default();
            match self.judge(key, answer, known, deadline).await? {
                Ok(judged) => return Ok(judged.found(key, lease, token, epochs.unwrap_or_default())),
                Err(header) => dead = header,
            }
        }
    }

    /// What the script's answer means; or the header of what is to count as nothing, for it is out of date.
    async fn judge(
        &self,
        key: &str,
        answer: Answered,
        epochs: &[Tagged],
        deadline: Instant,
    ) -> std::result::Result<std::result::Result<Judged, Vec<u8>>, Fault> {
        let Answered::Array(parts) = answer else { return Ok(Ok(Judged::Hit(Payload::corrupt()))) };
        let mut parts = parts.into_iter();
        let found = parts.next();
        let value = match parts.next() {
            Some(Answered::BulkString(bytes)) => Some(bytes),
            _ => None,
        };
        let began = match parts.nth(1) {
            Some(Answered::Int(began)) => began as u64,
            _ => 0,
        };
        let is = |word: &[u8]| matches!(&found, Some(Answered::BulkString(found)) if found == word);
        if is(b"granted") {
            let stale = match value {
                Some(bytes) => self.value(key.as_bytes(), bytes, true, deadline).await?,
                None => None,
            };
            return Ok(Ok(Judged::Granted { began, stale }));
        }
        let Some(bytes) = value else { return Ok(Ok(Judged::Hit(Payload::corrupt()))) };
        let (header, has_value) = match parse(&bytes) {
            Stored::Record(header) => (header, true),
            Stored::Lease(header) => (header, false),
            Stored::Plain => {
                let payload = self.value_now(bytes).unwrap_or_default();
                return Ok(Ok(Judged::Hit(payload.unwrap_or_else(Payload::corrupt))));
            }
            Stored::Failed(_) | Stored::Corrupt => return Ok(Ok(Judged::Hit(Payload::corrupt()))),
        };
        let first = bytes[..header.length].to_vec();
        if has_value && !self.has_valid_tags(&header, deadline).await? {
            return Ok(Err(first));
        }
        if is(b"hit") {
            return Ok(Ok(Judged::Hit(self.decode(header, bytes).await)));
        }
        if self.is_outdated(&header, epochs, deadline).await? {
            return Ok(Err(first));
        }
        let known = self.runs.by_token(&header.token);
        if known.is_none() && self.runs.is_own(&header.token) {
            // A run of this process that has ended without a word to the server.
            return Ok(Err(first));
        }
        let (token, tags) = (header.token.clone(), header.tags.clone());
        let stale = if has_value { Some(self.decode(header, bytes).await) } else { None };
        Ok(Ok(Judged::Held { known, token: token.into(), tags: tags.into(), stale }))
    }

    /// Whether one of its tags was flushed since a run began. Tags that its factory names late are looked at by its
    /// fill.
    async fn is_outdated(
        &self,
        run: &Header,
        epochs: &[Tagged],
        deadline: Instant,
    ) -> std::result::Result<bool, Fault> {
        let since = |epoch: &str| flushed_since(epoch, run.began, self.skew());
        let known = |tag: &str| epochs.iter().find(|(known, _)| **known == *tag);
        if run.tags.iter().filter_map(|(tag, _)| known(tag)).any(|(_, epoch)| since(epoch)) {
            return Ok(true);
        }
        let tags = run.tags.iter().map(|(tag, _)| &**tag);
        let others: Vec<&str> = tags.filter(|tag| known(tag).is_none()).collect();
        let current = self.current_epochs(&others, deadline).await?;
        Ok(current.iter().flatten().any(|epoch| since(epoch)))
    }
}

enum Judged {
    Hit(Payload),
    Granted { began: u64, stale: Option<Payload> },
    Held { known: Option<LeaseId>, token: Arc<str>, tags: Arc<[Tagged]>, stale: Option<Payload> },
}

impl Judged {
    fn found(self, key: &Arc<str>, lease: LeaseId, token: Arc<str>, epochs: Vec<Tagged>) -> Found {
        let key = Arc::clone(key);
        match self {
            Self::Hit(payload) => Found::Hit(payload),
            Self::Granted { began, stale } => {
                let run = Run { began, tags: epochs.into(), ..Run::of(&key, token) };
                Found::Granted { lease, run, stale }
            }
            Self::Held { known: Some(lease), stale, .. } => Found::Held { lease, follow: None, stale },
            Self::Held { known: None, token, tags, stale } => {
                let run = Run { tags, ..Run::of(&key, token) };
                Found::Held { lease, follow: Some(run), stale }
            }
        }
    }
}
