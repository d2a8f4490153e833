//! Making one connection: finding the server, authenticating, asking it whether it can serve.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::io::AsyncDNSResolver;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, Pipeline,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisFuture, RedisResult, TlsCertificates, Value, cmd,
};
use tokio::net::lookup_host;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::config::{Address, Config, Mode, Sentinel};
use super::fault::words;

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
    pub wire: MultiplexedConnection,
    /// What the server says without being asked; `None` with RESP2.
    pub pushes: Option<UnboundedReceiver<PushInfo>>,
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
    let (wire, pushes) = match negotiate(config, address, credentials, true).await {
        Err(error) if refuses_resp3(&error) => negotiate(config, address, credentials, false).await,
        other => other,
    }
    .map_err(|error| words(&error))?;
    let mut wire = wire;
    let peer = greet(config, &mut wire, pushes.is_some(), stalled).await?;
    Ok(Connection { wire, pushes, peer, address: address.to_string().into(), place: address.clone() })
}

type Wired = (MultiplexedConnection, Option<UnboundedReceiver<PushInfo>>);

/// What connections to a server are made from.
fn client(
    config: &Config,
    address: &Address,
    (username, password): (Option<&str>, Option<&str>),
    resp3: bool,
) -> RedisResult<Client> {
    let mut settings = RedisConnectionInfo::default()
        .set_db(i64::from(config.db))
        .set_lib_name("ferrocache", env!("CARGO_PKG_VERSION"));
    if let Some(username) = username {
        settings = settings.set_username(username);
    }
    if let Some(password) = password {
        settings = settings.set_password(password);
    }
    settings = settings.set_protocol(if resp3 { ProtocolVersion::RESP3 } else { ProtocolVersion::RESP2 });
    let tcp = TcpSettings::default().set_nodelay(true);
    let info =
        addr(config, address).into_connection_info()?.set_redis_settings(settings).set_tcp_settings(tcp);
    match &config.tls {
        Some(tls) => Client::build_with_tls(
            info,
            TlsCertificates {
                client_tls: tls.cert.as_ref().zip(tls.key.as_ref()).map(|(cert, key)| ClientTlsConfig {
                    client_cert: cert.as_bytes().to_vec(),
                    client_key: key.as_bytes().to_vec(),
                }),
                root_cert: tls.ca.as_ref().map(|ca| ca.as_bytes().to_vec()),
            },
        ),
        None => Client::open(info),
    }
}

async fn negotiate(
    config: &Config,
    address: &Address,
    credentials: (Option<&str>, Option<&str>),
    resp3: bool,
) -> RedisResult<Wired> {
    let client = client(config, address, credentials, resp3)?;
    // The bounds are ours: on the whole attempt, and on each call.
    let mut settings = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    if let (Address::Tcp { host, .. }, Some(servername)) = (address, servername(config)) {
        // redis-rs verifies the name that it connects to: so it connects to that name, at this host.
        settings = settings.set_dns_resolver(At { host: host.to_string(), named: servername.to_owned() });
    }
    let mut pushes = None;
    if resp3 {
        let (sender, receiver) = unbounded_channel();
        settings = settings.set_push_sender(sender);
        pushes = Some(receiver);
    }
    Ok((client.get_multiplexed_async_connection_with_config(&settings).await?, pushes))
}

/// A connection that hears what is published on a channel.
pub async fn subscribe(
    config: &Config,
    address: &Address,
    channel: String,
) -> RedisResult<(PubSubSink, PubSubStream)> {
    let credentials = (config.username.as_deref(), config.password.as_deref());
    let mut connection = client(config, address, credentials, false)?.get_async_pubsub().await?;
    connection.subscribe(channel).await?;
    Ok(connection.split())
}

fn addr(config: &Config, address: &Address) -> ConnectionAddr {
    match (address, &config.tls) {
        (Address::Unix(path), _) => ConnectionAddr::Unix((&**path).into()),
        (Address::Tcp { host, port }, None) => ConnectionAddr::Tcp(host.to_string(), *port),
        (Address::Tcp { host, port }, Some(tls)) => ConnectionAddr::TcpTls {
            host: servername(config).unwrap_or(host).to_owned(),
            port: *port,
            insecure: tls.insecure,
            tls_params: None,
        },
    }
}

fn servername(config: &Config) -> Option<&str> {
    config.tls.as_ref()?.servername.as_deref()
}

/// Finds a host under the name that its certificate has.
struct At {
    host: String,
    named: String,
}

impl AsyncDNSResolver for At {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        let host = if host == self.named { &self.host } else { host };
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
            Ok(Box::new(found.into_iter()) as _)
        })
    }
}

/// Servers before 6 do not know `HELLO`, and proxies may not.
fn refuses_resp3(error: &redis::RedisError) -> bool {
    let text = words(error).to_lowercase();
    text.contains("noproto") || text.contains("unknown command") || text.contains("resp3")
}

/// Asks the server whether it serves, and prepares the connection; what the server calls it.
async fn greet(
    config: &Config,
    wire: &mut MultiplexedConnection,
    resp3: bool,
    stalled: Option<Peer>,
) -> Result<Option<Peer>, String> {
    let mut pipeline = Pipeline::new();
    pipeline.cmd("PING").cmd("CLIENT").arg("INFO").cmd("ROLE");
    if resp3 {
        pipeline.cmd("CLIENT").arg("TRACKING").arg("ON").arg("OPTIN");
    }
    if let Some(Peer { id, address }) = stalled {
        pipeline.cmd("CLIENT").arg("KILL").arg("ID").arg(id).arg("ADDR").arg(address);
    }
    let count = pipeline.len();
    let answers = wire.send_packed_commands(&pipeline, 0, count).await.map_err(|error| words(&error))?;
    // Only the first must be answered: an ACL, or a proxy, may refuse the others.
    if let Some(Value::ServerError(error)) = answers.first() {
        return Err(format!("{} {}", error.code(), error.details().unwrap_or_default()));
    }
    if matches!(config.mode, Mode::Sentinel(_)) {
        let role = match answers.get(2) {
            Some(Value::Array(role)) => role.first().and_then(text),
            _ => None,
        };
        if role.as_deref().is_some_and(|role| role != "master") {
            return Err("the server that the sentinels name is no primary (yet)".into());
        }
    }
    let info = match answers.get(1) {
        Some(Value::VerbatimString { text, .. }) => Some(text.clone()),
        other => other.and_then(text),
    };
    let field = |name: &str| {
        let fields = info.as_deref().unwrap_or_default().split(' ');
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
    let (mut wire, _) = negotiate(&config, node, credentials, false).await.map_err(|error| words(&error))?;
    let mut command = cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(&*sentinel.name);
    let answer = wire.send_packed_command(&command).await.map_err(|error| words(&error))?;
    Ok(match answer {
        Value::Array(parts) => match (parts.first().and_then(text), parts.get(1).and_then(text)) {
            (Some(host), Some(port)) => {
                port.parse().ok().map(|port| Address::Tcp { host: host.into(), port })
            }
            _ => None,
        },
        Value::ServerError(error) => {
            return Err(format!("{} {}", error.code(), error.details().unwrap_or_default()));
        }
        _ => None,
    })
}

/// The text that a value is.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}
