//! Configs that protect nothing: signatures, secrets, TLS, and listeners that cannot be bound.

use secrecy::ExposeSecret as _;

use super::*;

/// A source with these lines, and nothing else.
fn source(lines: &str) -> String {
    format!("[sources.acme]\npreset = \"canonical\"\ntime_zone = \"UTC\"\n{lines}\n")
}

#[test]
fn a_signature_that_protects_nothing_is_a_mistake_at_its_key() {
    let scheme = "scheme = \"stripe\"";
    let cases = [
        (
            "signed = [\"timestamp\"]",
            "5:signed: the body is not signed",
        ),
        ("signed = []", "5:signed: nothing is signed"),
        (
            "signed = [\"body\"]",
            "5:signature: the timestamp is not signed",
        ),
        ("header = \"a b\"", "5:header: `a b` cannot be a header"),
        (
            "header = \"Content-Length\"",
            "5:header: `Content-Length` is written by HTTP",
        ),
        ("tolerance = \"7d\"", "5:signature: a tolerance of a day"),
        ("key = \"whpk\"", "5:key: a public key is no secret"),
        (
            "grammar = \"versions\", timestamp = { header = \"T\", format = \"seconds\", past = \"5m\", \
             future = \"5m\" }, signatures = [{ version = \"v1\", algorithm = \"hmac-sha256\", key = \
             \"base64\" }, { version = \"v1a\", algorithm = \"ed25519\", key = \"base64\" }]",
            "5:signatures: an ed25519 public key would be accepted",
        ),
    ];
    for (keys, begin) in cases {
        let lines = format!("secrets = [{{ env = \"TEXT\" }}]\nsignature = {{ {scheme}, {keys} }}");
        let found = messages(&source(&lines));
        assert!(
            found.iter().any(|line| line.starts_with(begin)),
            "{begin} is not in {found:#?}"
        );
    }
}

#[test]
fn a_secret_that_can_be_guessed_or_looked_up_is_refused() {
    let with_secret = |secret: &str, listen: &str| {
        let environment = Environment::of([("S", secret)]);
        let text = format!(
            "{}[intake]\nlisten = \"{listen}\"\n",
            source("signature = \"github\"\nsecrets = [{ env = \"S\" }]")
        );
        let mistakes = match Config::parse(&text, "f", &environment) {
            Ok(_) => 0,
            Err(found) => found.mistakes(),
        };
        (mistakes, messages_in(&text, &environment))
    };

    assert_eq!(
        with_secret("0123456789abcdef0123456789", "0.0.0.0:80"),
        (0, vec![])
    );
    let (mistakes, found) = with_secret("0123456789abcdef", "127.0.0.1:80");
    assert!(
        mistakes == 0 && found[0].contains("16 bytes, which is short"),
        "{found:?}"
    );
    let (mistakes, found) = with_secret("hunter2", "127.0.0.1:80");
    assert!(
        mistakes == 1 && found[0].contains("7 bytes: it can be guessed"),
        "{found:?}"
    );
    assert!(!found[0].contains("hunter2"), "{found:?}");

    let trial = "whsec_Zm9yLXRyeWluZy1vbmx5LWNoYW5nZS1pdC1ub3c=";
    assert_eq!(with_secret(trial, "127.0.0.1:80"), (0, vec![]));
    let (mistakes, found) = with_secret(trial, "0.0.0.0:80");
    assert!(
        mistakes == 1 && found[0].contains("printed in documentation"),
        "{found:?}"
    );
    let (mistakes, _) = with_secret(trial, "0.0.0.0:80\"\npublic_url = \"http://127.0.0.1:8080");
    assert_eq!(
        mistakes, 0,
        "a container whose port is published on this machine only"
    );
    let (mistakes, _) = with_secret(
        trial,
        "127.0.0.1:80\"\npublic_url = \"https://hooks.acme.example",
    );
    assert_eq!(mistakes, 1, "a reverse proxy makes it public");
}

