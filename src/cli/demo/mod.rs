//! `hirewire demo`: service, SCIM application and HR system in one process, without a config.
//!
//! The story runs step by step, and each step checks its effect at the application. With `--exit`
//! the exit code is 0 only if every step had its expected effect.

mod application;
mod environment;
mod hr;
mod story;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::{Exit, exit::stop_signal, output::counted};
use environment::DemoEnvironment;

/// Watch Hirewire at work: service, SCIM application and HR system in one process, with five
/// people.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire demo
  hirewire demo --exit")]
pub(super) struct Demo {
    /// End after the story. Exit code 0 only if every step had its expected effect.
    #[arg(long)]
    exit: bool,
    /// The folder for its files. Files of an earlier demo there are removed.
    #[arg(long, default_value = "hirewire-demo", value_name = "DIR")]
    dir: PathBuf,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let demo = DemoEnvironment::start(&self.dir)
            .await
            .map_err(Exit::failed)?;

        let failed_steps = match story::run(&demo).await {
            Ok(failed_steps) => failed_steps,
            Err(error) => {
                demo.stop().await;
                return Err(Exit::failed(error));
            }
        };
        if !self.exit {
            demo.print_next_steps()?;
            stop_signal().await;
        }
        demo.stop().await;

        if failed_steps == 0 {
            Ok(())
        } else {
            Err(Exit::failed(anyhow!(
                "{} did not have the expected effect: see FAILED above",
                counted(failed_steps, "step")
            )))
        }
    }
}
