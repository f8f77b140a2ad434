//! `hirewire preview`: the exact SCIM requests that events would cause now; it only reads at the target.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use super::{
    Exit,
    api::{Reach, quoted},
    output::Format,
    print,
    shown::{Output, text},
};

/// Show the exact SCIM requests that these events would cause now, against the live target; nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire preview event.json
  hirewire preview event.json --source acme --connection workplace
  cat event.json | hirewire preview - -o json")]
pub(super) struct Preview {
    /// A body as the source would post it; `-`: standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The source that would post it; left out: the only one there is.
    #[arg(long, default_value = "")]
    source: String,
    /// One connection alone.
    #[arg(long)]
    connection: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

impl Preview {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let body = read(&self.file)?;
        let source = if self.source.is_empty() {
            "-".to_owned()
        } else {
            quoted(&self.source)
        };
        let connection = self
            .connection
            .as_deref()
            .map(|name| format!("?connection={}", quoted(name)));
        let path = format!("/api/v1/preview/{source}{}", connection.unwrap_or_default());
        let foreseen = self.reach.api().await?.post_bytes(&path, body).await?;
        match self.output.format() {
            Format::Json => print(format_args!("{foreseen:#}")),
            Format::Jsonl => foreseen
                .as_array()
                .into_iter()
                .flatten()
                .try_for_each(print),
            Format::Table => foreseen.as_array().into_iter().flatten().try_for_each(show),
        }
    }
}

/// The bytes of a file, or of standard input.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Exit> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|error| Exit::failed(error.into()))?;
        return Ok(bytes);
    }
    std::fs::read(file)
        .with_context(|| format!("{} cannot be read", file.display()))
        .map_err(Exit::usage)
}

/// One person on one connection, as a person reads it.
pub(super) fn show(foreseen: &Value) -> Result<(), Exit> {
    let (worker, connection) = (text(foreseen, "/worker"), text(foreseen, "/connection"));
    print(format_args!(
        "{worker} on {connection}: {}, so {}",
        text(foreseen, "/status"),
        text(foreseen, "/access")
    ))?;
    print(format_args!("  {}", text(foreseen, "/next_step")))?;
    for request in foreseen
        .pointer("/requests")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        print(format_args!(
            "  {} {}",
            text(request, "/method"),
            text(request, "/path")
        ))?;
        if let Some(body) = request.pointer("/body") {
            for line in format!("{body:#}").lines() {
                print(format_args!("    {line}"))?;
            }
        }
    }
    for note in foreseen
        .pointer("/notes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        print(format_args!("  note: {}", text(note, "")))?;
    }
    Ok(())
}
