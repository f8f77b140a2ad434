//! An HR system as data (`presets/sources/*.toml`): its signature, its bodies, its setup, samples.
//!
//! A new system whose signature fits [`Scheme`] and whose bodies fit [`ItemRules`] needs three
//! things: a file in that folder, a line in `EMBEDDED`, and fixtures in `tests/cases/sources`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Scheme, UnknownStyle, rules::ItemRules};
use crate::event::Authority;

/// The presets in this binary; a test compares them with the folder.
const EMBEDDED: [(&str, &str); 3] = [
    (
        "bamboohr",
        include_str!("../../../../presets/sources/bamboohr.toml"),
    ),
    (
        "canonical",
        include_str!("../../../../presets/sources/canonical.toml"),
    ),
    (
        "greenhouse",
        include_str!("../../../../presets/sources/greenhouse.toml"),
    ),
];

/// An HR system as data.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The name in the configuration: `canonical`, `greenhouse` ...
    #[serde(default)]
    pub name: String,
    /// The display name of the system.
    #[serde(default)]
    pub title: String,
    /// The default signature scheme; a source may override it.
    pub signature: Signature,
    /// The default authority; a source may override it.
    #[serde(default)]
    pub authority: Authority,
    /// The media types of the bodies; `send` uses the first.
    #[serde(default = "json")]
    pub content_types: Vec<String>,
    /// The syntax of the bodies.
    #[serde(default)]
    body: BodySyntax,
    /// The time from the first to the last attempt of one hook.
    #[serde(default = "one_day")]
    pub retry_span: SignedDuration,
    /// The steps at the vendor, which `init` prints.
    #[serde(default)]
    pub setup: String,
    /// The rules that read a body; `None`: a body is a canonical event or a list of them.
    #[serde(default)]
    pub(super) read: Option<ItemRules>,
    /// The remedy at this vendor for a finding, by the name of the finding.
    #[serde(default)]
    pub advice: BTreeMap<String, String>,
    /// Sample bodies with placeholders, by name: `hired`, `changed`, `terminated`.
    #[serde(default)]
    samples: BTreeMap<String, String>,
}

/// The signature scheme of a preset: the name of a style, or the scheme itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Signature {
    /// A name in [`Scheme::STYLES`].
    Style(String),
    /// A scheme with all its settings.
    Scheme(Scheme),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BodySyntax {
    #[default]
    Json,
    JsonOrForm,
}

/// The values for the placeholders of a sample.
#[derive(Clone, Copy, Debug)]
pub struct SampleWorker<'a> {
    /// `{{id}}`: the event's id; not every body has one.
    pub event_id: &'a str,
    /// `{{worker}}`, and `{{worker_lower}}` in lower case: the worker's id.
    pub worker: &'a str,
    /// `{{time}}`, and `{{date}}` in UTC: the event's time and effective date.
    pub time: Timestamp,
}

