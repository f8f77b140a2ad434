//! `hirewire migrate`: updates the schema of the store, as `hirewire run` does at its start.

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{Exit, config_file::ConfigFile, output::Format, print};
use crate::{
    config::{Config, Environment, StoreConfig},
    store::{MigrationStatus, Store, StoreError, StoreSettings},
};

/// Update the schema of the store. With --status, only show the schema's version.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire migrate --status
  hirewire migrate

`hirewire run` does the same at its start. The store of a newer hirewire is refused.")]
pub(super) struct Migrate {
    #[command(flatten)]
    config: ConfigFile,
    /// Show the schema's version, and change nothing.
    #[arg(long)]
    status: bool,
    /// The output format.
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
        let applied = if self.status {
            Vec::new()
        } else {
            migrate(&config, settings.clone(), &before).await?
        };

        let after = status(&settings).await?;
        match self.output {
            Format::Table => {
                for name in &applied {
                    print(format_args!("applied  {name}"))?;
                }
                for name in &after.pending {
                    print(format_args!("pending  {name}"))?;
                }
                print(format_args!(
                    "schema   {} of {}",
                    after.current, after.latest
                ))
            }
            Format::Json | Format::Jsonl => self.output.print(&json!({
                "current": after.current,
                "latest": after.latest,
                "applied": applied,
                "pending": after.pending,
            })),
        }
    }
}

async fn status(settings: &StoreSettings) -> Result<MigrationStatus, Exit> {
    Store::migration_status(settings).await.map_err(store_error)
}

/// Applies the pending migrations and returns their names.
async fn migrate(
    config: &Config,
    settings: StoreSettings,
    before: &MigrationStatus,
) -> Result<Vec<String>, Exit> {
    if let StoreConfig::Sqlite(path) = &config.store
        && let Some(folder) = path.parent()
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be created", folder.display()))
            .map_err(Exit::failed)?;
    }

    // `open` migrates. It refuses the store of another instance or of a newer version.
    let store = Store::open(settings).await.map_err(store_error)?;
    store.close().await;
    Ok(before.pending.clone())
}

fn store_error(error: StoreError) -> Exit {
    match &error {
        StoreError::Unreachable(_) => Exit::unreachable(error.into()),
        StoreError::Refused(_) | StoreError::Incompatible(_) => Exit::failed(error.into()),
    }
}
