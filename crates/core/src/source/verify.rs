//! Verifies the signature and the time of a request: [`Unverified`] in, [`Verified`] or a
//! [`SignatureError`] out.
//!
//! The signature is checked first, over the raw bytes and in constant time, then the time: a stale
//! request with a valid signature is distinct from a forged one. An error may hold a hint for the
//! operator's log (another encoding, key form or time format would match). It never holds the
//! expected signature. The body is not parsed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use sha2::{Sha256, Sha512};

use super::{
    Algorithm, Encoding, Grammar, KeyForm, Scheme, Secret, SignatureKind, SignedPart,
    time_format::TimeFormat,
};

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
struct PresentedSignature<'a> {
    kind: &'a SignatureKind,
    text: &'a str,
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
        let presented = self.presented_signatures(header);
        if presented.is_empty() {
            return Err(SignatureError::Malformed(self.header.clone()));
        }
        let time_text = self.time_text(request.headers, header)?;
        let signed = self.signed_bytes(request, time_text)?;

        let valid: Vec<_> = secrets
            .iter()
            .filter(|secret| secret.is_valid_at(now))
            .collect();
        if valid.is_empty() {
            return Err(SignatureError::NoSecret);
        }
        let matching = valid.iter().find(|secret| {
            presented
                .iter()
                .any(|signature| matches(signature.kind, signature.text, secret, &signed))
        });
        let Some(secret) = matching else {
            return Err(SignatureError::Mismatch {
                hint: self.hint(request, header, time_text, &valid),
            });
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
    fn presented_signatures<'a>(&'a self, header: &'a str) -> Vec<PresentedSignature<'a>> {
        let versioned = |(version, text): (&'a str, &'a str)| {
            let kind = self
                .signatures
                .iter()
                .find(|kind| kind.version.as_deref() == Some(version))?;
            (!text.is_empty()).then_some(PresentedSignature { kind, text })
        };
        let single = |text: &'a str| {
            let kinds = self.signatures.iter().filter(move |_| !text.is_empty());
            kinds
                .map(|kind| PresentedSignature { kind, text })
                .collect()
        };

        match &self.grammar {
            Grammar::Bare => single(header.trim()),
            Grammar::Prefix(prefix) => header
                .trim()
                .strip_prefix(prefix.as_str())
                .map(single)
                .unwrap_or_default(),
            Grammar::Pairs { .. } => pairs(header).filter_map(versioned).collect(),
            Grammar::Versions => header
                .split(' ')
                .filter_map(|pair| pair.split_once(','))
                .filter_map(versioned)
                .collect(),
        }
    }

    /// The text of the signed time; `None` if the scheme signs no time.
    fn time_text<'a>(
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

    /// The bytes that the signature covers.
    pub(super) fn signed_bytes(
        &self,
        request: Unverified<'_>,
        time: Option<&str>,
    ) -> Result<Vec<u8>, SignatureError> {
        let mut signed = Vec::with_capacity(request.body.len() + 64);

        for part in &self.signed {
            match part {
                SignedPart::Literal(text) => signed.extend_from_slice(text.as_bytes()),
                SignedPart::Method => signed.extend_from_slice(request.method.as_bytes()),
                SignedPart::Header(name) => {
                    signed.extend_from_slice(text_header(request.headers, name)?.as_bytes());
                }
                SignedPart::Timestamp => {
                    signed.extend_from_slice(time.unwrap_or_default().as_bytes());
                }
                SignedPart::Body => signed.extend_from_slice(request.body),
            }
        }
        Ok(signed)
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

    /// The setting that would match: another encoding and key form, or the body alone. It is
    /// searched only after a mismatch.
    fn hint(
        &self,
        request: Unverified<'_>,
        header: &str,
        time: Option<&str>,
        secrets: &[&Secret],
    ) -> Option<String> {
        let signed = self.signed_bytes(request, time).ok()?;
        let presented = self.presented_signatures(header);
        let text = presented.first()?.text;

        for kind in &self.signatures {
            for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
                for key in [KeyForm::Text, KeyForm::Base64, KeyForm::Whsec, KeyForm::Hex] {
                    let candidate = SignatureKind {
                        encoding,
                        key,
                        ..kind.clone()
                    };
                    if any_secret_matches(&candidate, text, secrets, &signed) {
                        return Some(format!(
                            "it matches if the signature is {} and the secret is {}",
                            encoding.name(),
                            key.name()
                        ));
                    }
                    if any_secret_matches(&candidate, text, secrets, request.body) {
                        return Some("it matches if only the body is signed".to_owned());
                    }
                }
            }
        }
        None
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

fn any_secret_matches(
    kind: &SignatureKind,
    text: &str,
    secrets: &[&Secret],
    signed: &[u8],
) -> bool {
    secrets
        .iter()
        .any(|secret| matches(kind, text, secret, signed))
}

/// Whether the text is a signature of that kind over the bytes; compares in constant time.
fn matches(kind: &SignatureKind, text: &str, secret: &Secret, signed: &[u8]) -> bool {
    let (Some(signature), Ok(key)) = (kind.encoding.decode(text), secret.key(kind.key)) else {
        return false;
    };

    match kind.algorithm {
        Algorithm::HmacSha256 => Hmac::<Sha256>::new_from_slice(&key)
            .is_ok_and(|mac| mac.chain_update(signed).verify_slice(&signature).is_ok()),
        Algorithm::HmacSha512 => Hmac::<Sha512>::new_from_slice(&key)
            .is_ok_and(|mac| mac.chain_update(signed).verify_slice(&signature).is_ok()),
        Algorithm::Ed25519 => {
            let key =
                aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key);
            key.verify(signed, &signature).is_ok()
        }
    }
}

fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, SignatureError> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| SignatureError::MissingHeader(name.to_owned()))
}
