//! Verifies the signature and the time of a request: [`Unverified`] in, [`Verified`] or a
//! [`SignatureError`] out.
//!
//! The signature is checked first, over the raw bytes and in constant time, then the time: a stale
//! request with a valid signature is distinct from a forged one. The body takes one MAC for each
//! secret, however many signatures the header has. An error never holds the expected signature;
//! `hint.rs` may add what would match. The body is not parsed.

use std::borrow::Cow;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use super::{
    Algorithm, Grammar, KeyForm, Scheme, Secret, SignatureKind, SignedPart,
    mac::{KeyedMac, verifies_ed25519},
    time_format::TimeFormat,
};

/// How many signatures of a header count: a sender that rotates its secrets has two.
const MAX_SIGNATURES: usize = 8;
/// The longest text of a signature: 64 bytes as hexadecimal digits.
const MAX_SIGNATURE_TEXT: usize = 128;

/// A request before verification: untrusted, and its body must not be parsed.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// The HTTP method in upper case.
    pub method: &'a str,
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// The raw bytes of the body.
    pub body: &'a [u8],
}

/// A request with a valid signature and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The raw bytes of the body.
    pub body: &'a [u8],
    /// The id of the secret that verified it, if the secret has one.
    pub secret: Option<String>,
    /// The sender's id of the event, if the scheme has a header for it.
    pub event_id: Option<String>,
}

/// The reason why a request is not verified. The response is the same 401 for all reasons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header that the scheme needs is missing or empty.
    #[error("the header {0} is missing")]
    MissingHeader(String),
    /// The signature header, named here, has no signature of the scheme's grammar and versions.
    #[error("the header {0} has no signature of the expected form")]
    Malformed(String),
    /// The signature matches, but the time does not have the scheme's format.
    #[error("the timestamp is not {expected}{}", hint_text(.hint.as_deref()))]
    MalformedTime {
        /// The format of the scheme, in words.
        expected: &'static str,
        /// The format that would match, in words.
        hint: Option<String>,
    },
    /// A signed header contains the separator that follows it among the signed parts, so that the
    /// signature would cover other values as well.
    #[error("the header {0} contains the separator of the signed parts")]
    Separator(String),
    /// No secret has `now` in its validity window.
    #[error("no secret is valid at this time")]
    NoSecret,
    /// No signature matches.
    #[error("the signature does not match{}", hint_text(.hint.as_deref()))]
    Mismatch {
        /// The setting that would match, in words.
        hint: Option<String>,
    },
    /// The signature matches, but the time is out of the tolerance.
    #[error(
        "the signature matches, but the request is {} {}",
        .off.unsigned_abs().as_secs(),
        direction(*.off)
    )]
    Stale {
        /// The distance from now; negative for a time in the past.
        off: SignedDuration,
    },
}

fn hint_text(hint: Option<&str>) -> String {
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

fn direction(off: SignedDuration) -> &'static str {
    if off.is_negative() {
        "seconds old"
    } else {
        "seconds ahead of now"
    }
}

/// A signature in the header: its text and the kind that its version selects.
pub(super) struct PresentedSignature<'a> {
    kind: &'a SignatureKind,
    pub(super) text: &'a str,
}

impl PresentedSignature<'_> {
    /// The bytes, if they have the length of the algorithm.
    fn decoded(&self) -> Option<Vec<u8>> {
        let text = Some(self.text).filter(|text| text.len() <= MAX_SIGNATURE_TEXT)?;
        let bytes = self.kind.encoding.decode(text)?;
        (bytes.len() == self.kind.algorithm.signature_length()).then_some(bytes)
    }
}

/// The signatures of a header that one key may have made.
struct Candidates {
    algorithm: Algorithm,
    form: KeyForm,
    signatures: Vec<Vec<u8>>,
}

impl Scheme {
    /// Verifies the request with each secret that is valid at `now`.
    pub fn verify<'a>(
        &self,
        request: Unverified<'a>,
        secrets: &[Secret],
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        let header = text_header(request.headers, &self.header)?;
        if self.presented_signatures(header).next().is_none() {
            return Err(SignatureError::Malformed(self.header.clone()));
        }
        let time_text = self.time_text(request.headers, header)?;
        let parts = self.signed_parts(request, time_text)?;

        let candidates = self.candidates(header);
        let mut valid = secrets
            .iter()
            .filter(|secret| secret.is_valid_at(now))
            .peekable();
        if valid.peek().is_none() {
            return Err(SignatureError::NoSecret);
        }
        let Some(secret) = valid.find(|secret| is_signed(&candidates, secret, &parts)) else {
            return Err(SignatureError::Mismatch { hint: None });
        };

