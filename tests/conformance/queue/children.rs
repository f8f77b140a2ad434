//! Child processes that a test kills: the test binary itself, which reports its steps on stdout.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// Starts this test binary again to run one of its ignored tests, with `value` in the environment.
pub fn child(test: &str, variable: &str, value: impl AsRef<OsStr>) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(variable, value)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// Kills the child after it has written `count` lines; all lines that it wrote until its end.
pub fn lines_until_killed(mut child: Child, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("its stdout")).lines();
    while let Some(Ok(line)) = stdout.next() {
        lines.push(line);
        if lines.len() == count {
            child.kill().expect("SIGKILL");
        }
    }

    child.wait().expect("an end");
    lines
}

/// The lines with this prefix, without it.
pub fn with_prefix(lines: &[String], prefix: &str) -> BTreeSet<String> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}
