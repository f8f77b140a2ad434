//! How commands read the config: its mistakes are shown with line and caret, and end with status 2.

use std::path::Path;

use annotate_snippets::Renderer;
use anyhow::anyhow;

use super::{
    Exit,
    api::{Api, Reach},
};
use crate::{
    app,
    config::{Config, Environment},
};

/// The config of that file. Warnings go to stderr; mistakes end the command.
pub(super) fn load(path: &Path) -> Result<Config, Exit> {
    load_in(path, &Environment::of_process())
}

/// The config of that file, in those surroundings.
pub(super) fn load_in(path: &Path, environment: &Environment) -> Result<Config, Exit> {
    match Config::load(path, environment) {
        Ok(config) => {
            if !config.warnings.is_empty() {
                super::exit::say(config.warnings.render(&renderer()));
            }
            Ok(config)
        }
        Err(mistakes) => {
            super::exit::say(mistakes.render(&renderer()));
            Err(Exit::usage(anyhow!("{} has {} mistake(s)", path.display(), mistakes.mistakes())))
        }
    }
}

/// In colour on a terminal, unless `NO_COLOR` is set.
pub(super) fn renderer() -> Renderer {
    use std::io::IsTerminal as _;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !std::io::stderr().is_terminal();
    if plain { Renderer::plain() } else { Renderer::styled() }
}

impl Reach {
    /// The API, by whichever way it can be reached.
    pub(super) async fn api(&self) -> Result<Api, Exit> {
        if let Some(server) = &self.server {
            return Ok(Api::tcp(server, self.token.clone(), self.actor.clone()));
        }
        let config = load(&self.config)?;
        let socket = app::socket_of(&config.data_dir);
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Ok(Api::socket(socket, self.actor.clone()));
        }
        let reached = app::local_api(&config).await.map_err(Exit::unreachable)?;
        Ok(Api::here(reached, self.actor.clone()))
    }

    /// The API of a service that runs: what goes on in a process can be told by it alone.
    pub(super) fn running(&self) -> Result<Api, Exit> {
        if let Some(server) = &self.server {
            return Ok(Api::tcp(server, self.token.clone(), self.actor.clone()));
        }
        let config = load(&self.config)?;
        let socket = app::socket_of(&config.data_dir);
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Ok(Api::socket(socket, self.actor.clone()));
        }
        Err(Exit::unreachable(anyhow!(
            "no service runs here ({} does not answer): start `hirewire run`, or name one with --server",
            socket.display()
        )))
    }
}
