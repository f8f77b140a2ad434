//! The options that find the operators' API, and the choice between its three transports.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use secrecy::SecretString;

use super::{Exit, api::ApiClient, config_file::ConfigFile};
use crate::{
    app,
    config::{Config, Environment},
};

/// Flattened into every command that speaks to the API.
#[derive(Debug, Args)]
pub(super) struct ApiOptions {
    /// The ops address of a service. Default: the service that runs here, else the store itself.
    #[arg(long, env = "HIREWIRE_SERVER", value_name = "URL", global = true)]
    server: Option<String>,
    /// The token for --server.
    #[arg(
        long,
        env = "HIREWIRE_TOKEN",
        hide_env_values = true,
        hide = true,
        global = true
    )]
    token: Option<SecretString>,
    #[command(flatten)]
    config: ConfigFile,
}

impl ApiOptions {
    /// Connects to `--server`, else to the service that runs here, else opens the store itself.
    pub(super) async fn connect(&self) -> Result<ApiClient, Exit> {
        if let Some(server) = &self.server {
            return Ok(self.tcp(server));
        }

        let config = self.config.load(&Environment::of_process())?;
        if let Some(socket) = answering_socket(&config) {
            return Ok(ApiClient::socket(socket));
        }

        let api = app::local_api(&config).await.map_err(Exit::unreachable)?;
        Ok(ApiClient::in_process(api))
    }

    /// Connects to `--server` or to the service that runs here. Some routes need a running service.
    pub(super) fn connect_to_service(&self) -> Result<ApiClient, Exit> {
        if let Some(server) = &self.server {
            return Ok(self.tcp(server));
        }

        let config = self.config.load(&Environment::of_process())?;
        let socket = answering_socket(&config).ok_or_else(|| {
            let socket = app::socket_path(&config.data_dir);
            Exit::unreachable(anyhow!(
                "no service runs here: nothing answers on {}; start one with `hirewire run`, or \
                 name one with --server",
                socket.display()
            ))
        })?;
        Ok(ApiClient::socket(socket))
    }

    fn tcp(&self, server: &str) -> ApiClient {
        ApiClient::tcp(server, self.token.clone())
    }
}

/// The operators' socket of this config, if a service answers on it.
fn answering_socket(config: &Config) -> Option<PathBuf> {
    let socket = app::socket_path(&config.data_dir);
    std::os::unix::net::UnixStream::connect(&socket)
        .is_ok()
        .then_some(socket)
}
