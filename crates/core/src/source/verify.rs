//! From an unverified request to a verified one, or to why not.
//!
//! The signature is checked first, over the raw bytes and in constant time, then the time: a stale request with a good
//! signature is told apart from a forged one. What would have fitted is for our log; what was expected is for nobody.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use sha2::{Sha256, Sha512};

use super::{
    Algorithm, Encoding, Grammar, KeyForm, Part, Scheme, Secret, SignatureKind, TimeFormat,
};

/// A request as it came: nothing of it can be believed, and its body is not to be parsed.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The raw body.
    pub body: &'a [u8],
}

/// A request whose signature and time are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The raw body.
    pub body: &'a [u8],
    /// Id of the secret that verified it, where it has one.
    pub secret: Option<String>,
    /// The sender's id of the event, where the scheme signs or names one.
    pub event_id: Option<String>,
}

/// Why a request is not believed. All are answered 401, and alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header that the scheme needs is not there.
    #[error("the header {0} is missing")]
    MissingHeader(String),
    /// The signature header holds no signature that can be read.
    #[error("the header {0} holds no signature of the expected form")]
    Malformed(String),
    /// The time cannot be read; with what would have fitted, if anything.
    #[error("the timestamp is not {expected}{}", hint_text(.hint.as_deref()))]
    MalformedTime {
        /// The expected form.
        expected: &'static str,
        /// What would have fitted.
        hint: Option<String>,
    },
    /// No secret is good now.
    #[error("no secret is valid at this time")]
    NoSecret,
    /// No signature matches; with what would have fitted, if anything.
    #[error("the signature does not match{}", hint_text(.hint.as_deref()))]
    Mismatch {
        /// What would have fitted.
        hint: Option<String>,
    },
    /// The signature matches, the time is too long ago or too far ahead.
    #[error("the signature matches, but the request is {} {}", .off.unsigned_abs().as_secs(), direction(*.off))]
    Stale {
        /// How far from now: negative is in the past.
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

/// A signature as given: of which kind, and its text.
struct Given<'a> {
    kind: &'a SignatureKind,
    text: &'a str,
}

impl Scheme {
    /// Checks the request against each secret that is good at `now`.
    pub fn verify<'a>(
        &self,
        request: Unverified<'a>,
        secrets: &[Secret],
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        let header = text_header(request.headers, &self.header)?;
        let given = self.given(header);
        if given.is_empty() {
            return Err(SignatureError::Malformed(self.header.clone()));
        }
        let time_text = self.time_text(request.headers, header)?;
        let signed = self.signed_bytes(request, time_text)?;
        let good: Vec<_> = secrets
            .iter()
            .filter(|secret| secret.is_good_at(now))
            .collect();
        if good.is_empty() {
            return Err(SignatureError::NoSecret);
        }
        let secret = good.iter().find(|secret| {
            given
                .iter()
                .any(|given| matches(given.kind, given.text, secret, &signed))
        });
        let Some(secret) = secret else {
            return Err(SignatureError::Mismatch {
                hint: self.hint(request, header, time_text, &good),
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

    /// The signatures in the header that are of a kind of this scheme; those of unknown versions are passed over.
    fn given<'a>(&'a self, header: &'a str) -> Vec<Given<'a>> {
        let named = |pair: (&'a str, &'a str)| {
            let kind = self
                .signatures
                .iter()
                .find(|kind| kind.version.as_deref() == Some(pair.0))?;
            (!pair.1.is_empty()).then_some(Given { kind, text: pair.1 })
        };
        let alone = |text: &'a str| {
            let kinds = self.signatures.iter().filter(move |_| !text.is_empty());
            kinds.map(|kind| Given { kind, text }).collect()
        };
        match &self.grammar {
            Grammar::Bare => alone(header.trim()),
            Grammar::Prefix(prefix) => header
                .trim()
                .strip_prefix(prefix.as_str())
                .map(alone)
                .unwrap_or_default(),
            Grammar::Pairs { .. } => header
                .split(',')
                .filter_map(|pair| pair.trim().split_once('='))
                .filter_map(named)
                .collect(),
            Grammar::Versions => header
                .split(' ')
                .filter_map(|pair| pair.split_once(','))
                .filter_map(named)
                .collect(),
        }
    }

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
            (None, Grammar::Pairs { timestamp }) => header
                .split(',')
                .filter_map(|pair| pair.trim().split_once('='))
                .find_map(|(name, value)| (name == timestamp).then_some(value))
                .map(Some)
                .ok_or_else(|| SignatureError::Malformed(self.header.clone())),
            (None, Grammar::Bare | Grammar::Prefix(_) | Grammar::Versions) => {
                Err(SignatureError::Malformed(self.header.clone()))
            }
        }
    }

