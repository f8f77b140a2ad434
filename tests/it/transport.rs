//! TLS and proxies of connections, against a TLS server with a certificate of its own authority.
//!
//! The server is `openssl s_server -www`: it is no SCIM service, so `check` that reaches it says so.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::certificates::Certificates;

struct TlsServer {
    process: Child,
    port: u16,
}

impl TlsServer {
    fn start(certificates: &Certificates, more: &[&str]) -> Self {
        let port = free_port();
        let process = Command::new("openssl")
            .args(["s_server", "-www", "-quiet", "-accept", &port.to_string()])
            .arg("-cert")
            .arg(certificates.path("server.pem"))
            .arg("-key")
            .arg(certificates.path("server.key"))
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");

        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "no TLS server");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// State and detail of the connection in `hirewire check`.
fn check(folder: &Path, url: &str, lines: &str, environment: &[(&str, &str)]) -> (String, String) {
    let config = format!(
        "[connections.app]\nbase_url = \"{url}\"\ntoken = {{ env = \"TOKEN\" }}\n\
         limits = {{ timeout = \"5s\" }}\n{lines}\n"
    );
    fs::write(folder.join("hirewire.toml"), config).expect("a config");

    let output = Command::new(env!("CARGO_BIN_EXE_hirewire"))
        .args(["check", "-o", "json"])
        .env("TOKEN", "t0ken")
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .expect("hirewire");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let reports = document["dependencies"].as_array().expect("reports");
    let report = reports
        .iter()
        .find(|report| report["dependency"] == "connection app")
        .unwrap_or_else(|| panic!("no report of the connection: {document:#}"));
    let text = |member: &str| report[member].as_str().unwrap_or_default().to_owned();
    (text("state"), text("detail"))
}

/// The server was reached, and is no SCIM service.
const REACHED: &str = "refused";

#[test]
fn a_certificate_is_verified_with_the_ca_file_and_never_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let server = TlsServer::start(&certificates, &[]);
    let (by_name, by_address) = (
        format!("https://localhost:{}/scim", server.port),
        format!("https://127.0.0.1:{}/scim", server.port),
    );

    for url in [&by_name, &by_address] {
        let (state, detail) = check(folder.path(), url, "ca_file = \"ca.pem\"", &[]);
        assert_eq!(state, REACHED, "{detail}");
        let (state, detail) = check(folder.path(), url, "", &[]);
        assert_eq!(state, "unreachable", "{detail}");
        assert!(detail.contains("certificate"), "{detail}");
    }
    let (state, detail) = check(folder.path(), &by_name, "ca_file = \"client.pem\"", &[]);
    assert_eq!(
        state, "unreachable",
        "another certificate is no authority: {detail}"
    );
}

#[test]
fn a_client_certificate_is_sent_to_a_server_that_asks_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let ca = certificates.path("ca.pem").display().to_string();
    let server = TlsServer::start(
        &certificates,
        &["-Verify", "2", "-verify_return_error", "-CAfile", &ca],
    );
    let url = format!("https://localhost:{}/scim", server.port);

    let with =
        "ca_file = \"ca.pem\"\nclient_certificate = \"client.pem\"\nclient_key = \"client.key\"";
    let (state, detail) = check(folder.path(), &url, with, &[]);
    assert_eq!(state, REACHED, "{detail}");
    let (state, detail) = check(folder.path(), &url, "ca_file = \"ca.pem\"", &[]);
    assert_eq!(state, "unreachable", "{detail}");
}

#[test]
fn a_proxy_comes_from_the_config_and_never_from_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let server = TlsServer::start(&certificates, &[]);
    let url = format!("https://localhost:{}/scim", server.port);
    let nobody = format!("http://127.0.0.1:{}", free_port());

    let variables = [
        ("HTTPS_PROXY", nobody.as_str()),
        ("https_proxy", nobody.as_str()),
        ("ALL_PROXY", nobody.as_str()),
    ];
    let (state, detail) = check(folder.path(), &url, "ca_file = \"ca.pem\"", &variables);
    assert_eq!(state, REACHED, "{detail}");

    let proxied = format!("ca_file = \"ca.pem\"\nproxy = \"{nobody}\"");
    let (state, detail) = check(folder.path(), &url, &proxied, &[]);
    assert_eq!(state, "unreachable", "the proxy does not run: {detail}");
}
