//! `hirewire` as operators run it: the binary with a config file, in a process of its own.
//!
//! A test can hold the process at a named failpoint (`src/failpoint.rs`), suspend it, kill it and
//! start it again.

use std::{
    fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{child::Child, waiting::wait_until};

/// How to start `hirewire`. It can be started again after its process has ended.
#[derive(Clone, Debug)]
pub struct Launch {
    name: String,
    folder: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    failpoints: Vec<&'static str>,
}

impl Launch {
    /// `hirewire` with these arguments and `folder` as working directory. The files with its output
    /// and its failpoints begin with `name`, which must be unique in `folder`.
    pub fn new<const N: usize>(name: &str, folder: &Path, arguments: [&str; N]) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: Vec::new(),
            failpoints: Vec::new(),
        }
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn config(self, path: &Path) -> Self {
        self.environment("HIREWIRE_CONFIG", &path.display().to_string())
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Holds the process at this failpoint the first time it reaches it.
    pub fn failpoint(mut self, name: &'static str) -> Self {
        self.failpoints.push(name);
        self
    }

    /// Starts the process. It is held at each failpoint again, even if an earlier process of this
    /// name passed.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(&self) -> HirewireProcess {
        let markers = self.folder.join(format!("{}.failpoints", self.name));
        let _ = fs::remove_dir_all(&markers);
        fs::create_dir_all(&markers).expect("a folder for failpoints");

        let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("HIREWIRE_FAILPOINTS", self.failpoints.join(","))
            .env("HIREWIRE_FAILPOINT_DIR", &markers);

        HirewireProcess {
            child: Child::start(&self.name, &self.folder, command),
            markers,
        }
    }
}

/// A running `hirewire`.
#[derive(Debug)]
pub struct HirewireProcess {
    child: Child,
    /// The process creates a file here for each failpoint at which it is held.
    markers: PathBuf,
}

impl HirewireProcess {
    /// Waits until the process is held at this failpoint.
    ///
    /// # Panics
    /// After `timeout`, or when the process ends before.
    pub async fn wait_for_failpoint(&mut self, failpoint: &str, timeout: Duration) {
        let marker = self.markers.join(failpoint);
        let child = &mut self.child;

        wait_until(&format!("failpoint {failpoint}"), timeout, async || {
            let held = marker.exists();
            let status = child.exit_status();
            assert!(
                held || status.is_none(),
                "ended ({status:?}) before failpoint {failpoint}"
            );
            held.then_some(())
        })
        .await;
    }

    /// Whether the process is held at this failpoint now.
    pub fn is_held_at(&self, failpoint: &str) -> bool {
        self.markers.join(failpoint).exists()
    }

    /// Lets the process continue from this failpoint.
    ///
    /// # Panics
    /// If the process is not held there.
    pub fn release(&self, failpoint: &str) {
        fs::remove_file(self.markers.join(failpoint)).expect("it is held at the failpoint");
    }
}

impl Deref for HirewireProcess {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for HirewireProcess {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::Signal;

    const TIMEOUT: Duration = Duration::from_secs(20);

    async fn responds(base_url: &str) -> bool {
        reqwest::Client::new()
            .get(format!("{base_url}/Users"))
            .timeout(Duration::from_millis(500))
            .send()
            .await
            .is_ok_and(|response| response.status().is_success())
    }

    #[tokio::test]
    async fn a_process_can_be_suspended_resumed_ended_and_started_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let launch = Launch::new(
            "sandbox",
            folder.path(),
            ["sandbox", "--listen", "127.0.0.1:0"],
        );
        let mut sandbox = launch.start();
        let line = sandbox.wait_for_line("SCIM", TIMEOUT).await;
        let base_url = line
            .split_whitespace()
            .last()
            .expect("an address")
            .to_owned();
        assert!(responds(&base_url).await);

        sandbox.signal(Signal::Stop);
        assert!(!responds(&base_url).await);

        sandbox.signal(Signal::Continue);
        wait_until("the sandbox responds again", TIMEOUT, async || {
            responds(&base_url).await.then_some(())
        })
        .await;

        sandbox.signal(Signal::Terminate);
        assert!(sandbox.wait_for_exit(TIMEOUT).await.success());

        sandbox = launch.start();
        sandbox.kill();
        assert!(!sandbox.exit_status().expect("it ended").success());
    }
}
