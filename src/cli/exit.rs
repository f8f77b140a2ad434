//! How a command ends and prints. A closed stdout (`| head`) is not a failure.

use std::{
    error::Error,
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use super::escape::escaped;
use crate::app::error_text;

/// The reason why a command did not do its work, with the exit code.
#[derive(Debug)]
pub(super) struct Exit {
    code: u8,
    error: anyhow::Error,
}

impl Exit {
    /// 1: the command failed.
    pub(super) fn failed(error: anyhow::Error) -> Self {
        Self { code: 1, error }
    }

    /// 2: the command line or the config is wrong.
    pub(super) fn usage(error: anyhow::Error) -> Self {
        Self { code: 2, error }
    }

    /// 3: a dependency cannot be reached.
    pub(super) fn unreachable(error: anyhow::Error) -> Self {
        Self { code: 3, error }
    }

    /// 4: the command did a part of its work.
    pub(super) fn in_part(error: anyhow::Error) -> Self {
        Self { code: 4, error }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// Prints the reason on stderr.
    pub(super) fn report(&self) -> ExitCode {
        // If stderr is closed, the exit code is all that remains.
        let text = error_text(&self.error);
        let _ = writeln!(io::stderr(), "hirewire: {}", escaped(&text));
        ExitCode::from(self.code)
    }
}

impl From<Exit> for anyhow::Error {
    fn from(exit: Exit) -> Self {
        exit.error
    }
}

/// The innermost cause of an error: `Connection refused (os error 111)`.
pub(super) fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// Prints a line to stdout, without characters that a terminal would obey. If the reader has closed it, the process ends with code 0.
pub(super) fn print(line: impl fmt::Display) -> Result<(), Exit> {
    let line = line.to_string();
    match writeln!(io::stdout(), "{}", escaped(&line)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Exit::failed(error.into())),
    }
}

/// Resolves at the first SIGINT or SIGTERM.
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be caught; only Ctrl-C drains this process");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
