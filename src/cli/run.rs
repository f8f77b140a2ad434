//! `hirewire run`: runs the service until a signal stops it.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Exit, config_file::ConfigFile, exit::stop_signal, notes::print_notes, print, roles::RoleOptions,
};
use crate::{
    app::{Options, Service, error_text},
    config::{Config, Environment, QueueConfig, StoreConfig},
    worker::Mode,
};

/// Run the service: intake, workers and the operators' API, or some of them.
///
/// SIGTERM and Ctrl-C drain: the service accepts nothing new and finishes what runs. A second
/// signal ends it at once. SIGHUP reloads the config, all or nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire run
  hirewire run --config /etc/hirewire/hirewire.toml
  hirewire run --only intake
  hirewire run --only worker --only ops")]
pub(super) struct Run {
    #[command(flatten)]
    roles: RoleOptions,
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let environment = Environment::of_process();
        let config = self.config.load(&environment)?;
        let roles = self.roles.of(&config)?;
        let service = Service::start(config.clone(), roles, Options::default())
            .await
            .map_err(Exit::failed)?;
        print_addresses(&config, &service)?;
        print_dependencies(&config)?;
        print_notes(&config, &environment)?;

        self.until_stopped(&service).await?;
        print("stopping: running work is finished first; a second signal ends it at once")?;
        tokio::select! {
            () = service.stop() => print("stopped"),
            () = stop_signal() => std::process::exit(1),
        }
    }

    async fn until_stopped(&self, service: &Service) -> Result<(), Exit> {
        let mut hangup =
            signal(SignalKind::hangup()).map_err(|error| Exit::failed(error.into()))?;
        loop {
            tokio::select! {
                () = stop_signal() => return Ok(()),
                _ = hangup.recv() => self.reload(service).await,
            }
        }
    }

    async fn reload(&self, service: &Service) {
        let Ok(config) = self.config.load(&Environment::of_process()) else {
            tracing::error!(
                "the config is not reloaded: it has mistakes, listed above; the service keeps the \
                 old config"
            );
            return;
        };

        if let Err(error) = service.reload(config).await {
            tracing::error!(
                error = error_text(&error),
                "the config is not reloaded; the service keeps the old config"
            );
        }
    }
}

fn print_addresses(config: &Config, service: &Service) -> Result<(), Exit> {
    print(format_args!(
        "hirewire {}, instance {}",
        env!("CARGO_PKG_VERSION"),
        config.instance
    ))?;

    if let Some(intake) = service.intake {
        for name in config.sources.keys() {
            let url = match &config.intake.public_url {
                Some(_) => config.hook_url(name),
                None => format!("http://{intake}/hooks/{name}"),
            };
            print(format_args!("  hooks    {url}"))?;
        }
    }

    print(format_args!(
        "  health   http://{}/readyz, metrics at /metrics",
        service.ops
    ))?;
    if let Some(socket) = &service.socket {
        print(format_args!("  socket   {}", socket.display()))?;
    }
    let api = if config.ops.tokens.is_empty() {
        "on the socket only: the config has no [[ops.tokens]]"
    } else {
        "at /api/v1"
    };
    print(format_args!("  API      {api}"))
}

fn print_dependencies(config: &Config) -> Result<(), Exit> {
    match &config.queue {
        QueueConfig::Embedded => print(format_args!(
            "  queue    {}",
            config.data_dir.join("queue.db").display()
        ))?,
        QueueConfig::Rabbit(_) => print("  queue    RabbitMQ, see [queue] url")?,
    }
    match &config.store {
        StoreConfig::Sqlite(path) => print(format_args!("  store    {}", path.display()))?,
        StoreConfig::Url(_) => print("  store    see [store] url")?,
    }

    for (name, connection) in &config.connections {
        let mode = match connection.mode {
            Mode::Observe => "mode observe: nothing is sent",
            Mode::Apply => "mode apply",
        };
        let proxy = connection.proxy.as_ref();
        let proxy = proxy.map(|proxy| format!(", through the proxy {proxy}"));
        print(format_args!(
            "  target   {name}: {}, {mode}{}",
            connection.base_url,
            proxy.unwrap_or_default()
        ))?;
    }
    Ok(())
}
