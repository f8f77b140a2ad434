//! `hirewire sandbox`: the SCIM service provider for trying things out.

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

/// A SCIM 2.0 service provider to try a mapping against: users in memory, faults on request, a live page.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("Faults:\n{FAULTS_HELP}\n\n{EXAMPLES}"))]
pub(super) struct Sandbox {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The access token that SCIM requests must bear; left out: anyone is let in.
    #[arg(long, env = "HIREWIRE_SANDBOX_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// The dialect it speaks.
    #[arg(long, value_enum, default_value_t = Dialect::Generic)]
    profile: Dialect,
    /// Faults that are on from the start (see --help).
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dialect {
    /// The RFCs, strictly.
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
                " (something listens there already: choose another with --listen)"
            } else {
                ""
            };
            Exit::failed(
                anyhow::Error::new(error)
                    .context(format!("cannot listen on {}{hint}", self.listen)),
            )
        })?;
        let address = listener
            .local_addr()
            .context("the listener has no address")
            .map_err(Exit::failed)?;
        let open = self.token.is_none();
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
        print(if open {
            "token  none asked for"
        } else {
            "token  as given"
        })?;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            super::exit::asked_to_stop().await;
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
