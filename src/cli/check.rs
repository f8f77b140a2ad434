//! `hirewire check`: every mistake of the config at once, then every dependency.

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::{
    Exit,
    config_file::{ConfigFile, tell},
    dependencies::{self, Finding, State},
    output::Format,
    print,
};
use crate::config::{Config, Diagnostic, Diagnostics, Environment, Severity};

/// Tell every mistake of the config, with file, line and what was expected; then try queue, store and connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire check
  hirewire check --offline                 # the file alone; secrets may be missing
  hirewire check --config /etc/hirewire/hirewire.toml -o json

Exit codes: 0 good, 2 mistakes in the config, 3 a dependency cannot be reached, 1 a dependency refuses us.")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Read the file only: no secret needs to be there, nothing is connected to.
    #[arg(long)]
    offline: bool,
    /// How to print what was found.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// A diagnostic for programs.
#[derive(Serialize)]
struct Told<'a> {
    severity: &'static str,
    /// From 1; `null` where it is not about a place in the file.
    line: Option<usize>,
    column: Option<usize>,
    title: &'a str,
    expected: &'a str,
    help: Option<&'a str>,
}

impl Check {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let process = Environment::of_process();
        let environment = if self.offline {
            process.offline()
        } else {
            process
        };
        let (config, found) = match Config::load(self.config.path(), &environment) {
            Ok(config) => (Some(config.clone()), config.warnings),
            Err(found) => (None, found),
        };
        if self.output == Format::Table {
            tell(&found, &environment);
        }
        let Some(config) = config else {
            self.print_documents(&found, &[])?;
            return Err(self.config.refused(&found));
        };
        if self.output == Format::Table {
            print(self.summary(&config, &found))?;
        }
        let dependencies = if self.offline {
            Vec::new()
        } else {
            dependencies::dependencies(&config).await
        };
        match self.output {
            Format::Table => dependencies.iter().try_for_each(print)?,
            Format::Json | Format::Jsonl => self.print_documents(&found, &dependencies)?,
        }
        let of = |state| {
            dependencies
                .iter()
                .filter(move |finding| finding.state == state)
                .count()
        };
        match (of(State::Unreachable), of(State::Refused)) {
            (0, 0) => Ok(()),
            (0, refused) => Err(Exit::failed(anyhow!(
                "{refused} of {} dependencies refuse us",
                dependencies.len()
            ))),
            (away, _) => Err(Exit::unreachable(anyhow!(
                "{away} of {} dependencies cannot be reached",
                dependencies.len()
            ))),
        }
    }

    fn summary(&self, config: &Config, found: &Diagnostics) -> String {
        let count =
            |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        format!(
            "{}: no mistake, {}; {}, {}",
            self.config.path().display(),
            count(found.all().len(), "warning"),
            count(config.sources.len(), "source"),
            count(config.connections.len(), "connection")
        )
    }

    fn print_documents(&self, found: &Diagnostics, dependencies: &[Finding]) -> Result<(), Exit> {
        let diagnostics = found.all().iter().map(|diagnostic| told(found, diagnostic));
        match self.output {
            Format::Table => Ok(()),
            Format::Json => self.output.print(&serde_json::json!({
                "config": self.config.path(),
                "diagnostics": diagnostics.collect::<Vec<_>>(),
                "dependencies": dependencies,
            })),
            Format::Jsonl => {
                for diagnostic in diagnostics {
                    self.output.print(&diagnostic)?;
                }
                dependencies
                    .iter()
                    .try_for_each(|finding| self.output.print(finding))
            }
        }
    }
}

fn told<'a>(found: &'a Diagnostics, diagnostic: &'a Diagnostic) -> Told<'a> {
    let position = found.position(diagnostic);
    Told {
        severity: match diagnostic.severity {
            Severity::Mistake => "mistake",
            Severity::Warning => "warning",
        },
        line: position.map(|(line, _)| line),
        column: position.map(|(_, column)| column),
        title: &diagnostic.title,
        expected: &diagnostic.label,
        help: diagnostic.help.as_deref(),
    }
}
