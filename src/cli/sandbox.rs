//! `hirewire sandbox`: a SCIM service provider for tests, with faults on request.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Exit, print};
use crate::http::{self, Limits};
use hirewire_sandbox::{FAULTS_HELP, Fault, SandboxProfile, SandboxSettings};

const EXAMPLES: &str = "\
Examples:
  hirewire sandbox
  hirewire sandbox --listen 127.0.0.1:9090 --token try-me
  hirewire sandbox --profile workplace
  hirewire sandbox --faults '429=3:retry-after=2, slow:ms=500:method=GET'";

/// Run a SCIM 2.0 service provider for tests: users in memory, faults on request, a live page.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("Faults:\n{FAULTS_HELP}\n\n{EXAMPLES}"))]
pub(super) struct Sandbox {
    /// The address to listen on; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The bearer token that SCIM requests need. Default: none is needed.
    #[arg(long, env = "HIREWIRE_SANDBOX_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// The SCIM dialect.
    #[arg(long, value_enum, default_value_t = Dialect::Generic)]
    profile: Dialect,
    /// Faults that are active from the start: --help lists them.
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dialect {
    /// RFC 7643 and RFC 7644, strictly.
    Generic,
    /// Workplace from Meta.
    Workplace,
}

impl Sandbox {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let profile = match self.profile {
            Dialect::Generic => SandboxProfile::Generic,
            Dialect::Workplace => SandboxProfile::Workplace,
        };
        for fault in &self.faults {
            profile
                .check(fault)
                .map_err(|invalid| Exit::usage(anyhow::anyhow!("--faults: {invalid}")))?;
        }

        let listener = TcpListener::bind(self.listen).await.map_err(|error| {
            let hint = if error.kind() == ErrorKind::AddrInUse {
                "; stop the process that listens there, or choose another address with --listen"
            } else {
                ""
            };
            Exit::failed(anyhow::anyhow!(
                "cannot listen on {}: {error}{hint}",
                self.listen
            ))
        })?;
        let address = listener
            .local_addr()
            .context("the listener has no address")
            .map_err(Exit::failed)?;

        let token_needed = self.token.is_some();
        let sandbox = hirewire_sandbox::Sandbox::new(SandboxSettings {
            token: self.token,
            profile,
            faults: self.faults,
        });

        print(format_args!(
            "SCIM   http://{address}{}",
            hirewire_sandbox::BASE_PATH
        ))?;
        print(format_args!("page   http://{address}/"))?;
        print(if token_needed {
            "token  as given"
        } else {
            "token  not needed"
        })?;

        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            super::exit::stop_signal().await;
            stop.cancel();
        });

        let limits = Limits {
            drain: Duration::from_secs(2),
            ..Limits::default()
        };
        http::serve(listener, sandbox.service(), limits, shutdown).await;
        Ok(())
    }
}
