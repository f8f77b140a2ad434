//! One table of the config, read key by key.
//!
//! A [`Section`] knows its path and its span in the file, and remembers each key that the program
//! looks up: the other keys are unknown, and [`Section::finish`] reports them. `values.rs` reads
//! the values of the keys.

use std::cell::{Cell, RefCell};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{diagnostics::SourceSpan, reader::Reader, suggest::nearest};

/// A table of the file.
pub(super) struct Section<'a> {
    pub(super) reader: &'a Reader<'a>,
    /// The table's name from the root, such as `sources.acme`; empty for the root.
    pub(super) path: String,
    pub(super) table: &'a DeTable<'a>,
    /// The span of the table's name.
    pub(super) span: SourceSpan,
    known: RefCell<Vec<&'static str>>,
    any_key: Cell<bool>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        reader: &'a Reader<'a>,
        path: String,
        table: &'a DeTable<'a>,
        span: SourceSpan,
    ) -> Self {
        Self {
            reader,
            path,
            table,
            span,
            known: RefCell::default(),
            any_key: Cell::new(false),
        }
    }

    /// The value of a key in the file. The key counts as known from now on.
    pub(super) fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    /// The span of a key's name; the section's own span if the key is missing.
    pub(super) fn key_span(&self, key: &str) -> SourceSpan {
        self.table.get_key_value(key).map_or_else(
            || self.span.clone(),
            |(key, _)| SourceSpan::Text(key.span()),
        )
    }

    /// The table at a key.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        self.subsection(key, self.key_span(key), value)
    }

    /// The table at a key, or an empty one: environment variables can still set its keys.
    pub(super) fn section_or_empty(&self, key: &'static str) -> Section<'a> {
        self.section(key).unwrap_or_else(|| {
            Section::new(
                self.reader,
                self.path_of(key),
                &self.reader.empty,
                self.span.clone(),
            )
        })
    }

    /// The tables inside the table at a key, by name: `[key.NAME]`.
    pub(super) fn named_sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(section) = self.section(key) else {
            return Vec::new();
        };

        let mut sections = Vec::new();
        for (name, value) in section.table {
            let span = SourceSpan::Text(name.span());
            let named = section.subsection(name.get_ref(), span, value);
            sections.extend(named.map(|section| (name.get_ref().to_string(), section)));
        }
        sections
    }

    /// The tables of a list: `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, &format!("`{key}` is a list of tables"));
            return Vec::new();
        };

        let element = |(at, element): (usize, &'a Spanned<DeValue<'a>>)| {
            self.subsection(
                &format!("{key}[{at}]"),
                SourceSpan::Text(element.span()),
                element,
            )
        };
        list.iter().enumerate().filter_map(element).collect()
    }

    /// A value as a table; reports a value that is none.
    pub(super) fn subsection(
        &self,
        name: &str,
        span: SourceSpan,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Section<'a>> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(value, &format!("`{name}` is a table"));
            return None;
        };
        Some(Section::new(self.reader, self.path_of(name), table, span))
    }

    /// True if the file or the environment has the key, readable or not.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.table.contains_key(key)
            || self
                .reader
                .environment
                .override_of(&self.path, key)
                .is_some()
    }

    /// Reports a key that is missing.
    pub(super) fn require(&self, key: &str, expected: &str) {
        if !self.is_given(key) {
            let title = if self.path.is_empty() {
                format!("no `{key}`")
            } else {
                format!("[{}] has no `{key}`", self.path)
            };
            self.reader
                .mistake(self.span.clone(), title, format!("expected {expected}"));
        }
    }

    /// Reports a key of a later version, so that nobody relies on a setting without effect.
    pub(super) fn refuse(&self, key: &'static str) {
        if self.value(key).is_some() {
            let label = "leave it out: this version does not have it";
            self.reader.mistake(
                self.key_span(key),
                format!("{key}: not in this version"),
                label,
            );
        }
    }

    /// Accepts every key: [`Section::finish`] reports none as unknown.
    pub(super) fn accept_any_key(&self) {
        self.any_key.set(true);
    }

    /// Reports every key that the program did not look up.
    pub(super) fn finish(self) {
        if self.any_key.get() {
            return;
        }

        let known = self.known.borrow();
        let unknown = self
            .table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()));
        let inside = if self.path.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", self.path)
        };

        for key in unknown {
            let label = match nearest(key.get_ref(), known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            self.reader.mistake(
                SourceSpan::Text(key.span()),
                format!("unknown key `{}`{inside}", key.get_ref()),
                label,
            );
        }
    }

    pub(super) fn wrong_type(&self, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        self.reader.mistake(
            SourceSpan::Text(value.span()),
            expected,
            format!("this is {article} {found}"),
        );
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_section_reports_unknown_keys_wrong_types_and_variables_without_a_key() {
        let environment = Environment::of([("HIREWIRE__A__PORT", "x"), ("HIREWIRE__NOWHERE", "1")]);
        let text = "[a]\nlisten = 3\nprot = 1\n";
        let table = DeTable::parse(text).unwrap();
        let reader = Reader::new(text, &environment);
        {
            let root = Section::new(&reader, String::new(), table.get_ref(), SourceSpan::File);
            let a = root.section("a").unwrap();
            assert!(a.text("listen").is_none());
            assert_eq!(a.count("port"), None);
            a.finish();
            root.finish();
        }

        let found: Vec<String> = reader
            .finish()
            .into_iter()
            .map(|d| format!("{}: {}", d.title, d.label))
            .collect();
        assert_eq!(
            found,
            [
                "`listen` is text: this is an integer",
                "`port` cannot be \"x\": expected a whole number above zero",
                "unknown key `prot` in [a]: did you mean `port`?",
                "`HIREWIRE__NOWHERE` sets no key of this config: expected HIREWIRE__TABLE__KEY, \
                 for a key that holds text, a number or true/false",
            ]
        );
    }
}
