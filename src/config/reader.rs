//! Reads a parsed TOML table key by key, and remembers everything that is wrong instead of stopping at the first.
//!
//! A [`Section`] knows where it stands in the file, which keys were asked for (the others are unknown) and which
//! environment variable stands for a key. What cannot be read is told to the [`Reader`] and comes back as `None`.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use serde::de::{
    DeserializeOwned,
    value::{Error as ValueError, StrDeserializer},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    environment::Environment,
    suggest::nearest,
};

/// What all sections of one file share.
pub(super) struct Reader<'a> {
    /// The file's text.
    pub text: &'a str,
    /// Variables and strictness.
    pub environment: &'a Environment,
    found: RefCell<Vec<Diagnostic>>,
    used_variables: RefCell<BTreeSet<String>>,
    empty: DeTable<'a>,
}

/// Something read, with its place.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    /// What was read.
    pub value: T,
    /// Where.
    pub place: SourceSpan,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, environment: &'a Environment) -> Self {
        Self {
            text,
            environment,
            found: RefCell::default(),
            used_variables: RefCell::default(),
            empty: DeTable::new(),
        }
    }

    pub(super) fn tell(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    pub(super) fn mistake(
        &self,
        place: SourceSpan,
        title: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.tell(Diagnostic::mistake(place, title, label));
    }

    /// Everything found; variables that stood for no key among it.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        for name in self.environment.overrides() {
            if !self.used_variables.borrow().contains(name) {
                self.mistake(
                    SourceSpan::Variable(name.to_owned()),
                    format!("`{name}` stands for no plain key of this config"),
                    "expected HIREWIRE__TABLE__KEY, of a key that is text, a number or true/false",
                );
            }
        }
        self.found.into_inner()
    }
}

