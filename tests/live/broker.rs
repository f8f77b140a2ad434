//! RabbitMQ for tests: the shared broker's address, and brokers of a test's own that can be killed.
//!
//! A test that kills, stops or starves a broker starts one here: a node with its own name, ports and folders, gone
//! with the test. What is missing on the machine fails the test and says what to install.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const INSTALL: &str = "no RabbitMQ here; install it with: apt-get install -y --no-install-recommends rabbitmq-server";

/// Longest wait for a node to start: a busy machine takes most of it.
const START: Duration = Duration::from_secs(120);

/// The shared broker: `HIREWIRE_TEST_AMQP_URL`, else the local one with its factory settings.
#[allow(clippy::disallowed_methods, reason = "where the machine's broker is")]
pub fn shared_url() -> String {
    let url = std::env::var("HIREWIRE_TEST_AMQP_URL");
    let url = url.unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned());
    let address = url::Url::parse(&url).expect("HIREWIRE_TEST_AMQP_URL is a URL");
    let (host, port) = (address.host_str().expect("a host"), address.port().unwrap_or(5672));
    TcpStream::connect((host, port)).unwrap_or_else(|error| panic!("{host}:{port}: {error}. {INSTALL}, and start it"));
    url
}

/// A broker of a test's own.
pub struct Broker {
    folder: TempDir,
    node: String,
    port: u16,
    distribution: u16,
    /// The process of the node itself (not of the scripts around it), while it runs.
    pid: Option<u32>,
}

impl Broker {
    /// Starts a node on a fresh folder and waits until it answers.
    pub fn start() -> Self {
        let (port, distribution) = (free_port(), free_port());
        let folder = TempDir::new().expect("a folder");
        let node = format!("hirewire-test-{}-{port}@localhost", std::process::id());
        let mut broker = Self { folder, node, port, distribution, pid: None };
        broker.restart();
        broker
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Starts it again on what it left behind.
    pub fn restart(&mut self) {
        assert!(self.pid.is_none(), "it runs");
        let pid_file = self.path("pid");
        let _ = std::fs::remove_file(&pid_file);
        let log = std::fs::File::create(self.path("output")).expect("a log");
        let errors = log.try_clone().expect("a log");
        let mut node = self.command("rabbitmq-server").stdout(log).stderr(errors).spawn().unwrap_or_else(|error| {
            panic!("rabbitmq-server: {error}. {INSTALL}");
        });
        let started = Instant::now();
        while !self.answers() {
            let ended = node.try_wait().expect("its state");
            let output = || std::fs::read_to_string(self.path("output")).unwrap_or_default();
            assert!(ended.is_none(), "the broker ended with {ended:?}: {}", output());
            assert!(started.elapsed() < START, "the broker does not answer: {}", output());
            std::thread::sleep(Duration::from_millis(100));
        }
        let pid = std::fs::read_to_string(pid_file).expect("the pid file of a node that answers");
        self.pid = Some(pid.trim().parse().expect("a pid"));
        // Collected when it ends, so that it does not stay as a zombie.
        std::thread::spawn(move || node.wait());
    }

    /// Kills it as a power cut would (but for the page cache): SIGKILL to the node's own process.
    pub fn kill(&mut self) {
        if let Some(pid) = self.pid.take() {
            signal(pid, "KILL");
            let port = self.port;
            let killed = Instant::now();
            while TcpStream::connect(("127.0.0.1", port)).is_ok() {
                assert!(killed.elapsed() < Duration::from_secs(10), "it still listens");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Stops it where it stands; its connections stay open and silent.
    pub fn freeze(&self) {
        signal(self.pid.expect("it runs"), "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(self.pid.expect("it runs"), "CONT");
    }

    /// Runs `rabbitmqctl` against it.
    pub fn ctl(&self, arguments: &[&str]) {
        let mut command = self.command("rabbitmqctl");
        let output = command.args(["-n", &self.node]).args(arguments).output().expect(INSTALL);
        assert!(output.status.success(), "rabbitmqctl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(Path::new("/usr/sbin").join(program));
        // rabbitmq-server of Debian steps down to the user `rabbitmq`, which the folder must admit; run as the
        // user who tests instead, by the script behind it.
        let direct = Path::new("/usr/lib/rabbitmq/bin").join(program);
        if direct.exists() {
            command = Command::new(direct);
        }
        command
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", self.path("data"))
            .env("RABBITMQ_LOG_BASE", self.path("log"))
            .env("RABBITMQ_PID_FILE", self.path("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.path("plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", self.path("no-environment"))
            .env("RABBITMQ_CONFIG_FILE", self.path("no-config"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            // A group of its own: a terminal's interrupt reaches the test, which then ends the node.
            .process_group(0);
        command
    }

    /// Whether it speaks AMQP: it answers a wrong header with the right one.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut header = [0; 8];
        let asked = stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .and_then(|()| stream.write_all(b"AMQP\x09\x09\x09\x09"));
        asked.and_then(|()| stream.read_exact(&mut header)).is_ok() && header.starts_with(b"AMQP")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(pid) = self.pid.take() {
            // It may have ended by itself.
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill");
    assert!(sent.success(), "the node {pid} is gone");
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}
