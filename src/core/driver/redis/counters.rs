//! Counters: numbers that are changed where they are.

use tokio::time::Instant;

use super::call::Call;
use super::fault::Fault;
use super::scripts::INCREMENT;
use super::wire::Value as Answered;
use super::{Redis, values};
use crate::core::command::Reply;
use crate::core::error::{Error, ErrorKind, Result};
use crate::core::value::Life;

impl Redis {
    pub(super) async fn increment(
        &self,
        key: &str,
        step: f64,
        life: Life,
        deadline: Instant,
    ) -> Result<Reply> {
        let fault = |fault: Fault| fault.error("increment");
        let (mut header, mut valid) = (Vec::new(), Vec::new());
        loop {
            let life = values::argument(values::lifetime(life));
            let args = vec![step.to_string().into_bytes(), life, header.clone(), valid];
            let answer = self.ask(Call::Script(&INCREMENT, key.as_bytes().into(), args), deadline).await;
            let Answered::Array(parts) = answer.map_err(fault)? else {
                return Err(super::unexpected("increment"));
            };
            let (outcome, detail) = (parts.first().and_then(Answered::text), parts.get(1));
            match (outcome, detail) {
                (Some("ok"), Some(Answered::BulkString(number))) => {
                    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok());
                    self.counters.writes.count();
                    return number.map(Reply::Number).ok_or_else(|| super::unexpected("increment"));
                }
                (Some("ask"), Some(Answered::BulkString(found))) => {
                    let dead = self.is_dead(found, deadline).await.map_err(fault)?;
                    valid = if dead { b"0".to_vec() } else { b"1".to_vec() };
                    header.clone_from(found);
                }
                (Some("nan"), _) => {
                    let message =
                        "the value is no number; a counter is made by increment, or by putting a number";
                    return Err(Error::new(ErrorKind::NotANumber, "increment", message));
                }
                (Some("range"), _) => {
                    let message = "the counter would leave ±(2^53 - 1), beyond which steps of 1 are lost";
                    return Err(Error::new(ErrorKind::NumberRange, "increment", message));
                }
                _ => return Err(super::unexpected("increment")),
            }
        }
    }
}
