//! All keys under a prefix: listing them, removing them.

use futures_util::future::try_join_all;

use tokio::time::Instant;

use super::call::Call;
use super::fault::Fault;
use super::link::Link;
use super::wire::Value as Answered;
use super::{Redis, keys};
use crate::core::command::Reply;
use crate::core::driver::remote::flushes::Running;
use crate::core::error::Result;

/// How many keys a server is asked to look at at once.
const PAGE: &str = "512";
/// How often a cluster is looked through again because keys moved meanwhile.
const MOST_PASSES: u32 = 4;

impl Redis {
    /// Removes every key under a prefix, on every primary. Each step has its deadline; how many there are depends
    /// on how many keys the servers hold. What is put in this process after the flush was asked for stays.
    pub(super) async fn flush(&self, prefix: &str) -> Result<Reply> {
        let flush = self.flushes.begin(prefix);
        self.flush_all(prefix, &flush).await.map_err(|fault| fault.error("flush"))?;
        Ok(Reply::Done)
    }

    async fn flush_all(&self, prefix: &str, flush: &Running<'_>) -> std::result::Result<(), Fault> {
        self.flush_pages(prefix, flush).await?;
        let unwritten = flush.unwritten().await.into_iter().map(Into::into).collect();
        self.router.unlink(unwritten, self.deadline()).await
    }

    async fn flush_pages(&self, prefix: &str, flush: &Running<'_>) -> std::result::Result<(), Fault> {
        for _ in 0..MOST_PASSES {
            let mut removed = 0;
            for node in self.router.primaries(self.deadline()).await? {
                let mut cursor = "0".to_owned();
                loop {
                    let (next, mut found) = self.page(&node, prefix, &cursor, self.deadline()).await?;
                    found.retain(|key| !flush.leaves(key));
                    removed += found.len();
                    self.router.unlink(found, self.deadline()).await?;
                    cursor = next;
                    if cursor == "0" {
                        break;
                    }
                }
            }
            // In a cluster a slot may have moved from a server that was to come to one that was done.
            if removed == 0 || !self.router.is_cluster() {
                break;
            }
        }
        Ok(())
    }

    /// Some of the keys that hold a value. The cursor names the server by its number, and where to go on there.
    pub(super) async fn scan(&self, prefix: &str, cursor: Option<&str>, deadline: Instant) -> Result<Reply> {
        let fault = |fault: Fault| fault.error("keys");
        let nodes = self.router.primaries(deadline).await.map_err(fault)?;
        let (at, from) = cursor.and_then(|cursor| cursor.split_once(':')).unwrap_or(("0", "0"));
        let at: usize = at.parse().unwrap_or(0);
        let Some(node) = nodes.get(at) else {
            return Ok(Reply::Keys { keys: Vec::new(), cursor: None });
        };
        let (next, found) = self.page(node, prefix, from, deadline).await.map_err(fault)?;
        let live = found.iter().map(|key| self.lives(key, deadline));
        let live = try_join_all(live).await.map_err(fault)?;
        let found = found.into_iter().zip(live).filter(|(_, live)| *live);
        let keys = found.filter_map(|(key, _)| Some(String::from_utf8(key).ok()?.into_boxed_str())).collect();
        let cursor = match (next.as_str(), at + 1 < nodes.len()) {
            ("0", false) => None,
            ("0", true) => Some(format!("{}:0", at + 1).into()),
            (next, _) => Some(format!("{at}:{next}").into()),
        };
        Ok(Reply::Keys { keys, cursor })
    }

    /// Whether a key holds a value that may be read.
    async fn lives(&self, key: &[u8], deadline: Instant) -> std::result::Result<bool, Fault> {
        let first = vec![b"0".to_vec(), b"0".to_vec()];
        match self.ask(Call::Command("GETRANGE", key.into(), first), deadline).await {
            Ok(Answered::BulkString(first)) if first == b"\xfc" => {}
            Ok(Answered::BulkString(first)) => return Ok(!first.is_empty()),
            // Another program's, of another type.
            Ok(_) | Err(Fault::Refused { .. }) => return Ok(false),
            Err(other) => return Err(other),
        }
        match self.head(key, deadline).await? {
            Some(head) if head.fresh_for().is_some() => self.has_valid_tags(&head.header, deadline).await,
            _ => Ok(false),
        }
    }

    /// A page of a server's keys under a prefix, and where the next begins.
    async fn page(
        &self,
        node: &Link,
        prefix: &str,
        cursor: &str,
        deadline: Instant,
    ) -> std::result::Result<(String, Vec<Vec<u8>>), Fault> {
        let args = ["0", "MATCH", "", "COUNT", PAGE].map(|arg| arg.as_bytes().to_vec());
        let mut args = args.to_vec();
        args[0] = cursor.as_bytes().to_vec();
        args[2] = keys::under(prefix);
        let answer = node.ask(Call::Bare("SCAN", args), deadline).await?;
        let Answered::Array(parts) = answer else { return Ok(("0".to_owned(), Vec::new())) };
        let mut parts = parts.into_iter();
        let next = parts.next().as_ref().and_then(Answered::text).unwrap_or("0").to_owned();
        let found = match parts.next() {
            Some(Answered::Array(found)) => found,
            _ => Vec::new(),
        };
        let found = found.into_iter().filter_map(|key| match key {
            Answered::BulkString(key) if !keys::is_internal(&key) => Some(key),
            _ => None,
        });
        Ok((next, found.collect()))
    }
}
