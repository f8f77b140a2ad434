//! The envelope: the JSON document of a message on a queue, and its version.
//!
//! In: verified hooks. Out: bytes, and back. Bytes of an unknown version are kept as they are. This
//! module does not decide what happens to them; the worker quarantines them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use hirewire_core::event::{ContentDigest, Event, HookId, ParsedEvent, SourceId};

/// The envelope version that this binary writes.
const ENVELOPE_VERSION: u32 = 1;

/// The envelope versions that this binary reads: its own and, once there is one, the previous.
const READABLE_VERSIONS: std::ops::RangeInclusive<u32> = 1..=ENVELOPE_VERSION;

/// The usual size of an encoded hook, in bytes.
const USUAL_HOOK_SIZE: usize = 1536;

/// A message: the hooks that intake published together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The envelope version of the binary that wrote it.
    pub version: u32,
    /// The instance that it belongs to.
    pub instance: String,
    /// The hooks in the order of their receipt.
    pub hooks: Vec<Hook>,
}

/// A verified hook: one HTTP request of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// The configured source.
    pub source: SourceId,
    /// The id that the answer carried in `Hirewire-Hook-Id`.
    pub hook: HookId,
    /// When intake received the request.
    pub received: Timestamp,
    /// Id of the secret that verified the signature, where the secret has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Digest of the raw body.
    pub digest: ContentDigest,
    /// The events of the body, or the body itself.
    pub payload: Payload,
}

/// The content of a verified hook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The events in the order of the body.
    Events(Vec<ParsedEvent>),
    /// The body could not be read, as a whole or in part. Only then is the raw body kept: it may
    /// hold pay or birth dates.
    Unreadable {
        /// The reason, for operators. It quotes nothing of the body.
        reason: String,
        /// The raw body; base64 in JSON.
        #[serde(with = "base64_bytes")]
        body: Vec<u8>,
        /// The headers that the preset needs to read the body again.
        headers: Vec<(String, String)>,
    },
}

/// Bytes from a queue that this version cannot read. They are quarantined, never dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEnvelope {
    /// The whole message.
    pub bytes: Vec<u8>,
    /// The envelope version, if it can be read.
    pub version: Option<u32>,
    /// The instance, if it can be read.
    pub instance: Option<String>,
    /// Why the bytes cannot be read. It quotes nothing of them.
    pub problem: String,
}

/// The members of the envelope that every version has.
#[derive(Default, Deserialize)]
struct EnvelopeHeader {
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    instance: Option<String>,
}

impl Message {
    /// A message in the envelope version of this binary.
    pub fn new(instance: impl Into<String>, hooks: Vec<Hook>) -> Self {
        Self {
            version: ENVELOPE_VERSION,
            instance: instance.into(),
            hooks,
        }
    }

    /// The JSON document.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        // A large buffer from the start saves the copies of a buffer that grows.
        let mut bytes = Vec::with_capacity(256 + self.hooks.len() * USUAL_HOOK_SIZE);
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    /// Parses the JSON document. The version is checked first: a document of an unknown version is
    /// not parsed further.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, UnreadableEnvelope> {
        let header: EnvelopeHeader = serde_json::from_slice(&bytes).unwrap_or_default();
        let decoded = match header.version {
            Some(version) if READABLE_VERSIONS.contains(&version) => {
                serde_json::from_slice(&bytes).map_err(|error| position_of(&error))
            }
            Some(version) => Err(format!(
                "this version cannot read envelope version {version}"
            )),
            None => Err("it is no envelope: it has no version".to_owned()),
        };

        decoded.map_err(|problem| UnreadableEnvelope {
            bytes,
            version: header.version,
            instance: header.instance,
            problem,
        })
    }
}

/// The position of a JSON error, without the content around it, which may be personal.
fn position_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        Category::Io => "an I/O error",
        Category::Syntax => "no JSON",
        Category::Data => "not of the expected form",
        Category::Eof => "cut off",
    };
    format!(
        "the envelope is {kind} at line {}, column {}",
        error.line(),
        error.column()
    )
}

impl Hook {
    /// The events, each with the source and id of the hook; none if the hook is unreadable.
    pub fn events(&self) -> Vec<Event> {
        match &self.payload {
            Payload::Events(events) => events
                .iter()
                .map(|parsed| Event {
                    source: self.source.clone(),
                    hook: self.hook.clone(),
                    received: self.received,
                    id_derivation: parsed.id_derivation,
                    content: parsed.content.clone(),
                })
                .collect(),
            Payload::Unreadable { .. } => Vec::new(),
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
            payload: Payload::Unreadable {
                reason: "not JSON".to_owned(),
                body: b"\xff\x00not json".to_vec(),
                headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            },
        }
    }

    #[test]
    fn a_decoded_message_equals_the_encoded_one() {
        let message = Message::new("prod", vec![unreadable_hook()]);
        assert_eq!(Message::decode(message.encode().unwrap()), Ok(message));
    }

    #[test]
    fn the_encoded_document_keeps_its_member_names() {
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
        assert!(
            text.contains(
                r#""payload":{"unreadable":{"reason":"not JSON","body":"/wBub3QganNvbg==""#
            ),
            "{text}"
        );
    }

    #[test]
    fn a_newer_version_is_kept_as_bytes_with_its_version_and_instance() {
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
    fn invalid_bytes_are_kept_and_the_problem_quotes_nothing_of_them() {
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
