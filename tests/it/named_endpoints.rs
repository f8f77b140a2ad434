//! Every metric, path and cause that a document names exists, and every cause that exists is
//! documented.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use hirewire_core::{event::ContentDigest, fold::FindingKind, plan::DeadLetterCause};
use serde_json::json;

use crate::installation::{Installation, TIMEOUT};

/// Findings that file no dead letter: nobody has to act (`people show` lists them).
const NO_DEAD_LETTER: [FindingKind; 5] = [
    FindingKind::ImplausibleTime,
    FindingKind::StartInsideEnded,
    FindingKind::StartWithoutDate,
    FindingKind::EndedSeveral,
    FindingKind::MissingFromList,
];

/// The first segments of the paths that Hirewire serves; other paths of the documents are those of
/// a target or of a file system.
const OWN_PATHS: [&str; 5] = ["livez", "readyz", "metrics", "hooks", "api"];

/// The documents with their names. `voice.md` shows messages of earlier versions.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = fs::read_dir(root.join("docs")).expect("a folder");
    let pages = folder.map(|entry| entry.expect("an entry").path());
    let pages = pages.filter(|path| !path.ends_with("voice.md"));
    let more = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name));

    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("a readable file");
        (path.display().to_string(), text)
    };
    pages.chain(more).map(read).collect()
}

/// The names of metrics in a text. Crates and variables have such names, too.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("hirewire_"));
    let names = names.filter(|word| !["hirewire_core", "hirewire_sandbox"].contains(word));
    names.map(str::to_owned).collect()
}

/// The paths of Hirewire's own endpoints in a text, with every placeholder filled in.
fn paths_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for code in text.split('`').skip(1).step_by(2) {
        let path = code.rsplit(' ').next().unwrap_or(code);
        let Some(first) = path
            .strip_prefix('/')
            .and_then(|rest| rest.split('/').next())
        else {
            continue;
        };
        if OWN_PATHS.contains(&first) {
            found.extend(filled_in(path));
        }
    }
    found
}

/// `/readyz/{intake|worker}` is two paths; `/hooks/{source}` and `/hooks/NAME` are `/hooks/acme`.
fn filled_in(path: &str) -> Vec<String> {
    let path = path.replace("{source}", "acme").replace("NAME", "acme");
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path];
    };
    let (choices, after) = rest.split_once('}').expect("a closing brace");
    let choices = choices.split('|');
    choices
        .map(|choice| format!("{before}{choice}{after}"))
        .collect()
}

/// A service that has something to count for every metric.
async fn start_busy_service() -> Installation {
    let hash = ContentDigest::of(b"token-of-ada");
    let connection = format!(
        "sources = [\"acme\"]\n[[connections.app.groups]]\nname = \"No such group\"\n\
         [sources.rotated]\npreset = \"canonical\"\ntime_zone = \"UTC\"\n\
         secrets = [{{ env = \"HR_SECRET\", not_after = \"2999-01-01T00:00:00Z\" }}]\n\
         [[ops.tokens]]\nname = \"ada\"\nrole = \"viewer\"\nhash = \"{hash}\"\n"
    );
    let installation = Installation::start("apply", &connection).await;

    let hired = |given: &str| {
        json!({ "worker": { "name": { "given": given, "family": "Lovelace" },
                            "work_email": format!("{given}@acme.example") } })
    };
    installation.post("1", "hired", "E-1", &hired("Ada")).await;
    installation.wait_for_outcome("E-1", "created").await;
    installation
        .post("2", "terminated", "E-1", &json!({}))
        .await;
    installation.wait_for_outcome("E-1", "deactivated").await;
    // A group is missing: a dead letter that stays open.
    installation.post("3", "hired", "E-2", &hired("Bob")).await;
    installation.wait_for_outcome("E-2", "created").await;
    let refused = format!("{}/api/v1/people/E-1", installation.ops_url);
    let answer = reqwest::get(refused).await.expect("an answer");
    assert_eq!(answer.status(), 401);
    installation
}

#[tokio::test]
async fn every_named_metric_is_exported_by_a_running_service() {
    let named: BTreeSet<String> = documents()
        .iter()
        .flat_map(|(_, text)| metrics_in(text))
        .collect();
    assert!(named.len() >= 18, "{named:?}: the search is broken");

    let installation = start_busy_service().await;
    let url = format!("{}/metrics", installation.ops_url);
    let mut missing = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < TIMEOUT {
        let text = reqwest::get(&url).await.expect("an answer").text().await;
        let text = text.expect("a text");
        let samples: BTreeSet<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .flat_map(|name| [name, name.trim_end_matches("_count")])
            .collect();
        let named = named.iter().map(String::as_str);
        missing = named
            .filter(|name| !samples.contains(name))
            .map(str::to_owned)
            .collect();
        if missing.is_empty() {
            return;
        }
        // The gauges of the store are sampled every few seconds.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no sample of {missing:?}");
}

#[tokio::test]
async fn every_named_path_is_routed() {
    let installation = start_busy_service().await;
    let hooks = installation.hook_url.split("/hooks").next();
    let bases = [hooks.expect("a URL"), &installation.ops_url];

    let mut checked = 0;
    for (name, text) in documents() {
        for path in paths_in(&text) {
            checked += 1;
            let mut found = false;
            for base in bases {
                // No route has this method: a path that exists answers 405 or 401.
                let request = reqwest::Client::new()
                    .request(reqwest::Method::OPTIONS, format!("{base}{path}"));
                let status = request.send().await.expect("an answer").status();
                found |= status != 404;
            }
            assert!(found, "{name} names {path}, which is no path");
        }
    }
    assert!(checked >= 8, "only {checked} paths: the search is broken");
}

#[test]
fn every_cause_has_a_section_and_every_section_a_cause() {
    let pages = documents();
    let text_of = |ending: &str| {
        let page = pages.iter().find(|(name, _)| name.ends_with(ending));
        page.expect("the page").1.clone()
    };
    let letters = text_of("docs/dead-letters.md");
    let sections: BTreeSet<&str> = letters
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();

    let silent = NO_DEAD_LETTER.map(FindingKind::as_str);
    let causes: BTreeSet<&str> = DeadLetterCause::names()
        .filter(|name| !silent.contains(name))
        .collect();
    assert_eq!(sections, causes);

    // A cause that another page or the same one names as a filter or a label exists.
    for (name, text) in &pages {
        for marker in ["--cause ", "cause=\""] {
            for (at, _) in text.match_indices(marker) {
                let rest = &text[at + marker.len()..];
                let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_'));
                let cause = &rest[..end.unwrap_or(rest.len())];
                assert!(
                    cause.is_empty() || causes.contains(cause),
                    "{name} names the cause `{cause}`"
                );
            }
        }
    }

    let fold = text_of("docs/fold.md");
    for kind in FindingKind::ALL {
        let name = format!("`{}`", kind.as_str());
        assert!(fold.contains(&name), "docs/fold.md does not name {name}");
    }
}
