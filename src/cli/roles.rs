//! `--only`: the roles of a process, and whether a config lets them run alone.

use anyhow::anyhow;
use clap::{Args, ValueEnum, builder::PossibleValue};

use super::Exit;
use crate::{
    app::Roles,
    config::{Config, QueueConfig},
    http::ProcessRole,
};

/// Flattened into the commands that run roles or check whether they can run.
#[derive(Debug, Args)]
pub(super) struct RoleOptions {
    /// Only this role. Can be repeated. Default: all three.
    #[arg(long, value_enum, value_name = "ROLE")]
    only: Vec<ProcessRole>,
}

impl RoleOptions {
    /// The roles. Exit code 2 if the config cannot run these alone.
    pub(super) fn of(&self, config: &Config) -> Result<Roles, Exit> {
        let runs = |role| self.only.is_empty() || self.only.contains(&role);
        let roles = Roles {
            intake: runs(ProcessRole::Intake),
            worker: runs(ProcessRole::Worker),
            ops: runs(ProcessRole::Ops),
        };
        refuse_parts_of_the_embedded_queue(config, roles)?;
        Ok(roles)
    }
}

impl ValueEnum for ProcessRole {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Intake => "Receives hooks",
            Self::Worker => "Stores events and reconciles accounts",
            Self::Ops => "Serves the operators' API",
        };
        Some(PossibleValue::new(self.as_str()).help(help))
    }
}

/// The embedded queue belongs to one process: without a worker in it the hooks would stay there,
/// and without an intake none would arrive.
fn refuse_parts_of_the_embedded_queue(config: &Config, roles: Roles) -> Result<(), Exit> {
    if !matches!(config.queue, QueueConfig::Embedded) || roles.intake == roles.worker {
        return Ok(());
    }
    let (runs, lacks) = if roles.intake {
        ("intake", "worker")
    } else {
        ("worker", "intake")
    };
    Err(Exit::usage(anyhow!(
        "--only {runs} with the embedded queue: it belongs to one process, and no {lacks} could use \
         it; run both roles in this process, or set [queue] url to a RabbitMQ"
    )))
}
