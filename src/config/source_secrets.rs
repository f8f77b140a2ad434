//! `secrets` of a source: where each is, when it is valid, and whether it protects anything.
//!
//! Secrets are named, not held: [`SourceSecret::read`] reads one. A secret that can be guessed or
//! looked up is a mistake, because everybody could sign with it.

use jiff::Timestamp;
use toml::{Spanned, de::DeValue};

use super::{
    ConfigFolder,
    diagnostics::{Diagnostic, SourceSpan},
    secret::{SecretError, SecretSource},
    section::Section,
};
use crate::telemetry;
use hirewire_core::source::{Scheme, Secret};

/// From where the intake can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// From this machine only.
    Loopback,
    /// From a network.
    Network,
}

/// A secret of a source, and when it is valid.
#[derive(Clone, Debug)]
pub(crate) struct SourceSecret {
    /// The location of the secret.
    pub(crate) source: SecretSource,
    /// A name for logs and metrics.
    pub(crate) id: Option<String>,
    /// Valid from this instant.
    pub(crate) not_before: Option<Timestamp>,
    /// Valid before this instant.
    pub(crate) not_after: Option<Timestamp>,
}

impl SourceSecret {
    /// Reads the secret anew.
    pub(crate) fn read(&self) -> Result<Secret, SecretError> {
        Ok(Secret {
            id: self.id.clone(),
            text: self.source.read()?,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }
}

/// Reads `secrets`. A secret that cannot be used is reported.
pub(super) fn secrets(
    section: &Section<'_>,
    folder: &ConfigFolder,
    scheme: Option<&Scheme>,
    exposure: Exposure,
) -> Vec<SourceSecret> {
    section.require("secrets", "a list of secrets: [{ env = \"NAME\" }]");
    let Some(value) = section.value("secrets") else {
        return Vec::new();
    };

    let Some(list) = value.get_ref().as_array() else {
        section.wrong_type(value, "`secrets` is a list: [{ env = \"NAME\" }]");
        return Vec::new();
    };
    if list.is_empty() {
        let label = "expected at least one: [{ env = \"NAME\" }]";
        section.reader.mistake(
            SourceSpan::Text(value.span()),
            "no secret: no hook could be verified",
            label,
        );
    }

    let secrets: Vec<SourceSecret> = list
        .iter()
        .filter_map(|element| secret(section, element, folder, (scheme, exposure)))
        .collect();
    if secrets.len() == list.len() {
        check_validity(section, value, &secrets, telemetry::now());
    }
    secrets
}

/// Reports secrets of which none is valid now, and those that have run out.
fn check_validity(
    section: &Section<'_>,
    value: &Spanned<DeValue<'_>>,
    secrets: &[SourceSecret],
    now: Timestamp,
) {
    let has_run_out = |secret: &SourceSecret| secret.not_after.is_some_and(|until| until <= now);
    let is_valid = |secret: &SourceSecret| {
        !has_run_out(secret) && secret.not_before.is_none_or(|from| from <= now)
    };

    if !secrets.is_empty() && secrets.iter().all(has_run_out) {
        section.reader.mistake(
            SourceSpan::Text(value.span()),
            "every secret has run out: each hook would be refused",
            "expected a secret without `not_after`, or with a later one",
        );
    } else if !secrets.is_empty() && !secrets.iter().any(is_valid) {
        section.reader.report(Diagnostic::warning(
            SourceSpan::Text(value.span()),
            "no secret is valid yet: each hook is refused until then",
            "`not_before` of all of them is later than now",
        ));
    } else if secrets.iter().any(has_run_out) {
        section.reader.report(Diagnostic::warning(
            SourceSpan::Text(value.span()),
            "a secret has run out",
            "take it out of the list",
        ));
    }
}

fn secret<'a>(
    section: &Section<'a>,
    element: &'a Spanned<DeValue<'a>>,
    folder: &ConfigFolder,
    (scheme, exposure): (Option<&Scheme>, Exposure),
) -> Option<SourceSecret> {
    let (mut id, mut not_before, mut not_after) = (None, None, None);
    let source = section.secret_in("secrets", element, folder.path(), |secret| {
        id = secret.text("id").map(|id| id.value);
        not_before = time(secret, "not_before");
        not_after = time(secret, "not_after");
    })?;

    let secret = SourceSecret {
        source,
        id,
        not_before,
        not_after,
    };
    if let (Ok(read), Some(scheme)) = (secret.read(), scheme) {
        let fits = check_form(section, element, &read, scheme);
        if fits {
            check_strength(section, element, &read, scheme, exposure);
        }
    }
    if let (Some(from), Some(until)) = (not_before, not_after)
        && from >= until
    {
        section.reader.mistake(
            SourceSpan::Text(element.span()),
            "this secret is never valid",
            "not_after is not after not_before",
        );
    }

    Some(secret)
}

/// Reports a secret whose form fits none of the scheme's kinds of signatures; returns whether one
/// fits.
fn check_form(
    section: &Section<'_>,
    element: &Spanned<DeValue<'_>>,
    secret: &Secret,
    scheme: &Scheme,
) -> bool {
    let mut mismatch = None;
    for kind in &scheme.signatures {
        match secret.key(kind.key) {
            Ok(_) => return true,
            Err(error) => mismatch = mismatch.or(Some(error)),
        }
    }

    if let Some(error) = mismatch {
        section.reader.report(Diagnostic::mistake(
            SourceSpan::Text(element.span()),
            error.to_string(),
            "the signature of this source needs a secret of another form",
        ));
    }
    false
}

/// Reports a secret that somebody can guess or look up.
fn check_strength(
    section: &Section<'_>,
    element: &Spanned<DeValue<'_>>,
    secret: &Secret,
    scheme: &Scheme,
    exposure: Exposure,
) {
    let span = || SourceSpan::Text(element.span());
    for fault in secret.faults(scheme) {
        let label = format!("expected {}", fault.expected);
        section.reader.report(if fault.is_error {
            Diagnostic::mistake(span(), fault.problem, label)
        } else {
            Diagnostic::warning(span(), fault.problem, label)
        });
    }

    if secret.is_published() && exposure == Exposure::Network {
        let title = "this secret is printed in documentation: everybody can sign with it";
        let label = "it is for a first try on one machine: `intake.listen` on 127.0.0.1, or a \
                     `public_url` on it";
        section.reader.mistake(span(), title, label);
    }
}

fn time(section: &Section<'_>, key: &'static str) -> Option<Timestamp> {
    const EXPECTED: &str = "a time with its offset, such as 2026-12-01T00:00:00Z";
    let value = section.value(key)?;
    if let Some(time) = value.get_ref().as_datetime() {
        let read = time.to_string().parse().ok();
        if read.is_none() {
            section.reader.mistake(
                SourceSpan::Text(value.span()),
                format!("`{key}` is not an instant"),
                format!("expected {EXPECTED}"),
            );
        }
        return read;
    }

    section
        .parsed(key, EXPECTED, |text| text.parse().ok())
        .map(|time| time.value)
}
