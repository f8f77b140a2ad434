//! Every command that a document, a message or a help text names exists.
//!
//! The test reads the documents, the compose files, the presets and the Rust sources, finds each
//! `hirewire ...` that stands where a command stands, and runs it with `--help`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Commands that the documents and messages are known to name: without them, the search is broken.
const EXPECTED: [&str; 22] = [
    "check",
    "connections apply",
    "connections list",
    "connections pause",
    "connections resume",
    "connections test",
    "dead-letters close",
    "dead-letters list",
    "dead-letters replay",
    "dead-letters show",
    "demo",
    "init",
    "migrate",
    "people list",
    "people show",
    "preview",
    "run",
    "sandbox",
    "schemas",
    "send",
    "sign",
    "tail",
];

/// Nouns of the design that no version has yet. `NOUN verb` in backticks must not name them.
const NOT_BUILT: [&str; 7] = [
    "audit", "holds", "instance", "journal", "report", "sources", "tokens",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Rust,
    Markdown,
    /// TOML, YAML, shell: comments start with `#`.
    Settings,
}

/// Each named command, with the `file:line` of every mention.
type Mentions = BTreeMap<String, Vec<String>>;

#[test]
fn every_named_command_exists() {
    let nouns = nouns();
    let mut named = Mentions::new();
    for (path, syntax) in files() {
        let text = fs::read_to_string(&path).expect("a readable file");
        let shown = path.strip_prefix(root()).expect("below the root").display();
        for (line, command) in commands_in(&text, syntax, &nouns) {
            named
                .entry(command)
                .or_default()
                .push(format!("{shown}:{line}"));
        }
    }

    let found: BTreeSet<&str> = named.keys().map(String::as_str).collect();
    let expected = BTreeSet::from(EXPECTED);
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "not found anywhere: {missing:?}");
    let places: usize = named.values().map(Vec::len).sum();
    assert!(places >= 60, "only {places} places: the search is broken");

    let unknown: Vec<String> = named
        .iter()
        .filter(|(command, _)| !exists(command))
        .map(|(command, places)| format!("hirewire {command}: {}", places.join(", ")))
        .collect();
    assert!(
        unknown.is_empty(),
        "these commands do not exist:\n{}",
        unknown.join("\n")
    );
}

/// An option that follows a named command is an option of that command.
#[test]
fn every_named_option_exists() {
    let nouns = nouns();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let (mut options, mut unknown) = (0, Vec::new());
    for (path, syntax) in files() {
        let text = fs::read_to_string(&path).expect("a readable file");
        for (number, line) in text.lines().enumerate() {
            let is_code = syntax == Syntax::Markdown && line.starts_with("    ");
            for (at, command) in after_program_name(line, is_code, &nouns) {
                let help = helps.entry(command.clone()).or_insert_with(|| {
                    let words = command.split(' ').chain(["--help"]);
                    run(&words.collect::<Vec<_>>()).1
                });
                for option in options_of(&line[at..]) {
                    options += 1;
                    if !help.contains(option) {
                        let path = path.display();
                        unknown.push(format!("{path}:{}: {command} {option}", number + 1));
                    }
                }
            }
        }
    }
    assert!(options >= 20, "only {options}: the search is broken");
    assert!(
        unknown.is_empty(),
        "no such options:\n{}",
        unknown.join("\n")
    );
}

/// `--name` up to the end of the command: a backtick, a quote, a bracket, a comment or another
/// command.
fn options_of(text: &str) -> Vec<&str> {
    let end = text
        .find(['`', '"', '#', ';', ')', '|'])
        .unwrap_or(text.len());
    let words = text[..end].split([' ', '[', ']', '=']);
    words
        .filter(|word| word.len() > 3 && word.starts_with("--"))
        .collect()
}

#[test]
fn the_search_finds_commands_and_leaves_prose_alone() {
    let nouns = BTreeSet::from(["connections".to_owned(), "people".to_owned()]);
    let found = |text: &str, syntax| -> Vec<String> {
        let commands = commands_in(text, syntax, &nouns);
        commands.into_iter().map(|(_, command)| command).collect()
    };

    let markdown = "Start `hirewire run --only intake`, then `connections apply C`.\n\
                    The hirewire process is one. The `instance` key, `instance = \"a\"`.\n\n    \
                    hirewire people show acme/E-1\n\n```console\n$ hirewire nonsense\n```\n\
                    hirewire prose here\n`holds release 1` and `cargo run --release -- demo`\n";
    assert_eq!(
        found(markdown, Syntax::Markdown),
        [
            "run",
            "connections apply",
            "people show",
            "nonsense",
            "holds release",
            "demo"
        ]
    );

    let rust = "/// `hirewire check` is meant, hirewire is not.\nlet a = \"\\\nExamples:\n  \
                hirewire send acme\n  cat f | hirewire preview -\";\n\
                let b = \"hirewire init{option}\";\n\
                let c = \"another \\\n    hirewire process\";\nlet d = \"hirewire: {error}\";\n";
    assert_eq!(
        found(rust, Syntax::Rust),
        ["check", "send", "preview", "init"]
    );

    let compose =
        "# docker compose run --rm hr send acme\nservice:\n  command: [sandbox, --listen]\n";
    assert_eq!(found(compose, Syntax::Settings), ["send", "sandbox"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<(PathBuf, Syntax)> {
    let mut files = Vec::new();

    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        files.push((root().join(name), Syntax::Markdown));
    }
    files.push((root().join("docker-compose.yml"), Syntax::Settings));
    for (folder, ending, syntax) in [
        ("docs", "md", Syntax::Markdown),
        ("compose", "", Syntax::Settings),
        ("presets", "toml", Syntax::Settings),
        ("src", "rs", Syntax::Rust),
        ("crates", "rs", Syntax::Rust),
    ] {
        let before = files.len();
        add_files(&root().join(folder), ending, syntax, &mut files);
        assert!(files.len() > before, "{folder} has no file");
    }
    // It shows the messages of an earlier version beside those of today.
    files.retain(|(path, _)| !path.ends_with("docs/voice.md"));
    files
}

fn add_files(folder: &Path, ending: &str, syntax: Syntax, files: &mut Vec<(PathBuf, Syntax)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            add_files(&path, ending, syntax, files);
        } else if ending.is_empty() || path.extension().is_some_and(|other| other == ending) {
            files.push((path, syntax));
        }
    }
}

