//! The house rules that a compiler does not check: who may use whom, what pure code must not name, file length.

#![allow(
    clippy::expect_used,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, fs, path::Path};

/// Who may use whom (ARCHITECTURE.md). A folder that is not listed may not exist.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("event", &[]),
    ("scim", &[]),
    ("http", &["telemetry"]),
    ("fold", &["event"]),
    ("source", &["event"]),
    ("mapping", &["event", "fold", "scim"]),
    ("plan", &["fold", "mapping", "scim"]),
    (
        "queue",
        &[
            "event",
            "fold",
            "mapping",
            "scim",
            "plan",
            "telemetry",
            "http",
        ],
    ),
    (
        "store",
        &[
            "event",
            "fold",
            "mapping",
            "scim",
            "plan",
            "queue",
            "telemetry",
            "http",
        ],
    ),
    (
        "target",
        &[
            "event",
            "fold",
            "mapping",
            "scim",
            "plan",
            "telemetry",
            "http",
        ],
    ),
    ("intake", &["event", "source", "queue", "telemetry", "http"]),
    (
        "worker",
        &[
            "event",
            "fold",
            "source",
            "mapping",
            "plan",
            "scim",
            "queue",
            "store",
            "target",
            "telemetry",
            "http",
        ],
    ),
    (
        "ops",
        &[
            "event",
            "fold",
            "source",
            "mapping",
            "plan",
            "scim",
            "queue",
            "store",
            "target",
            "worker",
            "telemetry",
            "http",
        ],
    ),
    ("sandbox", &["scim", "telemetry", "http"]),
    (
        "config",
        &[
            "event", "fold", "source", "mapping", "scim", "queue", "store", "target", "intake",
            "worker", "ops", "http",
        ],
    ),
    ("telemetry", &[]),
    ("app", EVERYTHING),
    ("cli", EVERYTHING),
];

/// For those that put the house together.
const EVERYTHING: &[&str] = &["*"];

/// Files beside the folders.
const LOOSE: [&str; 3] = ["lib.rs", "main.rs", "failpoint.rs"];

/// Folders that know no I/O, no clock, no chance, no async.
const PURE: [&str; 6] = ["event", "fold", "source", "mapping", "scim", "plan"];

/// What pure code must not name.
const IMPURE: [&str; 9] = [
    "tokio::",
    "std::fs",
    "std::net",
    "sqlx",
    "lapin",
    "reqwest",
    "async fn",
    "telemetry::",
    "std::env",
];

/// Outside systems, each named in its own folders only.
const DOORS: [(&str, &[&str]); 3] = [
    ("sqlx::", &["store", "queue"]),
    ("lapin::", &["queue"]),
    ("reqwest::", &["target", "cli"]),
];

/// Longest file, in lines with its tests.
const LONGEST: usize = 450;

struct Source {
    folder: String,
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&root).expect("below src");
                let folder = relative
                    .components()
                    .next()
                    .expect("a name")
                    .as_os_str()
                    .to_string_lossy()
                    .into_owned();
                let text = fs::read_to_string(&path).expect("a source file");
                found.push(Source {
                    folder,
                    path: relative.display().to_string(),
                    text,
                });
            }
        }
    }
    assert!(
        found.len() > 5,
        "no sources were found: the test looks in the wrong place"
    );
    found
}

/// The code without comments and without its tests (at its end, or the whole file where it is one of tests).
fn code(source: &Source) -> String {
    if source.path.contains("/tests/") || source.path.ends_with("tests.rs") {
        return String::new();
    }
    let text = &source.text;
    let body = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    body.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The rooms that code names: what follows each `crate::`, alone or in braces.
fn used(code: &str) -> BTreeSet<String> {
    let name = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut found = BTreeSet::new();
    for (_, rest) in code
        .match_indices("crate::")
        .map(|(at, word)| (at, &code[at + word.len()..]))
    {
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(name(rest));
            continue;
        };
        let (mut depth, mut begins) = (0_i32, true);
        for (at, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && !letter.is_whitespace() => {
                    found.insert(name(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn rooms_are_found_alone_and_in_braces() {
    let code = "use crate::{\n    event::{Alias, Kind},\n    store::Store,\n};\nlet x = crate::fold::fold;";
    assert_eq!(
        used(code).into_iter().collect::<Vec<_>>(),
        ["event", "fold", "store"]
    );
}

#[test]
fn folders_use_only_whom_they_may() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !LOOSE.contains(&source.folder.as_str()))
    {
        let Some((_, allowed)) = MAY_USE.iter().find(|(folder, _)| *folder == source.folder) else {
            wrong.push(format!(
                "{} is in a folder that ARCHITECTURE.md does not list",
                source.path
            ));
            continue;
        };
        for other in used(&code(source)) {
            let is_room = MAY_USE.iter().any(|(folder, _)| *folder == other);
            if is_room
                && other != source.folder
                && *allowed != EVERYTHING
                && !allowed.contains(&other.as_str())
            {
                wrong.push(format!("{} uses {other}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_folders_know_no_world() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| PURE.contains(&source.folder.as_str()))
    {
        for word in IMPURE {
            if code(source).contains(word) {
                wrong.push(format!("{} names {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_outside_system_is_named_in_its_own_folder() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (door, folders) in DOORS {
            if code(&source).contains(door) && !folders.contains(&source.folder.as_str()) {
                wrong.push(format!("{} names {door}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_opens_with_its_purpose_and_fits_in_a_head() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//!") {
            wrong.push(format!("{} does not open with //!", source.path));
        }
        let lines = source.text.lines().count();
        if lines > LONGEST {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
