//! `hirewire demo`: everything in one process, no config: the service, a SCIM application and an HR system that posts.
//!
//! It tells the story step by step, and each step has an effect that is checked at the application: with `--exit` the
//! status is 0 only if all were as expected.

mod hr;
mod stage;
mod story;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::{Exit, print};
use stage::Stage;

/// See what it does: a service, a SCIM application and an HR system in one process, and a story of seven people.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire demo
  hirewire demo --exit")]
pub(super) struct Demo {
    /// End after the story; status 0 only if every step had its expected effect.
    #[arg(long)]
    exit: bool,
    /// Where its files go; what an earlier demo left there is taken away.
    #[arg(long, default_value = "hirewire-demo", value_name = "DIR")]
    dir: PathBuf,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let stage = Stage::set(&self.dir).await.map_err(Exit::failed)?;
        let told = story::tell(&stage).await;
        let missed = match told {
            Ok(missed) => missed,
            Err(error) => {
                stage.strike().await;
                return Err(Exit::failed(error));
            }
        };
        if missed > 0 {
            print(format_args!(
                "\n{missed} step(s) did not have the expected effect."
            ))?;
        }
        if !self.exit {
            stage.invite()?;
            super::exit::asked_to_stop().await;
        }
        stage.strike().await;
        if missed == 0 {
            Ok(())
        } else {
            Err(Exit::failed(anyhow!(
                "{missed} step(s) of the story went wrong"
            )))
        }
    }
}