/// The reason why a text is not a preset.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPreset {
    /// The TOML is invalid; the message names the key and shows the line.
    #[error(transparent)]
    Form(#[from] toml::de::Error),
    /// The style of the signature is unknown.
    #[error(transparent)]
    Style(#[from] UnknownStyle),
    /// The rules contradict each other.
    #[error("{0}")]
    Rules(String),
}

impl Preset {
    /// The names of the presets in this binary.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The embedded preset with that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
        // A test parses every embedded preset.
        Self::parse(text).ok()
    }

    /// Parses a preset from TOML and checks its rules.
    pub fn parse(text: &str) -> Result<Self, InvalidPreset> {
        let preset: Self = toml::from_str(text)?;
        preset.scheme()?;
        if preset.content_types.is_empty() {
            return Err(InvalidPreset::Rules("`content_types` is empty".to_owned()));
        }
        match preset.read.as_ref().and_then(ItemRules::problem) {
            Some(problem) => Err(InvalidPreset::Rules(problem)),
            None => Ok(preset),
        }
    }

    /// Parses a preset of the user's own, whose name is that of its file unless it states one.
    pub fn parse_own(file_name: &str, text: &str) -> Result<Self, InvalidPreset> {
        let mut preset = Self::parse(text)?;
        if preset.name.is_empty() {
            file_name.clone_into(&mut preset.name);
        }
        if preset.title.is_empty() {
            preset.title.clone_from(&preset.name);
        }
        Ok(preset)
    }

    /// The default signature scheme.
    pub fn scheme(&self) -> Result<Scheme, UnknownStyle> {
        match &self.signature {
            Signature::Style(name) => Scheme::style(name, None),
            Signature::Scheme(scheme) => Ok(scheme.clone()),
        }
    }

    /// Whether bodies are canonical events. Only their senders get the problems of a body (422).
    pub fn is_canonical(&self) -> bool {
        self.read.is_none()
    }

    /// Whether events may have dates without a zone, so that the source needs a time zone.
    pub fn states_bare_dates(&self) -> bool {
        self.read.as_ref().is_none_or(|rules| {
            rules
                .rules
                .iter()
                .any(|rule| rule.effective.is_some() || rule.employment_row.is_some())
        })
    }

    /// Whether the preset has that `Content-Type`; a request without one is accepted.
    pub fn accepts_content_type(&self, content_type: Option<&str>) -> bool {
        content_type.is_none_or(|stated| {
            self.content_types
                .iter()
                .any(|known| is_type(stated, known))
        })
    }

    /// Whether a body with that `Content-Type` is a form.
    pub(super) fn is_form(&self, content_type: Option<&str>) -> bool {
        self.body == BodySyntax::JsonOrForm
            && content_type
                .is_some_and(|stated| is_type(stated, "application/x-www-form-urlencoded"))
    }

    /// The headers to store with an unreadable body: those that [`Preset::read_again`] needs, never
    /// a signature.
    pub fn retained_headers(&self) -> Vec<String> {
        let used_by_rules = self
            .read
            .iter()
            .flat_map(ItemRules::headers)
            .map(str::to_ascii_lowercase);
        let mut names: Vec<_> = std::iter::once("content-type".to_owned())
            .chain(used_by_rules)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The names of the samples.
    pub fn samples(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// The sample body with that name, with the values in place of the placeholders.
    pub fn sample(&self, name: &str, worker: &SampleWorker<'_>) -> Option<String> {
        let text = self.samples.get(name)?;
        let date = worker
            .time
            .to_zoned_datetime(jiff::tz::TimeZone::UTC)
            .date();
        let filled = text
            .replace("{{id}}", worker.event_id)
            .replace("{{worker}}", worker.worker)
            .replace("{{worker_lower}}", &worker.worker.to_lowercase())
            .replace("{{time}}", &format!("{:.3}", worker.time))
            .replace("{{date}}", &date.to_string());
        Some(filled.trim_start().to_owned())
    }
}

fn json() -> Vec<String> {
    vec!["application/json".to_owned()]
}

fn one_day() -> SignedDuration {
    SignedDuration::from_hours(24)
}

fn is_type(stated: &str, known: &str) -> bool {
    stated
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(known)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the test compares with files of the repository"
    )]
    fn every_file_in_the_folder_is_an_embedded_preset() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../presets/sources");
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .path()
                    .file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();

        files.sort();
        assert_eq!(files, Preset::names().collect::<Vec<_>>());
        for name in Preset::names() {
            let (_, text) = EMBEDDED
                .iter()
                .find(|(known, _)| *known == name)
                .expect("embedded");
            assert_eq!(
                Preset::parse(text)
                    .map_err(|error| error.to_string())
                    .expect("a preset")
                    .name,
                name
            );
        }
    }

    #[test]
    fn a_preset_with_contradictory_rules_is_rejected() {
        let greenhouse = EMBEDDED[2].1;
        let error = |from: &str, to: &str| {
            Preset::parse(&greenhouse.replace(from, to))
                .expect_err(to)
                .to_string()
        };
        assert!(error("origin =", "items = \"/x\"\norigin =").contains("batch"));
        assert!(error("\"hire_rescinded\"", "\"voided\"").contains("voided"));
        assert!(error("\"identifier_changed\"", "\"changed\"").contains("previous_worker"));
        assert!(error("title =", "tittle =").contains("tittle"));
    }

    #[test]
    fn a_signature_is_never_a_retained_header() {
        for name in Preset::names() {
            let preset = Preset::named(name).expect("a preset");
            let signature = preset.scheme().expect("a scheme").header.to_lowercase();
            assert!(!preset.retained_headers().contains(&signature), "{name}");
        }
    }
}
