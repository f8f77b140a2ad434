//! Secrets: named in the config, never written into it.
//!
//! `{ env = "NAME" }` is read once, with the config; `{ file = "PATH" }` whenever it is asked for, so that a mounted
//! secret may be rotated under a running process. Both tell at once if nothing is there.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use toml::{Spanned, de::DeValue};

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    reader::Section,
};

/// Where a secret is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In an environment variable, with the value it had when the config was read.
    Variable {
        /// Its name.
        name: String,
        /// Its value; `None` where the config was read offline.
        value: Option<SecretString>,
    },
    /// In a file, read every time.
    File(PathBuf),
    /// In the config itself: demo and tests only.
    Literal(SecretString),
}

/// A secret that is not there.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the secret file {path} cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("the secret in {0} is empty")]
    Empty(String),
}

impl SecretSource {
    /// The secret as it is now.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Variable { name, value } => value
                .clone()
                .ok_or_else(|| SecretError::NoVariable(name.clone()))?,
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| SecretError::File {
                    path: path.clone(),
                    source,
                })?;
                // Editors and `echo` end a file with a line break that is no part of the secret.
                text.trim_end_matches(['\r', '\n']).into()
            }
            Self::Literal(text) => text.clone(),
        };
        if text.expose_secret().is_empty() {
            Err(SecretError::Empty(self.to_string()))
        } else {
            Ok(text)
        }
    }
}

impl std::fmt::Display for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable { name, .. } => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Literal(_) => f.write_str("the config"),
        }
    }
}

/// What a secret looks like in the config.
pub(super) const SECRET: &str = "{ env = \"NAME\" } or { file = \"PATH\" }";

impl<'a> Section<'a> {
    /// A key that holds a secret. Files are relative to `folder`.
    pub(super) fn secret(&self, key: &'static str, folder: &Path) -> Option<SecretSource> {
        let value = self.value(key)?;
        self.secret_in(key, value, folder, |_| ())
    }

    /// A secret in a value; `more` reads the other keys of its table.
    pub(super) fn secret_in(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        folder: &Path,
        more: impl FnOnce(&Section<'a>),
    ) -> Option<SecretSource> {
        if let Some(text) = value.get_ref().as_str() {
            return self.literal(key, text, value);
        }
        let section = self.below(key, SourceSpan::Text(value.span()), value)?;
        let variable = section.text("env");
        let file = section.text("file");
        more(&section);
        let (source, place) = match (variable, file) {
            (Some(name), None) => {
                let value = self.reader.environment.get(&name.value).cloned();
                (
                    Some(SecretSource::Variable {
                        name: name.value,
                        value,
                    }),
                    name.place,
                )
            }
            (None, Some(path)) => (
                Some(SecretSource::File(folder.join(path.value))),
                path.place,
            ),
            (None, None) | (Some(_), Some(_)) => (None, section.place.clone()),
        };
        section.finish();
        if source.is_none() {
            self.reader.mistake(
                place,
                format!("`{key}` names no secret"),
                format!("expected {SECRET}"),
            );
            return None;
        }
        let missing = source.as_ref().and_then(|source| source.read().err());
        if let Some(error) = missing {
            self.missing(place, &error);
        }
        source
    }

    fn literal(&self, key: &str, text: &str, value: &Spanned<DeValue<'_>>) -> Option<SecretSource> {
        if self.reader.environment.takes_literal_secrets() {
            return Some(SecretSource::Literal(text.into()));
        }
        let place = SourceSpan::Secret(value.span());
        let label = format!("expected {SECRET}");
        self.reader.tell(
            Diagnostic::mistake(place, format!("`{key}` is a literal secret"), label)
                .help("a config is copied, committed and shown; name where the secret is, and change this one"),
        );
        None
    }

    fn missing(&self, place: SourceSpan, error: &SecretError) {
        let why = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        let diagnostic = if self.reader.environment.is_offline() {
            Diagnostic::warning(place, error.to_string(), why)
        } else {
            Diagnostic::mistake(place, error.to_string(), why)
        };
        self.reader.tell(diagnostic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_and_its_last_line_break_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = SecretSource::File(path.clone());
        assert!(matches!(source.read(), Err(SecretError::File { .. })));
        std::fs::write(&path, "one\r\n").unwrap();
        assert_eq!(source.read().unwrap().expose_secret(), "one");
        std::fs::write(&path, "two").unwrap();
        assert_eq!(source.read().unwrap().expose_secret(), "two");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(source.read(), Err(SecretError::Empty(_))));
    }

    #[test]
    fn no_secret_is_in_what_is_printed() {
        let literal = SecretSource::Literal("hush".into());
        let variable = SecretSource::Variable {
            name: "TOKEN".into(),
            value: Some("hush".into()),
        };
        assert!(!format!("{literal:?} {literal} {variable:?} {variable}").contains("hush"));
    }
}
