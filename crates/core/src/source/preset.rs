//! An HR system as data (`presets/sources/*.toml`): how it signs, what its bodies mean, how it is set up and tried out.
//!
//! Adding a system whose signature fits [`Scheme`] and whose body fits the reader is a file there, its line in
//! `EMBEDDED`, and a fixture.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Scheme, UnknownStyle, field_path::FieldPath, rules::ItemRules};

/// The presets in this binary; a test compares with the folder.
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

/// An HR system, as data.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Its name: `canonical`, `greenhouse` ...
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How it usually signs.
    pub signature: Signature,
    /// What its word on employment is worth, unless the config says otherwise.
    #[serde(default)]
    pub authority: Authority,
    /// The media types of its bodies; the first is what `send` posts.
    pub content_types: Vec<String>,
    /// How its bodies are written.
    body: Body,
    /// How long it may go on sending a hook again.
    pub retry_span: SignedDuration,
    /// What to do at the vendor, for `init`.
    pub clicks: String,
    /// How a body is read; left out: it is a canonical event, or a list of them.
    #[serde(default)]
    pub(super) read: Option<ItemRules>,
    /// Bodies to try it out with, by name (`hired`, `changed`, `terminated`), with placeholders.
    #[serde(default)]
    samples: BTreeMap<String, String>,
}

/// How a source signs: the name of a style, or written out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Signature {
    /// A name of [`Scheme::STYLES`].
    Style(String),
    /// Every knob.
    Scheme(Scheme),
}

/// What a source's word on employment is worth (docs/fold.md, "Authority").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// An HR system: its employments count.
    #[default]
    Employment,
    /// An applicant system: its hires count until an HR system is heard.
    PreHire,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Json,
    JsonOrForm,
}

/// What a sample's placeholders are filled with.
#[derive(Clone, Copy, Debug)]
pub struct SampleWorker<'a> {
    /// `{{id}}`: the event's id, where the body has one.
    pub event_id: &'a str,
    /// `{{worker}}`, and in lower case `{{worker_lower}}`: the worker's id.
    pub worker: &'a str,
    /// `{{time}}`, `{{date}}` (in UTC): when it is said to be known and to take effect.
    pub time: Timestamp,
}

/// Why a text is no preset.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPreset {
    /// Not of the form; the message names the key and shows the line.
    #[error(transparent)]
    Form(#[from] toml::de::Error),
    /// The style of its signature is not known.
    #[error(transparent)]
    Style(#[from] UnknownStyle),
    /// It would never work.
    #[error("{0}")]
    Rules(String),
}

impl Preset {
    /// The names of the presets in this binary.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The embedded preset of that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = EMBEDDED.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok() // a test parses each
    }

    /// Reads a preset.
    pub fn parse(text: &str) -> Result<Self, InvalidPreset> {
        let preset: Self = toml::from_str(text)?;
        preset.scheme()?;
        if preset.content_types.is_empty() {
            return Err(InvalidPreset::Rules(
                "`content_types` names none".to_owned(),
            ));
        }
        match preset.read.as_ref().and_then(ItemRules::problem) {
            Some(problem) => Err(InvalidPreset::Rules(problem)),
            None => Ok(preset),
        }
    }

    /// How it usually signs.
    pub fn scheme(&self) -> Result<Scheme, UnknownStyle> {
        match &self.signature {
            Signature::Style(name) => Scheme::style(name, None),
            Signature::Scheme(scheme) => Ok(scheme.clone()),
        }
    }

    /// Whether bodies are canonical events: only their senders are told what is wrong with one (422).
    pub fn is_canonical(&self) -> bool {
        self.read.is_none()
    }

    /// Whether bare dates are to be expected, so that the source needs a time zone.
    pub fn states_bare_dates(&self) -> bool {
        let says_date = |rules: &ItemRules| {
            rules
                .facts
                .iter()
                .any(|fact| fact.effective.is_some() || fact.employment_row.is_some())
        };
        self.read.as_ref().is_none_or(says_date)
    }

    /// Whether a body of that `Content-Type` is expected; one without is.
    pub fn takes(&self, content_type: Option<&str>) -> bool {
        content_type.is_none_or(|stated| {
            self.content_types
                .iter()
                .any(|known| is_type(stated, known))
        })
    }

    /// Whether a body of that `Content-Type` is a form.
    pub(super) fn is_form(&self, content_type: Option<&str>) -> bool {
        self.body == Body::JsonOrForm
            && content_type
                .is_some_and(|stated| is_type(stated, "application/x-www-form-urlencoded"))
    }

    /// The headers worth keeping with a body that could not be read: what reading looks at, never a signature.
    pub fn kept_headers(&self) -> Vec<String> {
        let read = self
            .read
            .iter()
            .flat_map(ItemRules::headers)
            .map(str::to_ascii_lowercase);
        let mut kept: Vec<_> = std::iter::once("content-type".to_owned())
            .chain(read)
            .collect();
        kept.sort();
        kept.dedup();
        kept
    }

    /// The names of its samples.
    pub fn samples(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// A sample body of that name, filled in.
    pub fn sample(&self, name: &str, worker: &SampleWorker<'_>) -> Option<String> {
        let text = self.samples.get(name)?;
        let filled = text
            .replace("{{id}}", worker.event_id)
            .replace("{{worker}}", worker.worker)
            .replace("{{worker_lower}}", &worker.worker.to_lowercase())
            .replace("{{time}}", &format!("{:.3}", worker.time))
            .replace(
                "{{date}}",
                &worker
                    .time
                    .to_zoned_datetime(jiff::tz::TimeZone::UTC)
                    .date()
                    .to_string(),
            );
        Some(filled.trim_start().to_owned())
    }
}

fn is_type(stated: &str, known: &str) -> bool {
    stated
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(known)
}

impl FieldPath {
    /// Whether it is a place of the body.
    pub(super) fn is_in_body(&self) -> bool {
        match self {
            Self::Pointer(_) | Self::Field(_) => true,
            Self::Header(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_preset_in_this_binary() {
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
    fn a_preset_that_would_never_work_is_refused() {
        let greenhouse = EMBEDDED[2].1;
        let wrong = |from: &str, to: &str| {
            Preset::parse(&greenhouse.replace(from, to))
                .expect_err(to)
                .to_string()
        };
        assert!(wrong("origin =", "items = \"/x\"\norigin =").contains("batch"));
        assert!(wrong("\"hire_rescinded\"", "\"voided\"").contains("voided"));
        assert!(wrong("\"identifier_changed\"", "\"changed\"").contains("previous_worker"));
        assert!(wrong("title =", "tittle =").contains("tittle"));
    }

    #[test]
    fn a_signature_is_never_among_the_headers_that_are_kept() {
        for name in Preset::names() {
            let preset = Preset::named(name).expect("a preset");
            let signature = preset.scheme().expect("a scheme").header.to_lowercase();
            assert!(!preset.kept_headers().contains(&signature), "{name}");
        }
    }
}
