//! `[sources.NAME]`: an HR system that posts webhooks here.
//!
//! Gives what intake needs to verify and read a hook, and what the fold must know of the source. Secrets are named,
//! not held: [`SourceConfig::secrets`] reads them when they are needed.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use toml::{Spanned, de::DeValue};

use super::{
    ConfigFolder,
    diagnostics::{Diagnostic, SourceSpan},
    reader::{Located, Section},
    secret::{SecretError, SecretSource},
    signature,
    suggest::one_of,
};
use crate::intake::SourceEndpoint;
use hirewire_core::{
    event::{Authority, SourceId},
    fold::SourceRules,
    source::{Preset, Scheme, Secret},
};

/// An HR system.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// Its table's name: the last part of its webhook URL.
    pub name: String,
    /// What people's keys are made with; the name, unless the table was renamed.
    pub id: SourceId,
    /// Whether hooks are taken; else 503.
    pub enabled: bool,
    /// What the payload means.
    pub preset: Preset,
    /// How it signs.
    pub scheme: Scheme,
    /// Its secrets; several while rotating.
    pub secrets: Vec<SourceSecret>,
    /// The zone of its bare dates.
    pub time_zone: Option<TimeZone>,
    /// What its word on employment is worth.
    pub authority: Authority,
    /// If not empty: the only `CloudEvents` sources whose events are taken.
    pub origins: Vec<String>,
}

/// One secret of a source.
#[derive(Clone, Debug)]
pub struct SourceSecret {
    /// Where it is.
    pub source: SecretSource,
    /// The operator's name of it.
    pub id: Option<String>,
    /// Good from then on.
    pub not_before: Option<Timestamp>,
    /// No longer good then.
    pub not_after: Option<Timestamp>,
}

impl SourceConfig {
    /// The secrets as they are now.
    pub fn secrets(&self) -> Result<Vec<Secret>, SecretError> {
        self.secrets.iter().map(SourceSecret::read).collect()
    }

    /// What intake must know, with the secrets as they are now.
    pub fn endpoint(&self) -> Result<SourceEndpoint, SecretError> {
        Ok(SourceEndpoint {
            id: self.id.clone(),
            preset: Arc::new(self.preset.clone()),
            scheme: self.scheme.clone(),
            secrets: self.secrets()?,
            origins: self.origins.clone(),
            enabled: self.enabled,
        })
    }

    /// What the fold must know.
    pub fn rules(&self) -> SourceRules {
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
    /// The secret as it is now.
    pub fn read(&self) -> Result<Secret, SecretError> {
        Ok(Secret {
            id: self.id.clone(),
            text: self.source.read()?,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }
}

/// Reads one source; `None` if it cannot be used, and then something was told.
pub(super) fn source(
    name: &str,
    section: &Section<'_>,
    folder: &ConfigFolder,
) -> Option<SourceConfig> {
    let id = id(name, section);
    let preset = preset(section);
    let usual = preset
        .as_ref()
        .and_then(|preset| preset.scheme().ok())
        .unwrap_or_else(Scheme::standard_webhooks);
    let scheme = signature::signature(section, usual);
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
        let label = "a date without a zone is a day early or late without one: time_zone = \"Europe/Berlin\"";
        let title = format!("[{}] has no `time_zone`", section.path);
        // A canonical event may name the zone itself; what a vendor sends does not.
        section.reader.tell(if preset.is_canonical() {
            Diagnostic::warning(section.place.clone(), title, label)
        } else {
            Diagnostic::mistake(section.place.clone(), title, label)
        });
    }
    zone.map(|zone| zone.value)
}

fn id(name: &str, section: &Section<'_>) -> Option<SourceId> {
    let id = section.text("id").unwrap_or_else(|| Located {
        value: name.to_owned(),
        place: section.place.clone(),
    });
    let reserved = id.value == "ops" || name == "ops";
    if reserved {
        let label = "operators' own events have this name";
        section
            .reader
            .mistake(id.place, "`ops` is no name for a source", label);
        return None;
    }
    match (SourceId::parse(name), SourceId::parse(id.value)) {
        (Ok(_), Ok(id)) => Some(id),
        (Err(error), _) => {
            section.reader.mistake(
                section.place.clone(),
                format!("`{name}` is no name for a source"),
                error.to_string(),
            );
            None
        }
        (Ok(_), Err(error)) => {
            section
                .reader
                .mistake(id.place, "`id` cannot be this", error.to_string());
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
            name.place,
            format!("`{}` is no source preset", name.value),
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
            "no secret: nothing could be verified",
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
            "a secret that is never good",
            "not_after is not after not_before",
        );
    }
    Some(secret)
}

/// A secret must be a key of at least one of the kinds of signatures that the scheme takes.
fn check_form(
    section: &Section<'_>,
    element: &Spanned<DeValue<'_>>,
    secret: &Secret,
    scheme: &Scheme,
) {
    let mut refused = None;
    for kind in &scheme.signatures {
        match secret.key(kind.key) {
            Ok(_) => return,
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let Some(error) = refused {
        let place = SourceSpan::Text(element.span());
        section.reader.tell(Diagnostic::mistake(
            place,
            error.to_string(),
            "this source's signature asks for another form",
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
                format!("`{key}` is no instant"),
                format!("expected {EXPECTED}"),
            );
        }
        return read;
    }
    section
        .parsed(key, EXPECTED, |text| text.parse().ok())
        .map(|time| time.value)
}
