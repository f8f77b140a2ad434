//! `hirewire check`: reports every mistake of the config, then tries each dependency.

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::{
    Exit,
    config_file::{ConfigFile, print_diagnostics},
    dependencies,
    dependency_report::{DependencyReport, DependencyState},
    notes::print_notes,
    output::{Format, counted},
    print,
    roles::RoleOptions,
};
use crate::config::{Config, Diagnostic, Diagnostics, Environment, Severity};

/// Report every mistake of the config with file, line and what was expected; then try queue, store
/// and connections, and hold the mappings against the schemas of their targets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire check
  hirewire check --offline                 # the file alone; secrets may be missing
  hirewire check --only intake             # whether a process of this role alone can run
  hirewire check --config /etc/hirewire/hirewire.toml -o json

Exit codes: 0 all is well, 1 a dependency cannot be used, 2 the config has mistakes,
3 a dependency cannot be reached.")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Read the file only: try no dependency, and turn missing secrets into warnings.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    roles: RoleOptions,
    /// The output format.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// A diagnostic in JSON.
#[derive(Serialize)]
struct JsonDiagnostic<'a> {
    severity: &'static str,
    /// From 1; `null` if the diagnostic has no span in the file.
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
        let (config, diagnostics) = match Config::load(self.config.path(), &environment) {
            Ok(config) => (Some(config.clone()), config.warnings),
            Err(diagnostics) => (None, diagnostics),
        };

        if self.output == Format::Table {
            print_diagnostics(&diagnostics, &environment);
        }
        let Some(config) = config else {
            self.print_documents(&[&diagnostics], &[])?;
            return Err(self.config.refusal(&diagnostics));
        };
        self.roles.of(&config)?;
        if self.output == Format::Table {
            print(self.summary(&config, &diagnostics))?;
            print_notes(&config, &environment)?;
        }

        let (reports, contradictions) = if self.offline {
            (Vec::new(), Diagnostics::default())
        } else {
            dependencies::check(&config).await
        };
        if self.output == Format::Table {
            reports.iter().try_for_each(print)?;
            print_diagnostics(&contradictions, &environment);
        } else {
            self.print_documents(&[&diagnostics, &contradictions], &reports)?;
        }
        verdict(&reports)
    }

    fn summary(&self, config: &Config, diagnostics: &Diagnostics) -> String {
        format!(
            "{}: no mistake, {}; {}, {}",
            self.config.path().display(),
            counted(diagnostics.all().len(), "warning"),
            counted(config.sources.len(), "source"),
            counted(config.connections.len(), "connection")
        )
    }

    fn print_documents(
        &self,
        diagnostics: &[&Diagnostics],
        reports: &[DependencyReport],
    ) -> Result<(), Exit> {
        let documents = diagnostics.iter().flat_map(|found| {
            let all = found.all().iter();
            all.map(|diagnostic| json_diagnostic(found, diagnostic))
        });

        match self.output {
            Format::Table => Ok(()),
            Format::Json => self.output.print(&serde_json::json!({
                "config": self.config.path(),
                "diagnostics": documents.collect::<Vec<_>>(),
                "dependencies": reports,
            })),
            Format::Jsonl => {
                for document in documents {
                    self.output.print(&document)?;
                }
                reports
                    .iter()
                    .try_for_each(|report| self.output.print(report))
            }
        }
    }
}

fn verdict(reports: &[DependencyReport]) -> Result<(), Exit> {
    let unreachable = names(reports, DependencyState::Unreachable);
    if !unreachable.is_empty() {
        return Err(Exit::unreachable(anyhow!(
            "{} of {} dependencies cannot be reached: {}",
            unreachable.len(),
            reports.len(),
            unreachable.join(", ")
        )));
    }

    let refused = names(reports, DependencyState::Refused);
    if !refused.is_empty() {
        return Err(Exit::failed(anyhow!(
            "{} of {} dependencies cannot be used: {}",
            refused.len(),
            reports.len(),
            refused.join(", ")
        )));
    }
    Ok(())
}

fn names(reports: &[DependencyReport], state: DependencyState) -> Vec<&str> {
    reports
        .iter()
        .filter(|report| report.state == state)
        .map(|report| report.dependency.as_str())
        .collect()
}

fn json_diagnostic<'a>(
    diagnostics: &'a Diagnostics,
    diagnostic: &'a Diagnostic,
) -> JsonDiagnostic<'a> {
    let position = diagnostics.position(diagnostic);
    JsonDiagnostic {
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
