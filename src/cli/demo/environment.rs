//! The processes of the demo: a sandbox, a service with its config on disk, an HR system.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Exit, init::fresh_secret, print},
    hr::HrSystem,
};
use crate::{
    app::{DataLock, Options, Roles, Service, socket_path},
    config::{Config, Environment},
    http::{self, Limits},
    scim_client::BreakerSettings,
    telemetry,
};
use hirewire_core::source::Scheme;
use hirewire_sandbox::{Sandbox, SandboxProfile, SandboxSettings};

/// The time that the service gets to become ready.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that runs in the demo.
pub(super) struct DemoEnvironment {
    /// The SCIM application.
    pub(super) sandbox: Sandbox,
    pub(super) service: Service,
    pub(super) hr: HrSystem,
    config: PathBuf,
    sandbox_page: String,
    stop: CancellationToken,
}

/// The files of an earlier demo. Nothing else in the folder is removed, except `data`.
const OLD_FILES: [&str; 2] = ["hirewire.toml", "hirewire.env"];

impl DemoEnvironment {
    /// Starts everything on free ports, and waits until the service is ready.
    pub(super) async fn start(dir: &Path) -> anyhow::Result<Self> {
        remove_old_files(dir)?;
        let stop = CancellationToken::new();
        let token = STANDARD.encode(telemetry::random_bits());
        let (sandbox, scim) = start_sandbox(&token, &stop).await?;

        let webhook_secret = fresh_secret(&Scheme::standard_webhooks());
        let config = dir.join("hirewire.toml");
        let text = config_text(&scim);
        std::fs::write(&config, &text).context("the config cannot be written")?;
        write_secrets(&dir.join("hirewire.env"), &webhook_secret, &token)?;

        let service = start_service(&config).await?;
        let Some(intake) = service.intake else {
            bail!("the intake does not listen")
        };
        // Now the ports are known: the config names them, so that other commands find the service.
        let text = with_ports(&text, &intake.to_string(), &service.ops.to_string());
        std::fs::write(&config, text).context("the config cannot be written")?;

        let hr = HrSystem::new(&format!("http://{intake}/hooks/acme"), &webhook_secret);
        let demo = Self {
            sandbox,
            service,
            hr,
            config,
            sandbox_page: format!("http://{scim}/"),
            stop,
        };
        demo.wait_until(START_TIMEOUT, |demo| demo.service.is_ready())
            .await;
        Ok(demo)
    }

    /// Waits until the condition is true. Returns false if the time is over first.
    pub(super) async fn wait_until(
        &self,
        timeout: Duration,
        condition: impl Fn(&Self) -> bool,
    ) -> bool {
        let deadline = Instant::now() + timeout;
        while !condition(self) {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// The operators' socket of the service.
    pub(super) fn socket(&self) -> PathBuf {
        socket_path(&self.config.with_file_name("data"))
    }

    /// Prints the address of the application, and three commands for a second terminal.
    pub(super) fn print_next_steps(&self) -> Result<(), Exit> {
        let config = self.config.display();
        let program = std::env::args_os()
            .next()
            .map(PathBuf::from)
            .unwrap_or_default();
        let program = program.display();

        print("\nThe demo runs until you press Ctrl-C.")?;
        print(format_args!(
            "The application shows its users and requests at {}",
            self.sandbox_page
        ))?;
        print("Try these commands in a second terminal, in this folder:")?;
        print(format_args!(
            "  {program} send acme --sample hired --config {config}"
        ))?;
        print(format_args!(
            "  {program} people show acme/E-1001 --config {config}"
        ))?;
        print(format_args!("  {program} tail --config {config}"))
    }

    /// Stops service and application in order. The files stay.
    pub(super) async fn stop(self) {
        self.service.stop().await;
        self.stop.cancel();
    }
}

/// Starts the SCIM application; returns it and its address.
async fn start_sandbox(token: &str, stop: &CancellationToken) -> anyhow::Result<(Sandbox, String)> {
    let sandbox = Sandbox::new(SandboxSettings {
        token: Some(token.to_owned().into()),
        profile: SandboxProfile::Generic,
        faults: Vec::new(),
    });
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("the SCIM application cannot listen on 127.0.0.1")?;
    let address = listener.local_addr()?.to_string();

    let (served, until) = (sandbox.clone(), stop.clone());
    tokio::spawn(
        async move { http::serve(listener, served.service(), Limits::default(), until).await },
    );
    Ok((sandbox, address))
}

async fn start_service(config: &Path) -> anyhow::Result<Service> {
    let config = Config::load(config, &Environment::of_process()).map_err(|diagnostics| {
        anyhow::anyhow!("the config of the demo has mistakes:\n{diagnostics}")
    })?;
    let breaker = BreakerSettings {
        people: 2,
        pause: Duration::from_secs(1),
        max_pause: Duration::from_secs(1),
    };
    let options = Options {
        breaker,
        ..Options::default()
    };

    Service::start(config, Roles::ALL, options).await
}

fn remove_old_files(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be created", dir.display()))?;
    for name in OLD_FILES {
        let _ = std::fs::remove_file(dir.join(name));
    }

    let data = dir.join("data");
    if data.exists() {
        // A demo that still runs there holds the lock: then its data stays.
        let lock = DataLock::take(&data)?;
        std::fs::remove_dir_all(&data)
            .with_context(|| format!("{} cannot be removed", data.display()))?;
        drop(lock);
    }
    Ok(())
}

fn write_secrets(path: &Path, webhook: &str, token: &str) -> anyhow::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    writeln!(
        file,
        "ACME_WEBHOOK_SECRET={webhook}\nDEMO_APP_TOKEN={token}"
    )?;
    Ok(())
}

fn config_text(scim: &str) -> String {
    format!(
        r#"# Written by `hirewire demo`. The secrets are in hirewire.env in this folder.
instance = "demo"
data_dir = "data"

[intake]
listen = "127.0.0.1:0"

[ops]
listen = "127.0.0.1:0"

[sources.acme]
preset = "canonical"
secrets = [{{ env = "ACME_WEBHOOK_SECRET" }}]
time_zone = "UTC"

[connections.app]
profile = "generic"
base_url = "http://{scim}/scim/v2"
token = {{ env = "DEMO_APP_TOKEN" }}
mode = "apply"
limits = {{ rate = "200/s", concurrency = 4, timeout = "2s", propagation_delay = "4s" }}
"#
    )
}

fn with_ports(text: &str, intake: &str, ops: &str) -> String {
    text.replacen("127.0.0.1:0", intake, 1)
        .replacen("127.0.0.1:0", ops, 1)
}
