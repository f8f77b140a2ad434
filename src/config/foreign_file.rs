//! Files that a config names beside itself: an own profile, an own source preset.
//!
//! Their mistakes are reported with their own lines, like those of the config.

use std::{fs, path::Path, sync::Arc};

use toml::de::DeTable;

use super::{
    ConfigFolder, Environment,
    diagnostics::{Diagnostic, ForeignFile, SourceSpan},
    reader::{Reader, WithSpan},
    section::Section,
    suggest::nearest,
};

/// Whether a name is meant as the path of a file: the names of embedded data have neither `/` nor
/// an ending.
pub(super) fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || Path::new(name).extension().is_some()
}

/// Reads the TOML file at the path with `read`, and reports its mistakes.
pub(super) fn read<T>(
    section: &Section<'_>,
    folder: &ConfigFolder,
    name: &WithSpan<String>,
    read: impl FnOnce(&Path, Section<'_>) -> T,
) -> Option<T> {
    let path = folder.path().join(&name.value);
    let text = text(section, &path, &name.span)?;

    let file = foreign(&path, &text);
    let report = |diagnostic: Diagnostic| {
        section.reader.report(diagnostic.in_file(Arc::clone(&file)));
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        errors.iter().map(super::not_toml).for_each(report);
        return None;
    }

    let environment = Environment::default();
    let reader = Reader::new(&text, &environment);
    let root = Section::new(&reader, String::new(), table.get_ref(), SourceSpan::File);
    let value = read(&path, root);
    let found = reader.finish();
    let usable = found.iter().all(|diagnostic| !diagnostic.is_mistake());
    found.into_iter().for_each(report);
    usable.then_some(value)
}

/// Reads the file with a parser of its own; an error has the bytes of the file that it is about.
pub(super) fn parse<T>(
    section: &Section<'_>,
    folder: &ConfigFolder,
    name: &WithSpan<String>,
    parse: impl FnOnce(&Path, &str) -> Result<T, Diagnostic>,
) -> Option<T> {
    let path = folder.path().join(&name.value);
    let text = text(section, &path, &name.span)?;

    match parse(&path, &text) {
        Ok(value) => Some(value),
        Err(diagnostic) => {
            section
                .reader
                .report(diagnostic.in_file(foreign(&path, &text)));
            None
        }
    }
}

/// An error of serde in a TOML file: "unknown field `x`, expected one of `a`, `b`".
pub(super) fn toml_error(error: &toml::de::Error) -> Diagnostic {
    let span = error.span().map_or(SourceSpan::File, SourceSpan::Text);
    let Some((what, words)) = error.message().split_once(", expected ") else {
        return Diagnostic::mistake(span, error.message(), "");
    };

    let typed = what.split('`').nth(1).unwrap_or_default();
    let known = words.split('`').skip(1).step_by(2);
    let label = match nearest(typed, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected {words}"),
    };
    Diagnostic::mistake(span, what.replace("field", "key"), label)
}

fn text(section: &Section<'_>, path: &Path, span: &SourceSpan) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            let title = format!("{} cannot be read", path.display());
            section
                .reader
                .mistake(span.clone(), title, error.to_string());
            None
        }
    }
}

fn foreign(path: &Path, text: &str) -> Arc<ForeignFile> {
    Arc::new(ForeignFile {
        name: path.display().to_string(),
        text: text.to_owned(),
    })
}
