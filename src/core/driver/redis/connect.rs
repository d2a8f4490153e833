//! Making one connection: finding the server, authenticating, asking it whether it can serve.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::config::{Address, Config, Mode, Sentinel};
use super::wire::{Value, Wire};

/// What a connection is for.
#[derive(Clone)]
pub enum Target {
    /// The server at this address.
    Node(Address),
    /// The primary that the sentinels name.
    Primary,
}

/// What a server calls a connection, so that it can be ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    id: String,
    /// Where it comes from: ids begin anew when a server does.
    address: String,
}

/// A connection that was made.
pub struct Connection {
    /// What is sent through it.
    pub wire: Wire,
    /// Whether the server says what it was not asked, which it does with RESP3.
    pub pushes: bool,
    /// What the server calls it.
    pub peer: Option<Peer>,
    /// Where it leads, in words.
    pub address: Arc<str>,
    /// Where it leads.
    pub place: Address,
}

/// Makes a connection within the configured time, or says in words why not. `stalled` names a connection that is
/// to be ended first: what it still holds must not take effect after what comes now.
pub async fn connect(
    config: Arc<Config>,
    target: Target,
    stalled: Option<Peer>,
) -> Result<Connection, String> {
    let limit = config.connect_timeout;
    let attempt = async {
        let address = match target {
            Target::Node(address) => address,
            Target::Primary => primary(&config).await?,
        };
        let shown = address.to_string();
        open(&config, &address, stalled).await.map_err(|reason| format!("{shown}: {reason}"))
    };
    match timeout(limit, attempt).await {
        Ok(made) => made,
        Err(_) => Err(format!("no connection within {} ms (connectTimeout)", limit.as_millis())),
    }
}

async fn open(config: &Config, address: &Address, stalled: Option<Peer>) -> Result<Connection, String> {
    let credentials = (config.username.as_deref(), config.password.as_deref());
    let (mut wire, pushes) = match hello(config, address, credentials).await? {
        Some(wire) => (wire, true),
        None => (login(config, address, credentials).await?, false),
    };
    let peer = greet(config, &mut wire, pushes, stalled).await?;
    Ok(Connection { wire, pushes, peer, address: address.to_string().into(), place: address.clone() })
}

/// A user, if there is one, and a password.
type Credentials<'a> = (Option<&'a str>, Option<&'a str>);

/// A connection with RESP3; `None` if the server does not speak it.
async fn hello(
    config: &Config,
    address: &Address,
    (username, password): Credentials<'_>,
) -> Result<Option<Wire>, String> {
    let mut wire = Wire::connect(address, config.tls.as_ref()).await.map_err(|error| error.to_string())?;
    let mut hello: Vec<&[u8]> = vec![b"HELLO", b"3"];
    if let Some(password) = password {
        hello.extend([&b"AUTH"[..], username.unwrap_or("default").as_bytes(), password.as_bytes()]);
    }
    match introduce(config, &mut wire, &hello, password).await {
        Ok(()) => Ok(Some(wire)),
        // Servers before 6 do not know `HELLO`, and proxies may not.
        Err(reason) if refuses_resp3(&reason) => Ok(None),
        Err(reason) => Err(reason),
    }
}

/// A connection with RESP2.
pub async fn login(
    config: &Config,
    address: &Address,
    (username, password): Credentials<'_>,
) -> Result<Wire, String> {
    let mut wire = Wire::connect(address, config.tls.as_ref()).await.map_err(|error| error.to_string())?;
    let auth: Vec<&[u8]> =
        [Some("AUTH"), username, password].into_iter().flatten().map(str::as_bytes).collect();
    let first: &[&[u8]] = if password.is_some() { &auth } else { &[b"PING"] };
    introduce(config, &mut wire, first, password).await?;
    Ok(wire)
}

/// Says who we are, and which database is meant.
async fn introduce(
    config: &Config,
    wire: &mut Wire,
    first: &[&[u8]],
    password: Option<&str>,
) -> Result<(), String> {
    let db = config.db.to_string();
    // Servers before 7.2 do not know `SETINFO`.
    let name: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-NAME", b"ferrocache"];
    let version: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-VER", env!("CARGO_PKG_VERSION").as_bytes()];
    let mut commands: Vec<&[&[u8]]> = vec![first];
    let select: [&[u8]; 2] = [b"SELECT", db.as_bytes()];
    if config.db != 0 {
        commands.push(&select);
    }
    commands.extend([&name[..], &version]);
    let answers = wire.ask(&commands).await.map_err(|error| error.to_string())?;
    let asked = if config.db == 0 { 1 } else { 2 };
    answers
        .iter()
        .take(asked)
        .find_map(refusal)
        .map_or(Ok(()), |reason| Err(without_secret(&reason, password)))
}

