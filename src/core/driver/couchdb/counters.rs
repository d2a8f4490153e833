//! Counters: JSON numbers, changed by writes that name the revision that they replace. Steps that wait for the same
//! counter become one write.

use std::sync::Arc;

use super::CouchDb;
use super::backend::Committed;
use super::document::Document;
use super::entries::too_few;
use super::patience::Patience;
use super::seen::{Epochs, payload};
use crate::core::command::Reply;
use crate::core::driver::remote::fault::Fault;
use crate::core::error::{Error, ErrorKind, Result as Checked};
use crate::core::value::{Life, Payload, Value};

/// Beyond it, steps of 1 are lost.
const MOST: f64 = 9_007_199_254_740_991.0;

/// A step of a counter; the life of one that is created.
pub type Step = (f64, Life);

impl CouchDb {
    /// Takes steps, one after the other; what each answers.
    pub(super) async fn increment(
        self: &Arc<Self>,
        key: &str,
        steps: &[Step],
    ) -> Result<Vec<Checked<Reply>>, Fault> {
        let mut seen = self.look(key, &[]).await?;
        let mut patience = Patience::default();
        loop {
            let now = self.now();
            let (mut number, mut document) = match seen.fresh() {
                Some(held) => (payload(Some(held)).and_then(|held| held.as_number()), held.clone()),
                None => (None, Document { rev: seen.rev(), ..Document::default() }),
            };
            let exists = seen.fresh().is_some();
            let mut life = None;
            let replies: Vec<Checked<Reply>> = steps
                .iter()
                .map(|(step, born)| {
                    if exists && number.is_none() {
                        return Err(not_a_number());
                    }
                    let next = number.unwrap_or(0.0) + step;
                    if next.abs() > MOST {
                        return Err(out_of_range());
                    }
                    life.get_or_insert(*born);
                    number = Some(next);
                    Ok(Reply::Number(next + 0.0))
                })
                .collect();
            let (Some(number), Some(life)) = (number, life) else { return Ok(replies) };
            if exists {
                document.put(&Payload::number(number));
                document.updated_at = now;
            } else {
                let value = Value { payload: Payload::number(number), life, tags: Vec::new() };
                document = Document { rev: document.rev, ..Document::holding(key, &value, &[], now) };
            }
            // A step over what a lease stands on takes the lease away, as every write does.
            document.lease = None;
            document.counts = true;
            match self.backend.commit(document, &mut patience).await?.known()? {
                Committed::Stored(_) => {
                    replies.iter().filter(|reply| reply.is_ok()).for_each(|_| self.counters.writes.count());
                    return Ok(replies);
                }
                // It stands on some nodes, and cannot be taken back without losing the steps of others.
                Committed::Weak(_) => return Err(too_few()),
                Committed::Conflict { now, .. } => seen = self.seen(now, Epochs::new()).await?,
            }
        }
    }
}

fn not_a_number() -> Error {
    let message = "the value is no number; a counter is made by increment, or by putting a number";
    Error::new(ErrorKind::NotANumber, "increment", message)
}

fn out_of_range() -> Error {
    let message = "the counter would leave ±(2^53 - 1), beyond which steps of 1 are lost";
    Error::new(ErrorKind::NumberRange, "increment", message)
}
