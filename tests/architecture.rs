//! The rules of the code base that the compiler does not check.
//!
//! The table of modules in ARCHITECTURE.md is the only list of who may use whom: these tests read
//! it, and hold the sources against it. They also check that no modules and no files of a module
//! use each other in a circle, that each outside system is named in its own module only, and the
//! size and shape of files and functions.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{spanned::Spanned as _, visit::Visit};

/// The crates and their source folders. In the table the modules of all three have distinct names.
const CRATES: [(&str, &str); 3] = [
    ("hirewire_core", "crates/core/src"),
    ("hirewire_sandbox", "crates/sandbox/src"),
    ("hirewire", "src"),
];

/// The sandbox is one module: its files are its own business.
const SANDBOX: &str = "sandbox";

/// Files beside the folders that put the crates together.
const ENTRY_POINTS: [&str; 2] = ["lib.rs", "main.rs"];

/// Outside systems, each named in the listed modules only.
const OUTSIDE: [(&str, &[&str]); 3] = [
    ("sqlx::", &["store", "queue"]),
    ("lapin::", &["queue"]),
    ("reqwest::", &["scim_client", "cli"]),
];

/// A file has fewer lines than this, tests included.
const FILE_LIMIT: usize = 400;
/// A function has fewer lines than this.
const FUNCTION_LIMIT: usize = 60;
/// A function of this many lines or more counts as one with steps.
const WITH_STEPS: usize = 15;

struct Source {
    module: String,
    path: PathBuf,
    relative: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below the crates' source folders.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for (name, folder) in CRATES {
        let top = root().join(folder);
        let mut folders = vec![top.clone()];

        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a source folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    found.push(source(name, &top, path));
                }
            }
        }
    }

    assert!(found.len() > 100, "the test looks in the wrong place");
    found
}

fn source(crate_name: &str, top: &Path, path: PathBuf) -> Source {
    let below = path.strip_prefix(top).expect("below the crate");
    let first = below.components().next().expect("a name").as_os_str();
    let first = first.to_string_lossy();
    let module = match crate_name {
        "hirewire_sandbox" => SANDBOX.to_owned(),
        _ if ENTRY_POINTS.contains(&first.as_ref()) => String::new(),
        _ => first.trim_end_matches(".rs").to_owned(),
    };

    let text = fs::read_to_string(&path).expect("a source file");
    let relative = path.strip_prefix(root()).expect("below the root");
    let relative = relative.display().to_string();
    Source {
        module,
        path,
        relative,
        text,
    }
}

/// Whether a file holds nothing but tests.
fn is_test_file(relative: &str) -> bool {
    relative.contains("/tests/") || relative.ends_with("tests.rs")
}

/// The code of a file without comments and without its tests.
fn code(source: &Source) -> String {
    if is_test_file(&source.relative) {
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

/// The names that follow `prefix` in code: the one, or the first of each member of a brace.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
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

fn name(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The modules that code uses, of any of the crates.
fn modules_used(code: &str) -> BTreeSet<String> {
    let mut used = names_after(code, "crate::");
    used.extend(names_after(code, "hirewire_core::"));
    if code.contains("hirewire_sandbox::") {
        used.insert(SANDBOX.to_owned());
    }
    used
}

/// The table of ARCHITECTURE.md: module -> the modules it may use; `None`: every module.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| module |"))
        .take_while(|line| line.starts_with('|'))
        .skip(2);

    let mut table = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [modules, _, _, may_use] = cells[..] else {
            panic!("a row of the table has four cells: {row}");
        };
        let may_use = (may_use != "everything").then(|| quoted(may_use));
        for module in quoted(modules) {
            table.insert(module, may_use.clone());
        }
    }
    assert!(table.len() > 15, "ARCHITECTURE.md has no table of modules");
    table
}

/// The words in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(ToOwned::to_owned).collect()
}

