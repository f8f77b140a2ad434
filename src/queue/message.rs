//! The envelope: what a message on the queue looks like, and its version.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use hirewire_core::event::{ContentDigest, Event, HookId, ParsedEvent, SourceId};

/// Version of the envelope that this binary writes. It reads this one and the one before.
pub const ENVELOPE_VERSION: u32 = 1;

/// One message: the hooks that came in while the last confirms were outstanding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// [`ENVELOPE_VERSION`] of the writer.
    pub version: u32,
    /// The instance it belongs to; another one's is quarantined.
    pub instance: String,
    /// The hooks, in the order they came.
    pub hooks: Vec<Hook>,
}

/// One verified HTTP request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// The configured source.
    pub source: SourceId,
    /// Our id of the request.
    pub hook: HookId,
    /// When it was received.
    pub received: Timestamp,
    /// Id of the secret that verified it, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Digest of the raw body.
    pub digest: ContentDigest,
    /// What it was read as.
    pub reading: Reading,
}

/// What a verified body was read as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Events, in the order of the body; none for a ping.
    Events(Vec<ParsedEvent>),
    /// Authentic, but not understood. Raw bytes are kept of these alone (they may hold pay or birth dates).
    Unreadable {
        /// Why, for operators.
        reason: String,
        /// The raw body, base64 on the wire.
        #[serde(with = "base64_bytes")]
        body: Vec<u8>,
        /// Allow-listed headers (content type, vendor's event id and name).
        headers: Vec<(String, String)>,
    },
}

/// Bytes on the queue that this version cannot read: they are parked, never dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEnvelope {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The envelope's version, if that much could be read.
    pub version: Option<u32>,
    /// The instance, if that much could be read.
    pub instance: Option<String>,
    /// What was wrong.
    pub problem: String,
}

impl Message {
    /// A message of this version.
    pub fn new(instance: impl Into<String>, hooks: Vec<Hook>) -> Self {
        Self {
            version: ENVELOPE_VERSION,
            instance: instance.into(),
            hooks,
        }
    }

    /// Its bytes on the queue: one JSON document.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        // Room from the start: a message of many hooks would be copied over and over as it grows.
        let mut bytes = Vec::with_capacity(256 + self.hooks.len() * USUAL);
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    /// Reads bytes from a queue. The version is looked at first: what a newer binary wrote is not guessed at.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, UnreadableEnvelope> {
        let head: Head = serde_json::from_slice(&bytes).unwrap_or_default();
        let read = match head.version {
            Some(version) if READABLE.contains(&version) => {
                serde_json::from_slice(&bytes).map_err(|error| describe(&error))
            }
            Some(version) => Err(format!(
                "envelope version {version} is not one that this version reads"
            )),
            None => Err("it is not an envelope: no version can be read".to_owned()),
        };
        read.map_err(|problem| UnreadableEnvelope {
            bytes,
            version: head.version,
            instance: head.instance,
            problem,
        })
    }
}

/// The versions that this binary reads: its own and, once there is one, the one before.
const READABLE: std::ops::RangeInclusive<u32> = 1..=ENVELOPE_VERSION;

/// About as many bytes as a hook takes.
const USUAL: usize = 1536;

/// As much of an envelope as every version has.
#[derive(Default, Deserialize)]
struct Head {
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    instance: Option<String>,
}

/// Where the JSON went wrong, without a word of its content (it may be personal).
fn describe(error: &serde_json::Error) -> String {
    format!(
        "the envelope does not read: {:?} error at line {}, column {}",
        error.classify(),
        error.line(),
        error.column()
    )
}

impl Hook {
    /// Its events, tied to it; none if it is unreadable.
    pub fn events(&self) -> Vec<Event> {
        match &self.reading {
            Reading::Events(events) => events
                .iter()
                .map(|read| Event {
                    source: self.source.clone(),
                    hook: self.hook.clone(),
                    received: self.received,
                    id_derivation: read.id_derivation,
                    content: read.content.clone(),
                })
                .collect(),
            Reading::Unreadable { .. } => Vec::new(),
        }
    }
}

mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable_hook() -> Hook {
        Hook {
            source: SourceId::parse("hr").unwrap(),
            hook: HookId::parse("h-1").unwrap(),
            received: "2026-11-25T03:00:00Z".parse().unwrap(),
            secret: Some("2026".to_owned()),
            digest: ContentDigest::of(b"not json"),
            reading: Reading::Unreadable {
                reason: "not JSON".to_owned(),
                body: b"\xff\x00not json".to_vec(),
                headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            },
        }
    }

    #[test]
    fn what_is_written_is_read_again_byte_for_byte() {
        let message = Message::new("prod", vec![unreadable_hook()]);
        assert_eq!(Message::decode(message.encode().unwrap()), Ok(message));
    }

    #[test]
    fn the_bytes_are_the_document_that_other_versions_expect() {
        let text = String::from_utf8(
            Message::new("prod", vec![unreadable_hook()])
                .encode()
                .unwrap(),
        )
        .unwrap();
        assert!(
            text.starts_with(
                r#"{"version":1,"instance":"prod","hooks":[{"source":"hr","hook":"h-1","#
            ),
            "{text}"
        );
        assert!(text.contains(r#""body":"/wBub3QganNvbg==""#), "{text}");
    }

    #[test]
    fn a_newer_version_is_kept_as_bytes_with_what_could_be_read() {
        let bytes = br#"{"version":2,"instance":"prod","letters":[]}"#.to_vec();
        let unreadable = Message::decode(bytes.clone()).unwrap_err();
        assert_eq!((unreadable.bytes, unreadable.version), (bytes, Some(2)));
        assert_eq!(unreadable.instance.as_deref(), Some("prod"));
        assert!(
            unreadable.problem.contains("version 2"),
            "{}",
            unreadable.problem
        );
    }

    #[test]
    fn rubbish_is_kept_as_bytes_and_its_content_is_not_told() {
        let unreadable = Message::decode(b"Ada Lovelace, 1815-12-10".to_vec()).unwrap_err();
        assert_eq!((unreadable.version, unreadable.instance), (None, None));
        assert!(
            !unreadable.problem.contains("Ada"),
            "{}",
            unreadable.problem
        );

        let damaged =
            br#"{"version":1,"instance":"prod","hooks":[{"source":"Ada Lovelace"}]}"#.to_vec();
        let unreadable = Message::decode(damaged).unwrap_err();
        assert_eq!(unreadable.version, Some(1));
        assert!(
            !unreadable.problem.contains("Ada"),
            "{}",
            unreadable.problem
        );
    }
}
