//! `--config`: reads the config of a command and prints its mistakes.
//!
//! All mistakes and warnings go to stderr with their lines. A command that gets a [`Config`] gets
//! one without mistakes.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use annotate_snippets::Renderer;
use anyhow::anyhow;
use clap::Args;

use super::{Exit, output::counted};
use crate::config::{Config, Diagnostics, Environment, SourceConfig};

/// Flattened into every command that reads the config.
#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// The config file.
    #[arg(
        long,
        env = "HIREWIRE_CONFIG",
        default_value = "hirewire.toml",
        value_name = "FILE",
        global = true
    )]
    config: PathBuf,
}

impl ConfigFile {
    /// Reads the config and prints its diagnostics. Exit code 2 if it has mistakes.
    pub(super) fn load(&self, environment: &Environment) -> Result<Config, Exit> {
        match Config::load(&self.config, environment) {
            Ok(config) => {
                print_diagnostics(&config.warnings, environment);
                Ok(config)
            }
            Err(diagnostics) => {
                print_diagnostics(&diagnostics, environment);
                Err(self.refusal(&diagnostics))
            }
        }
    }

    /// The error of a config with mistakes.
    pub(super) fn refusal(&self, diagnostics: &Diagnostics) -> Exit {
        Exit::usage(anyhow!(
            "{} has {}: the config cannot be used",
            self.config.display(),
            counted(diagnostics.mistakes(), "mistake")
        ))
    }

    pub(super) fn path(&self) -> &Path {
        &self.config
    }
}

/// Prints diagnostics on stderr, in colour on a terminal.
pub(super) fn print_diagnostics(diagnostics: &Diagnostics, environment: &Environment) {
    if diagnostics.is_empty() {
        return;
    }

    let in_colour = io::stderr().is_terminal() && environment.wants_colour();
    let renderer = if in_colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    // If stderr is closed, the exit code is all that remains.
    let _ = writeln!(io::stderr(), "{}\n", diagnostics.render(&renderer));
}

/// The source with this name. Exit code 2 if the config has none.
pub(super) fn find_source<'a>(config: &'a Config, name: &str) -> Result<&'a SourceConfig, Exit> {
    config.sources.get(name).ok_or_else(|| {
        let names: Vec<&str> = config.sources.keys().map(String::as_str).collect();
        let known = if names.is_empty() {
            "it has no [sources.NAME] at all".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        };
        Exit::usage(anyhow!("the config has no source `{name}`: {known}"))
    })
}