        self.check_time(time_text, now)?;
        let event_id = match &self.event_id {
            Some(name) => Some(text_header(request.headers, name)?.to_owned()),
            None => None,
        };
        Ok(Verified {
            body: request.body,
            secret: secret.id.clone(),
            event_id,
        })
    }

    /// The signatures in the header; those of an unknown version are ignored.
    pub(super) fn presented_signatures<'a>(
        &'a self,
        header: &'a str,
    ) -> Box<dyn Iterator<Item = PresentedSignature<'a>> + 'a> {
        let versioned = |(version, text): (&'a str, &'a str)| {
            let kind = self
                .signatures
                .iter()
                .find(|kind| kind.version.as_deref() == Some(version))?;
            (!text.is_empty()).then_some(PresentedSignature { kind, text })
        };
        let single = |text: &'a str| {
            let kinds = self.signatures.iter().filter(move |_| !text.is_empty());
            kinds.map(move |kind| PresentedSignature { kind, text })
        };

        match &self.grammar {
            Grammar::Bare => Box::new(single(header.trim())),
            Grammar::Prefix(prefix) => {
                let text = header.trim().strip_prefix(prefix.as_str());
                Box::new(text.into_iter().flat_map(single))
            }
            Grammar::Pairs { .. } => Box::new(pairs(header).filter_map(versioned)),
            Grammar::Versions => Box::new(
                header
                    .split(' ')
                    .filter_map(|pair| pair.split_once(','))
                    .filter_map(versioned),
            ),
        }
    }

    /// The first signatures of the right length, by the kind of key that may have made them.
    fn candidates(&self, header: &str) -> Vec<Candidates> {
        let mut candidates: Vec<Candidates> = Vec::new();
        let decoded = self
            .presented_signatures(header)
            .filter_map(|presented| Some((presented.kind, presented.decoded()?)));

        for (kind, signature) in decoded.take(MAX_SIGNATURES) {
            let (algorithm, form) = (kind.algorithm, kind.key);
            let known = candidates
                .iter_mut()
                .find(|known| known.algorithm == algorithm && known.form == form);
            match known {
                Some(known) => known.signatures.push(signature),
                None => candidates.push(Candidates {
                    algorithm,
                    form,
                    signatures: vec![signature],
                }),
            }
        }
        candidates
    }

    /// The text of the signed time; `None` if the scheme signs no time.
    pub(super) fn time_text<'a>(
        &self,
        headers: &'a HeaderMap,
        header: &'a str,
    ) -> Result<Option<&'a str>, SignatureError> {
        let Some(rule) = &self.timestamp else {
            return Ok(None);
        };

        match (&rule.header, &self.grammar) {
            (Some(name), _) => text_header(headers, name).map(Some),
            (None, Grammar::Pairs { timestamp }) => pairs(header)
                .find_map(|(name, value)| (name == timestamp).then_some(value))
                .map(Some)
                .ok_or_else(|| SignatureError::Malformed(self.header.clone())),
            (None, Grammar::Bare | Grammar::Prefix(_) | Grammar::Versions) => {
                Err(SignatureError::Malformed(self.header.clone()))
            }
        }
    }

    /// The parts that the signature covers, one after the other.
    pub(super) fn signed_parts<'a>(
        &'a self,
        request: Unverified<'a>,
        time: Option<&'a str>,
    ) -> Result<Vec<&'a [u8]>, SignatureError> {
        let mut parts: Vec<&[u8]> = Vec::with_capacity(self.signed.len());

        for (index, part) in self.signed.iter().enumerate() {
            parts.push(match part {
                SignedPart::Literal(text) => text.as_bytes(),
                SignedPart::Method => request.method.as_bytes(),
                SignedPart::Header(name) => {
                    let value = text_header(request.headers, name)?;
                    // `a.b` + `.` + `c` has the signature of `a` + `.` + `b.c`.
                    if let Some(SignedPart::Literal(separator)) = self.signed.get(index + 1)
                        && !separator.is_empty()
                        && value.contains(separator.as_str())
                    {
                        return Err(SignatureError::Separator(name.clone()));
                    }
                    value.as_bytes()
                }
                SignedPart::Timestamp => time.unwrap_or_default().as_bytes(),
                SignedPart::Body => request.body,
            });
        }
        Ok(parts)
    }

    /// Checks the time of a request whose signature matches.
    fn check_time(&self, text: Option<&str>, now: Timestamp) -> Result<(), SignatureError> {
        let (Some(rule), Some(text)) = (&self.timestamp, text) else {
            return Ok(());
        };
        let Some(time) = rule.format.parse(text) else {
            return Err(malformed_time(rule.format, TimeFormat::detect(text)));
        };

        let off = time.duration_since(now);
        if off >= -rule.past && off <= rule.future {
            return Ok(());
        }
        match rule.format.plausible_alternative(text, now) {
            Some(format) => Err(malformed_time(rule.format, Some(format))),
            None => Err(SignatureError::Stale { off }),
        }
    }
}

/// The `name=value` pairs of a header in [`Grammar::Pairs`].
fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
}

fn malformed_time(expected: TimeFormat, matching: Option<TimeFormat>) -> SignatureError {
    SignatureError::MalformedTime {
        expected: expected.name(),
        hint: matching.map(|format| {
            format!(
                "the signature matches if the timestamp is in {}",
                format.name()
            )
        }),
    }
}

/// Whether the secret made one of the signatures. Computes at most one MAC for each kind of key.
fn is_signed(candidates: &[Candidates], secret: &Secret, parts: &[&[u8]]) -> bool {
    candidates.iter().any(|candidate| {
        let Ok(key) = secret.key(candidate.form) else {
            return false;
        };
        let mut signatures = candidate.signatures.iter();

        if let Some(mac) = KeyedMac::over(candidate.algorithm, &key, parts) {
            return signatures.any(|signature| mac.matches(signature));
        }
        let message = match parts {
            [whole] => Cow::Borrowed(*whole),
            parts => Cow::Owned(parts.concat()),
        };
        signatures.any(|signature| verifies_ed25519(&key, &message, signature))
    })
}

pub(super) fn text_header<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<&'a str, SignatureError> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| SignatureError::MissingHeader(name.to_owned()))
}
