//! Runs the sandbox alone, until it is interrupted: `sandbox ADDRESS TOKEN [generic|workplace] [FAULTS]`.
//!
//! The product's own way is `hirewire sandbox`; this one is for `scripts/scim2-tester` and for a look at the page.

use anyhow::Context;
use hirewire::sandbox::{Fault, Sandbox, SandboxProfile, SandboxSettings};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("ADDRESS is missing")?;
    let token = arguments.next().context("TOKEN is missing")?;
    let profile = match arguments.next().as_deref() {
        None | Some("generic") => SandboxProfile::Generic,
        Some("workplace") => SandboxProfile::Workplace,
        Some(other) => anyhow::bail!("there is no profile `{other}`"),
    };
    let faults = Fault::parse_list(&arguments.next().unwrap_or_default())?;
    let sandbox = Sandbox::new(SandboxSettings { token: Some(token.into()), profile, faults });
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stop.cancel();
    });
    Ok(sandbox.run(listener, shutdown).await?)
}
