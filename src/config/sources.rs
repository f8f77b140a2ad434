//! `[sources.NAME]`: an HR system that posts hooks.
//!
//! It holds what the intake needs to verify and read a hook, and the rules that the fold needs.
//! Secrets are named, not held: [`SourceConfig::secrets`] reads them.

use std::{path::Path, sync::Arc};

use jiff::tz::TimeZone;

use super::{
    ConfigFolder,
    diagnostics::{Diagnostic, SourceSpan},
    foreign_file,
    reader::WithSpan,
    secret::SecretError,
    section::Section,
    signature,
    source_secrets::{self, Exposure, SourceSecret},
    suggest::one_of,
};
use crate::intake::SourceEndpoint;
use hirewire_core::{
    event::{Authority, SourceId},
    fold::SourceRules,
    source::{InvalidPreset, Preset, Scheme, Secret},
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

/// Reads one source. `None`: it cannot be used, and the reason is reported.
pub(super) fn source(
    name: &str,
    section: &Section<'_>,
    folder: &ConfigFolder,
    exposure: Exposure,
) -> Option<SourceConfig> {
    let id = id(name, section);
    let preset = preset(section, folder);
    let preset_scheme = preset
        .as_ref()
        .and_then(|preset| preset.scheme().ok())
        .unwrap_or_else(Scheme::standard_webhooks);
    let scheme = signature::signature(section, preset_scheme);
    let enabled = section.flag("enabled").unwrap_or(true);
    let secrets = source_secrets::secrets(section, folder, scheme.as_ref(), exposure);
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

fn preset(section: &Section<'_>, folder: &ConfigFolder) -> Option<Preset> {
    section.require(
        "preset",
        &format!("one of {}", Preset::names().collect::<Vec<_>>().join(", ")),
    );
    let name = section.text("preset")?;
    if foreign_file::is_path(&name.value) {
        return foreign_file::parse(section, folder, &name, own_preset);
    }
    let preset = Preset::named(&name.value);
    if preset.is_none() {
        let label = format!(
            "{}; a preset of your own is a file: \"./own.toml\"",
            one_of(&name.value, Preset::names())
        );
        section.reader.mistake(
            name.span,
            format!("`{}` is not a source preset", name.value),
            label,
        );
    }

    preset
}

/// Parses the file of an own preset.
fn own_preset(path: &Path, text: &str) -> Result<Preset, Diagnostic> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();

    Preset::parse_own(&stem, text).map_err(|invalid| match invalid {
        InvalidPreset::Form(error) => foreign_file::toml_error(&error),
        other @ (InvalidPreset::Style(_) | InvalidPreset::Rules(_)) => {
            Diagnostic::mistake(SourceSpan::File, other.to_string(), "")
        }
    })
}
