//! `[sources.NAME]`: an HR system that posts hooks.
//!
//! It holds what the intake needs to verify and read a hook, and the rules that the fold needs.
//! Secrets are named, not held: [`SourceConfig::secrets`] reads them.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use toml::{Spanned, de::DeValue};

use super::{
    ConfigFolder,
    diagnostics::{Diagnostic, SourceSpan},
    reader::WithSpan,
    secret::{SecretError, SecretSource},
    section::Section,
    signature,
    suggest::one_of,
};
use crate::intake::SourceEndpoint;
use hirewire_core::{
    event::{Authority, SourceId},
    fold::SourceRules,
    source::{Preset, Scheme, Secret},
};

/// An HR system that posts hooks.
#[derive(Clone, Debug)]
pub(crate) struct SourceConfig {
    /// The name of its table, which is the last part of its URL.
    pub(crate) name: String,
    /// The source id in events and aliases; the table's name unless `id` is set.
    pub(crate) id: SourceId,
    /// False: the intake answers 503, and the sender tries again later.
    pub(crate) enabled: bool,
    /// The reading of its payloads.
    pub(crate) preset: Preset,
    /// The scheme of its signatures.
    pub(crate) scheme: Scheme,
    /// The secrets of its signatures; more than one during a rotation.
    pub(crate) secrets: Vec<SourceSecret>,
    /// The zone of dates that come without one.
    pub(crate) time_zone: Option<TimeZone>,
    /// `employment` for an HR system, `pre_hire` for an applicant system.
    pub(crate) authority: Authority,
    /// The `CloudEvents` sources that are accepted; empty: all.
    pub(crate) origins: Vec<String>,
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

impl SourceConfig {
    /// Reads the secrets anew.
    pub(crate) fn secrets(&self) -> Result<Vec<Secret>, SecretError> {
        self.secrets.iter().map(SourceSecret::read).collect()
    }

    /// The settings of the intake for this source. Reads the secrets anew.
    pub(crate) fn endpoint(&self) -> Result<SourceEndpoint, SecretError> {
        Ok(SourceEndpoint {
            id: self.id.clone(),
            preset: Arc::new(self.preset.clone()),
            scheme: self.scheme.clone(),
            secrets: self.secrets()?,
            origins: self.origins.clone(),
            enabled: self.enabled,
        })
    }

    /// The rules of this source for the fold.
    pub(crate) fn rules(&self) -> SourceRules {
        let time_zone = self.time_zone.clone().unwrap_or(TimeZone::UTC);
        let retry_span = self.preset.retry_span;
        SourceRules {
            time_zone,
            authority: self.authority,
            retry_span,
            ..SourceRules::default()
        }
    }
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

/// Reads one source. `None`: it cannot be used, and the reason is reported.
pub(super) fn source(
    name: &str,
    section: &Section<'_>,
    folder: &ConfigFolder,
) -> Option<SourceConfig> {
    let id = id(name, section);
    let preset = preset(section);
    let preset_scheme = preset
        .as_ref()
        .and_then(|preset| preset.scheme().ok())
        .unwrap_or_else(Scheme::standard_webhooks);
    let scheme = signature::signature(section, preset_scheme);
    let secrets = secrets(section, folder, scheme.as_ref());
    let enabled = section.flag("enabled").unwrap_or(true);
    let time_zone = time_zone(section, preset.as_ref());
    let authority = section
        .choice("authority")
        .or(preset.as_ref().map(|preset| preset.authority))
        .unwrap_or_default();
    let origins = section
        .texts("origins")
        .unwrap_or_default()
        .into_iter()
        .map(|origin| origin.value)
        .collect();

    for key in ["expect_every", "guard", "retention", "on_bad_signature"] {
        section.refuse(key);
    }

    Some(SourceConfig {
        name: name.to_owned(),
        id: id?,
        enabled,
        preset: preset?,
        scheme: scheme?,
        secrets,
        time_zone,
        authority,
        origins,
    })
}

fn time_zone(section: &Section<'_>, preset: Option<&Preset>) -> Option<TimeZone> {
    const EXPECTED: &str = "an IANA time zone, such as \"Europe/Berlin\"";
    let zone = section.parsed("time_zone", EXPECTED, |zone| TimeZone::get(zone).ok());

    let bare = preset.filter(|preset| preset.states_bare_dates());
    if let Some(preset) = bare.filter(|_| !section.is_given("time_zone")) {
        let label = "a date without a zone can be a day off: set time_zone = \"Europe/Berlin\"";
        let title = format!("[{}] has no `time_zone`", section.path);
        // A canonical event can name its zone; a vendor's payload does not.
        section.reader.report(if preset.is_canonical() {
            Diagnostic::warning(section.span.clone(), title, label)
        } else {
            Diagnostic::mistake(section.span.clone(), title, label)
        });
    }

    zone.map(|zone| zone.value)
}

fn id(name: &str, section: &Section<'_>) -> Option<SourceId> {
    let id = section.text("id").unwrap_or_else(|| WithSpan {
        value: name.to_owned(),
        span: section.span.clone(),
    });

    let reserved = id.value == "ops" || name == "ops";
    if reserved {
        let label = "`ops` is the source of operators' events";
        section
            .reader
            .mistake(id.span, "`ops` is not a name for a source", label);
        return None;
    }

    match (SourceId::parse(name), SourceId::parse(id.value)) {
        (Ok(_), Ok(id)) => Some(id),
        (Err(error), _) => {
            section.reader.mistake(
                section.span.clone(),
                format!("`{name}` is not a name for a source"),
                error.to_string(),
            );
            None
        }
        (Ok(_), Err(error)) => {
            section
                .reader
                .mistake(id.span, "`id` is not a source id", error.to_string());
            None
        }
    }
}

fn preset(section: &Section<'_>) -> Option<Preset> {
    section.require(
        "preset",
        &format!("one of {}", Preset::names().collect::<Vec<_>>().join(", ")),
    );
    let name = section.text("preset")?;
    let preset = Preset::named(&name.value);
    if preset.is_none() {
        let label = one_of(&name.value, Preset::names());
        section.reader.mistake(
            name.span,
            format!("`{}` is not a source preset", name.value),
            label,
        );
    }

    preset
}

fn secrets(
    section: &Section<'_>,
    folder: &ConfigFolder,
    scheme: Option<&Scheme>,
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

    list.iter()
        .filter_map(|element| secret(section, element, folder, scheme))
        .collect()
}

fn secret<'a>(
    section: &Section<'a>,
    element: &'a Spanned<DeValue<'a>>,
    folder: &ConfigFolder,
    scheme: Option<&Scheme>,
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
        check_form(section, element, &read, scheme);
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

/// Reports a secret whose form fits none of the scheme's kinds of signatures.
fn check_form(
    section: &Section<'_>,
    element: &Spanned<DeValue<'_>>,
    secret: &Secret,
    scheme: &Scheme,
) {
    let mut mismatch = None;
    for kind in &scheme.signatures {
        match secret.key(kind.key) {
            Ok(_) => return,
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
