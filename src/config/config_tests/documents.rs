//! The documents and the reader of the config agree on every key: each example of a document is
//! read, each key of a table is known, and each known key has a row in a table.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// The tables in which a fragment of a document may stand.
const CONTEXTS: [&str; 11] = [
    "",
    "[intake]\n",
    "[queue]\n",
    "[store]\n",
    "[connections.crm]\n",
    "[connections.crm.mapping]\n",
    "[connections.crm.mapping.title]\n",
    "[connections.crm.dialect]\n",
    "[connections.crm.lifecycle]\n",
    "[sources.acme]\n",
    "[sources.acme.signature]\n",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// `README.md` and the documents, with their text. `voice.md` shows messages of earlier versions.
fn documents() -> Vec<(String, String)> {
    let mut found = vec![("README.md".to_owned(), read("README.md"))];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = format!("docs/{}", entry.unwrap().file_name().to_string_lossy());
        if name != "docs/voice.md" {
            found.push((name.clone(), read(&name)));
        }
    }
    found
}

/// The mistakes of a fragment that are not about what it leaves out.
fn mistakes(text: &str) -> Vec<String> {
    let parsed = Config::parse(text, "etc/hirewire.toml", &environment().offline());
    let Err(found) = parsed else {
        return Vec::new();
    };
    let titles = found.all().iter().filter(|one| one.is_mistake());
    titles
        .map(|one| format!("{}: {}", one.title, one.label))
        .filter(|title| {
            let left_out = ["has no `", "needs one credential", "cannot be read"];
            !left_out.iter().any(|part| title.contains(part))
        })
        .collect()
}

/// The mistakes of a fragment where it fits best; none: it is right in one of the contexts.
fn mistakes_where_it_fits(fragment: &str) -> Vec<String> {
    let in_each = CONTEXTS.map(|context| mistakes(&format!("{context}{fragment}")));
    let fewest = in_each.into_iter().min_by_key(Vec::len);
    fewest.unwrap_or_default()
}

/// The mistakes of the file of an own profile, which has the knobs at its root.
fn mistakes_of_profile(block: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("own.toml"), block).unwrap();
    let file = folder.path().join("hirewire.toml").display().to_string();
    let text = "[connections.crm]\nbase_url = \"https://a.example\"\ntoken = { env = \"TOKEN\" }\n\
                profile = \"./own.toml\"\n";
    match Config::parse(text, &file, &environment()) {
        Ok(_) => Vec::new(),
        Err(found) => vec![found.to_string()],
    }
}

/// The blocks of TOML of a document, each with its line.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if inside && line.starts_with("```") {
            inside = false;
        } else if inside {
            let block = blocks.last_mut().unwrap();
            block.1.push_str(line);
            block.1.push('\n');
        } else if line.starts_with("```toml") {
            inside = true;
            blocks.push((number + 1, String::new()));
        }
    }
    blocks
}

/// `` `key = value` `` within a line, with its line. The quotes of a Rust string are taken off.
fn inline(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for code in line.split('`').skip(1).step_by(2) {
            let code = code.replace("\\\"", "\"");
            let is_key = |key: &str| {
                !key.is_empty()
                    && key
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b"._".contains(&b))
            };
            // A code that goes on in the next line has no end.
            let is_whole = |value: &str| !value.contains('{') || value.ends_with('}');
            if code
                .split_once(" = ")
                .is_some_and(|(key, value)| is_key(key) && is_whole(value))
            {
                found.push((number + 1, code));
            }
        }
    }
    found
}

#[test]
fn each_example_of_a_document_is_a_config() {
    let (mut examples, mut refused) = (0, Vec::new());
    for (name, text) in documents() {
        for (line, block) in blocks(&text) {
            examples += 1;
            let mut found = mistakes_where_it_fits(&block);
            if !found.is_empty() {
                found = mistakes_of_profile(&block);
            }
            if !found.is_empty() {
                refused.push(format!("{name}:{line}: {}", found.join("; ")));
            }
        }
    }
    let compose = mistakes(&read("compose/hirewire.toml"));
    assert!(compose.is_empty(), "compose/hirewire.toml: {compose:?}");
    assert!(examples >= 15, "only {examples}: the search is broken");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn each_key_that_a_document_or_a_message_sets_exists() {
    let mut texts = documents();
    for folder in ["src", "crates/core/src"] {
        add_sources(&root().join(folder), &mut texts);
    }

    // A setting of another program, and a part of Rust.
    let others = ["synchronous", "skip_serializing_if"];
    let (mut keys, mut refused) = (0, Vec::new());
    for (name, text) in texts {
        for (line, code) in inline(&text) {
            if others.iter().any(|other| code.starts_with(other)) {
                continue;
            }
            keys += 1;
            if !CONTEXTS.iter().any(|context| has_key(context, &code)) {
                refused.push(format!("{name}:{line}: `{code}`"));
            }
        }
    }
    assert!(keys >= 20, "only {keys}: the search is broken");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Whether a table has the key that the line sets; its value does not count.
fn has_key(table: &str, line: &str) -> bool {
    let unknown = ["unknown key", "unknown field", "is not an attribute"];
    let found = mistakes(&format!("{table}{line}"));
    !found
        .iter()
        .any(|found| unknown.iter().any(|part| found.contains(part)))
}

/// The Rust sources without tests.
fn add_sources(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            add_sources(&path, texts);
        } else if !name.contains("test") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            texts.push((name, code.to_owned()));
        }
    }
}

