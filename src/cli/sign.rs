//! `hirewire sign`: the headers that a source would send with a body.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::{
    Exit,
    config_file::{ConfigFile, source},
    print,
    signing::{Signer, read},
};
use crate::{config::Environment, telemetry};

/// Print the headers that source S would send with FILE, signed now with its secret.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire sign acme hired.json
  hirewire sign acme - < hired.json
  curl -H @<(hirewire sign acme hired.json) --data-binary @hired.json http://127.0.0.1:8080/hooks/acme

A signature is good for a few minutes, where the source signs the time.")]
pub(super) struct Sign {
    #[command(flatten)]
    config: ConfigFile,
    /// The source, as the config names it.
    #[arg(value_name = "S")]
    source: String,
    /// The body, byte for byte; `-`: stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The event id, where the source sends one in a header; left out: a new one.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The content type; left out: the preset's.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
}

impl Sign {
    pub(super) fn run(self) -> Result<(), Exit> {
        let config = self.config.load(&Environment::of_process())?;
        let source = source(&config, &self.source)?;
        let body = read(&self.file)?;
        let now = telemetry::now();
        let signer = Signer::new(source, self.content_type.as_deref(), now)?;
        let headers = signer.headers(&body, now, &self.id.unwrap_or_else(telemetry::new_id))?;
        for (name, value) in &headers {
            let value = value
                .to_str()
                .map_err(|_| Exit::failed(anyhow!("{name} cannot be printed")))?;
            print(format_args!("{name}: {value}"))?;
        }
        Ok(())
    }
}
