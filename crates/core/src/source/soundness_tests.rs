//! Schemes and secrets that protect nothing, each with its fault; sound ones have none.

use super::*;
use crate::source::{Encoding, Preset, TimestampRule};

/// Changes a sound scheme.
type Change = fn(&mut Scheme);

fn custom(change: impl FnOnce(&mut Scheme)) -> Vec<String> {
    let mut scheme = Scheme::style("stripe", None).unwrap();
    change(&mut scheme);
    scheme
        .faults()
        .into_iter()
        .map(|fault| format!("{}: {}", fault.key, fault.problem))
        .collect()
}

fn kind(algorithm: Algorithm, key: KeyForm, version: Option<&str>) -> SignatureKind {
    SignatureKind {
        version: version.map(str::to_owned),
        algorithm,
        encoding: Encoding::Hex,
        key,
    }
}

#[test]
fn every_named_style_and_every_preset_is_sound() {
    for style in Scheme::STYLES {
        assert_eq!(Scheme::style(style, None).unwrap().faults(), [], "{style}");
    }
    for preset in Preset::names() {
        let preset = Preset::named(preset).unwrap();
        assert_eq!(preset.scheme().unwrap().faults(), [], "{}", preset.name);
    }
}

/// Each change makes a fault that begins as given.
fn assert_faults(cases: &[(&str, Change)]) {
    for (expected, change) in cases {
        let found = custom(change);
        assert!(
            found.iter().any(|fault| fault.starts_with(expected)),
            "{expected} is not in {found:?}"
        );
    }
}

fn time(scheme: &mut Scheme) -> &mut TimestampRule {
    scheme.timestamp.as_mut().unwrap()
}

#[test]
fn a_scheme_that_signs_too_little_has_a_fault() {
    assert_faults(&[
        ("signed: nothing is signed", |s| {
            s.signed = Vec::new();
            s.timestamp = None;
        }),
        ("signed: nothing is signed", |s| {
            s.signed = vec![SignedPart::Literal("x".to_owned())];
            s.timestamp = None;
        }),
        ("signed: the body is not", |s| {
            s.signed = vec![SignedPart::Timestamp];
        }),
        ("timestamp: the timestamp is not", |s| {
            s.signed = vec![SignedPart::Body];
        }),
        ("signed: the timestamp is signed, and no", |s| {
            s.timestamp = None;
        }),
        ("timestamp: no header has", |s| s.grammar = Grammar::Bare),
        ("timestamp: a tolerance of a day", |s| {
            time(s).past = jiff::SignedDuration::from_hours(24 * 365);
        }),
        ("timestamp: a negative", |s| {
            time(s).past = jiff::SignedDuration::from_secs(-1);
        }),
    ]);

    let found = custom(|s| {
        s.timestamp = Some(TimestampRule::seconds(Some("X-Time")));
        s.signed = vec![SignedPart::Header("x-time".to_owned()), SignedPart::Body];
    });
    assert_eq!(
        found, [""; 0],
        "a signed header that holds the time signs the time"
    );
}

#[test]
fn a_scheme_that_no_request_can_meet_has_a_fault() {
    assert_faults(&[
        ("signatures: no kind of signature", |s| s.signatures.clear()),
        ("grammar: the time and a signature", |s| {
            s.signatures[0].version = Some("t".to_owned());
        }),
        ("header: `X Sig` cannot", |s| s.header = "X Sig".to_owned()),
        ("header: `` cannot", |s| s.header = String::new()),
        ("header: `Content-Length` is", |s| {
            s.header = "Content-Length".to_owned();
        }),
        ("timestamp: `Stripe-Signature` is", |s| {
            s.timestamp = Some(TimestampRule::seconds(Some("Stripe-Signature")));
        }),
        ("event_id: `a b` cannot", |s| {
            s.event_id = Some("a b".to_owned());
        }),
    ]);
}

#[test]
fn a_public_key_is_never_the_secret_of_an_hmac() {
    let shared = "signatures: an ed25519 public key would be accepted";
    for (hmac, public, is_sound) in [
        (KeyForm::Whsec, KeyForm::Whpk, true),
        (KeyForm::Hex, KeyForm::Whpk, true),
        (KeyForm::Text, KeyForm::Whpk, false),
        (KeyForm::Base64, KeyForm::Base64, false),
        (KeyForm::Whsec, KeyForm::Base64, false),
        (KeyForm::Hex, KeyForm::Base64, false),
    ] {
        let found = custom(|s| {
            s.signatures = vec![
                kind(Algorithm::HmacSha256, hmac, Some("v1")),
                kind(Algorithm::Ed25519, public, Some("v1a")),
            ];
        });
        let has_fault = found.iter().any(|fault| fault.starts_with(shared));
        assert_eq!(has_fault, !is_sound, "{hmac:?} {public:?}: {found:?}");
    }

    let found = custom(|s| s.signatures[0].key = KeyForm::Whpk);
    assert!(
        found[0].starts_with("key: a public key is no secret"),
        "{found:?}"
    );
    let found = custom(|s| s.signatures[0].algorithm = Algorithm::Ed25519);
    assert!(found[0].starts_with("key: ed25519 verifies"), "{found:?}");
}

#[test]
fn a_weak_secret_has_a_fault() {
    let github = Scheme::style("github", None).unwrap();
    let standard = Scheme::standard_webhooks();
    let faults = |scheme: &Scheme, text: &str| -> Vec<(bool, String)> {
        let faults = Secret::new(text.to_owned()).faults(scheme);
        faults
            .into_iter()
            .map(|fault| (fault.is_error, fault.problem))
            .collect()
    };

    assert_eq!(faults(&github, "0123456789abcdef01234567"), []);
    let short = faults(&github, "0123456789abcdef");
    assert_eq!(
        short,
        [(false, "the secret has 16 bytes, which is short".to_owned())]
    );
    for guessable in ["0123456789abcde", "hunter2", &"ab".repeat(20)] {
        assert!(faults(&github, guessable)[0].0, "{guessable}");
    }
    assert!(
        faults(&standard, "whsec_MDEyMzQ1Njc4OQ==")[0].0,
        "10 bytes in base64"
    );
    assert_eq!(
        faults(&standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        []
    );

    assert!(
        faults(&standard, "whpk_MDEyMzQ1Njc4OQ==")[0]
            .1
            .contains("32 bytes")
    );
    for public in [
        "whpk_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ",
    ] {
        assert!(
            faults(&github, public)[0]
                .1
                .starts_with("this is a public key")
        );
    }
}

#[test]
fn a_secret_of_the_documentation_is_known() {
    for known in [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_Zm9yLXRyeWluZy1vbmx5LWNoYW5nZS1pdC1ub3c=\n",
    ] {
        assert!(Secret::new(known.to_owned()).is_published(), "{known}");
    }
    assert!(!Secret::new("whsec_bm90LWZvci10cnlpbmctb25seS0xMjM0NQ==".to_owned()).is_published());
}
