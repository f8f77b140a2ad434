//! The signature scheme of a source, as data: HMAC or ed25519 over parts of a request.
//!
//! The styles of Standard Webhooks, GitHub, Stripe and Slack, and plain HMACs, have names
//! ([`Scheme::style`]); a preset or an operator writes other schemes out. `verify.rs` checks a
//! request against a scheme, `sign.rs` signs one.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Encoding, KeyForm, time_format::TimeFormat};

/// The signature scheme of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// The name of the signature header.
    pub header: String,
    /// The syntax of that header.
    #[serde(default)]
    pub grammar: Grammar,
    /// The accepted kinds of signatures; several of them need a grammar with versions.
    pub signatures: Vec<SignatureKind>,
    /// The signed parts, concatenated in this order without separators.
    pub signed: Vec<SignedPart>,
    /// The rule for the signed time; `None`: the scheme signs no time.
    #[serde(default)]
    pub timestamp: Option<TimestampRule>,
    /// The header with the sender's id of the event; `None`: there is none.
    #[serde(default)]
    pub event_id: Option<String>,
}

/// One kind of signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureKind {
    /// The version in the header (`v1`), where the grammar has versions.
    #[serde(default)]
    pub version: Option<String>,
    /// The signature algorithm.
    pub algorithm: Algorithm,
    /// The text encoding of the signature.
    #[serde(default)]
    pub encoding: Encoding,
    /// The form of the secret.
    #[serde(default)]
    pub key: KeyForm,
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 2104).
    HmacSha256,
    /// HMAC with SHA-512 (RFC 2104).
    HmacSha512,
    /// Ed25519 (RFC 8032); the secret is the sender's public key.
    Ed25519,
}

/// The syntax of the signature header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grammar {
    /// The signature without anything else.
    #[default]
    Bare,
    /// A literal before the signature: `sha256=...`.
    Prefix(String),
    /// Comma-separated pairs, one of them the time: `t=...,v1=...`.
    Pairs {
        /// The name of the time: `t`.
        timestamp: String,
    },
    /// Space-separated pairs `version,signature` (Standard Webhooks).
    Versions,
}

/// A part of the signed bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedPart {
    /// A fixed text.
    Literal(String),
    /// The HTTP method.
    Method,
    /// The value of a header, unchanged.
    Header(String),
    /// The text of the timestamp, unchanged.
    Timestamp,
    /// The raw bytes of the body.
    Body,
}

/// The rule for the signed time: its header, format and tolerance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampRule {
    /// The header of the time; `None`: the signature header has it ([`Grammar::Pairs`]).
    #[serde(default)]
    pub header: Option<String>,
    /// The format of the time.
    pub format: TimeFormat,
    /// The maximum age.
    pub past: SignedDuration,
    /// The maximum distance into the future.
    pub future: SignedDuration,
}

/// An unknown name of a signature style.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a signature style (expected one of {list})",
    list = Scheme::STYLES.join(", ")
)]
pub struct UnknownStyle(pub String);

const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

impl Scheme {
    /// The names of the styles for [`Scheme::style`].
    pub const STYLES: [&'static str; 6] = [
        "standard-webhooks",
        "hmac-sha256",
        "hmac-sha256-base64",
        "github",
        "stripe",
        "slack",
    ];

    /// The scheme of a named style. `header` replaces the style's signature header, except in
    /// Standard Webhooks; the plain styles use `X-Signature` by default.
    pub fn style(name: &str, header: Option<&str>) -> Result<Self, UnknownStyle> {
        let header_or = |default: &str| header.unwrap_or(default).to_owned();

        Ok(match name {
            "standard-webhooks" => Self::standard_webhooks(),
            "hmac-sha256" => Self::plain(header_or("X-Signature"), Grammar::Bare, Encoding::Hex),
            "hmac-sha256-base64" => {
                Self::plain(header_or("X-Signature"), Grammar::Bare, Encoding::Base64)
            }
            "github" => Self::plain(
                header_or("X-Hub-Signature-256"),
                Grammar::Prefix("sha256=".to_owned()),
                Encoding::Hex,
            ),
            "stripe" => Self::stripe(header_or("Stripe-Signature")),
            "slack" => Self::slack(header_or("X-Slack-Signature")),
            unknown => return Err(UnknownStyle(unknown.to_owned())),
        })
    }

    /// Standard Webhooks 1.0.0: `v1` (HMAC) and `v1a` (ed25519) over `id.timestamp.body`.
    pub fn standard_webhooks() -> Self {
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
                SignedPart::Header("webhook-id".to_owned()),
                literal("."),
                SignedPart::Timestamp,
                literal("."),
                SignedPart::Body,
            ],
            timestamp: Some(TimestampRule::seconds(Some("webhook-timestamp"))),
            event_id: Some("webhook-id".to_owned()),
        }
    }

    /// Stripe: hexadecimal HMAC over `time.body`, with the time in the signature header.
    fn stripe(header: String) -> Self {
        let grammar = Grammar::Pairs {
            timestamp: "t".to_owned(),
        };

        Self {
            signed: vec![SignedPart::Timestamp, literal("."), SignedPart::Body],
            signatures: vec![SignatureKind {
                version: Some("v1".to_owned()),
                ..hmac_sha256(Encoding::Hex)
            }],
            timestamp: Some(TimestampRule::seconds(None)),
            ..Self::plain(header, grammar, Encoding::Hex)
        }
    }

    /// Slack: hexadecimal HMAC over `v0:time:body`.
    fn slack(header: String) -> Self {
        Self {
            signed: vec![
                literal("v0:"),
                SignedPart::Timestamp,
                literal(":"),
                SignedPart::Body,
            ],
            timestamp: Some(TimestampRule::seconds(Some("X-Slack-Request-Timestamp"))),
            ..Self::plain(header, Grammar::Prefix("v0=".to_owned()), Encoding::Hex)
        }
    }

    /// A scheme that signs the body alone with HMAC-SHA256.
    fn plain(header: String, grammar: Grammar, encoding: Encoding) -> Self {
        let signatures = vec![hmac_sha256(encoding)];
        Self {
            header,
            grammar,
            signatures,
            signed: vec![SignedPart::Body],
            timestamp: None,
            event_id: None,
        }
    }
}

fn literal(text: &str) -> SignedPart {
    SignedPart::Literal(text.to_owned())
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
    /// Unix seconds in that header (`None`: in the signature header), with a tolerance of five
    /// minutes in both directions.
    pub fn seconds(header: Option<&str>) -> Self {
        Self {
            header: header.map(ToOwned::to_owned),
            format: TimeFormat::Seconds,
            past: FIVE_MINUTES,
            future: FIVE_MINUTES,
        }
    }
}
