//! Children of a test that are killed: the test binary itself, started again, says on stdout what it has done.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// Starts this test binary again, as a child that runs one of its ignored tests and is told `value`.
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

/// Reads what a child says until it has said enough, kills it, and reads what it had said until then.
pub fn told_until_killed(mut child: Child, enough: usize) -> Vec<String> {
    let mut told = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().expect("its stdout")).lines();
    while let Some(Ok(line)) = lines.next() {
        told.push(line);
        if told.len() == enough {
            child.kill().expect("SIGKILL");
        }
    }
    child.wait().expect("an end");
    told
}

/// The rests of the lines that begin so.
pub fn with_prefix(told: &[String], prefix: &str) -> BTreeSet<String> {
    told.iter()
        .filter_map(|line| line.strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}
