//! `hirewire` as its users run it: the binary with a config, in a process of its own, that a test may hold at a named
//! failpoint (src/failpoint.rs), stop, kill and start again.

use std::{
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{child::Child, waiting::until};

/// How `hirewire` is to be started. Can be started again after its process was killed.
#[derive(Clone, Debug)]
pub struct Launch {
    name: String,
    folder: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    failpoints: Vec<&'static str>,
}

impl Launch {
    /// `hirewire` with these arguments; its working folder, its outputs and its failpoints' files are in `folder`, under
    /// `name`, which no other process there has.
    pub fn new<const N: usize>(name: &str, folder: &Path, arguments: [&str; N]) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: Vec::new(),
            failpoints: Vec::new(),
        }
    }

    /// With one more argument.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With this config file.
    pub fn config(self, path: &Path) -> Self {
        self.environment("HIREWIRE_CONFIG", &path.display().to_string())
    }

    /// With this variable set, a secret for instance.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Stops at this failpoint the first time it comes by.
    pub fn failpoint(mut self, name: &'static str) -> Self {
        self.failpoints.push(name);
        self
    }

    /// Starts it. Failpoints that an earlier process of this name passed stop it again.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(&self) -> Running {
        let markers = self.folder.join(format!("{}.failpoints", self.name));
        let _ = fs::remove_dir_all(&markers);
        fs::create_dir_all(&markers).expect("a folder for failpoints");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
        command.args(&self.arguments).current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .env("HIREWIRE_FAILPOINTS", self.failpoints.join(","))
            .env("HIREWIRE_FAILPOINT_DIR", &markers);
        Running {
            child: Child::start(&self.name, &self.folder, command),
            markers,
        }
    }
}

/// A running `hirewire`.
#[derive(Debug)]
pub struct Running {
    child: Child,
    markers: PathBuf,
}

impl Running {
    /// Waits until it stands at this failpoint.
    ///
    /// # Panics
    /// After `within`, or when the process ends before.
    pub async fn reached(&mut self, failpoint: &str, within: Duration) {
        let marker = self.markers.join(failpoint);
        let child = &mut self.child;
        until(&format!("failpoint {failpoint}"), within, async || {
            let reached = marker.exists();
            let ended = child.ended();
            assert!(
                reached || ended.is_none(),
                "ended ({ended:?}) before failpoint {failpoint}"
            );
            reached.then_some(())
        })
        .await;
    }

    /// Whether it stands at this failpoint now.
    pub fn stands_at(&self, failpoint: &str) -> bool {
        self.markers.join(failpoint).exists()
    }

    /// Lets it go on from this failpoint.
    ///
    /// # Panics
    /// If it does not stand there.
    pub fn release(&self, failpoint: &str) {
        fs::remove_file(self.markers.join(failpoint)).expect("stands at the failpoint");
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::Signal;

    const SOON: Duration = Duration::from_secs(20);

    async fn answers(address: &str) -> bool {
        let request = reqwest::Client::new()
            .get(format!("{address}/Users"))
            .timeout(Duration::from_millis(500));
        request
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    #[tokio::test]
    async fn a_process_is_held_let_go_and_ended_by_its_id() {
        let folder = tempfile::tempdir().expect("a folder");
        let launch = Launch::new(
            "sandbox",
            folder.path(),
            ["sandbox", "--listen", "127.0.0.1:0"],
        );
        let mut sandbox = launch.start();
        let line = sandbox.line("SCIM", SOON).await;
        let address = line
            .split_whitespace()
            .last()
            .expect("an address")
            .to_owned();
        assert!(answers(&address).await);

        sandbox.signal(Signal::Stop);
        assert!(!answers(&address).await);
        sandbox.signal(Signal::Continue);
        until("the sandbox goes on", SOON, async || {
            answers(&address).await.then_some(())
        })
        .await;

        sandbox.signal(Signal::Terminate);
        assert!(sandbox.exit(SOON).await.success());
        sandbox = launch.start();
        sandbox.kill();
        assert!(!sandbox.ended().expect("it ended").success());
    }
}