/// Circles in a graph, each as the sorted names of its nodes.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reaches = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from.to_owned()];
        while let Some(node) = next.pop() {
            for used in graph.get(&node).into_iter().flatten() {
                if seen.insert(used.clone()) {
                    next.push(used.clone());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|node| (node, reaches(node))).collect();

    let mut found = BTreeSet::new();
    for (node, reached) in &reach {
        let mutual = reached
            .iter()
            .filter(|other| reach.get(other).is_some_and(|set| set.contains(*node)));
        let circle: Vec<String> = mutual.cloned().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found
}

#[test]
fn names_are_found_alone_and_in_braces() {
    let code = "use crate::{\n    event::{Alias, Kind},\n    store::Store,\n};\ncrate::fold::fold;";
    let found: Vec<_> = names_after(code, "crate::").into_iter().collect();
    assert_eq!(found, ["event", "fold", "store"]);
}

#[test]
fn a_circle_is_found() {
    let graph = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")];
    let graph = graph.map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])));
    let found = circles(&BTreeMap::from(graph));
    assert_eq!(found, BTreeSet::from([vec!["b".into(), "c".into()]]));
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let table = table();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.module.is_empty()) {
        let Some(may_use) = table.get(&source.module) else {
            wrong.push(format!("{}: not in ARCHITECTURE.md", source.relative));
            continue;
        };
        let Some(may_use) = may_use else { continue };
        for other in modules_used(&code(source)) {
            let is_module = table.contains_key(&other) && other != source.module;
            if is_module && !may_use.contains(&other) && source.module != SANDBOX {
                wrong.push(format!("{} uses {other}", source.relative));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let table = table();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources().iter().filter(|source| source.module != SANDBOX) {
        let used = modules_used(&code(source));
        let used = used.into_iter().filter(|other| table.contains_key(other));
        graph.entry(source.module.clone()).or_default().extend(used);
    }
    graph.remove("");
    assert!(circles(&graph).is_empty(), "{:#?}", circles(&graph));
}

#[test]
fn no_files_of_a_module_use_each_other_in_a_circle() {
    let mut folders: BTreeMap<PathBuf, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for source in sources() {
        let folder = source.path.parent().expect("a folder").to_owned();
        let file = source.path.file_stem().expect("a name").to_string_lossy();
        let used = names_after(&code(&source), "super::");
        folders
            .entry(folder)
            .or_default()
            .insert(file.into_owned(), used);
    }

    let mut found = BTreeSet::new();
    for mut files in folders.into_values() {
        // A parent and its children are one unit; only siblings can form a circle.
        for entry in ["mod", "lib", "main"] {
            files.remove(entry);
        }
        found.extend(circles(&files));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_outside_system_is_named_in_its_own_module() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (system, modules) in OUTSIDE {
            if code(&source).contains(system) && !modules.contains(&source.module.as_str()) {
                wrong.push(format!("{} names {system}", source.relative));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_file_opens_with_its_purpose_and_is_short() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//!") {
            wrong.push(format!("{} does not open with //!", source.relative));
        }
        let lines = source.text.lines().count();
        if lines >= FILE_LIMIT {
            wrong.push(format!("{} has {lines} lines", source.relative));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// First line, last line and name of each function with a body.
#[derive(Default)]
struct Functions(Vec<(usize, usize, String)>);

impl Functions {
    fn add(&mut self, name: &syn::Ident, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.0.push((first, last, name.to_string()));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, &item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, &item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn functions_are_short_and_their_steps_are_apart() {
    let (mut wrong, mut long, mut spaced) = (Vec::new(), 0, 0);
    for source in sources() {
        let file = syn::parse_file(&source.text).expect("Rust");
        let lines: Vec<&str> = source.text.lines().collect();
        let mut functions = Functions::default();
        functions.visit_file(&file);

        for (first, last, name) in functions.0 {
            let length = last - first + 1;
            if length >= FUNCTION_LIMIT {
                wrong.push(format!("{}: {name} has {length} lines", source.relative));
            }
            if length >= WITH_STEPS {
                long += 1;
                spaced += usize::from(lines[first..last].iter().any(|line| line.is_empty()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        spaced * 2 >= long,
        "only {spaced} of {long} functions of {WITH_STEPS} lines have a blank line between steps"
    );
}
