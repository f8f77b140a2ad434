//! The bodies that `send` posts: a file's, or a preset's sample filled in, with `--set` on top.

use std::{path::Path, str::FromStr};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde_json::Value;

use super::{Exit, signing};
use hirewire_core::source::{Preset, SampleWorker};

/// `--set PATH=VALUE`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    keys: Vec<String>,
    value: Value,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text
            .split_once('=')
            .ok_or("expected PATH=VALUE, such as data.worker.title=Engineer")?;
        if path.split('.').any(str::is_empty) {
            return Err("a path is keys joined by dots, such as data.worker.title".to_owned());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self {
            keys: path.split('.').map(ToOwned::to_owned).collect(),
            value,
        })
    }
}

impl Setting {
    fn put(&self, document: &mut Value) -> Result<(), Exit> {
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
            .ok_or_else(|| Exit::usage(anyhow!("--set {path}: the body has nothing at `{key}`")))?;
        }
        *at = self.value.clone();
        Ok(())
    }
}

/// Where bodies come from.
#[derive(Debug)]
pub(super) struct Body {
    origin: Origin,
    settings: Vec<Setting>,
}

#[derive(Debug)]
enum Origin {
    Bytes(Vec<u8>),
    Sample {
        preset: Box<Preset>,
        name: String,
        worker: String,
    },
}

impl Body {
    /// A file's bytes, or stdin's.
    pub(super) fn file(path: &Path, settings: Vec<Setting>) -> Result<Self, Exit> {
        Ok(Self {
            origin: Origin::Bytes(signing::read(path)?),
            settings,
        })
    }

    /// A sample of that preset.
    pub(super) fn sample(
        preset: &Preset,
        name: &str,
        worker: &str,
        settings: Vec<Setting>,
    ) -> Result<Self, Exit> {
        if !preset.samples().any(|known| known == name) {
            let known: Vec<&str> = preset.samples().collect();
            let known = known.join(", ");
            return Err(Exit::usage(anyhow!(
                "`{name}` is no sample of {} (it has {known})",
                preset.name
            )));
        }
        let origin = Origin::Sample {
            preset: Box::new(preset.clone()),
            name: name.to_owned(),
            worker: worker.to_owned(),
        };
        Ok(Self { origin, settings })
    }

    /// The body of that post: a sample is about another worker each time.
    pub(super) fn make(
        &self,
        number: u64,
        event_id: &str,
        time: Timestamp,
    ) -> Result<Vec<u8>, Exit> {
        let body = match &self.origin {
            Origin::Bytes(bytes) => bytes.clone(),
            Origin::Sample {
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
        if self.settings.is_empty() {
            return Ok(body);
        }
        let document = serde_json::from_slice(&body).context("--set: the body is no JSON");
        let mut document: Value = document.map_err(Exit::usage)?;
        for setting in &self.settings {
            setting.put(&mut document)?;
        }
        Ok(document.to_string().into_bytes())
    }
}

/// `E-1001` and 2: `E-1003`. Without a number at its end, one is put there.
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
        text.parse::<Setting>()
            .unwrap()
            .put(&mut document)
            .ok()
            .map(|()| document)
    }

    #[test]
    fn a_value_is_put_at_its_path() {
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
            "what is missing is made"
        );
        assert_eq!(set("a.b=1", json!({"a": "text"})), None);
        assert_eq!(set("a.3=1", json!({"a": []})), None);
        for wrong in ["a", ".a=1", "=1", "a..b=1"] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn workers_count_up() {
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
                let body = Body::sample(&preset, name, "E-7", Vec::new()).unwrap();
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
            Body::sample(
                &Preset::named("canonical").unwrap(),
                "promoted",
                "E-7",
                Vec::new()
            )
            .is_err()
        );
    }
}
