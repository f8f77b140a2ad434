//! Known-answer vectors of public signature tests, and the negative cases that the official suites name.
//!
//! Where a scheme has no public vector, the expected value was computed with another implementation (Python's `hmac`).

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::{
    Algorithm, Encoding, Grammar, KeyForm, Part, Preset, Scheme, Secret, SignatureError,
    SignatureKind, TimeFormat, TimestampRule, Unverified,
};

const OUR_KEY: &str = "hr-webhook-test-secret";
const OUR_BODY: &str = r#"{"type":"employee.updated","id":"evt_1","data":{"employeeId":"123"}}"#;
const GO_BODY: &str = r#"{"test": 2432232314}"#;
const GO_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
    &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            HeaderName::try_from(*name).expect("a name"),
            HeaderValue::try_from(*value).expect("a value"),
        )
    };
    pairs.iter().map(pair).collect()
}

/// The event's id, if the request is believed.
fn verify(
    scheme: &Scheme,
    key: &str,
    at: i64,
    pairs: &[(&str, &str)],
    body: &str,
) -> Result<Option<String>, SignatureError> {
    let headers = headers(pairs);
    let request = Unverified {
        method: "POST",
        headers: &headers,
        body: body.as_bytes(),
    };
    let verified = scheme.verify(
        request,
        &[Secret::new(key)],
        Timestamp::from_second(at).expect("a time"),
    );
    verified.map(|verified| verified.event_id)
}

fn style(name: &str, header: &str) -> Scheme {
    Scheme::style(name, Some(header)).expect("a style")
}

