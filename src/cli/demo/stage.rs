//! The demo's stage: a sandbox, a service with its config on disk, and the lines to paste into a second terminal.

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
    app::{Options, Roles, Service},
    config::{Config, Environment},
    http::{self, Limits},
    scim_client::BreakerSettings,
    telemetry,
};
use hirewire_core::source::Scheme;
use hirewire_sandbox::{Sandbox, SandboxProfile, SandboxSettings};

/// Everything that runs in the demo.
pub(super) struct Stage {
    /// The SCIM application.
    pub(super) sandbox: Sandbox,
    /// The service.
    pub(super) service: Service,
    /// The HR system.
    pub(super) hr: HrSystem,
    /// The config, as written.
    pub(super) config: PathBuf,
    sandbox_page: String,
    stop: CancellationToken,
}

/// What an earlier demo leaves in its folder; nothing else there is touched.
const LEFT_OVER: [&str; 2] = ["hirewire.toml", "hirewire.env"];

impl Stage {
    /// Sets everything up on free ports.
    pub(super) async fn set(dir: &Path) -> anyhow::Result<Self> {
        clear(dir)?;
        let stop = CancellationToken::new();
        let token = STANDARD.encode(telemetry::random_bits());
        let settings = SandboxSettings {
            token: Some(token.clone().into()),
            profile: SandboxProfile::Generic,
            faults: Vec::new(),
        };
        let sandbox = Sandbox::new(settings);
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no port for the SCIM application")?;
        let scim = listener.local_addr()?;
        let (serving, until) = (sandbox.clone(), stop.clone());
        tokio::spawn(async move {
            http::serve(listener, serving.service(), Limits::default(), until).await
        });

        let webhook_secret = fresh_secret(&Scheme::standard_webhooks());
        let config = dir.join("hirewire.toml");
        std::fs::write(&config, document(&scim.to_string()))
            .context("the config cannot be written")?;
        write_secrets(&dir.join("hirewire.env"), &webhook_secret, &token)?;
        let loaded = Config::load(&config, &Environment::of_process()).map_err(|mistakes| {
            anyhow::anyhow!(
                "the demo's config: {}",
                mistakes.render(&annotate_snippets::Renderer::plain())
            )
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
        let service = Service::start(loaded, Roles::ALL, options).await?;
        let Some(intake) = service.intake else {
            bail!("the intake does not listen")
        };
        // The config names the ports that were taken, so that other commands find the service.
        std::fs::write(
            &config,
            named(
                &document(&scim.to_string()),
                &intake.to_string(),
                &service.ops.to_string(),
            ),
        )?;
        let hr = HrSystem::new(&format!("http://{intake}/hooks/acme"), &webhook_secret);
        let stage = Self {
            sandbox,
            service,
            hr,
            config,
            sandbox_page: format!("http://{scim}/"),
            stop,
        };
        stage
            .until(Duration::from_secs(10), |stage| stage.service.is_whole())
            .await;
        Ok(stage)
    }

    /// Waits until it holds; whether it did in time.
    pub(super) async fn until(&self, patience: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        while !holds(self) {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Addresses, and three lines that work in a second terminal.
    pub(super) fn invite(&self) -> Result<(), Exit> {
        let config = self.config.display();
        let program = std::env::args_os()
            .next()
            .map(PathBuf::from)
            .unwrap_or_default();
        let program = program.display();
        print(format_args!(
            "\nIt stays up until Ctrl-C. The application's users and requests, live: {}",
            self.sandbox_page
        ))?;
        print("Try it from a second terminal, in this folder:")?;
        print(format_args!(
            "  {program} send acme --sample hired --config {config}"
        ))?;
        print(format_args!(
            "  {program} people show acme/E-1001 --config {config}"
        ))?;
        print(format_args!("  {program} tail --config {config}"))
    }

    /// Takes everything down in order; the files stay.
    pub(super) async fn strike(self) {
        self.service.stop().await;
        self.stop.cancel();
    }
}

fn clear(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for name in LEFT_OVER {
        let _ = std::fs::remove_file(dir.join(name));
    }
    let data = dir.join("data");
    if data.exists() {
        // A demo that still runs there keeps its lock; then nothing is taken away.
        let lock = crate::app::DataLock::take(&data)?;
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

fn document(scim: &str) -> String {
    format!(
        r#"# Written by `hirewire demo`. Secrets are in hirewire.env beside it.
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

fn named(document: &str, intake: &str, ops: &str) -> String {
    document
        .replacen("127.0.0.1:0", intake, 1)
        .replacen("127.0.0.1:0", ops, 1)
}
