//! `RabbitMQ` for tests: the shared broker's address, and brokers of a test's own that can be killed.
//!
//! A test that kills, stops or starves a broker starts one here: a node with its own name, ports and folders, gone
//! with the test. What is missing on the machine fails the test and says what to install.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const INSTALL: &str =
    "no RabbitMQ here; install it with: apt-get install -y --no-install-recommends rabbitmq-server";

/// Longest wait for a node to start: a busy machine takes most of it.
const START: Duration = Duration::from_mins(2);

/// The shared broker: `HIREWIRE_TEST_AMQP_URL`, else the local one with its factory settings.
#[allow(clippy::disallowed_methods, reason = "where the machine's broker is")]
pub fn shared_url() -> String {
    let url = std::env::var("HIREWIRE_TEST_AMQP_URL");
    let url = url.unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned());
    let address = url::Url::parse(&url).expect("HIREWIRE_TEST_AMQP_URL is a URL");
    let (host, port) = (
        address.host_str().expect("a host"),
        address.port().unwrap_or(5672),
    );
    TcpStream::connect((host, port))
        .unwrap_or_else(|error| panic!("{host}:{port}: {error}. {INSTALL}, and start it"));
    url
}

/// A broker of a test's own.
pub struct Broker {
    folder: TempDir,
    node: String,
    port: u16,
    distribution: u16,
    /// The node itself (the scripts around it have become it), while it runs.
    process: Option<Child>,
    _turn: MutexGuard<'static, ()>,
}

/// One broker of our own at a time: two starting at once would starve each other.
static TURN: Mutex<()> = Mutex::new(());

impl Broker {
    /// Starts a node on a fresh folder and waits until it answers.
    pub fn start() -> Self {
        let mut broker = Self::prepare();
        broker.restart();
        broker
    }

    /// Chooses ports and a folder; nothing runs yet.
    pub fn prepare() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (port, distribution) = (free_port(), free_port());
        let node = format!("hirewire-test-{}-{port}@localhost", std::process::id());
        let folder = TempDir::new().expect("a folder");
        Self {
            folder,
            node,
            port,
            distribution,
            process: None,
            _turn: turn,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Starts it, again on what it left behind, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let log = std::fs::File::create(self.path("output")).expect("a log");
        let errors = log.try_clone().expect("a log");
        let started = self
            .command("rabbitmq-server")
            .stdout(log)
            .stderr(errors)
            .spawn();
        let node = self
            .process
            .insert(started.unwrap_or_else(|error| panic!("rabbitmq-server: {error}. {INSTALL}")));
        let begun = Instant::now();
        loop {
            let ended = node.try_wait().expect("its state");
            let output =
                || std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
            assert!(
                ended.is_none(),
                "the broker ended with {ended:?}: {}",
                output()
            );
            assert!(
                begun.elapsed() < START,
                "the broker does not answer: {}",
                output()
            );
            if answers(self.port) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Kills it as a power cut would (but for the page cache).
    pub fn kill(&mut self) {
        if let Some(mut node) = self.process.take() {
            node.kill().expect("SIGKILL");
            node.wait().expect("its end");
        }
    }

    /// Stops it where it stands; its connections stay open and silent.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let node = self.process.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &node])
            .status()
            .expect("kill");
        assert!(sent.success(), "the node is gone");
    }

    /// Runs `rabbitmqctl` against it.
    pub fn ctl(&self, arguments: &[&str]) {
        let mut command = self.command("rabbitmqctl");
        let output = command
            .args(["-n", &self.node])
            .args(arguments)
            .output()
            .expect(INSTALL);
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        // Debian's wrapper in the path steps down to the user `rabbitmq`, who cannot write to our folder; the script
        // behind it runs as whoever tests.
        let behind_the_wrapper = Path::new("/usr/lib/rabbitmq/bin").join(program);
        let program = if behind_the_wrapper.exists() {
            behind_the_wrapper
        } else {
            program.into()
        };
        let mut command = Command::new(program);
        command
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", self.path("data"))
            .env("RABBITMQ_LOG_BASE", self.path("log"))
            // The script becomes the node, instead of standing beside it: the child we have is what we kill.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.path("plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", self.path("no-environment"))
            .env("RABBITMQ_CONFIG_FILE", self.path("no-config"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            // A group of its own: a terminal's interrupt reaches the test, which then ends the node.
            .process_group(0);
        command
    }
}

/// Whether AMQP is spoken there: a wrong header is answered with the right one.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut header = [0; 8];
    let patience = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let asked = patience.and_then(|()| stream.write_all(b"AMQP\x09\x09\x09\x09"));
    asked.and_then(|()| stream.read_exact(&mut header)).is_ok() && header.starts_with(b"AMQP")
}

impl Drop for Broker {
    #[allow(clippy::print_stderr, reason = "what a failed test leaves to read")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = std::fs::read_to_string(self.path("output")).unwrap_or_default();
            let log = std::fs::read_to_string(self.path("log").join(format!("{}.log", self.node)))
                .unwrap_or_default();
            eprintln!("the broker's output:\n{said}\nand its log:\n{log}");
        }
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
