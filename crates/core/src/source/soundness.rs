//! Signature schemes and secrets that protect nothing: what is wrong with them, and what is right.
//!
//! A scheme can be valid data and still accept forged, changed or replayed requests. In: a scheme,
//! and the secrets for it. Out: faults in words; none of them quotes a secret.

use std::collections::BTreeSet;

use http::HeaderName;
use secrecy::ExposeSecret as _;

use super::{Algorithm, Grammar, KeyForm, Scheme, Secret, SignatureKind, SignedPart};

/// A fault of a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeFault {
    /// The key of the signature's table that has the fault.
    pub key: &'static str,
    /// The fault and its effect.
    pub problem: String,
    /// The right setting.
    pub expected: String,
}

/// A fault of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFault {
    /// Whether the secret must not be used at all.
    pub is_error: bool,
    /// The fault and its effect.
    pub problem: String,
    /// The right secret.
    pub expected: String,
}

/// The shortest key of an HMAC, in bytes.
const SHORTEST_KEY: usize = 16;

/// The shortest key of an HMAC without a warning, in bytes (Standard Webhooks 1.0.0: 24 to 64).
const SHORT_KEY: usize = 24;

/// The length of an ed25519 public key, in bytes (RFC 8032 section 5.1.5).
const ED25519_KEY: usize = 32;

/// The fewest different bytes of a key that nobody guesses.
const FEWEST_DIFFERENT: usize = 5;

/// Headers that an HTTP library or a proxy writes, so that no sender can sign or set them.
const FOREIGN_HEADERS: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Secrets that the documentation of Hirewire and of Standard Webhooks prints: everybody knows them.
const PUBLISHED: [&str; 5] = [
    "whsec_Zm9yLXRyeWluZy1vbmx5LWNoYW5nZS1pdC1ub3c=",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "for-trying-only-change-it-now",
];

fn fault(
    key: &'static str,
    problem: impl Into<String>,
    expected: impl Into<String>,
) -> SchemeFault {
    SchemeFault {
        key,
        problem: problem.into(),
        expected: expected.into(),
    }
}

impl Scheme {
    /// Every fault that lets a scheme accept forged, changed or replayed requests, or none at all.
    pub fn faults(&self) -> Vec<SchemeFault> {
        let mut faults: Vec<SchemeFault> = self.fault_of_signed_parts().into_iter().collect();
        faults.extend(self.faults_of_time());
        faults.extend(self.faults_of_kinds());
        faults.extend(self.faults_of_headers());
        faults
    }

    fn fault_of_signed_parts(&self) -> Option<SchemeFault> {
        let signs_body = self.signed.contains(&SignedPart::Body);
        let signs_anything = self
            .signed
            .iter()
            .any(|part| !matches!(part, SignedPart::Literal(_)));

        let problem = if !signs_anything {
            "nothing is signed: a signature that was seen once fits every request"
        } else if !signs_body {
            "the body is not signed: anybody on the way can change it"
        } else {
            return None;
        };
        Some(fault("signed", problem, "`signed` with \"body\" in it"))
    }

    fn faults_of_time(&self) -> Vec<SchemeFault> {
        let signs_time = self.signed.contains(&SignedPart::Timestamp);
        let Some(rule) = &self.timestamp else {
            let missing = signs_time.then(|| {
                let problem = "the timestamp is signed, and no rule says where it is";
                fault(
                    "signed",
                    problem,
                    "`timestamp = { header = \"...\" }` beside it",
                )
            });
            return missing.into_iter().collect();
        };

        let mut faults = Vec::new();
        let is_header_signed = rule
            .header
            .as_ref()
            .is_some_and(|name| self.signs_header(name));
        if !signs_time && !is_header_signed {
            let problem = "the timestamp is not signed: an old request passes with a new time";
            faults.push(fault(
                "timestamp",
                problem,
                "`signed` with \"timestamp\" in it",
            ));
        }
        if rule.header.is_none() && !matches!(self.grammar, Grammar::Pairs { .. }) {
            let problem = "no header has the timestamp";
            let expected = "`timestamp` with `header`, or the grammar `pairs`";
            faults.push(fault("timestamp", problem, expected));
        }
        if rule.past.is_negative() || rule.future.is_negative() {
            let problem = "a negative tolerance refuses every request";
            faults.push(fault(
                "timestamp",
                problem,
                "`past` and `future` above zero",
            ));
        }
        if rule.past.as_hours() >= 24 || rule.future.as_hours() >= 24 {
            let problem = "a tolerance of a day or more lets every request be sent again";
            faults.push(fault("timestamp", problem, "a few minutes, such as \"5m\""));
        }
        faults
    }

