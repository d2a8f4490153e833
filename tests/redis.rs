//! The Redis driver against a real server: conformance, and what it alone does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod conformance;

use std::net::TcpListener;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ferrocache::core::clock::Clock;
use ferrocache::core::driver::Driver;
use ferrocache::core::driver::redis::{Address, Config, Mode, Redis};
use ferrocache::core::hub::Hub;

/// A server of this test's own, on a port that was free, in memory alone.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let process = Process::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--databases", "1000"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is on the PATH (npm test installs it)");
        let server = Self { process, port };
        let until = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "redis-server listens");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server of the test that runs: `Make` is a plain function.
static PORT: OnceLock<u16> = OnceLock::new();
/// A database for each subject, which expects to be alone.
static DATABASES: AtomicU32 = AtomicU32::new(0);

fn config(port: u16, db: u32) -> Config {
    Config {
        mode: Mode::Standalone(Address::Tcp { host: "127.0.0.1".into(), port }),
        username: None,
        password: None,
        db,
        tls: None,
        compress: Some(4096),
        max_value_bytes: 64 << 20,
        connect_timeout: Duration::from_secs(2),
        command_timeout: Duration::from_secs(2),
        reconnect_delay: Duration::from_millis(50),
        max_reconnect_delay: Duration::from_secs(2),
        lease_ttl: Duration::from_secs(5),
        max_queue: 10_000,
        breaker_threshold: 3,
    }
}

fn redis(_: Arc<Clock>, hub: Arc<Hub>) -> Arc<dyn Driver> {
    let db = DATABASES.fetch_add(1, Ordering::Relaxed);
    Redis::open(config(*PORT.get().unwrap(), db), hub).unwrap()
}

#[test]
fn conforms() {
    let server = Server::start();
    PORT.set(server.port).unwrap();
    conformance::run(redis);
    drop(server);
}
