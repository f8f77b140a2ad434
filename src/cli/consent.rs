//! The options of a command that changes something: `--dry-run`, `--yes`, `--reason`.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::anyhow;
use clap::Args;

use super::{Exit, print};

/// Flattened into every command that changes something.
#[derive(Clone, Debug, Args)]
pub(super) struct Consent {
    /// Print what the command would do, and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask for confirmation. Required without a terminal.
    #[arg(short, long)]
    yes: bool,
    /// The reason, for history and log.
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(super) reason: String,
}

impl Consent {
    /// True if the operator agrees to `action`, such as "pause connection app".
    pub(super) fn given(&self, action: &str) -> Result<bool, Exit> {
        if self.dry_run {
            print(format_args!("would {action}"))?;
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            return Err(Exit::usage(anyhow!(
                "nothing was done: without a terminal, add --yes to {action} (--dry-run only \
                 shows it)"
            )));
        }

        let _ = write!(io::stderr(), "{action}? [y/N] ");
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Exit::failed(error.into()))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