    /// What is signed, as bytes.
    pub(super) fn signed_bytes(
        &self,
        request: Unverified<'_>,
        time: Option<&str>,
    ) -> Result<Vec<u8>, SignatureError> {
        let mut signed = Vec::with_capacity(request.body.len() + 64);
        for part in &self.signed {
            match part {
                Part::Literal(text) => signed.extend_from_slice(text.as_bytes()),
                Part::Method => signed.extend_from_slice(request.method.as_bytes()),
                Part::Header(name) => {
                    signed.extend_from_slice(text_header(request.headers, name)?.as_bytes())
                }
                Part::Timestamp => signed.extend_from_slice(time.unwrap_or_default().as_bytes()),
                Part::Body => signed.extend_from_slice(request.body),
            }
        }
        Ok(signed)
    }

    fn check_time(&self, text: Option<&str>, now: Timestamp) -> Result<(), SignatureError> {
        let (Some(rule), Some(text)) = (&self.timestamp, text) else {
            return Ok(());
        };
        let Some(time) = rule.format.read(text) else {
            let hint = TimeFormat::ALL
                .into_iter()
                .find(|format| format.read(text).is_some())
                .map(|format| {
                    format!(
                        "the signature matches if the timestamp is in {}",
                        format.name()
                    )
                });
            return Err(SignatureError::MalformedTime {
                expected: rule.format.name(),
                hint,
            });
        };
        let off = time.duration_since(now);
        if off < -rule.past || off > rule.future {
            return Err(match rule.format.likelier(text, now) {
                Some(format) => SignatureError::MalformedTime {
                    expected: rule.format.name(),
                    hint: Some(format!(
                        "the signature matches if the timestamp is in {}",
                        format.name()
                    )),
                },
                None => SignatureError::Stale { off },
            });
        }
        Ok(())
    }

    /// What would have fitted, tried only after a mismatch: other encodings and key forms, and the body alone.
    fn hint(
        &self,
        request: Unverified<'_>,
        header: &str,
        time: Option<&str>,
        secrets: &[&Secret],
    ) -> Option<String> {
        let signed = self.signed_bytes(request, time).ok()?;
        let text = self.given(header).first().map(|given| given.text)?;
        for kind in &self.signatures {
            for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
                for key in [KeyForm::Text, KeyForm::Base64, KeyForm::Whsec, KeyForm::Hex] {
                    let other = SignatureKind {
                        encoding,
                        key,
                        ..kind.clone()
                    };
                    let fits = |signed: &[u8]| {
                        secrets
                            .iter()
                            .any(|secret| matches(&other, text, secret, signed))
                    };
                    if fits(&signed) {
                        return Some(format!(
                            "it matches with encoding {encoding:?} and the secret as {key:?}"
                        ));
                    }
                    if fits(request.body) {
                        return Some("it matches over the body alone".to_owned());
                    }
                }
            }
        }
        None
    }
}

/// Whether the text is a signature of that kind over `signed`, by that secret. Compares bytes in constant time.
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

impl TimeFormat {
    const ALL: [Self; 3] = [Self::Seconds, Self::Milliseconds, Self::Iso8601];

    /// What it is called in a log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Iso8601 => "ISO 8601",
            Self::SecondsOrIso8601 => "seconds since 1970 or ISO 8601",
        }
    }

    /// Reads a time, strictly: digits alone, or a whole RFC 3339 text.
    pub fn read(self, text: &str) -> Option<Timestamp> {
        let digits = || {
            text.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse::<i64>().ok())
                .flatten()
        };
        match self {
            Self::Seconds => Timestamp::from_second(digits()?).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(digits()?).ok(),
            Self::Iso8601 => text.parse().ok(),
            Self::SecondsOrIso8601 => Self::Seconds
                .read(text)
                .or_else(|| Self::Iso8601.read(text)),
        }
    }

    /// Writes a time.
    pub fn write(self, time: Timestamp) -> String {
        match self {
            Self::Seconds => time.as_second().to_string(),
            Self::Milliseconds => time.as_millisecond().to_string(),
            Self::Iso8601 | Self::SecondsOrIso8601 => format!("{time:.0}"),
        }
    }

    /// Another format in which this text would be within a day of now.
    fn likelier(self, text: &str, now: Timestamp) -> Option<Self> {
        let near =
            |time: Timestamp| time.duration_since(now).abs() < SignedDuration::from_hours(24);
        Self::ALL.into_iter().find(|format| {
            *format != self
                && format.read(text).is_some_and(near)
                && !self.read(text).is_some_and(near)
        })
    }
}