/// A server, or a proxy, that does not know a command may repeat some of what it was given.
fn without_secret(reason: &str, password: Option<&str>) -> String {
    let known = reason.split_once(", with args").map_or(reason, |(known, _)| known);
    match password {
        Some(password) if known.contains(password) => "the password was refused".to_owned(),
        _ => known.to_owned(),
    }
}

/// A connection that hears what is published on a channel.
pub async fn subscribe(config: &Config, address: &Address, channel: &str) -> Result<Wire, String> {
    let credentials = (config.username.as_deref(), config.password.as_deref());
    let mut wire = login(config, address, credentials).await?;
    let answers =
        wire.ask(&[&[b"SUBSCRIBE", channel.as_bytes()]]).await.map_err(|error| error.to_string())?;
    answers.iter().find_map(refusal).map_or(Ok(wire), Err)
}

fn refusal(answer: &Value) -> Option<String> {
    match answer {
        Value::Error(refusal) => Some(refusal.0.to_string()),
        _ => None,
    }
}

fn refuses_resp3(reason: &str) -> bool {
    let text = reason.to_lowercase();
    text.contains("noproto") || text.contains("unknown command") || text.contains("resp3")
}

/// Asks the server whether it serves, and prepares the connection; what the server calls it.
async fn greet(
    config: &Config,
    wire: &mut Wire,
    resp3: bool,
    stalled: Option<Peer>,
) -> Result<Option<Peer>, String> {
    let mut commands: Vec<&[&[u8]]> = vec![&[b"PING"], &[b"CLIENT", b"INFO"], &[b"ROLE"]];
    if resp3 {
        commands.push(&[b"CLIENT", b"TRACKING", b"ON", b"OPTIN"]);
    }
    let kill;
    if let Some(Peer { id, address }) = &stalled {
        kill = [&b"CLIENT"[..], b"KILL", b"ID", id.as_bytes(), b"ADDR", address.as_bytes()];
        commands.push(&kill);
    }
    let answers = wire.ask(&commands).await.map_err(|error| error.to_string())?;
    // Only the first must be answered: an ACL, or a proxy, may refuse the others.
    if let Some(reason) = answers.first().and_then(refusal) {
        return Err(reason);
    }
    if matches!(config.mode, Mode::Sentinel(_)) {
        let role = match answers.get(2) {
            Some(Value::Array(role)) => role.first().and_then(Value::text),
            _ => None,
        };
        if role.is_some_and(|role| role != "master") {
            return Err("the server that the sentinels name is no primary (yet)".into());
        }
    }
    let info = answers.get(1).and_then(Value::text);
    let field = |name: &str| {
        let fields = info.unwrap_or_default().split(' ');
        fields.filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name)
    };
    Ok(field("id")
        .zip(field("addr"))
        .map(|((_, id), (_, address))| Peer { id: id.into(), address: address.into() }))
}

/// Asks the sentinels, one after the other, where the primary is.
async fn primary(config: &Config) -> Result<Address, String> {
    let Mode::Sentinel(sentinel) = &config.mode else {
        return Err("no sentinels are configured".into());
    };
    let mut reasons = Vec::new();
    // A sentinel that does not answer must leave time for the next.
    let share = config.connect_timeout / u32::try_from(sentinel.nodes.len() + 1).unwrap_or(u32::MAX);
    for node in &sentinel.nodes {
        match timeout(share.max(Duration::from_millis(100)), ask_sentinel(config, sentinel, node)).await {
            Ok(Ok(Some(address))) => return Ok(address),
            Ok(Ok(None)) => reasons.push(format!("{node} does not know {:?}", sentinel.name)),
            Ok(Err(reason)) => reasons.push(format!("{node}: {reason}")),
            Err(_) => reasons.push(format!("{node} did not answer")),
        }
    }
    Err(format!("no sentinel names a primary ({})", reasons.join("; ")))
}

async fn ask_sentinel(
    config: &Config,
    sentinel: &Sentinel,
    node: &Address,
) -> Result<Option<Address>, String> {
    let credentials = (sentinel.username.as_deref(), sentinel.password.as_deref());
    // A sentinel has no databases to select.
    let config = Config { db: 0, ..config.clone() };
    let mut wire = login(&config, node, credentials).await?;
    let name = sentinel.name.as_bytes();
    let asked = wire.ask(&[&[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name]]).await;
    match asked.map_err(|error| error.to_string())?.first() {
        Some(Value::Array(parts)) => {
            match (parts.first().and_then(Value::text), parts.get(1).and_then(Value::text)) {
                (Some(host), Some(port)) => {
                    Ok(port.parse().ok().map(|port| Address::Tcp { host: host.into(), port }))
                }
                _ => Ok(None),
            }
        }
        Some(Value::Error(refusal)) => Err(refusal.0.to_string()),
        _ => Ok(None),
    }
}
