//! The rejected requests: the negative cases that the official suites of the schemes name, and the
//! hints in their errors.

use jiff::{SignedDuration, Timestamp};

use super::{
    Scheme, Secret, SignatureError, TimeFormat, Unverified,
    signature_vectors::{GO_BODY, GO_KEY, OUR_BODY, OUR_KEY, go, headers, style, verify},
};

#[test]
fn the_error_names_a_missing_header() {
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
fn one_complete_signature_of_a_known_version_is_required_and_enough() {
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
fn only_the_first_eight_signatures_of_the_right_length_count() {
    let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let behind = |before: &str, count| format!("{}{good}", format!("{before} ").repeat(count));

    assert!(go(GO_KEY, &behind(wrong, 7), 0).is_ok());
    assert!(matches!(
        go(GO_KEY, &behind(wrong, 8), 0),
        Err(SignatureError::Mismatch { .. })
    ));
    assert!(go(GO_KEY, &behind("v1,AAAA", 300), 0).is_ok());
    let long = format!("v1,{}", "A".repeat(4000));
    assert!(go(GO_KEY, &behind(&long, 2), 0).is_ok());
}

#[test]
fn a_signed_header_must_not_contain_the_separator_that_follows_it() {
    let (scheme, secret) = (Scheme::standard_webhooks(), Secret::new(GO_KEY));
    let now = Timestamp::from_second(1_614_265_330).expect("a time");
    let headers = scheme
        .sign(GO_BODY.as_bytes(), &secret, now, "evt")
        .expect("signed");
    let verify = |id: &str, time: &str, body: &str| {
        let mut headers = headers.clone();
        headers.insert("webhook-id", id.parse().expect("a value"));
        headers.insert("webhook-timestamp", time.parse().expect("a value"));
        let request = Unverified {
            method: "POST",
            headers: &headers,
            body: body.as_bytes(),
        };
        scheme
            .verify(request, std::slice::from_ref(&secret), now)
            .map(drop)
    };

    assert_eq!(verify("evt", "1614265330", GO_BODY), Ok(()));
    // The same signed bytes, cut in another place.
    assert_eq!(
        verify("evt.1614265330", GO_BODY, ""),
        Err(SignatureError::Separator("webhook-id".to_owned()))
    );
    assert!(scheme.sign(b"{}", &secret, now, "evt.1").is_err());
}

#[test]
fn a_time_out_of_the_tolerance_is_stale_and_a_time_at_its_limit_is_not() {
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
fn a_forged_request_is_a_mismatch_even_if_it_is_stale() {
    assert!(matches!(
        go(GO_KEY, "v1,AAAA", 100_000),
        Err(SignatureError::Mismatch { .. })
    ));
}

#[test]
fn a_hint_names_the_time_format_that_would_match() {
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
        "the timestamp is not seconds since 1970 (the signature matches if the timestamp is in \
         milliseconds since 1970)"
    );
}

#[test]
fn a_hint_names_the_encoding_that_would_match_and_never_the_expected_signature() {
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
        text.contains("the signature is base64") && !text.contains("34b66236"),
        "{text}"
    );
}

#[test]
fn a_secret_verifies_only_in_its_window_and_the_result_has_its_id() {
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
    let verify_with = |key: &str, now| {
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

    assert_eq!(verify_with("one", 99), Ok(Some("old".to_owned())));
    assert!(verify_with("one", 100).is_err());
    assert_eq!(verify_with("two", 50), Ok(Some("new".to_owned())));
    assert!(verify_with("two", 49).is_err());
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
fn each_style_verifies_its_own_signature_and_rejects_a_changed_body() {
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