#[test]
fn a_source_whose_secrets_have_run_out_is_a_mistake() {
    let secrets = |list: &str| source(&format!("secrets = [{list}]"));
    let old = "{ env = \"ACME\", not_after = 2020-01-01T00:00:00Z }";
    let later = "{ env = \"ACME\", not_before = 2100-01-01T00:00:00Z }";
    let valid = "{ env = \"ACME\" }";

    for (list, begins, is_mistake) in [
        (old.to_owned(), "every secret has run out", true),
        (format!("{old}, {old}"), "every secret has run out", true),
        (later.to_owned(), "no secret is valid yet", false),
        (format!("{old}, {later}"), "no secret is valid yet", false),
        (format!("{old}, {valid}"), "a secret has run out", false),
    ] {
        let text = secrets(&list);
        let found = messages(&text);
        assert!(
            found.len() == 1 && found[0].contains(begins),
            "{list}: {found:?}"
        );
        assert_eq!(parse(&text).is_err(), is_mistake, "{list}");
    }
}

/// The URL that the store is connected to.
fn store_url(url: &str, lines: &str) -> Result<String, Diagnostics> {
    let environment = Environment::of([("DB", url)]);
    let text = format!("[store]\nurl = {{ env = \"DB\" }}\n{lines}\n");
    let config = Config::parse(&text, "f", &environment)?;
    let settings = config.store_settings().unwrap();
    Ok(settings.url.expose_secret().to_owned())
}

#[test]
fn a_store_on_another_machine_is_verified_in_full() {
    for (url, lines, expected) in [
        (
            "postgres://u:p@db.example/x",
            "",
            "postgres://u:p@db.example/x?sslmode=verify-full",
        ),
        (
            "postgres://10.0.0.7/x",
            "",
            "postgres://10.0.0.7/x?sslmode=verify-full",
        ),
        ("postgres://db/x", "", "postgres://db/x?sslmode=verify-full"),
        ("postgres://127.0.0.1/x", "", "postgres://127.0.0.1/x"),
        ("postgres://localhost/x", "", "postgres://localhost/x"),
        (
            "postgres:///x?host=/run/postgresql",
            "",
            "postgres:///x?host=/run/postgresql",
        ),
        (
            "postgres://db.example/x?sslmode=verify-ca",
            "",
            "postgres://db.example/x?sslmode=verify-ca",
        ),
        (
            "postgres://db.example/x",
            "tls = \"disable\"",
            "postgres://db.example/x?sslmode=disable",
        ),
        (
            "postgres://127.0.0.1/x",
            "tls = \"require\"",
            "postgres://127.0.0.1/x?sslmode=require",
        ),
    ] {
        let found = store_url(url, lines).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(found, expected);
    }
}

/// Each dependency at that URL, with those lines, has one diagnostic, which is a mistake or not.
fn assert_reported(cases: &[(&str, &str, &str, bool)]) {
    for (url, lines, says, is_mistake) in cases {
        let environment = Environment::of([("URL", *url)]);
        let dependency = if url.starts_with("amqp") {
            "queue"
        } else {
            "store"
        };
        let text = format!("[{dependency}]\nurl = {{ env = \"URL\" }}\n{lines}\n");

        let found = messages_in(&text, &environment);
        assert!(
            found.len() == 1 && found[0].contains(says),
            "{url} {lines}: {found:?}"
        );
        let parsed = Config::parse(&text, "f", &environment);
        assert_eq!(parsed.is_err(), *is_mistake, "{url} {lines}");
    }
}

const OFF: &str = "tls = \"disable\"";

#[test]
fn tls_to_the_store_that_verifies_nothing_is_reported() {
    let remote = "postgres://db/x";
    assert_reported(&[
        (remote, OFF, "not protected on its way", false),
        (
            "postgres://db/x?sslmode=prefer",
            "",
            "`sslmode=prefer`",
            false,
        ),
        ("postgres://db/x?sslmode=disable", OFF, "in the URL", true),
        (remote, "ca_file = \"/none\"", "cannot be used", true),
    ]);
}

