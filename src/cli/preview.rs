//! `hirewire preview`: shows the SCIM requests that events would cause now. Sends only reads.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{
    Exit,
    api::encoded,
    api_options::ApiOptions,
    input::read_file,
    output::{Format, OutputOptions, list, text},
    print,
};

/// Show the exact SCIM requests that the events in FILE would cause now. Nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire preview event.json
  hirewire preview event.json --source acme --connection workplace
  cat event.json | hirewire preview - -o json")]
pub(super) struct Preview {
    /// A body as the source would post it; `-` reads stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The source that would post it. Default: the only source of the config.
    #[arg(long)]
    source: Option<String>,
    /// Only this connection. Default: every connection of the source.
    #[arg(long)]
    connection: Option<String>,
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    api: ApiOptions,
}

impl Preview {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let body = read_file(&self.file)?;
        let source = self.source.filter(|source| !source.is_empty());
        let source = source.map_or_else(|| "-".to_owned(), |source| encoded(&source));
        let query = self
            .connection
            .map(|name| format!("?connection={}", encoded(&name)));

        let path = format!("/api/v1/preview/{source}{}", query.unwrap_or_default());
        let previews = self.api.connect().await?.post_bytes(&path, body).await?;
        match self.output.format() {
            Format::Json => print(format_args!("{previews:#}")),
            Format::Jsonl => list(&previews, "").iter().try_for_each(print),
            Format::Table => list(&previews, "").iter().try_for_each(show),
        }
    }
}

/// Prints the preview of one person on one connection.
fn show(preview: &Value) -> Result<(), Exit> {
    print(format_args!(
        "{} on {}: status {}, desired access {}",
        text(preview, "/worker"),
        text(preview, "/connection"),
        text(preview, "/status"),
        text(preview, "/access")
    ))?;
    print(format_args!("  {}", text(preview, "/next_step")))?;

    for request in list(preview, "/requests") {
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

    for note in list(preview, "/notes") {
        print(format_args!("  note: {}", text(note, "")))?;
    }
    Ok(())
}
