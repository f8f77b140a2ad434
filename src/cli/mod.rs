//! The command line: one file per command, one grammar for all (plural nouns, then a verb).
//!
//! Exit codes: 0 done, 1 failed, 2 usage or config, 3 a dependency cannot be reached, 4 done in part.

mod api;
mod check;
mod config_file;
mod connections;
mod dead_letters;
mod demo;
mod dependencies;
mod exit;
mod init;
mod init_text;
mod load;
mod migrate;
mod output;
mod people;
mod preview;
mod run;
mod sample;
mod sandbox;
mod schemas;
mod send;
mod settings;
mod shown;
mod sign;
mod signing;
mod tail;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use exit::{Exit, print};

/// Signed HR webhooks become SCIM 2.0 accounts: the speed of events with the safety of state.
#[derive(Debug, Parser)]
#[command(
    name = "hirewire",
    version,
    about,
    disable_help_subcommand = true,
    max_term_width = 110
)]
struct Arguments {
    /// What to log on stderr: a level, or directives such as `hirewire=debug`; left out: `info` for what runs on, else `error`.
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

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let stays = matches!(arguments.command, Command::Run(_) | Command::Sandbox(_));
    let log = arguments
        .log
        .as_deref()
        .unwrap_or(if stays { "info" } else { "error" });
    let outcome = crate::telemetry::log_to_stderr(log)
        .map_err(|problem| Exit::usage(anyhow::anyhow!("--log: {problem}")))
        .and_then(|()| runtime())
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

/// Whether this binary has that command.
fn has_command(name: &str) -> bool {
    Arguments::command().find_subcommand(name).is_some()
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_sound_and_every_command_shows_examples() {
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