/// A table of the file.
pub(super) struct Section<'a> {
    /// The file.
    pub reader: &'a Reader<'a>,
    /// Its name from the root: `sources.acme`; the root's is empty.
    pub path: String,
    /// What is in it.
    pub table: &'a DeTable<'a>,
    /// Where its name stands.
    pub place: SourceSpan,
    known: RefCell<Vec<&'static str>>,
    any_key: Cell<bool>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        reader: &'a Reader<'a>,
        path: String,
        table: &'a DeTable<'a>,
        place: SourceSpan,
    ) -> Self {
        Self {
            reader,
            path,
            table,
            place,
            known: RefCell::default(),
            any_key: Cell::new(false),
        }
    }

    /// The value of a key as it stands in the file.
    pub(super) fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    /// Where a key's name stands; the section's own place if it is not there.
    pub(super) fn key_span(&self, key: &str) -> SourceSpan {
        self.table.get_key_value(key).map_or_else(
            || self.place.clone(),
            |(key, _)| SourceSpan::Text(key.span()),
        )
    }

    /// Text, from the file or the variable that stands for the key.
    pub(super) fn text(&self, key: &'static str) -> Option<Located<String>> {
        let value = self.value(key);
        if let Some(instead) = self.instead_of(key) {
            return Some(instead);
        }
        let value = value?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, &format!("`{key}` is text"));
            return None;
        };
        Some(Located {
            value: text.to_owned(),
            place: SourceSpan::Text(value.span()),
        })
    }

    /// Text that `read` understands; `expected` says what it should be.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        let text = self.text(key)?;
        let read = read(&text.value);
        if read.is_none() {
            let title = format!("`{key}` cannot be {:?}", text.value);
            self.reader
                .mistake(text.place.clone(), title, format!("expected {expected}"));
        }
        read.map(|value| Located {
            value,
            place: text.place,
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: DeserializeOwned>(&self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;
        match T::deserialize(StrDeserializer::<ValueError>::new(&text.value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.reader.mistake(
                    text.place,
                    format!("`{key}` cannot be {:?}", text.value),
                    error.to_string(),
                );
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        self.plain(key, "true or false", as_flag)
    }

    /// A whole number above zero.
    pub(super) fn count(&self, key: &'static str) -> Option<usize> {
        let read = |value: &DeValue<'_>| value.as_integer()?.as_str().replace('_', "").parse().ok();
        self.plain(key, "a whole number above zero", read)
            .and_then(|count: usize| {
                if count == 0 {
                    self.reader.mistake(
                        self.key_span(key),
                        format!("`{key}` is zero"),
                        "expected one or more",
                    );
                }
                (count > 0).then_some(count)
            })
    }

    fn plain<T: std::str::FromStr>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key);
        if let Some(instead) = self.instead_of(key) {
            let read = instead.value.parse().ok();
            if read.is_none() {
                let title = format!("`{key}` cannot be {:?}", instead.value);
                self.reader
                    .mistake(instead.place, title, format!("expected {expected}"));
            }
            return read;
        }
        let value = value?;
        let read = read(value.get_ref());
        if read.is_none() {
            self.wrong_type(value, &format!("expected {expected}"));
        }
        read
    }

    /// Whatever `T` is made of.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &'static str) -> Option<Located<T>> {
        let value = self.value(key)?;
        self.deserialized(value)
    }

    /// The same, of a value of it.
    pub(super) fn deserialized<T: DeserializeOwned>(
        &self,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Located<T>> {
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => Some(Located {
                value: read,
                place: SourceSpan::Text(value.span()),
            }),
            Err(error) => {
                let place = SourceSpan::Text(error.span().unwrap_or_else(|| value.span()));
                let title = if self.path.is_empty() {
                    "this cannot be read".into()
                } else {
                    format!("in [{}]", self.path)
                };
                self.reader.mistake(place, title, error.message());
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let value = self.value(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, &format!("`{key}` is a list of texts"));
            return None;
        };
        let mut texts = Vec::new();
        for element in list {
            match element.get_ref().as_str() {
                Some(text) => texts.push(Located {
                    value: text.to_owned(),
                    place: SourceSpan::Text(element.span()),
                }),
                None => self.wrong_type(element, &format!("`{key}` is a list of texts")),
            }
        }
        Some(texts)
    }

    /// A table.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        self.below(key, self.key_span(key), value)
    }

    /// A table that may be left out: variables still stand for its keys.
    pub(super) fn section_or_empty(&self, key: &'static str) -> Section<'a> {
        self.section(key).unwrap_or_else(|| {
            Section::new(
                self.reader,
                self.joined(key),
                &self.reader.empty,
                self.place.clone(),
            )
        })
    }

    /// The tables of a table, by name.
    pub(super) fn named_sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(section) = self.section(key) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (name, value) in section.table {
            let place = SourceSpan::Text(name.span());
            sections.extend(
                section
                    .below(name.get_ref(), place, value)
                    .map(|s| (name.get_ref().to_string(), s)),
            );
        }
        sections
    }

    /// The tables of a list (`[[...]]`).
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, &format!("`{key}` is a list of tables"));
            return Vec::new();
        };
        let element = |(at, element): (usize, &'a Spanned<DeValue<'a>>)| {
            self.below(
                &format!("{key}[{at}]"),
                SourceSpan::Text(element.span()),
                element,
            )
        };
        list.iter().enumerate().filter_map(element).collect()
    }

    /// A value as a table.
    pub(super) fn below(
        &self,
        name: &str,
        place: SourceSpan,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Section<'a>> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(value, &format!("`{name}` is a table"));
            return None;
        };
        Some(Section::new(self.reader, self.joined(name), table, place))
    }

    /// Whether a key is there, readable or not.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.table.contains_key(key)
            || self
                .reader
                .environment
                .instead_of(&self.path, key)
                .is_some()
    }

    /// A key that must be there.
    pub(super) fn require(&self, key: &str, expected: &str) {
        if !self.is_given(key) {
            let title = if self.path.is_empty() {
                format!("no `{key}`")
            } else {
                format!("[{}] has no `{key}`", self.path)
            };
            self.reader
                .mistake(self.place.clone(), title, format!("expected {expected}"));
        }
    }

    /// A key of a later version: refused by name, so that nobody relies on what is not there.
    pub(super) fn refuse(&self, key: &'static str) {
        if self.value(key).is_some() {
            let label = "leave it out: it would do nothing";
            self.reader.mistake(
                self.key_span(key),
                format!("{key}: not in this version"),
                label,
            );
        }
    }

    /// Any key may be here: nothing is unknown.
    pub(super) fn takes_any_key(&self) {
        self.any_key.set(true);
    }

    /// Tells the keys that nobody asked for.
    pub(super) fn finish(self) {
        if self.any_key.get() {
            return;
        }
        let known = self.known.borrow();
        for key in self
            .table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
        {
            let label = match nearest(key.get_ref(), known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            let inside = if self.path.is_empty() {
                String::new()
            } else {
                format!(" in [{}]", self.path)
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

    fn joined(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn instead_of(&self, key: &str) -> Option<Located<String>> {
        let (name, value) = self.reader.environment.instead_of(&self.path, key)?;
        self.reader.used_variables.borrow_mut().insert(name.clone());
        Some(Located {
            value,
            place: SourceSpan::Variable(name),
        })
    }
}

fn as_flag(value: &DeValue<'_>) -> Option<bool> {
    value.as_bool()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_tell_unknown_keys_wrong_types_and_variables_without_a_key() {
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
                "`HIREWIRE__NOWHERE` stands for no plain key of this config: expected HIREWIRE__TABLE__KEY, of a key that is text, a number or true/false",
            ]
        );
    }
}
