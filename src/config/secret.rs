//! Secrets: the config names them and does not hold them.
//!
//! `{ env = "NAME" }` is read once, with the config. `{ file = "PATH" }` is read each time, so that
//! a mounted secret can be rotated while the process runs. A missing secret is reported with the
//! config.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use toml::{Spanned, de::DeValue};

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    section::Section,
};

/// The location of a secret.
#[derive(Clone, Debug)]
pub(crate) enum SecretSource {
    /// An environment variable, with its value at the time the config was read.
    Variable {
        /// The variable's name.
        name: String,
        /// `None`: the variable was not set, and the config was read offline.
        value: Option<SecretString>,
    },
    /// A file, read each time.
    File(PathBuf),
    /// Text in the config itself: a token's hash; a secret in tests only.
    Literal(SecretString),
}

/// A secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No environment variable has this name.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the secret file {path} cannot be read")]
    File {
        /// The path, relative to the working directory.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The variable or file exists and has no text.
    #[error("the secret in {0} is empty")]
    Empty(String),
}

impl SecretSource {
    /// Reads the secret anew.
    pub(crate) fn read(&self) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::Variable { name, value } => value
                .clone()
                .ok_or_else(|| SecretError::NoVariable(name.clone()))?,
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| SecretError::File {
                    path: path.clone(),
                    source,
                })?;
                // Editors and `echo` add a line break that does not belong to the secret.
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

/// Describes a secret in messages.
pub(super) const SECRET: &str = "{ env = \"NAME\" } or { file = \"PATH\" }";

impl<'a> Section<'a> {
    /// A key that names a secret. A relative path starts in `folder`.
    pub(super) fn secret(&self, key: &'static str, folder: &Path) -> Option<SecretSource> {
        let value = self.value(key)?;
        self.secret_in(key, value, folder, |_| ())
    }

    /// A value that names a secret; `read_more` reads the other keys of its table.
    pub(super) fn secret_in(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        folder: &Path,
        read_more: impl FnOnce(&Section<'a>),
    ) -> Option<SecretSource> {
        if let Some(text) = value.get_ref().as_str() {
            return self.literal(key, text, value);
        }
        let section = self.subsection(key, SourceSpan::Text(value.span()), value)?;
        let variable = section.text("env");
        let file = section.text("file");
        read_more(&section);

        let (source, span) = match (variable, file) {
            (Some(name), None) => {
                let value = self.reader.environment.get(&name.value).cloned();
                (
                    Some(SecretSource::Variable {
                        name: name.value,
                        value,
                    }),
                    name.span,
                )
            }
            (None, Some(path)) => (Some(SecretSource::File(folder.join(path.value))), path.span),
            (None, None) | (Some(_), Some(_)) => (None, section.span.clone()),
        };
        section.finish();

        if source.is_none() {
            self.reader.mistake(
                span,
                format!("`{key}` names no secret"),
                format!("expected {SECRET}"),
            );
            return None;
        }
        let missing = source.as_ref().and_then(|source| source.read().err());
        if let Some(error) = missing {
            self.report_missing(span, &error);
        }
        source
    }

    fn literal(&self, key: &str, text: &str, value: &Spanned<DeValue<'_>>) -> Option<SecretSource> {
        if self.reader.environment.takes_literal_secrets() {
            return Some(SecretSource::Literal(text.into()));
        }

        let span = SourceSpan::Secret(value.span());
        let title = format!("`{key}` is a literal secret");
        let label = format!("expected {SECRET}");
        let help = "a config is copied and committed: replace this secret at its origin, then put \
                    the new one into a variable or a file";
        let diagnostic = Diagnostic::mistake(span, title, label).help(help);
        self.reader.report(diagnostic);
        None
    }

    fn report_missing(&self, span: SourceSpan, error: &SecretError) {
        let reason = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        let diagnostic = if self.reader.environment.is_offline() {
            Diagnostic::warning(span, error.to_string(), reason)
        } else {
            Diagnostic::mistake(span, error.to_string(), reason)
        };

        self.reader.report(match error {
            SecretError::NoVariable(name) => diagnostic.help(format!(
                "set it, or add the line {name}=... to the .env file beside the config"
            )),
            SecretError::File { .. } | SecretError::Empty(_) => diagnostic,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_each_time_without_its_last_line_break() {
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
    fn a_secret_is_never_printed() {
        let literal = SecretSource::Literal("hush".into());
        let variable = SecretSource::Variable {
            name: "TOKEN".into(),
            value: Some("hush".into()),
        };
        assert!(!format!("{literal:?} {literal} {variable:?} {variable}").contains("hush"));
    }
}
