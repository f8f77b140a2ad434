//! One process that a test started: what it prints goes to files, signals go to its id alone, and it never outlives
//! the test. If the test fails, the end of what it printed is shown.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::waiting::until;

/// What can be sent to a process.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Ends it at once, as a crash does.
    Kill,
    /// Asks it to end.
    Terminate,
    /// Ctrl-C.
    Interrupt,
    /// Reads its configuration again.
    HangUp,
    /// Holds it where it is.
    Stop,
    /// Lets it go on.
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

/// A running process, ended when dropped.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    name: String,
    folder: PathBuf,
}

impl Child {
    /// Starts `command`; it prints to `<folder>/<name>.stdout` and `<folder>/<name>.stderr`, which an earlier process of
    /// that name begins.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(name: &str, folder: &Path, mut command: Command) -> Self {
        let file = |end: &str| {
            let path = folder.join(format!("{name}.{end}"));
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .expect("a file to print to")
        };
        let inner = command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self {
            inner,
            name: name.to_owned(),
            folder: folder.to_owned(),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.inner.id()
    }

    /// What it printed on stdout so far.
    pub fn stdout(&self) -> String {
        self.printed("stdout")
    }

    /// What it printed on stderr so far.
    pub fn stderr(&self) -> String {
        self.printed("stderr")
    }

    fn printed(&self, end: &str) -> String {
        let bytes = fs::read(self.folder.join(format!("{}.{end}", self.name))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The first line of either output that has `text` in it.
    ///
    /// # Panics
    /// After `within`, or when the process ends without such a line.
    pub async fn line(&mut self, text: &str, within: Duration) -> String {
        let what = format!("{}: a line with {text:?}", self.name);
        until(&what, within, async || {
            let ended = self.ended();
            let printed = format!("{}\n{}", self.stdout(), self.stderr());
            let line = printed
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned);
            assert!(
                line.is_some() || ended.is_none(),
                "{} ended ({ended:?}) without a line with {text:?}",
                self.name
            );
            line
        })
        .await
    }

    /// Sends `signal`.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) {
        // The shell's own `kill`: a bare machine has no program of that name.
        let text = format!("kill -{} {}", signal.name(), self.pid());
        let sent = Command::new("sh")
            .args(["-c", &text])
            .status()
            .expect("a shell");
        assert!(
            sent.success(),
            "{}: SIG{} was not sent",
            self.name,
            signal.name()
        );
        if matches!(signal, Signal::Stop) {
            self.stands_still();
        }
    }

    /// Waits until every thread of it has stopped: a signal is sent sooner than it is obeyed.
    fn stands_still(&self) {
        let threads = format!("/proc/{}/task", self.pid());
        let stopped = |thread: &Path| {
            // "id (name) state ..."; a thread that is gone runs no more.
            let told = fs::read_to_string(thread.join("stat")).unwrap_or_default();
            told.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        for _ in 0..5000 {
            let mut threads = fs::read_dir(&threads).expect("its threads").flatten();
            if threads.all(|thread| stopped(&thread.path())) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{} did not stop", self.name);
    }

    /// Ends it as a crash does, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }

    /// Waits until it is gone.
    pub fn wait(&mut self) {
        let _ = self.inner.wait();
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.inner.try_wait().expect("a process of ours")
    }

    /// How it ends.
    ///
    /// # Panics
    /// After `within`.
    pub async fn exit(&mut self, within: Duration) -> ExitStatus {
        until(&format!("the end of {}", self.name), within, async || {
            self.ended()
        })
        .await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let printed = self.stderr();
            let lines: Vec<&str> = printed.lines().collect();
            let last = &lines[lines.len().saturating_sub(40)..];
            eprintln!(
                "--- the last that {} printed on stderr\n{}",
                self.name,
                last.join("\n")
            );
        }
    }
}
