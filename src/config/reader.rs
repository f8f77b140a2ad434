//! Collects every mistake of one config file, instead of stopping at the first.
//!
//! All [`Section`](super::section::Section)s of a file share one [`Reader`]: the text, the
//! environment, the diagnostics so far, and the environment variables that were used.

use std::{cell::RefCell, collections::BTreeSet};

use toml::de::DeTable;

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    environment::Environment,
};

/// The state that all sections of one file share.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) environment: &'a Environment,
    /// Stands for a table that the file leaves out.
    pub(super) empty: DeTable<'a>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    used_variables: RefCell<BTreeSet<String>>,
}

/// A value, and where the file or the environment has it.
#[derive(Clone, Debug)]
pub(super) struct WithSpan<T> {
    pub(super) value: T,
    pub(super) span: SourceSpan,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, environment: &'a Environment) -> Self {
        Self {
            text,
            environment,
            empty: DeTable::new(),
            diagnostics: RefCell::default(),
            used_variables: RefCell::default(),
        }
    }

    pub(super) fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    pub(super) fn mistake(
        &self,
        span: SourceSpan,
        title: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.report(Diagnostic::mistake(span, title, label));
    }

    /// The text of the environment variable that overrides this key. The variable counts as used.
    pub(super) fn override_of(&self, path: &str, key: &str) -> Option<WithSpan<String>> {
        let (name, value) = self.environment.override_of(path, key)?;
        self.used_variables.borrow_mut().insert(name.clone());
        Some(WithSpan {
            value,
            span: SourceSpan::Variable(name),
        })
    }

    /// All diagnostics, with one for each `HIREWIRE__` variable that overrides no key.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        for name in self.environment.overrides() {
            if !self.used_variables.borrow().contains(name) {
                self.mistake(
                    SourceSpan::Variable(name.to_owned()),
                    format!("`{name}` sets no key of this config"),
                    "expected HIREWIRE__TABLE__KEY, for a key that holds text, a number or \
                     true/false",
                );
            }
        }

        self.diagnostics.into_inner()
    }
}