/// The commands that have subcommands, from the program's own help.
fn nouns() -> BTreeSet<String> {
    let (_, help) = run(&["--help"]);
    let commands = help.split("\nCommands:\n").nth(1).expect("commands");
    let commands = commands.split("\n\n").next().expect("a list");
    let names = commands.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        let name = name.split(' ').next().filter(|name| !name.is_empty())?;
        Some(name.to_owned())
    });
    let with_subcommands = names.filter(|name| run(&[name, "--help"]).1.contains("\nCommands:\n"));
    with_subcommands.chain(["dlq".to_owned()]).collect()
}

fn exists(command: &str) -> bool {
    let mut arguments: Vec<&str> = command.split(' ').collect();
    arguments.push("--help");
    run(&arguments).0
}

/// Runs the program; true for exit code 0, and its stdout.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hirewire"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.success(), text)
}

/// Each named command with its line number, in the order of the text.
fn commands_in(text: &str, syntax: Syntax, nouns: &BTreeSet<String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut fenced, mut continued) = (false, false);

    for (number, line) in text.lines().enumerate() {
        if syntax == Syntax::Markdown && line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let is_code = match syntax {
            Syntax::Markdown => fenced || line.starts_with("    "),
            Syntax::Rust => !continued,
            Syntax::Settings => false,
        };
        let mut on_line = after_program_name(line, is_code, nouns);
        on_line.extend(in_backticks(line, nouns));
        on_line.extend(after_markers(line));
        on_line.sort();
        found.extend(
            on_line
                .into_iter()
                .map(|(_, command)| (number + 1, command)),
        );
        continued = line.trim_end().ends_with('\\') && !line.trim_end().ends_with("\"\\");
    }
    found
}

/// `hirewire VERB`, where a command can stand: at the start of code, or after a quote, `(` or `|`.
fn after_program_name(line: &str, is_code: bool, nouns: &BTreeSet<String>) -> Vec<(usize, String)> {
    line.match_indices("hirewire ")
        .filter(|(at, _)| {
            let before = line[..*at].trim_end();
            let starts_line = before.is_empty() || before == "$" || before == "//" && is_code;
            line[..*at].ends_with(['`', '"', '('])
                || before.ends_with('|')
                || is_code && starts_line
        })
        .filter_map(|(at, name)| Some((at, command(&line[at + name.len()..], nouns)?)))
        .collect()
}

/// `` `NOUN verb` `` without the name of the program.
fn in_backticks(line: &str, nouns: &BTreeSet<String>) -> Vec<(usize, String)> {
    line.match_indices('`')
        .filter_map(|(at, _)| {
            let rest = &line[at + 1..];
            let (noun, after) = rest.split_once(' ')?;
            let is_noun = nouns.contains(noun) || NOT_BUILT.contains(&noun);
            let verb = word(after)?;
            let closed = after[verb.len()..].starts_with([' ', '`']) && rest.contains('`');
            (is_noun && closed).then(|| (at, format!("{noun} {verb}")))
        })
        .collect()
}

/// The command after `cargo run ... --`, in `command: [...]` of compose, and after its service
/// `hr`.
fn after_markers(line: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();

    for (start, marker) in [
        ("cargo run", "-- "),
        ("command: [", "["),
        ("docker compose run", " hr "),
    ] {
        let command = line.find(start).and_then(|at| {
            let rest = &line[at..];
            let marked = rest.find(marker)? + marker.len();
            Some((at, word(&rest[marked..])?.to_owned()))
        });
        found.extend(command);
    }
    found
}

/// A command at the start of a text: one word, or two if the first is a noun.
fn command(text: &str, nouns: &BTreeSet<String>) -> Option<String> {
    let first = word(text)?;
    let second = text[first.len()..].strip_prefix(' ').and_then(word);
    match second {
        Some(second) if nouns.contains(first) || NOT_BUILT.contains(&first) => {
            Some(format!("{first} {second}"))
        }
        _ => Some(first.to_owned()),
    }
}

/// The lower-case word at the start of a text.
fn word(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !(c.is_ascii_lowercase() || c == '-'))
        .unwrap_or(text.len());
    let word = &text[..end];
    (word.starts_with(|c: char| c.is_ascii_lowercase())).then_some(word)
}