/// The keys that the reader looks up in a table, but for those of a later version.
fn known_keys(table: &str) -> BTreeSet<String> {
    let text = format!("{table}\nzzzzzzzzzzzz = 1\n");
    let Err(found) = Config::parse(&text, "f", &environment()) else {
        panic!("{table} takes any key");
    };
    let unknown = found
        .all()
        .iter()
        .find(|one| one.title.starts_with("unknown key `zzzzzzzzzzzz`"))
        .unwrap_or_else(|| panic!("{table} takes any key: {found}"));
    let keys = unknown.label.strip_prefix("expected one of ").unwrap();
    keys.split(", ")
        .filter(|key| !is_refused(table, key))
        .map(str::to_owned)
        .collect()
}

fn is_refused(table: &str, key: &str) -> bool {
    let text = format!("{table}\n{key} = 1\n");
    let found = Config::parse(&text, "f", &environment());
    found.is_err_and(|found| found.to_string().contains("not in this version"))
}

/// The keys in the first columns of the tables below each heading of a page. A column counts if its
/// head is `key` or `knob`, and it holds nothing but code.
fn documented(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut heading, mut counts) = (String::new(), false);
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        }
        if line.starts_with("|-") {
            continue;
        }
        let Some(row) = line.strip_prefix("| ") else {
            counts = false;
            continue;
        };
        let first = row.split(" |").next().unwrap_or_default().trim();
        if first.starts_with("key") || first.starts_with("knob") {
            counts = true;
            // In "knob of ..." the table stands for the row of that knob.
            let of = first.split('`').skip(1).step_by(2).map(str::to_owned);
            found.entry(heading.clone()).or_default().extend(of);
        } else if counts {
            let codes: Vec<&str> = first.split('`').collect();
            let only_code = codes.iter().step_by(2).all(|text| text.trim().is_empty());
            let keys = codes.into_iter().skip(1).step_by(2).filter(|_| only_code);
            let keys = keys.flat_map(|key| key.split('.')).map(str::to_owned);
            found.entry(heading.clone()).or_default().extend(keys);
        }
    }
    found
}

/// Compares the keys of tables with those that the given headings of a page document.
fn compare(page: &str, headings: &[&str], tables: &[&str], more: &[&str]) {
    let pages = documented(&read(page));
    let documented: BTreeSet<String> = pages
        .iter()
        .filter(|(heading, _)| headings.iter().any(|part| heading.contains(part)))
        .flat_map(|(_, keys)| keys.clone())
        .collect();

    let mut known: BTreeSet<String> = more.iter().map(|key| (*key).to_owned()).collect();
    for table in tables {
        let keys = known_keys(table);
        let missing: Vec<_> = keys.difference(&documented).collect();
        assert!(
            missing.is_empty(),
            "{page} has no row for {missing:?} of {table}"
        );
        known.extend(keys);
    }
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "{page}, {headings:?}: no such key {unknown:?}"
    );
}

#[test]
fn the_pages_of_the_config_have_a_row_for_each_key_and_no_other() {
    let page = "docs/config.md";
    compare(
        page,
        &["Root", "queue", "[[ops.tokens]]"],
        &["[intake]", "[ops]", "[queue]", "[store]", "[[ops.tokens]]"],
        &["instance", "data_dir", "intake", "ops", "queue", "store"],
    );
    compare(
        page,
        &["TLS"],
        &[],
        &["tls", "ca_file", "client_certificate", "client_key"],
    );
    compare(
        page,
        &["[sources.NAME]"],
        &["[sources.a]", "[sources.a.signature]"],
        &["tolerance"],
    );
    compare(
        page,
        &["[connections.NAME]"],
        &[
            "[connections.a]",
            "[connections.a.limits]",
            "[connections.a.adopt]",
            "[connections.a.lifecycle]",
            "[connections.a.groups_policy]",
        ],
        &[],
    );
}

#[test]
fn the_page_of_the_dialects_has_a_row_for_each_knob_and_no_other() {
    compare(
        "docs/dialects.md",
        &[""],
        &["[connections.a.dialect]", "[connections.a.dialect.groups]"],
        &["path", "kind"],
    );
}
