//! `hirewire schemas`: the JSON Schemas of the canonical event.

use anyhow::anyhow;
use clap::Args;

use super::{Exit, print};
use hirewire_core::event;

/// Print a JSON Schema of the canonical event. Without a name, list the schemas.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire schemas
  hirewire schemas event.v1.json
  hirewire schemas terminated.v1.json > terminated.v1.json")]
pub(super) struct Schemas {
    /// The schema's name, as the list shows it.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Schemas {
    pub(super) fn run(self) -> Result<(), Exit> {
        let schemas = event::schemas();
        let Some(wanted) = self.name else {
            return schemas.iter().try_for_each(|(name, _)| print(name));
        };

        let (_, schema) = schemas
            .into_iter()
            .find(|(name, _)| *name == wanted || name.strip_suffix(".v1.json") == Some(&wanted))
            .ok_or_else(|| {
                Exit::usage(anyhow!(
                    "no schema has the name `{wanted}`: `hirewire schemas` lists the names"
                ))
            })?;
        print(format_args!("{schema:#}"))
    }
}
