//! `--config`: which config a command reads, and how its mistakes are told.
//!
//! Mistakes and warnings go to stderr, all of them, with their lines; a command that gets a [`Config`] has a whole one.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use annotate_snippets::Renderer;
use anyhow::anyhow;
use clap::Args;

use super::Exit;
use crate::config::{Config, Diagnostics, Environment, SourceConfig};

/// Which config.
#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// The config.
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
    /// Reads it; tells what is wrong, and ends with exit code 2 if it cannot be used.
    pub(super) fn load(&self, environment: &Environment) -> Result<Config, Exit> {
        match Config::load(&self.config, environment) {
            Ok(config) => {
                tell(&config.warnings, environment);
                Ok(config)
            }
            Err(found) => {
                tell(&found, environment);
                Err(self.refused(&found))
            }
        }
    }

    /// That the config cannot be used.
    pub(super) fn refused(&self, found: &Diagnostics) -> Exit {
        let mistakes = match found.mistakes() {
            1 => "one mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        Exit::usage(anyhow!("{}: {mistakes}", self.config.display()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.config
    }
}

/// Shows diagnostics on stderr, in colour on a terminal.
pub(super) fn tell(found: &Diagnostics, environment: &Environment) {
    if found.is_empty() {
        return;
    }
    let in_colour = io::stderr().is_terminal() && environment.wants_colour();
    let renderer = if in_colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    // A stderr that is gone leaves the exit code to speak.
    let _ = writeln!(io::stderr(), "{}\n", found.render(&renderer));
}

/// A source by name.
pub(super) fn source<'a>(config: &'a Config, name: &str) -> Result<&'a SourceConfig, Exit> {
    config.sources.get(name).ok_or_else(|| {
        let names: Vec<&str> = config.sources.keys().map(String::as_str).collect();
        let known = if names.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        };
        Exit::usage(anyhow!("`{name}` is no source of the config ({known})"))
    })
}
