//! A process that a test started. Its output goes to files, signals go to its process id only, and
//! it ends with the test. If the test fails, the end of its stderr is printed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::waiting::wait_until;

/// The number of lines of stderr that a failed test prints.
const PRINTED_LINES: usize = 40;

/// A signal to a process.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Ends it at once, like a crash.
    Kill,
    /// Asks it to shut down.
    Terminate,
    /// Ctrl-C.
    Interrupt,
    /// Asks it to reload its configuration.
    HangUp,
    /// Suspends it.
    Stop,
    /// Resumes it.
    Continue,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::HangUp => "HUP",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// A running process; it is killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    name: String,
    folder: PathBuf,
}

impl Child {
    /// Starts `command`. Its output is appended to `<folder>/<name>.stdout` and
    /// `<folder>/<name>.stderr`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(name: &str, folder: &Path, mut command: Command) -> Self {
        let inner = command
            .stdin(Stdio::null())
            .stdout(output_file(folder, name, "stdout"))
            .stderr(output_file(folder, name, "stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));

        Self {
            inner,
            name: name.to_owned(),
            folder: folder.to_owned(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.inner.id()
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        self.output("stdout")
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        self.output("stderr")
    }

    fn output(&self, stream: &str) -> String {
        let path = self.folder.join(format!("{}.{stream}", self.name));
        let bytes = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for the first line of its output that contains `text`.
    ///
    /// # Panics
    /// After `timeout`, or when the process ends without such a line.
    pub async fn wait_for_line(&mut self, text: &str, timeout: Duration) -> String {
        let condition = format!("{} prints a line with {text:?}", self.name);

        wait_until(&condition, timeout, async || {
            let status = self.exit_status();
            let output = format!("{}\n{}", self.stdout(), self.stderr());
            let line = output
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned);
            assert!(
                line.is_some() || status.is_none(),
                "{} ended ({status:?}) without a line with {text:?}",
                self.name
            );
            line
        })
        .await
    }

    /// Sends `signal`. After `Signal::Stop`, waits until the process is suspended.
    ///
    /// # Panics
    /// If the process has ended.
    pub fn signal(&self, signal: Signal) {
        // The built-in `kill` of the shell: a minimal machine has no program of this name.
        let script = format!("kill -{} {}", signal.name(), self.pid());
        let sent = Command::new("sh")
            .args(["-c", &script])
            .status()
            .expect("a shell");
        assert!(
            sent.success(),
            "{}: SIG{} was not sent",
            self.name,
            signal.name()
        );

        if matches!(signal, Signal::Stop) {
            self.wait_until_suspended();
        }
    }

    /// SIGSTOP takes effect after `kill` returns: waits until every thread is suspended.
    fn wait_until_suspended(&self) {
        let threads = format!("/proc/{}/task", self.pid());

        for _ in 0..5000 {
            let mut threads = fs::read_dir(&threads).expect("its threads").flatten();
            if threads.all(|thread| is_suspended(&thread.path())) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }

        panic!("{} did not stop", self.name);
    }

    /// Kills it, and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }

    /// Waits for its end.
    pub fn wait(&mut self) {
        let _ = self.inner.wait();
    }

    /// Its exit status, if it has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.inner.try_wait().expect("its status")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// After `timeout`.
    pub async fn wait_for_exit(&mut self, timeout: Duration) -> ExitStatus {
        let condition = format!("{} ends", self.name);
        wait_until(&condition, timeout, async || self.exit_status()).await
    }
}

fn output_file(folder: &Path, name: &str, stream: &str) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(folder.join(format!("{name}.{stream}")))
        .expect("an output file")
}

/// Reads the state from `/proc/PID/task/TID/stat`: `id (name) state ...`. A thread that has ended
/// counts as suspended.
fn is_suspended(thread: &Path) -> bool {
    let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with('T'))
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();

        if std::thread::panicking() {
            let stderr = self.stderr();
            let lines: Vec<&str> = stderr.lines().collect();
            let last = &lines[lines.len().saturating_sub(PRINTED_LINES)..];
            eprintln!(
                "--- the end of the stderr of {}\n{}",
                self.name,
                last.join("\n")
            );
        }
    }
}
