//! The command line: one file per command, one grammar for all (a plural noun, then a verb).
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or config, 3 a dependency cannot be reached, 4 done
//! in part.

mod api;
mod api_options;
mod body;
mod check;
mod config_file;
mod connections;
mod consent;
mod dead_letters;
mod demo;
mod dependencies;
mod dependency_report;
mod escape;
mod exit;
mod init;
mod init_text;
mod input;
mod load;
mod migrate;
mod notes;
mod operator_events;
mod output;
mod people;
mod people_list;
mod preview;
mod roles;
mod run;
mod sandbox;
mod schemas;
mod send;
mod sign;
mod signing;
mod tail;
mod targets;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Exit, print};

/// Turn signed HR webhooks into SCIM 2.0 accounts.
#[derive(Debug, Parser)]
#[command(
    name = "hirewire",
    version,
    disable_help_subcommand = true,
    max_term_width = 110,
    after_help = "\
Begin with:
  hirewire demo                            # see it work; needs nothing
  hirewire init                            # a config of your own; it prints the next steps

`hirewire COMMAND --help` has examples of each command."
)]
struct Arguments {
    /// The log level on stderr, or directives such as `hirewire=debug`. Default: `info` for `run`
    /// and `sandbox`, `error` for the other commands.
    #[arg(long, env = "HIREWIRE_LOG", global = true)]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(run::Run),
    Preview(preview::Preview),
    Tail(tail::Tail),
    People(people::People),
    #[command(alias = "dlq")]
    DeadLetters(dead_letters::DeadLetters),
    Connections(connections::Connections),
    Init(init::Init),
    Check(check::Check),
    Sign(sign::Sign),
    Send(send::Send),
    Migrate(migrate::Migrate),
    Sandbox(sandbox::Sandbox),
    Schemas(schemas::Schemas),
}

/// Parses the arguments of this process and runs the command. The result is the exit code.
pub fn main() -> ExitCode {
    crate::app::keep_files_private();
    let arguments = Arguments::parse();
    let keeps_running = matches!(arguments.command, Command::Run(_) | Command::Sandbox(_));
    let log = arguments
        .log
        .as_deref()
        .unwrap_or(if keeps_running { "info" } else { "error" });

    let directives = format!("{log},{}", crate::queue::QUIET_CLIENT);
    let outcome = crate::telemetry::log_to_stderr(&directives)
        .map_err(|problem| Exit::usage(anyhow::anyhow!("--log: {problem}")))
        .and_then(|()| runtime())
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::failed(error.into()))
}

async fn run(command: Command) -> Result<(), Exit> {
    match command {
        Command::Demo(command) => command.run().await,
        Command::Run(command) => command.run().await,
        Command::Preview(command) => command.run().await,
        Command::Tail(command) => command.run().await,
        Command::People(command) => command.run().await,
        Command::DeadLetters(command) => command.run().await,
        Command::Connections(command) => command.run().await,
        Command::Init(command) => command.run(),
        Command::Check(command) => command.run().await,
        Command::Sign(command) => command.run(),
        Command::Send(command) => command.run().await,
        Command::Migrate(command) => command.run().await,
        Command::Sandbox(command) => command.run().await,
        Command::Schemas(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed_and_shows_examples() {
        let mut grammar = Arguments::command();
        grammar.build();
        grammar.clone().debug_assert();
        for command in grammar.get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(
                help.contains("Examples:"),
                "{} has no examples",
                command.get_name()
            );
        }
    }
}