    fn faults_of_kinds(&self) -> Vec<SchemeFault> {
        let kinds = &self.signatures;
        let mut faults = Vec::new();
        if kinds.is_empty() {
            let problem = "no kind of signature is accepted: every request is refused";
            faults.push(fault("signatures", problem, "at least one kind"));
        }

        let has_versions = matches!(self.grammar, Grammar::Versions | Grammar::Pairs { .. });
        if has_versions && kinds.iter().any(|kind| kind.version.is_none()) {
            let problem = "a signature has a version in this grammar, and a kind has none";
            faults.push(fault(
                "signatures",
                problem,
                "`version` for each kind, such as \"v1\"",
            ));
        }
        let versions: BTreeSet<_> = kinds.iter().map(|kind| &kind.version).collect();
        if versions.len() < kinds.len() {
            let problem = "two kinds of signatures have one version";
            let expected = "a version of its own for each, and the grammar \"versions\"";
            faults.push(fault("signatures", problem, expected));
        }
        if let Grammar::Pairs { timestamp } = &self.grammar
            && kinds
                .iter()
                .any(|kind| kind.version.as_ref() == Some(timestamp))
        {
            let problem = "the time and a signature have the same name in the header";
            faults.push(fault(
                "grammar",
                problem,
                "two names, such as \"t\" and \"v1\"",
            ));
        }

        faults.extend(kinds.iter().filter_map(fault_of_key_form));
        faults.extend(self.fault_of_shared_secret());
        faults
    }

    /// One secret for HMAC and ed25519: the public key, which is no secret, would be a key of the
    /// HMAC, and everybody could sign.
    fn fault_of_shared_secret(&self) -> Option<SchemeFault> {
        let forms = |public: bool| {
            self.signatures
                .iter()
                .filter(move |kind| is_public(kind) == public)
                .map(|kind| kind.key)
        };
        let confuses = forms(true).any(|public| {
            forms(false).any(|hmac| hmac == KeyForm::Text || public != KeyForm::Whpk)
        });

        confuses.then(|| {
            let problem = "an ed25519 public key would be accepted as the secret of an HMAC: \
                           everybody who has the public key could sign";
            let expected = "key = \"whpk\" for ed25519, and \"whsec\", \"base64\" or \"hex\" for the \
                            HMAC; or two sources";
            fault("signatures", problem, expected)
        })
    }

