//! `hirewire sign`: prints the headers that a source would send with a body.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::{
    Exit,
    config_file::{ConfigFile, find_source},
    input::read_file,
    print,
    signing::Signer,
};
use crate::{config::Environment, telemetry};

/// Print the headers that source S would send with FILE, signed now with its secret.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire sign acme hired.json
  hirewire sign acme - < hired.json
  curl -H @<(hirewire sign acme hired.json) --data-binary @hired.json \\
    http://127.0.0.1:8080/hooks/acme

If the source signs the time, the signature is valid for a few minutes.")]
pub(super) struct Sign {
    #[command(flatten)]
    config: ConfigFile,
    /// The source's name in the config.
    #[arg(value_name = "S")]
    source: String,
    /// The body, byte for byte; `-` reads stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The event id, if the source sends one in a header. Default: a new id.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The content type. Default: that of the preset.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
}

impl Sign {
    pub(super) fn run(self) -> Result<(), Exit> {
        let config = self.config.load(&Environment::of_process())?;
        let source = find_source(&config, &self.source)?;
        let body = read_file(&self.file)?;

        let now = telemetry::now();
        let signer = Signer::new(source, self.content_type.as_deref(), now)?;
        let headers = signer.headers(&body, now, &self.id.unwrap_or_else(telemetry::new_id))?;
        for (name, value) in &headers {
            let value = value
                .to_str()
                .map_err(|_| Exit::failed(anyhow!("the header {name} is not printable text")))?;
            print(format_args!("{name}: {value}"))?;
        }
        Ok(())
    }
}
