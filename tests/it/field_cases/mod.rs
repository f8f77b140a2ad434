//! Field cases: what public trackers report of real SCIM servers and HR systems.
//!
//! Each case is a folder below `tests/cases/field` and needs no code: the quirks of the server, the
//! events and what is right are data (`case.rs`, `expected.rs`). `docs/testing.md` says how to add
//! one. Cases run against [`server`], which shares no code with Hirewire.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "JSON is matched by the one shape that matters; a variable names the cases of a run"
)]

mod case;
mod expected;
mod outcome;
mod rest;
mod run;
mod server;

use std::{collections::BTreeMap, fs, sync::Arc};

use tokio::sync::Semaphore;

use case::Case;

/// How many cases run at a time.
const AT_A_TIME: usize = 8;

/// Cases that do not hold yet, each with the line of issue 10 that it needs. A case that holds must
/// leave this list.
const NOT_YET: &[(&str, &str)] = &[];

/// Cases of later issues, or of the live tests: they have no folder here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("44", "thin events: a later issue"),
    ("46", "needs a broker of its own: tests/live"),
    ("48", "the next free user name: a later issue"),
    (
        "49",
        "references to the account of a manager: a later issue",
    ),
];

/// The problems of each case; a case without any holds.
type Results = BTreeMap<String, Vec<String>>;

async fn run_all(names: Vec<String>) -> Results {
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = Vec::new();
    for name in names {
        let permits = Arc::clone(&permits);
        let task = tokio::spawn({
            let name = name.clone();
            async move {
                let _permit = permits.acquire().await.expect("permits");
                let case = Case::read(&name)?;
                run::run(&case).await
            }
        });
        tasks.push((name, task));
    }

    let mut results = Results::new();
    for (name, task) in tasks {
        let problems = match task.await {
            Ok(Ok(problems)) => problems,
            Ok(Err(problem)) => vec![problem],
            Err(panic) => vec![format!("a panic: {panic}")],
        };
        results.insert(name, problems);
    }
    results
}

fn names() -> Vec<String> {
    let only = std::env::var("HIREWIRE_FIELD_CASE").unwrap_or_default();
    let mut names: Vec<String> = fs::read_dir(case::folder())
        .expect("the folder of the cases")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .filter(|name| name.starts_with(&only))
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_field_case_holds_but_those_listed() {
    let results = run_all(names()).await;
    assert!(!results.is_empty(), "no case has that name");

    let mut wrong = Vec::new();
    for (name, problems) in &results {
        let reason = NOT_YET.iter().find(|(listed, _)| listed == name);
        match (reason, problems.is_empty()) {
            (None, true) => {}
            (Some(_), true) => wrong.push(format!("{name} holds: take it off NOT_YET")),
            (Some((_, line)), false) => eprintln!("{name} does not hold yet: {line}"),
            (None, false) => wrong.push(format!("{name}:\n    {}", problems.join("\n    "))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_lists_of_cases_are_true() {
    let all = fs::read_dir(case::folder()).expect("the folder of the cases");
    let all: Vec<String> = all
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    for (name, _) in NOT_YET {
        assert!(all.iter().any(|known| known == name), "no case is {name}");
    }
    for (number, _) in ELSEWHERE {
        let prefix = format!("{number}-");
        assert!(
            !all.iter().any(|known| known.starts_with(&prefix)),
            "{number} is here"
        );
    }
}
