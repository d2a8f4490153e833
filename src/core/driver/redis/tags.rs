//! Tags: each has an epoch, and each entry the epochs that its tags had before it was computed.
//!
//! Flushing a tag writes a new epoch. A missing epoch (evicted, flushed away) is another one too: what was stored
//! with the old one is never served again. An epoch says when it was made, in the server's microseconds, and
//! whether by a flush (`f`) or because it was missing (`c`).

use futures_util::future::{join_all, try_join_all};

use tokio::time::Instant;

use super::Redis;
use super::call::Call;
use super::config::Mode;
use super::fault::Fault;
use super::record::Header;
use super::scripts::{EPOCH, FLUSH_TAG};
use super::wire::Value as Answered;
use super::{keys, values};
use crate::core::command::Reply;
use crate::core::driver::remote::Tagged;
use crate::core::driver::remote::epochs::{LEAST_KEPT, random};
use crate::core::error::Result;

/// How far the clocks of a cluster's nodes may be apart before a factory that runs during a flush of a tag that it
/// names late is told apart wrongly.
const SKEW_MICROS: u64 = 1_000_000;

impl Redis {
    /// The difference of the clocks that compare leases and flushes.
    pub fn skew(&self) -> u64 {
        if matches!(self.config.mode, Mode::Cluster(_)) { SKEW_MICROS } else { 0 }
    }

    /// The tags with their epochs, which are made where they are missing, and kept for as long as an entry lives
    /// that has them. Asked when this is called, not when it is awaited.
    pub fn epochs(
        &self,
        tags: &[Box<str>],
        life: Option<u64>,
        deadline: Instant,
    ) -> impl Future<Output = std::result::Result<Vec<Tagged>, Fault>> + use<> {
        let life = life.map(|life| life.max(LEAST_KEPT.as_millis() as u64));
        let asked: Vec<_> = tags
            .iter()
            .map(|tag| {
                let args = vec![random().into_bytes(), values::argument(life)];
                let answer = self.ask(Call::Script(&EPOCH, keys::tag(tag).into(), args), deadline);
                let tag = tag.clone();
                async move {
                    let epoch = answer.await?.text().unwrap_or_default().to_owned();
                    Ok((tag, epoch.into_boxed_str()))
                }
            })
            .collect();
        try_join_all(asked)
    }

    /// Whether no tag of an entry was flushed since it was computed.
    pub async fn has_valid_tags(
        &self,
        header: &Header,
        deadline: Instant,
    ) -> std::result::Result<bool, Fault> {
        if header.tags.is_empty() {
            return Ok(true);
        }
        let names: Vec<&str> = header.tags.iter().map(|(tag, _)| &**tag).collect();
        let current = self.current_epochs(&names, deadline).await?;
        Ok(header.tags.iter().zip(current).all(|((_, epoch), now)| now.as_deref() == Some(epoch)))
    }

    /// The epochs that tags have now.
    pub async fn current_epochs(
        &self,
        tags: &[&str],
        deadline: Instant,
    ) -> std::result::Result<Vec<Option<String>>, Fault> {
        let asked: Vec<_> =
            tags.iter().map(|tag| self.ask_again(Call::Get(keys::tag(tag).into()), deadline)).collect();
        Ok(try_join_all(asked).await?.iter().map(|epoch| epoch.text().map(str::to_owned)).collect())
    }

    pub(super) async fn flush_tags(&self, tags: &[Box<str>], deadline: Instant) -> Result<Reply> {
        let kept = values::argument(Some(LEAST_KEPT.as_millis() as u64));
        let asked: Vec<_> = tags
            .iter()
            .map(|tag| {
                let args = vec![random().into_bytes(), kept.clone()];
                self.ask(Call::Script(&FLUSH_TAG, keys::tag(tag).into(), args), deadline)
            })
            .collect();
        for answer in join_all(asked).await {
            if !matches!(answer.map_err(|fault| fault.error("flushTags"))?, Answered::Int(1)) {
                return Err(super::unexpected("flushTags"));
            }
        }
        Ok(Reply::Done)
    }
}
