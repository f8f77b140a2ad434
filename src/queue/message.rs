//! The envelope: what a message on the queue looks like, and its version.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{ContentDigest, Event, HookId, ReadEvent, SourceId};

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
    Events(Vec<ReadEvent>),
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
                    identity: read.identity,
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
