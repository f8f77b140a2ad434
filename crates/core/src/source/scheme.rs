//! How a source signs, as data: one set of knobs that fits every HMAC or ed25519 webhook found so far.
//!
//! The styles of Standard Webhooks, GitHub, Stripe and Slack, and plain HMACs, have names ([`Scheme::style`]);
//! a preset or an operator writes the rest out.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Encoding, KeyForm};

/// How a source signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The header that carries the signature.
    pub header: String,
    /// How that header is written.
    #[serde(default)]
    pub grammar: Grammar,
    /// The kinds of signatures that count. Several only where the grammar tells them apart.
    pub signatures: Vec<SignatureKind>,
    /// What is signed, in this order, without separators but those written here.
    pub signed: Vec<Part>,
    /// The signed time, where there is one.
    #[serde(default)]
    pub timestamp: Option<TimestampRule>,
    /// The header with the sender's id of the event, where there is one.
    #[serde(default)]
    pub event_id: Option<String>,
}

/// One kind of signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureKind {
    /// Its name in the header (`v1`), where the grammar has names.
    #[serde(default)]
    pub version: Option<String>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// How it is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// How the secret's text becomes a key.
    #[serde(default)]
    pub key: KeyForm,
}

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 2104).
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// Ed25519 (RFC 8032); the secret is the sender's public key.
    Ed25519,
}

/// How the signature header is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grammar {
    /// The signature alone.
    #[default]
    Bare,
    /// A literal, then the signature: `sha256=...`.
    Prefix(String),
    /// Comma-separated `name=value`, the time among them under this name: `t=...,v1=...`.
    Pairs {
        /// The name of the time.
        timestamp: String,
    },
    /// Space-separated `version,signature`.
    Versions,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// This text.
    Literal(String),
    /// The request's method.
    Method,
    /// The text of a header, as sent.
    Header(String),
    /// The text of the timestamp, as sent.
    Timestamp,
    /// The raw body.
    Body,
}

/// The signed time: where it is, how it is written, how far it may be off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampRule {
    /// Its header; `None`: it is in the signature header ([`Grammar::Pairs`]).
    #[serde(default)]
    pub header: Option<String>,
    /// How it is written.
    pub format: TimeFormat,
    /// How old it may be.
    pub past: SignedDuration,
    /// How far ahead it may be.
    pub future: SignedDuration,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// ISO 8601 / RFC 3339.
    Iso8601,
    /// Seconds or ISO 8601, whichever it is (`BambooHR`'s samples show both).
    SecondsOrIso8601,
}

/// A style name that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no signature style (expected one of {list})", list = Scheme::STYLES.join(", "))]
pub struct UnknownStyle(pub String);

const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

impl Scheme {
    /// The names of the styles.
    pub const STYLES: [&'static str; 6] = [
        "standard-webhooks",
        "hmac-sha256",
        "hmac-sha256-base64",
        "github",
        "stripe",
        "slack",
    ];

    /// A style by name. `header` names the signature header where the style leaves it open (`X-Signature` if not given).
    pub fn style(name: &str, header: Option<&str>) -> Result<Self, UnknownStyle> {
        let header = |usual: &str| header.unwrap_or(usual).to_owned();
        Ok(match name {
            "standard-webhooks" => Self::standard_webhooks(),
            "hmac-sha256" => Self::plain(header("X-Signature"), Grammar::Bare, Encoding::Hex),
            "hmac-sha256-base64" => {
                Self::plain(header("X-Signature"), Grammar::Bare, Encoding::Base64)
            }
            "github" => Self::plain(
                header("X-Hub-Signature-256"),
                Grammar::Prefix("sha256=".to_owned()),
                Encoding::Hex,
            ),
            "stripe" => Self {
                signed: vec![Part::Timestamp, Part::Literal(".".to_owned()), Part::Body],
                signatures: vec![SignatureKind {
                    version: Some("v1".to_owned()),
                    ..hmac_sha256(Encoding::Hex)
                }],
                timestamp: Some(TimestampRule::seconds(None)),
                ..Self::plain(
                    header("Stripe-Signature"),
                    Grammar::Pairs {
                        timestamp: "t".to_owned(),
                    },
                    Encoding::Hex,
                )
            },
            "slack" => Self {
                signed: vec![
                    Part::Literal("v0:".to_owned()),
                    Part::Timestamp,
                    Part::Literal(":".to_owned()),
                    Part::Body,
                ],
                timestamp: Some(TimestampRule::seconds(Some("X-Slack-Request-Timestamp"))),
                ..Self::plain(
                    header("X-Slack-Signature"),
                    Grammar::Prefix("v0=".to_owned()),
                    Encoding::Hex,
                )
            },
            unknown => return Err(UnknownStyle(unknown.to_owned())),
        })
    }

    /// Standard Webhooks 1.0.0: `v1` (HMAC) and `v1a` (ed25519) over `id.timestamp.body`.
    pub fn standard_webhooks() -> Self {
        let dot = || Part::Literal(".".to_owned());
        Self {
            header: "webhook-signature".to_owned(),
            grammar: Grammar::Versions,
            signatures: vec![
                SignatureKind {
                    version: Some("v1".to_owned()),
                    key: KeyForm::Whsec,
                    ..hmac_sha256(Encoding::Base64)
                },
                SignatureKind {
                    version: Some("v1a".to_owned()),
                    algorithm: Algorithm::Ed25519,
                    encoding: Encoding::Base64,
                    key: KeyForm::Whpk,
                },
            ],
            signed: vec![
                Part::Header("webhook-id".to_owned()),
                dot(),
                Part::Timestamp,
                dot(),
                Part::Body,
            ],
            timestamp: Some(TimestampRule::seconds(Some("webhook-timestamp"))),
            event_id: Some("webhook-id".to_owned()),
        }
    }

    fn plain(header: String, grammar: Grammar, encoding: Encoding) -> Self {
        let signatures = vec![hmac_sha256(encoding)];
        Self {
            header,
            grammar,
            signatures,
            signed: vec![Part::Body],
            timestamp: None,
            event_id: None,
        }
    }
}

fn hmac_sha256(encoding: Encoding) -> SignatureKind {
    SignatureKind {
        version: None,
        algorithm: Algorithm::HmacSha256,
        encoding,
        key: KeyForm::Text,
    }
}

impl TimestampRule {
    /// Unix seconds in that header (`None`: in the signature header), five minutes either way.
    pub fn seconds(header: Option<&str>) -> Self {
        Self {
            header: header.map(ToOwned::to_owned),
            format: TimeFormat::Seconds,
            past: FIVE_MINUTES,
            future: FIVE_MINUTES,
        }
    }
}
