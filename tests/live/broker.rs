//! RabbitMQ for tests: the URL of the shared broker, and brokers of a test's own that it can kill.
//!
//! A test that kills, suspends or starves a broker starts a node here, with its own name, ports and
//! folders. The node ends with the test. A missing installation fails the test with the command to
//! install.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::certificates::Certificates;

const INSTALL: &str = "RabbitMQ is missing; \
    install it with: apt-get install -y --no-install-recommends rabbitmq-server";

/// A node starts within seconds, but a busy machine needs much longer.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(2);

/// The shared broker: `HIREWIRE_TEST_AMQP_URL`, else the local one with its default settings.
#[allow(
    clippy::disallowed_methods,
    reason = "the test reads its environment for the address of the broker"
)]
pub fn shared_url() -> String {
    let url = std::env::var("HIREWIRE_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned());
    let parsed = url::Url::parse(&url).expect("HIREWIRE_TEST_AMQP_URL is a URL");
    let host = parsed.host_str().expect("a host");
    let port = parsed.port().unwrap_or(5672);

    TcpStream::connect((host, port))
        .unwrap_or_else(|error| panic!("{host}:{port}: {error}. {INSTALL}, and start it"));
    url
}

/// A broker of a test's own.
pub struct Broker {
    folder: TempDir,
    node: String,
    port: u16,
    distribution_port: u16,
    tls_port: u16,
    /// The name of its config file; the default names none that exists.
    config: &'static str,
    /// The node while it runs. The start scripts replace themselves by it.
    process: Option<Child>,
    _exclusive: MutexGuard<'static, ()>,
}

/// Only one broker of a test's own runs at a time: two that start together would starve each other.
static EXCLUSIVE: Mutex<()> = Mutex::new(());

impl Broker {
    /// Starts a node on an empty folder, and waits until it accepts connections.
    pub fn start() -> Self {
        let mut broker = Self::prepare();
        broker.restart();
        broker
    }

    /// Chooses the ports and the folder of a node, but does not start it.
    pub fn prepare() -> Self {
        let exclusive = EXCLUSIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();

        Self {
            folder: TempDir::new().expect("a folder"),
            node: format!("hirewire-test-{}-{port}@localhost", std::process::id()),
            port,
            distribution_port: free_port(),
            tls_port: free_port(),
            config: "no-config",
            process: None,
            _exclusive: exclusive,
        }
    }

    /// Starts a node that also listens for TLS, on [`Broker::tls_port`].
    pub fn start_with_tls(certificates: &Certificates) -> Self {
        let mut broker = Self::prepare();
        let path = |name| certificates.path(name).display().to_string();
        let config = format!(
            "listeners.ssl.1 = 127.0.0.1:{}\nssl_options.cacertfile = {}\n\
             ssl_options.certfile = {}\nssl_options.keyfile = {}\nssl_options.verify = verify_none\n",
            broker.tls_port,
            path("ca.pem"),
            path("server.pem"),
            path("server.key"),
        );
        fs::write(broker.path("rabbitmq.conf"), config).expect("a config");
        broker.config = "rabbitmq.conf";
        broker.restart();
        broker
    }

    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Starts the node on the data in its folder, and waits until it accepts connections.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the node is running");
        let output = fs::File::create(self.path("output")).expect("a log");
        let errors = output.try_clone().expect("a log");
        let started = self
            .command("rabbitmq-server")
            .stdout(output)
            .stderr(errors)
            .spawn();
        let node = self
            .process
            .insert(started.unwrap_or_else(|error| panic!("rabbitmq-server: {error}. {INSTALL}")));

        let begin = Instant::now();
        while !speaks_amqp(self.port) {
            let status = node.try_wait().expect("its status");
            let in_time = begin.elapsed() < STARTUP_TIMEOUT;
            if status.is_some() || !in_time {
                let output = self.folder.path().join("output");
                let output = fs::read_to_string(output).unwrap_or_default();
                panic!("the broker does not start ({status:?}): {output}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Kills the node (SIGKILL). Unlike after a power failure, the page cache survives.
    pub fn kill(&mut self) {
        if let Some(mut node) = self.process.take() {
            node.kill().expect("SIGKILL");
            node.wait().expect("its end");
        }
    }

    /// Suspends the node; its connections stay open.
    pub fn suspend(&self) {
        self.signal("STOP");
    }

    /// Resumes the suspended node.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let node = self.process.as_ref().expect("the node is running");
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &node.id().to_string()])
            .status()
            .expect("kill");

        assert!(sent.success(), "the node has ended");
    }

    /// Runs `rabbitmqctl` on the node.
    pub fn ctl(&self, arguments: &[&str]) {
        let output = self
            .command("rabbitmqctl")
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
        // The wrapper of Debian switches to the user `rabbitmq`, who cannot write to the folder of
        // the test. The script that it wraps runs as the user of the test.
        let unwrapped = Path::new("/usr/lib/rabbitmq/bin").join(program);
        let program = if unwrapped.exists() {
            unwrapped
        } else {
            program.into()
        };

        let mut command = Command::new(program);
        command
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", self.path("data"))
            .env("RABBITMQ_LOG_BASE", self.path("log"))
            // The script replaces itself by the node, so that the child process is the node.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.path("plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", self.path("no-environment"))
            .env("RABBITMQ_CONFIG_FILE", self.path(self.config))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            // A process group of its own: Ctrl-C in a terminal ends the test, and the test ends the
            // node.
            .process_group(0);
        command
    }
}

/// Whether a process speaks AMQP there: it replies to a wrong header with the right one.
fn speaks_amqp(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };

    let mut reply = [0; 8];
    let exchanged = stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .and_then(|()| stream.write_all(b"AMQP\x09\x09\x09\x09"))
        .and_then(|()| stream.read_exact(&mut reply));
    exchanged.is_ok() && reply.starts_with(b"AMQP")
}

impl Drop for Broker {
    #[allow(
        clippy::print_stderr,
        reason = "a failed test prints the logs of its broker"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.path("log").join(format!("{}.log", self.node));
            let output = fs::read_to_string(self.path("output")).unwrap_or_default();
            let log = fs::read_to_string(log).unwrap_or_default();
            eprintln!("the output of the broker:\n{output}\nand its log:\n{log}");
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