    fn faults_of_headers(&self) -> Vec<SchemeFault> {
        let time = self
            .timestamp
            .as_ref()
            .and_then(|rule| rule.header.as_ref());
        let signed = self.signed.iter().filter_map(|part| match part {
            SignedPart::Header(name) => Some(("signed", name)),
            SignedPart::Literal(_)
            | SignedPart::Method
            | SignedPart::Timestamp
            | SignedPart::Body => None,
        });
        let headers: Vec<(&'static str, &String)> = std::iter::once(("header", &self.header))
            .chain(time.map(|name| ("timestamp", name)))
            .chain(self.event_id.as_ref().map(|name| ("event_id", name)))
            .chain(signed)
            .collect();

        let mut faults: Vec<SchemeFault> = headers
            .iter()
            .filter_map(|(key, name)| fault_of_header(key, name))
            .collect();
        let reads_signature_again = headers
            .iter()
            .skip(1)
            .find(|(_, name)| name.eq_ignore_ascii_case(&self.header));
        if let Some((key, name)) = reads_signature_again {
            let problem = format!("`{name}` is the header of the signature itself");
            faults.push(fault(key, problem, "another header"));
        }
        faults
    }

    fn signs_header(&self, name: &str) -> bool {
        self.signed.iter().any(|part| match part {
            SignedPart::Header(signed) => signed.eq_ignore_ascii_case(name),
            SignedPart::Literal(_)
            | SignedPart::Method
            | SignedPart::Timestamp
            | SignedPart::Body => false,
        })
    }
}

fn is_public(kind: &SignatureKind) -> bool {
    match kind.algorithm {
        Algorithm::Ed25519 => true,
        Algorithm::HmacSha256 | Algorithm::HmacSha512 => false,
    }
}

fn fault_of_key_form(kind: &SignatureKind) -> Option<SchemeFault> {
    match (is_public(kind), kind.key) {
        (false, KeyForm::Whpk) => Some(fault(
            "key",
            "a public key is no secret: everybody who has it could sign an HMAC with it",
            "\"whsec\", \"base64\", \"hex\" or \"text\" for an HMAC",
        )),
        (true, KeyForm::Text | KeyForm::Whsec) => Some(fault(
            "key",
            "ed25519 verifies with a public key of 32 bytes",
            "\"whpk\", \"base64\" or \"hex\" for ed25519",
        )),
        (false, KeyForm::Text | KeyForm::Base64 | KeyForm::Hex | KeyForm::Whsec)
        | (true, KeyForm::Base64 | KeyForm::Hex | KeyForm::Whpk) => None,
    }
}

fn fault_of_header(key: &'static str, name: &str) -> Option<SchemeFault> {
    if HeaderName::try_from(name).is_err() {
        let problem = format!("`{name}` cannot be a header: every request would lack it");
        let expected = "letters, digits and `-`, such as \"X-Acme-Signature\"";
        return Some(fault(key, problem, expected));
    }

    let is_foreign = FOREIGN_HEADERS
        .iter()
        .any(|foreign| foreign.eq_ignore_ascii_case(name));
    is_foreign.then(|| {
        let problem = format!("`{name}` is written by HTTP itself, and proxies change it");
        fault(key, problem, "a header that the sender sets")
    })
}

impl Secret {
    /// Every fault of the secret for this scheme. `None` of the forms fits: the caller reports it.
    pub fn faults(&self, scheme: &Scheme) -> Vec<SecretFault> {
        let mut faults = Vec::new();
        let fitting: Vec<(&SignatureKind, Vec<u8>)> = scheme
            .signatures
            .iter()
            .filter_map(|kind| Some((kind, self.key(kind.key).ok()?)))
            .collect();

        if fitting.iter().any(|(kind, _)| !is_public(kind)) && self.looks_public() {
            faults.push(error(
                "this is a public key: everybody who has it could sign with it",
                "the shared secret of the HMAC",
            ));
        }
        for (kind, key) in &fitting {
            faults.extend(if is_public(kind) {
                fault_of_public_key(key)
            } else {
                fault_of_shared_key(key)
            });
        }
        faults.dedup();
        faults
    }

    /// Whether documentation prints the secret, so that it is for a first try on one machine only.
    pub fn is_published(&self) -> bool {
        let text = self.text.expose_secret().trim();
        PUBLISHED
            .iter()
            .any(|known| text == *known || known.strip_prefix("whsec_") == Some(text))
    }

    fn looks_public(&self) -> bool {
        let text = self.text.expose_secret().trim_start();
        ["whpk_", "-----BEGIN PUBLIC KEY", "ssh-ed25519 ", "ssh-rsa "]
            .iter()
            .any(|start| text.starts_with(start))
    }
}

fn error(problem: impl Into<String>, expected: &str) -> SecretFault {
    SecretFault {
        is_error: true,
        problem: problem.into(),
        expected: expected.to_owned(),
    }
}

fn fault_of_public_key(key: &[u8]) -> Option<SecretFault> {
    (key.len() != ED25519_KEY).then(|| {
        let problem = format!("an ed25519 public key has 32 bytes; this has {}", key.len());
        error(problem, "the public key as the sender shows it")
    })
}

fn fault_of_shared_key(key: &[u8]) -> Option<SecretFault> {
    const RANDOM: &str = "at least 24 random bytes, such as `openssl rand -base64 32`";
    let different: BTreeSet<u8> = key.iter().copied().collect();

    if key.len() < SHORTEST_KEY {
        let problem = format!("the secret has {} bytes: it can be guessed", key.len());
        return Some(error(problem, RANDOM));
    }
    if different.len() < FEWEST_DIFFERENT {
        return Some(error(
            "the secret repeats a few characters: it can be guessed",
            RANDOM,
        ));
    }
    (key.len() < SHORT_KEY).then(|| SecretFault {
        is_error: false,
        problem: format!("the secret has {} bytes, which is short", key.len()),
        expected: RANDOM.to_owned(),
    })
}

#[cfg(test)]
#[path = "soundness_tests.rs"]
mod tests;
