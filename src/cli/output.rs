//! `-o`: how a command prints what it found.

use clap::ValueEnum;
use serde::Serialize;

use super::{Exit, print};

/// For people, or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// A JSON document a line.
    Jsonl,
}

impl Format {
    /// Prints a document; for people, too, where nothing better is there.
    pub(super) fn print(self, document: &impl Serialize) -> Result<(), Exit> {
        let text = match self {
            Self::Table | Self::Json => serde_json::to_string_pretty(document),
            Self::Jsonl => serde_json::to_string(document),
        };
        print(text.map_err(|error| Exit::failed(error.into()))?)
    }
}
