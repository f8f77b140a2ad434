//! How a command ends, and how it prints: a closed pipe is no failure.

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

/// Why a command did not do what it was asked, with its exit code.
#[derive(Debug)]
pub struct Exit {
    code: u8,
    error: anyhow::Error,
}

impl Exit {
    /// 1: it failed.
    pub fn failed(error: anyhow::Error) -> Self {
        Self { code: 1, error }
    }

    /// 2: the command line or the config is wrong.
    pub fn usage(error: anyhow::Error) -> Self {
        Self { code: 2, error }
    }

    /// 3: a dependency cannot be reached.
    pub fn unreachable(error: anyhow::Error) -> Self {
        Self { code: 3, error }
    }

    /// 4: it is done in part.
    pub fn in_part(error: anyhow::Error) -> Self {
        Self { code: 4, error }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Says it on stderr, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        // A stderr that is gone leaves the code to speak.
        let _ = writeln!(io::stderr(), "hirewire: {:#}", self.error);
        ExitCode::from(self.code)
    }
}

impl From<Exit> for anyhow::Error {
    fn from(exit: Exit) -> Self {
        exit.error
    }
}

/// Prints a line to stdout. A reader that went away (`| head`) ends the program quietly.
pub fn print(line: impl fmt::Display) -> Result<(), Exit> {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Exit::failed(error.into())),
    }
}

/// Resolves at the first SIGINT or SIGTERM.
pub(super) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be heard; only Ctrl-C stops this process in order");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