fn plain(
    header: &str,
    grammar: Grammar,
    algorithm: Algorithm,
    encoding: Encoding,
    signed: Vec<Part>,
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

fn timed(signed: Vec<Part>, header: &str, format: TimeFormat) -> Scheme {
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

#[test]
fn standard_webhooks_v1_fits_the_vectors_of_the_rust_and_go_libraries() {
    let scheme = Scheme::standard_webhooks();
    let rust = verify(
        &scheme,
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        1_649_367_553,
        &[
            ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("webhook-timestamp", "1649367553"),
            (
                "webhook-signature",
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ],
        r#"{"email":"test@example.com","username":"test_user"}"#,
    );
    assert_eq!(rust, Ok(Some("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".to_owned())));
    assert!(go(GO_KEY, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", 0).is_ok());
}

/// The go library's vector with another key, signature header, or seconds off its time.
fn go(key: &str, signature: &str, off: i64) -> Result<Option<String>, SignatureError> {
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

#[test]
fn standard_webhooks_v1a_is_ed25519_and_takes_no_symmetric_secret() {
    let signature = "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==";
    assert!(
        go(
            "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            signature,
            0
        )
        .is_ok()
    );
    assert!(matches!(
        go(GO_KEY, signature, 0),
        Err(SignatureError::Mismatch { .. })
    ));
}

#[test]
fn finch_is_standard_webhooks_with_its_own_headers_and_a_bare_base64_key() {
    let mut scheme = Scheme::standard_webhooks();
    scheme.header = "Finch-Signature".to_owned();
    scheme.signed[0] = Part::Header("Finch-Event-Id".to_owned());
    scheme.event_id = Some("Finch-Event-Id".to_owned());
    scheme.timestamp = Some(TimestampRule::seconds(Some("Finch-Timestamp")));
    let pairs = [
        ("Finch-Event-Id", "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj"),
        ("Finch-Timestamp", "1676312382"),
        (
            "Finch-Signature",
            "v1,m7y0TV2C+hlHxU42wCieApTSTaA8/047OAplBqxIV/s=",
        ),
    ];
    let body = r#"{"company_id":"720be419-0293-4d32-a707-32179b0827ab"}"#;
    assert!(
        verify(
            &scheme,
            "5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
            1_676_312_382,
            &pairs,
            body
        )
        .is_ok()
    );
}

#[test]
fn github_and_its_kin_sign_the_body_alone() {
    let github = style("github", "X-Hub-Signature-256");
    let hello = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let pairs = [("x-hub-signature-256", hello)];
    assert!(
        verify(
            &github,
            "It's a Secret to Everybody",
            0,
            &pairs,
            "Hello, World!"
        )
        .is_ok()
    );
    let octokit = "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3";
    assert!(
        verify(
            &github,
            "mysecret",
            0,
            &[("X-Hub-Signature-256", octokit)],
            r#"{"foo":"bar"}"#
        )
        .is_ok()
    );

    let digest = "34b66236911f5b9b5f47fe58f6f7b6f2da38c3ee95433208a87b6d0c39927a50";
    let cases = [
        (style("hmac-sha256", "X-Sig"), digest.to_owned()),
        (style("hmac-sha256", "X-Sig"), digest.to_uppercase()),
        (style("github", "X-Sig"), format!("sha256={digest}")),
        (
            plain(
                "X-Sig",
                Grammar::Prefix("sha256 ".to_owned()),
                Algorithm::HmacSha256,
                Encoding::Hex,
                vec![Part::Body],
            ),
            format!("sha256 {digest}"),
        ),
        (style("hmac-sha256-base64", "X-Sig"), "NLZiNpEfW5tfR/5Y9ve28to4w+6VQzIIqHttDDmSelA=".to_owned()),
        (base64_url(), "NLZiNpEfW5tfR_5Y9ve28to4w-6VQzIIqHttDDmSelA=".to_owned()),
        (base64_url(), "NLZiNpEfW5tfR_5Y9ve28to4w-6VQzIIqHttDDmSelA".to_owned()),
        (
            plain("X-Sig", Grammar::Bare, Algorithm::HmacSha512, Encoding::Base64, vec![Part::Body]),
            "U3uY/G/byCToIsfMf6jZDblE90EHvxsiaJN+R8pQsJD0uxv9AQa9uSPiDD8HjR4ZJqmGenCUEPQBlv4JD8g7/g==".to_owned(),
        ),
        (
            plain("X-Sig", Grammar::Bare, Algorithm::HmacSha256, Encoding::Hex, vec![Part::Method, Part::Body]),
            "03f8119cd8e7c18d7b6770fd6e8db2a11d869fae6b18321509cc06545c9e74ff".to_owned(),
        ),
    ];
    for (scheme, signature) in cases {
        assert!(
            verify(&scheme, OUR_KEY, 0, &[("X-Sig", &signature)], OUR_BODY).is_ok(),
            "{signature}"
        );
    }
}

fn base64_url() -> Scheme {
    plain(
        "X-Sig",
        Grammar::Bare,
        Algorithm::HmacSha256,
        Encoding::Base64Url,
        vec![Part::Body],
    )
}

#[test]
fn bamboohr_signs_the_body_and_then_the_time_as_it_stands() {
    let scheme = timed(
        vec![Part::Body, Part::Timestamp],
        "X-BambooHR-Timestamp",
        TimeFormat::SecondsOrIso8601,
    );
    for (key, body, time, signature) in [
        (
            "private-key-123",
            r#"{"employees":[{"id":"123"}]}"#,
            "2024-02-01T11:05:12Z",
            "2e5fcc0ed9bfc4b23327543cafb3f59a552b8f8039e0ad24f6b86498f3557801",
        ),
        (
            OUR_KEY,
            OUR_BODY,
            "2026-05-21T14:00:00Z",
            "eb2c79afd5b7626a5ab1228af8b5c3db33286f35886990bc060b82c74b562f86",
        ),
    ] {
        let at = time.parse::<Timestamp>().expect("a time").as_second();
        assert!(
            verify(
                &scheme,
                key,
                at,
                &[("X-Sig", signature), ("X-BambooHR-Timestamp", time)],
                body
            )
            .is_ok(),
            "{time}"
        );
    }
}

#[test]
fn remote_signs_the_body_and_milliseconds() {
    let colon = Part::Literal(":".to_owned());
    let scheme = timed(
        vec![Part::Body, colon, Part::Timestamp],
        "X-Remote-Timestamp",
        TimeFormat::Milliseconds,
    );
    for (key, body, signature) in [
        (
            "test-webhook-signing-key",
            r#"{"event_type":"employment.updated","employment_id":"emp_123"}"#,
            "23fc4e327ffd8846d2d26e201a250373518cb5feda82e8040d389d26af6e06de",
        ),
        (
            OUR_KEY,
            OUR_BODY,
            "45052ae63272d58da48cb71495a1e213314d16c4105d2c10e4cc40195c63198f",
        ),
    ] {
        let pairs = [
            ("X-Sig", signature),
            ("X-Remote-Timestamp", "1726500000000"),
        ];
        assert!(verify(&scheme, key, 1_726_500_000, &pairs, body).is_ok());
    }
}

#[test]
fn stripe_and_slack_sign_the_time_before_the_body() {
    let stripe = "t=1700000000,v1=99eeb01a812ec5939677250e60b265ba489039907e3da63c5a137d2327d52ef9";
    let scheme = style("stripe", "X-Signature");
    assert!(
        verify(
            &scheme,
            OUR_KEY,
            1_700_000_000,
            &[("X-Signature", stripe)],
            OUR_BODY
        )
        .is_ok()
    );
    let rotating = format!("{},v1={}", stripe.replace("v1=9", "v1=0"), &stripe[16..]);
    assert!(
        verify(
            &scheme,
            OUR_KEY,
            1_700_000_000,
            &[("X-Signature", &rotating)],
            OUR_BODY
        )
        .is_ok()
    );

    let slack = style("slack", "X-Slack-Signature");
    for (key, body, time, signature) in [
        (
            "8f742231b10e8888abcd99yyyzzz85a5",
            SLACK_BODY,
            1_531_420_618,
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
        (
            OUR_KEY,
            OUR_BODY,
            1_700_000_000,
            "v0=a09e7ac8fa79c2b1ddc4e5d941dc557d39d1628660bdd561d2eca7419240d7b5",
        ),
    ] {
        let stamp = time.to_string();
        let pairs = [
            ("X-Slack-Signature", signature),
            ("X-Slack-Request-Timestamp", stamp.as_str()),
        ];
        assert!(verify(&slack, key, time, &pairs, body).is_ok(), "{time}");
    }
}

#[test]
fn each_missing_header_is_named() {
    let all = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];
    for missing in all {
        let rest: Vec<_> = all.into_iter().filter(|pair| *pair != missing).collect();
        let refused = verify(
            &Scheme::standard_webhooks(),
            GO_KEY,
            1_614_265_330,
            &rest,
            GO_BODY,
        );
        assert_eq!(
            refused,
            Err(SignatureError::MissingHeader(missing.0.to_owned()))
        );
    }
}

#[test]
fn only_a_whole_signature_of_a_known_version_counts_and_one_good_among_several_is_enough() {
    let good = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    for wrong in [
        "v1,".to_owned(),
        format!("v2,{good}"),
        good.to_owned(),
        format!("v1 {good}"),
        "v1,,".to_owned(),
    ] {
        assert!(go(GO_KEY, &wrong, 0).is_err(), "{wrong}");
    }
    assert!(matches!(
        go(GO_KEY, &format!("v1,{}", &good[..20]), 0),
        Err(SignatureError::Mismatch { .. })
    ));
    assert!(go(GO_KEY, &format!("v1,AAAA v2,{good} v1,{good}"), 0).is_ok());
    assert!(go("whsec_AAAA", &format!("v1,{good}"), 0).is_err());
    assert!(go("", &format!("v1,{good}"), 0).is_err());
}

#[test]
fn a_time_too_old_or_too_far_ahead_is_stale_and_its_edge_is_not() {
    let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    for off in [300, -300] {
        assert!(go(GO_KEY, good, off).is_ok(), "{off}");
    }
    for off in [301, -301] {
        assert_eq!(
            go(GO_KEY, good, off),
            Err(SignatureError::Stale {
                off: SignedDuration::from_secs(-off)
            })
        );
    }
}

#[test]
fn a_forged_request_is_a_mismatch_however_stale_it_is() {
    assert!(matches!(
        go(GO_KEY, "v1,AAAA", 100_000),
        Err(SignatureError::Mismatch { .. })
    ));
}

#[test]
fn a_time_is_read_strictly_and_the_log_says_what_would_have_fitted() {
    for wrong in ["+1614265330", "1614265330.5", " 1614265330", "123abc", ""] {
        assert_eq!(TimeFormat::Seconds.read(wrong), None, "{wrong}");
    }
    let scheme = style("slack", "X-Sig");
    let now = Timestamp::from_second(1_700_000_000).expect("a time");
    let mut milliseconds = scheme.clone();
    if let Some(rule) = &mut milliseconds.timestamp {
        rule.format = TimeFormat::Milliseconds;
    }
    let headers = milliseconds
        .sign(b"{}", &Secret::new("k"), now, "1")
        .expect("signed");
    let request = Unverified {
        method: "POST",
        headers: &headers,
        body: b"{}",
    };
    let refused = scheme
        .verify(request, &[Secret::new("k")], now)
        .expect_err("stale");
    assert_eq!(
        refused.to_string(),
        "the timestamp is not seconds since 1970 (the signature matches if the timestamp is in milliseconds since 1970)"
    );
}

#[test]
fn the_log_says_that_another_encoding_would_have_fitted_and_never_what_was_expected() {
    let base64 = "NLZiNpEfW5tfR/5Y9ve28to4w+6VQzIIqHttDDmSelA=";
    let refused = verify(
        &style("hmac-sha256", "X-Sig"),
        OUR_KEY,
        0,
        &[("X-Sig", base64)],
        OUR_BODY,
    );
    let text = refused.expect_err("hex was expected").to_string();
    assert!(
        text.contains("Base64") && !text.contains("34b66236"),
        "{text}"
    );
}

#[test]
fn a_secret_counts_only_in_its_window_and_says_which_it_was() {
    let at = |second| Timestamp::from_second(second).expect("a time");
    let old = Secret {
        id: Some("old".to_owned()),
        not_after: Some(at(100)),
        ..Secret::new("one")
    };
    let new = Secret {
        id: Some("new".to_owned()),
        not_before: Some(at(50)),
        ..Secret::new("two")
    };
    let scheme = style("github", "X-Sig");
    let by = |key: &str, now| {
        let headers = scheme
            .sign(b"{}", &Secret::new(key), at(now), "1")
            .expect("signed");
        let request = Unverified {
            method: "POST",
            headers: &headers,
            body: b"{}",
        };
        scheme
            .verify(request, &[old.clone(), new.clone()], at(now))
            .map(|verified| verified.secret)
    };
    assert_eq!(by("one", 99), Ok(Some("old".to_owned())));
    assert!(by("one", 100).is_err());
    assert_eq!(by("two", 50), Ok(Some("new".to_owned())));
    assert!(by("two", 49).is_err());
    let headers = headers(&[("X-Sig", "sha256=00")]);
    let none = scheme.verify(
        Unverified {
            method: "POST",
            headers: &headers,
            body: b"",
        },
        &[],
        at(0),
    );
    assert_eq!(none, Err(SignatureError::NoSecret));
}

#[test]
fn what_a_style_signs_it_verifies_and_one_changed_byte_it_does_not() {
    let now = Timestamp::from_second(1_700_000_000).expect("a time");
    for name in Scheme::STYLES {
        let scheme = Scheme::style(name, None).expect("a style");
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = scheme
            .sign(b"{\"a\":1}", &secret, now, "evt-1")
            .expect("signed");
        let check = |body: &'static [u8]| {
            scheme.verify(
                Unverified {
                    method: "POST",
                    headers: &headers,
                    body,
                },
                std::slice::from_ref(&secret),
                now,
            )
        };
        assert!(check(b"{\"a\":1}").is_ok(), "{name}");
        assert!(
            matches!(check(b"{\"a\":2}"), Err(SignatureError::Mismatch { .. })),
            "{name}"
        );
    }
    assert!(Scheme::style("md5", None).is_err());
}

#[test]
fn the_signatures_of_the_presets_fit_the_vectors() {
    let preset = |name| {
        Preset::named(name)
            .expect("a preset")
            .scheme()
            .expect("a scheme")
    };
    let body = r#"{"employees":[{"id":"123"}]}"#;
    let signed = headers(&[
        (
            "X-BambooHR-Signature",
            "2e5fcc0ed9bfc4b23327543cafb3f59a552b8f8039e0ad24f6b86498f3557801",
        ),
        ("X-BambooHR-Timestamp", "2024-02-01T11:05:12Z"),
    ]);
    let request = Unverified {
        method: "POST",
        headers: &signed,
        body: body.as_bytes(),
    };
    let later: Timestamp = "2024-02-01T15:05:12Z".parse().expect("a time");
    let secret = [Secret::new("private-key-123")];
    assert!(
        preset("bamboohr").verify(request, &secret, later).is_ok(),
        "four hours old: it may be a retry"
    );

    let signed = headers(&[
        (
            "Signature",
            "sha256 34b66236911f5b9b5f47fe58f6f7b6f2da38c3ee95433208a87b6d0c39927a50",
        ),
        ("Greenhouse-Event-ID", "gh-1"),
    ]);
    let request = Unverified {
        method: "POST",
        headers: &signed,
        body: OUR_BODY.as_bytes(),
    };
    let verified = preset("greenhouse").verify(request, &[Secret::new(OUR_KEY)], later);
    assert_eq!(
        verified.expect("verified").event_id.as_deref(),
        Some("gh-1")
    );
    assert_eq!(preset("canonical"), Scheme::standard_webhooks());
}
