//! `hirewire migrate`: brings the store's schema up to date, as `run` does at its start.

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{Exit, config_file::ConfigFile, output::Format, print};
use crate::{
    config::{Config, Environment, StoreConfig},
    store::{MigrationStatus, Store, StoreError, StoreSettings},
};

/// Bring the store's schema up to date; with --status only tell how far it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire migrate --status
  hirewire migrate

`run` does the same at its start. A store that a newer hirewire has migrated is refused.")]
pub(super) struct Migrate {
    #[command(flatten)]
    config: ConfigFile,
    /// Only tell; nothing is written.
    #[arg(long)]
    status: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let config = self.config.load(&Environment::of_process())?;
        let settings = config
            .store_settings()
            .map_err(|error| Exit::usage(error.into()))?;
        let before = status(&settings).await?;
        let made = if self.status {
            Vec::new()
        } else {
            migrate(&config, settings.clone(), &before).await?
        };
        let now = status(&settings).await?;
        match self.output {
            Format::Table => {
                for name in &made {
                    print(format_args!("made     {name}"))?;
                }
                for name in &now.pending {
                    print(format_args!("pending  {name}"))?;
                }
                print(format_args!("schema   {} of {}", now.current, now.latest))
            }
            Format::Json | Format::Jsonl => self
                .output
                .print(&json!({ "current": now.current, "latest": now.latest, "made": made, "pending": now.pending })),
        }
    }
}

async fn status(settings: &StoreSettings) -> Result<MigrationStatus, Exit> {
    Store::migration_status(settings).await.map_err(failed)
}

async fn migrate(
    config: &Config,
    settings: StoreSettings,
    before: &MigrationStatus,
) -> Result<Vec<String>, Exit> {
    if let StoreConfig::Sqlite(path) = &config.store
        && let Some(folder) = path.parent()
    {
        let made = std::fs::create_dir_all(folder);
        made.with_context(|| format!("{} cannot be made", folder.display()))
            .map_err(Exit::failed)?;
    }
    // Opening refuses a store that is another instance's, or newer.
    let store = Store::open(settings).await.map_err(failed)?;
    store.close().await;
    Ok(before.pending.clone())
}

fn failed(error: StoreError) -> Exit {
    match &error {
        StoreError::Unreachable(_) => Exit::unreachable(error.into()),
        StoreError::Refused(_) | StoreError::Incompatible(_) => Exit::failed(error.into()),
    }
}
