//! By which way an operator's command reaches the API: named, over the socket of the service here, or on the store itself.

use std::path::PathBuf;

use anyhow::anyhow;

use super::{
    Exit,
    api::{Api, Reach},
};
use crate::{
    app,
    config::{Config, Environment},
};

impl Reach {
    /// The API, by whichever way it can be reached.
    pub(super) async fn api(&self) -> Result<Api, Exit> {
        if let Some(server) = &self.server {
            return Ok(Api::tcp(server, self.token.clone(), self.actor.clone()));
        }
        let config = self.config.load(&Environment::of_process())?;
        if let Some(socket) = answering(&config) {
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
        let config = self.config.load(&Environment::of_process())?;
        let socket = answering(&config).ok_or_else(|| {
            let socket = app::socket_of(&config.data_dir);
            let socket = socket.display();
            Exit::unreachable(anyhow!(
                "no service runs here ({socket} does not answer): start `hirewire run`, or name one with --server"
            ))
        })?;
        Ok(Api::socket(socket, self.actor.clone()))
    }
}

/// The socket of the service that runs on this config here, if one does.
fn answering(config: &Config) -> Option<PathBuf> {
    let socket = app::socket_of(&config.data_dir);
    std::os::unix::net::UnixStream::connect(&socket)
        .is_ok()
        .then_some(socket)
}
