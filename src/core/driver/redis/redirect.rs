//! What a server of a cluster says instead of an answer.

use super::config::Address;
use super::fault::Fault;

/// What is to be done with a call that was not carried out.
pub enum Next {
    /// The slot is another server's for good.
    Moved(Address),
    /// The key is on another server already, though the slot is not yet.
    Ask(Address),
    /// Later.
    Wait,
}

impl Next {
    /// What a fault asks for; `None` if the call may have been carried out, or was wrong.
    pub fn of(fault: &Fault) -> Option<Self> {
        let Fault::Refused { code, message } = fault else {
            return matches!(fault, Fault::Down(_)).then_some(Self::Wait);
        };
        match &**code {
            "MOVED" => redirected(message).map(Self::Moved),
            "ASK" => redirected(message).map(Self::Ask),
            "TRYAGAIN" | "CLUSTERDOWN" | "READONLY" | "LOADING" | "MASTERDOWN" => Some(Self::Wait),
            _ => None,
        }
    }
}

/// The address that a redirection names: `MOVED 3999 127.0.0.1:6381`.
fn redirected(message: &str) -> Option<Address> {
    let (host, port) = message.rsplit(' ').next()?.rsplit_once(':')?;
    Some(Address::Tcp { host: host.into(), port: port.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_names_the_server() {
        let fault = |code: &str, message: &str| Fault::Refused { code: code.into(), message: message.into() };
        let moved = Next::of(&fault("MOVED", "Redis at a:1 refused: MOVED 3999 127.0.0.1:6381"));
        assert!(matches!(moved, Some(Next::Moved(Address::Tcp { port: 6381, .. }))));
        assert!(Next::of(&fault("WRONGTYPE", "x")).is_none());
        assert!(Next::of(&Fault::Dropped("x".into())).is_none(), "it may have been carried out");
    }
}
