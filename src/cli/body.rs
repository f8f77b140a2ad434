//! The bodies of `hirewire send`: a file, or a preset's sample, with the changes of `--set`.

use std::{path::Path, str::FromStr};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde_json::Value;

use super::{Exit, input::read_file};
use hirewire_core::source::{Preset, SampleWorker};

/// `--set PATH=VALUE`: puts a value into a JSON body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BodyEdit {
    keys: Vec<String>,
    value: Value,
}

impl FromStr for BodyEdit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text
            .split_once('=')
            .ok_or("expected PATH=VALUE, such as data.worker.title=Engineer")?;
        if path.split('.').any(str::is_empty) {
            return Err("expected keys joined by dots, such as data.worker.title".to_owned());
        }

        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self {
            keys: path.split('.').map(ToOwned::to_owned).collect(),
            value,
        })
    }
}

impl BodyEdit {
    fn apply(&self, document: &mut Value) -> Result<(), Exit> {
        let path = self.keys.join(".");
        let mut at = document;

        for key in &self.keys {
            at = match at {
                Value::Array(list) => key
                    .parse()
                    .ok()
                    .and_then(|index: usize| list.get_mut(index)),
                Value::Object(members) => Some(members.entry(key.clone()).or_insert(Value::Null)),
                Value::Null => {
                    *at = Value::Object(serde_json::Map::new());
                    at.as_object_mut()
                        .map(|members| members.entry(key.clone()).or_insert(Value::Null))
                }
                Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            }
            .ok_or_else(|| {
                Exit::usage(anyhow!("--set {path}: the body cannot have `{key}` there"))
            })?;
        }
        *at = self.value.clone();
        Ok(())
    }
}

/// Makes the body of each POST.
#[derive(Debug)]
pub(super) struct BodyTemplate {
    source: BodySource,
    edits: Vec<BodyEdit>,
}

#[derive(Debug)]
enum BodySource {
    Bytes(Vec<u8>),
    Sample {
        preset: Box<Preset>,
        name: String,
        worker: String,
    },
}

impl BodyTemplate {
    /// The bytes of a file, or of stdin for `-`.
    pub(super) fn file(path: &Path, edits: Vec<BodyEdit>) -> Result<Self, Exit> {
        Ok(Self {
            source: BodySource::Bytes(read_file(path)?),
            edits,
        })
    }

    /// A sample of the preset, about this worker.
    pub(super) fn sample(
        preset: &Preset,
        name: &str,
        worker: &str,
        edits: Vec<BodyEdit>,
    ) -> Result<Self, Exit> {
        if !preset.samples().any(|known| known == name) {
            let known: Vec<&str> = preset.samples().collect();
            let known = known.join(", ");
            return Err(Exit::usage(anyhow!(
                "the preset {} has no sample `{name}`: it has {known}",
                preset.name
            )));
        }

        let source = BodySource::Sample {
            preset: Box::new(preset.clone()),
            name: name.to_owned(),
            worker: worker.to_owned(),
        };
        Ok(Self { source, edits })
    }

    /// The body of one POST. The number in a sample's worker id counts up with `number`.
    pub(super) fn make(
        &self,
        number: u64,
        event_id: &str,
        time: Timestamp,
    ) -> Result<Vec<u8>, Exit> {
        let body = match &self.source {
            BodySource::Bytes(bytes) => bytes.clone(),
            BodySource::Sample {
                preset,
                name,
                worker,
            } => {
                let worker = counted_up(worker, number);
                let filled = preset.sample(
                    name,
                    &SampleWorker {
                        event_id,
                        worker: &worker,
                        time,
                    },
                );
                filled.unwrap_or_default().into_bytes()
            }
        };
        if self.edits.is_empty() {
            return Ok(body);
        }

        let document = serde_json::from_slice(&body).context("--set: the body is not JSON");
        let mut document: Value = document.map_err(Exit::usage)?;
        for edit in &self.edits {
            edit.apply(&mut document)?;
        }
        Ok(document.to_string().into_bytes())
    }
}

/// `E-1001` plus 2 is `E-1003`. An id without a number at its end gets one.
fn counted_up(worker: &str, by: u64) -> String {
    if by == 0 {
        return worker.to_owned();
    }
    let stem = worker.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = worker.get(stem.len()..).unwrap_or_default();
    let first: u64 = digits.parse().unwrap_or(u64::from(digits.is_empty()));
    format!(
        "{stem}{:0width$}",
        first.saturating_add(by),
        width = digits.len()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(text: &str, mut document: Value) -> Option<Value> {
        text.parse::<BodyEdit>()
            .unwrap()
            .apply(&mut document)
            .ok()
            .map(|()| document)
    }

    #[test]
    fn an_edit_puts_a_value_at_its_path() {
        assert_eq!(
            set("a.b=x", json!({"a": {"b": 1, "c": 2}})),
            Some(json!({"a": {"b": "x", "c": 2}}))
        );

        assert_eq!(
            set("a.0.b=[1]", json!({"a": [{}]})),
            Some(json!({"a": [{"b": [1]}]}))
        );
        assert_eq!(
            set("a.b=null", json!({})),
            Some(json!({"a": {"b": null}})),
            "a missing object is created"
        );
        assert_eq!(set("a.b=1", json!({"a": "text"})), None);
        assert_eq!(set("a.3=1", json!({"a": []})), None);
        for wrong in ["a", ".a=1", "=1", "a..b=1"] {
            assert!(wrong.parse::<BodyEdit>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_a_worker_id_counts_up() {
        let counted = |worker, by| counted_up(worker, by);
        assert_eq!(
            [counted("E-1001", 0), counted("E-1001", 2)],
            ["E-1001", "E-1003"]
        );
        assert_eq!(
            [counted("007", 5), counted("ada", 0), counted("ada", 1)],
            ["012", "ada", "ada2"]
        );
    }

    #[test]
    fn every_sample_of_every_preset_is_json_about_its_worker() {
        for preset in Preset::names() {
            let preset = Preset::named(preset).unwrap();
            for name in preset.samples() {
                let body = BodyTemplate::sample(&preset, name, "E-7", Vec::new()).unwrap();
                let made = body
                    .make(1, "evt-1", "2026-12-01T00:00:00Z".parse().unwrap())
                    .unwrap();
                let document: Value = serde_json::from_slice(&made).unwrap();
                assert!(
                    document.to_string().contains("E-8"),
                    "{} {name}",
                    preset.name
                );
            }
        }

        assert!(
            BodyTemplate::sample(
                &Preset::named("canonical").unwrap(),
                "promoted",
                "E-7",
                Vec::new()
            )
            .is_err()
        );
    }
}