#[test]
fn a_ca_file_without_an_effect_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(
        &ca,
        "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let with_ca = format!("ca_file = \"{}\"", ca.display());
    let only_encrypted = format!("{with_ca}\ntls = \"require\"");
    let without_key = with_ca.replace("ca_file", "client_certificate");

    let nothing = "verifies nothing";
    assert_reported(&[
        ("postgres://db/x", &only_encrypted, nothing, true),
        ("postgres://db/x?sslmode=require", &with_ca, nothing, true),
        ("sqlite:///x.db", &with_ca, "SQLite is a file", true),
        (
            "postgres://db/x",
            &without_key,
            "without `client_key`",
            true,
        ),
        ("amqp://127.0.0.1/%2f", &with_ca, nothing, true),
    ]);
}

#[test]
fn a_broker_without_tls_is_a_mistake_unless_the_config_says_so() {
    let (plain, tls) = ("amqp://mq.example/%2f", "amqps://mq.example/%2f");
    assert_reported(&[
        (plain, "", "travel unencrypted", true),
        (plain, OFF, "not protected on its way", false),
        (tls, OFF, "with an `amqps://` URL", true),
        (tls, "tls = \"require\"", "cannot be \"require\"", true),
    ]);
}

#[test]
fn a_target_without_tls_is_a_mistake_unless_the_config_says_so() {
    let target = |url: &str, lines: &str| with("", lines).replace("https://scim.example.com", url);
    for (url, lines, says, is_mistake) in [
        ("http://scim.example.com", "", "travel unencrypted", true),
        ("http://sandbox:8090", "", "travel unencrypted", true),
        ("http://10.0.0.7", "", "travel unencrypted", true),
        (
            "http://sandbox:8090",
            "tls = \"disable\"",
            "not protected on its way",
            false,
        ),
        (
            "https://scim.example.com",
            "tls = \"disable\"",
            "with an `https` URL",
            true,
        ),
        (
            "https://scim.example.com",
            "proxy = \"socks://x\"",
            "`proxy` cannot be",
            true,
        ),
        (
            "https://scim.example.com",
            "proxy = \"http://u:p@proxy\"",
            "a literal password",
            true,
        ),
    ] {
        let text = target(url, lines);
        let found = messages(&text);
        assert!(
            found.len() == 1 && found[0].contains(says),
            "{url} {lines}: {found:?}"
        );
        assert_eq!(parse(&text).is_err(), is_mistake, "{url} {lines}");
    }
    for url in [
        "http://127.0.0.1:8090",
        "http://localhost:8090",
        "http://[::1]:1",
        "https://x",
    ] {
        assert_eq!(messages(&target(url, "")), [""; 0], "{url}");
    }

    let proxied = target("https://x", "proxy = { env = \"AMQP\" }");
    assert!(messages(&proxied)[0].contains("not the URL of a proxy"));
    let proxied = parse(&target("https://x", "proxy = \"http://proxy:3128\"")).unwrap();
    let settings = proxied.connections["app"]
        .client_settings(std::sync::Arc::new(crate::observer::NoObserver))
        .unwrap();
    let proxy = settings.transport.proxy.unwrap();
    assert_eq!(proxy.expose_secret(), "http://proxy:3128/");
}

#[test]
fn two_listeners_on_one_port_are_a_mistake() {
    for (intake, ops, is_mistake) in [
        ("127.0.0.1:80", "127.0.0.1:80", true),
        ("0.0.0.0:80", "127.0.0.1:80", true),
        ("127.0.0.1:80", "[::]:80", true),
        ("127.0.0.1:80", "127.0.0.2:80", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
        ("127.0.0.1:80", "127.0.0.1:81", false),
    ] {
        let text = format!("[intake]\nlisten = \"{intake}\"\n[ops]\nlisten = \"{ops}\"\n");
        let found = messages(&text);
        assert_eq!(
            found.len(),
            usize::from(is_mistake),
            "{intake} {ops}: {found:?}"
        );
        if is_mistake {
            assert!(found[0].starts_with("4:listen: [intake] and [ops] listen on one port"));
        }
    }

    let default = messages("[intake]\nlisten = \"127.0.0.1:8081\"\n");
    assert!(
        default.len() == 1 && default[0].starts_with("2:listen: "),
        "{default:?}"
    );
}
