//! TLS to the store and to the broker: a real PostgreSQL and a real RabbitMQ, whose certificates an
//! authority of the test issued.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;

use crate::{broker::Broker, certificates::Certificates, postgres::PostgresServer};

/// The reports of `hirewire check`, by dependency: state and detail.
fn check(folder: &Path, config: &str) -> Vec<(String, String, String)> {
    fs::write(folder.join("hirewire.toml"), config).expect("a config");
    let output = Command::new(env!("CARGO_BIN_EXE_hirewire"))
        .args(["check", "-o", "json"])
        .current_dir(folder)
        .output()
        .expect("hirewire");

    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let reports = document["dependencies"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert!(!reports.is_empty(), "{document:#}");
    let text =
        |report: &Value, member: &str| report[member].as_str().unwrap_or_default().to_owned();
    reports
        .iter()
        .map(|report| {
            (
                text(report, "dependency"),
                text(report, "state"),
                text(report, "detail"),
            )
        })
        .collect()
}

fn report_of(folder: &Path, dependency: &str, config: &str) -> (String, String) {
    let reports = check(folder, config);
    let found = reports.iter().find(|(name, ..)| name == dependency);
    let (_, state, detail) = found.unwrap_or_else(|| panic!("no {dependency} in {reports:?}"));
    (state.clone(), detail.clone())
}

#[tokio::test]
async fn the_store_is_verified_with_the_ca_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = PostgresServer::start_with_tls(|certificates| {
        readable_by_postgres(&certificates.path("server.key"));
    })
    .await;
    fs::copy(server.folder().join("ca.pem"), folder.path().join("ca.pem")).expect("a copy");
    let url = server.url();
    let store = |more: &str| format!("[store]\nurl = \"{url}\"\n{more}\n");

    let (state, detail) = report_of(folder.path(), "store", &store("ca_file = \"ca.pem\""));
    assert_eq!(state, "good", "{detail}");
    assert!(
        detail.contains("TLSv1"),
        "it says what TLS it got: {detail}"
    );

    let (state, detail) = report_of(folder.path(), "store", &store("tls = \"verify-full\""));
    assert_eq!(state, "unreachable", "an unknown authority: {detail}");

    let (state, detail) = report_of(folder.path(), "store", &store("tls = \"disable\""));
    assert_eq!(state, "good", "{detail}");
    assert!(detail.contains("not encrypted"), "{detail}");
}

/// PostgreSQL reads a key that belongs to root only if its own group may read it.
fn readable_by_postgres(key: &Path) {
    let is_root = Command::new("chown").arg("root:postgres").arg(key).status();
    let mode = if is_root.is_ok_and(|status| status.success()) {
        0o640
    } else {
        0o600
    };
    fs::set_permissions(key, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[tokio::test]
async fn the_broker_is_verified_and_login_host_and_permissions_are_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let broker = Broker::start_with_tls(&certificates);
    broker.ctl(&["add_user", "limited", "limited"]);
    broker.ctl(&["set_permissions", "limited", "^other", "^other", ".*"]);
    let url =
        |user: &str, host: &str| format!("amqps://{user}@localhost:{}/{host}", broker.tls_port());
    let queue =
        |url: &str, more: &str| format!("[queue]\nurl = {{ env = \"AMQP\" }}\n{more}\n# {url}\n");
    let report = |url: &str, more: &str| {
        fs::write(folder.path().join("hirewire.env"), format!("AMQP={url}\n")).expect("a file");
        report_of(folder.path(), "queue", &queue(url, more))
    };

    let good = url("guest:guest", "%2f");
    let (state, detail) = report(&good, "ca_file = \"ca.pem\"");
    assert_eq!(state, "good", "{detail}");
    assert!(
        detail.contains("TLS") && detail.contains("every permission"),
        "{detail}"
    );

    let (state, detail) = report(&good, "");
    assert_eq!(state, "unreachable", "an unknown authority: {detail}");

    for (login, host, says) in [
        ("guest:wrong", "%2f", "refuses the login"),
        ("guest:guest", "none", "virtual host none"),
        ("limited:limited", "%2f", "a permission is missing"),
    ] {
        let (state, detail) = report(&url(login, host), "ca_file = \"ca.pem\"");
        assert_eq!(state, "refused", "{login} {host}: {detail}");
        assert!(detail.contains(says), "{login} {host}: {detail}");
    }
}
