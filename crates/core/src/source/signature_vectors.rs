//! Helpers for the signature tests: the keys and bodies of the vectors, and short constructors.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::{
    Algorithm, Encoding, Grammar, KeyForm, Scheme, Secret, SignatureError, SignatureKind,
    SignedPart, TimeFormat, TimestampRule, Unverified,
};

/// The key and body of the vectors that were computed with Python's `hmac`.
pub(super) const OUR_KEY: &str = "hr-webhook-test-secret";
pub(super) const OUR_BODY: &str =
    r#"{"type":"employee.updated","id":"evt_1","data":{"employeeId":"123"}}"#;
/// The body and key of the vector of the Standard Webhooks library for Go.
pub(super) const GO_BODY: &str = r#"{"test": 2432232314}"#;
pub(super) const GO_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            HeaderName::try_from(*name).expect("a name"),
            HeaderValue::try_from(*value).expect("a value"),
        )
    };
    pairs.iter().map(pair).collect()
}

/// Verifies a request at `now` (Unix seconds), and returns the event's id.
pub(super) fn verify(
    scheme: &Scheme,
    key: &str,
    now: i64,
    pairs: &[(&str, &str)],
    body: &str,
) -> Result<Option<String>, SignatureError> {
    let headers = headers(pairs);
    let request = Unverified {
        method: "POST",
        headers: &headers,
        body: body.as_bytes(),
    };
    let (secrets, now) = (
        [Secret::new(key)],
        Timestamp::from_second(now).expect("a time"),
    );

    scheme
        .verify(request, &secrets, now)
        .map(|verified| verified.event_id)
        .map_err(|error| scheme.explain(error, request, &secrets, now))
}

pub(super) fn style(name: &str, header: &str) -> Scheme {
    Scheme::style(name, Some(header)).expect("a style")
}

pub(super) fn plain(
    header: &str,
    grammar: Grammar,
    algorithm: Algorithm,
    encoding: Encoding,
    signed: Vec<SignedPart>,
) -> Scheme {
    let signatures = vec![SignatureKind {
        version: None,
        algorithm,
        encoding,
        key: KeyForm::Text,
    }];

    Scheme {
        header: header.to_owned(),
        grammar,
        signatures,
        signed,
        timestamp: None,
        event_id: None,
    }
}

pub(super) fn timed(signed: Vec<SignedPart>, header: &str, format: TimeFormat) -> Scheme {
    let timestamp = Some(TimestampRule {
        format,
        ..TimestampRule::seconds(Some(header))
    });

    Scheme {
        timestamp,
        ..plain(
            "X-Sig",
            Grammar::Bare,
            Algorithm::HmacSha256,
            Encoding::Hex,
            signed,
        )
    }
}

/// Verifies the vector of the Go library with that key and signature, `off` seconds after its time.
pub(super) fn go(key: &str, signature: &str, off: i64) -> Result<Option<String>, SignatureError> {
    let pairs = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", signature),
    ];
    verify(
        &Scheme::standard_webhooks(),
        key,
        1_614_265_330 + off,
        &pairs,
        GO_BODY,
    )
}
