//! `hirewire run`: the service.

use clap::{Args, ValueEnum, builder::PossibleValue};
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, config_file::ConfigFile, print};
use crate::{
    app::{Options, Roles, Service},
    config::{Config, Environment, QueueConfig, StoreConfig},
    http::ProcessRole,
};

/// Run the service: intake, workers and the operators' API, or some of them.
///
/// SIGTERM and Ctrl-C drain: nothing new is begun, what runs is finished; a second one ends it at once. SIGHUP reads the
/// config again, all or nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire run
  hirewire run --config /etc/hirewire/hirewire.toml
  hirewire run --only intake
  hirewire run --only worker --only ops")]
pub(super) struct Run {
    /// Only this role; may be given several times. Left out: all three.
    #[arg(long, value_enum, value_name = "ROLE")]
    only: Vec<ProcessRole>,
    #[command(flatten)]
    config: ConfigFile,
}

impl ValueEnum for ProcessRole {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Intake => "Receives hooks",
            Self::Worker => "Stores events and reconciles accounts",
            Self::Ops => "Serves the operators' API",
        };
        Some(PossibleValue::new(self.as_str()).help(help))
    }
}

impl Run {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let config = self.config.load(&Environment::of_process())?;
        let runs = |role| self.only.is_empty() || self.only.contains(&role);
        let roles = Roles {
            intake: runs(ProcessRole::Intake),
            worker: runs(ProcessRole::Worker),
            ops: runs(ProcessRole::Ops),
        };
        let service = Service::start(config.clone(), roles, Options::default())
            .await
            .map_err(Exit::failed)?;
        say_where(&config, &service)?;
        self.until_stopped(&service).await?;
        print("stopping: what runs is finished first (once more to end at once)")?;
        tokio::select! {
            () = service.stop() => print("stopped"),
            () = super::exit::asked_to_stop() => std::process::exit(1),
        }
    }

    async fn reload(&self, service: &Service) {
        let Ok(config) = self.config.load(&Environment::of_process()) else {
            tracing::error!("the config has mistakes and was not reloaded; the old one stays");
            return;
        };
        if let Err(error) = service.reload(config).await {
            tracing::error!(
                error = format!("{error:#}"),
                "the config was not reloaded; the old one stays"
            );
        }
    }

    async fn until_stopped(&self, service: &Service) -> Result<(), Exit> {
        let mut hangup =
            signal(SignalKind::hangup()).map_err(|error| Exit::failed(error.into()))?;
        loop {
            tokio::select! {
                () = super::exit::asked_to_stop() => return Ok(()),
                _ = hangup.recv() => self.reload(service).await,
            }
        }
    }
}

/// Where things are.
fn say_where(config: &Config, service: &Service) -> Result<(), Exit> {
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
        "no [[ops.tokens]]: over TCP there is no API"
    } else {
        "at /api/v1"
    };
    print(format_args!("  API      {api}"))?;
    match &config.queue {
        QueueConfig::Embedded => print(format_args!(
            "  queue    {}",
            config.data_dir.join("queue.db").display()
        ))?,
        QueueConfig::Rabbit(_) => print("  queue    RabbitMQ")?,
    }
    match &config.store {
        StoreConfig::Sqlite(path) => print(format_args!("  store    {}", path.display()))?,
        StoreConfig::Url(_) => print("  store    as in [store] url")?,
    }
    for (name, connection) in &config.connections {
        print(format_args!(
            "  account  {name}: {}, mode {:?}",
            connection.base_url, connection.mode
        ))?;
    }
    Ok(())
}
