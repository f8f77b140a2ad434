//! Known-answer vectors from the signature tests of vendors and libraries.
//!
//! A scheme without a public vector has one computed with another implementation: Python's `hmac`.

use jiff::Timestamp;

use super::{
    Algorithm, Encoding, Grammar, Preset, Scheme, Secret, SignatureError, SignedPart, TimeFormat,
    TimestampRule, Unverified,
    signature_vectors::{GO_KEY, OUR_BODY, OUR_KEY, go, headers, plain, style, timed, verify},
};

const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J\
    &team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA\
    &user_name=roadrunner&command=%2Fwebhook-collect&text=\
    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554\
    %2F96rGlfmibIGlgcZRskXaIFfN\
    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

#[test]
fn standard_webhooks_v1_verifies_the_vectors_of_the_rust_and_go_libraries() {
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

#[test]
fn standard_webhooks_v1a_verifies_ed25519_and_rejects_a_symmetric_secret() {
    let signature = "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9j\
                     SeGlHFG2NVAw==";

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
fn finch_verifies_as_standard_webhooks_with_other_headers_and_a_plain_base64_key() {
    let mut scheme = Scheme::standard_webhooks();
    scheme.header = "Finch-Signature".to_owned();
    scheme.signed[0] = SignedPart::Header("Finch-Event-Id".to_owned());
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
fn github_signs_the_body_alone() {
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
}

#[test]
fn a_plain_hmac_verifies_in_each_encoding_and_algorithm() {
    let digest = "34b66236911f5b9b5f47fe58f6f7b6f2da38c3ee95433208a87b6d0c39927a50";
    let space_prefix = Grammar::Prefix("sha256 ".to_owned());
    let cases = [
        (style("hmac-sha256", "X-Sig"), digest.to_owned()),
        (style("hmac-sha256", "X-Sig"), digest.to_uppercase()),
        (style("github", "X-Sig"), format!("sha256={digest}")),
        (
            plain(
                "X-Sig",
                space_prefix,
                Algorithm::HmacSha256,
                Encoding::Hex,
                vec![SignedPart::Body],
            ),
            format!("sha256 {digest}"),
        ),
        (
            style("hmac-sha256-base64", "X-Sig"),
            "NLZiNpEfW5tfR/5Y9ve28to4w+6VQzIIqHttDDmSelA=".to_owned(),
        ),
        (
            bare(Algorithm::HmacSha256, Encoding::Base64Url),
            "NLZiNpEfW5tfR_5Y9ve28to4w-6VQzIIqHttDDmSelA=".to_owned(),
        ),
        (
            bare(Algorithm::HmacSha256, Encoding::Base64Url),
            "NLZiNpEfW5tfR_5Y9ve28to4w-6VQzIIqHttDDmSelA".to_owned(),
        ),
        (
            bare(Algorithm::HmacSha512, Encoding::Base64),
            "U3uY/G/byCToIsfMf6jZDblE90EHvxsiaJN+R8pQsJD0uxv9AQa9uSPiDD8HjR4ZJqmGenCUEPQBlv4JD8g7\
             /g=="
                .to_owned(),
        ),
        (
            plain(
                "X-Sig",
                Grammar::Bare,
                Algorithm::HmacSha256,
                Encoding::Hex,
                vec![SignedPart::Method, SignedPart::Body],
            ),
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

/// A scheme that signs the body alone.
fn bare(algorithm: Algorithm, encoding: Encoding) -> Scheme {
    plain(
        "X-Sig",
        Grammar::Bare,
        algorithm,
        encoding,
        vec![SignedPart::Body],
    )
}

#[test]
fn bamboohr_signs_the_body_and_the_unchanged_time() {
    let scheme = timed(
        vec![SignedPart::Body, SignedPart::Timestamp],
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
fn remote_signs_the_body_and_the_time_in_milliseconds() {
    let colon = SignedPart::Literal(":".to_owned());
    let scheme = timed(
        vec![SignedPart::Body, colon, SignedPart::Timestamp],
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
    let with_old_and_new_signature =
        format!("{},v1={}", stripe.replace("v1=9", "v1=0"), &stripe[16..]);
    assert!(
        verify(
            &scheme,
            OUR_KEY,
            1_700_000_000,
            &[("X-Signature", &with_old_and_new_signature)],
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
fn the_schemes_of_the_presets_verify_the_vectors() {
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
        "a retry may be four hours old"
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
