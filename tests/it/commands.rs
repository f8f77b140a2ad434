//! The commands `init`, `check`, `migrate`, `sign` and `send` in a process of their own.
//!
//! The tests check output and exit codes. `send` posts to a receiver in this process; the expected
//! signatures are computed here, without the code under test.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// The posted hooks, oldest first.
type Posted = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Starts a receiver of hooks. It answers every third hook with 503. Returns its URL.
async fn start_receiver() -> (String, Posted) {
    let posted = Posted::default();
    let router = Router::new()
        .route("/hooks/hr", post(receive_hook))
        .with_state((Arc::clone(&posted), Arc::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");

    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/hooks/hr"), posted)
}

async fn receive_hook(
    State((posted, count)): State<(Posted, Arc<AtomicUsize>)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    posted.lock().expect("a lock").push((headers, body));
    if count.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
        return (StatusCode::SERVICE_UNAVAILABLE, "{}");
    }

    (
        StatusCode::OK,
        r#"{"hook":"h-1","accepted":[],"dead_lettered":false}"#,
    )
}

async fn hirewire(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
    command.args(arguments).current_dir(folder).env_clear();

    tokio::task::spawn_blocking(move || command.output().expect("it runs"))
        .await
        .expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .expect("text")
}

/// The signature by Standard Webhooks: HMAC-SHA256 of `id.timestamp.body`. The key is the base64
/// text after `whsec_`.
fn signature(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").expect("whsec_"))
        .expect("base64");

    let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    let mac = mac
        .chain_update(format!("{id}.{timestamp}."))
        .chain_update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Reads the webhook secret that `init` wrote.
fn webhook_secret(folder: &Path) -> String {
    let env = std::fs::read_to_string(folder.join("hirewire.env")).expect("the env file");
    let line = env
        .lines()
        .find_map(|line| line.strip_prefix("HR_WEBHOOK_SECRET="));
    line.expect("the secret").to_owned()
}

#[tokio::test]
async fn init_check_sign_and_send_work_in_this_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let init = hirewire(folder, &["init"]).await;
    assert!(init.status.success(), "{}", text(&init.stderr));
    let advice = text(&init.stdout);
    assert!(
        advice.contains("/hooks/hr") && advice.contains("hirewire check"),
        "{advice}"
    );
    assert!(
        !advice.contains(&webhook_secret(folder)),
        "init prints the secret"
    );
    assert_eq!(
        hirewire(folder, &["init"]).await.status.code(),
        Some(2),
        "a second init overwrites files"
    );

    let check = hirewire(folder, &["check", "--offline"]).await;
    assert!(check.status.success(), "{}", text(&check.stderr));
    assert_eq!(text(&check.stderr), "");

    assert_sign_prints_the_signature(folder).await;
    assert_send_posts_a_signed_sample(folder).await;
}

async fn assert_sign_prints_the_signature(folder: &Path) {
    let body = "{ \"a\":  1 }\n";
    std::fs::write(folder.join("body.json"), body).expect("a file");
    let sign = hirewire(folder, &["sign", "hr", "body.json", "--id", "evt-7"]).await;

    let printed = text(&sign.stdout);
    let timestamp = printed_header(&printed, "webhook-timestamp");
    let secret = webhook_secret(folder);
    let expected = signature(&secret, "evt-7", timestamp, body.as_bytes());
    assert_eq!(printed_header(&printed, "webhook-id"), "evt-7");
    assert_eq!(printed_header(&printed, "webhook-signature"), expected);
}

fn printed_header<'a>(printed: &'a str, name: &str) -> &'a str {
    printed
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")))
        .unwrap_or_else(|| panic!("no {name} in {printed}"))
}

async fn assert_send_posts_a_signed_sample(folder: &Path) {
    let (url, posted) = start_receiver().await;
    let change = "data.worker.title=Head of Sums";
    let arguments = [
        "send", "hr", "--sample", "hired", "--to", &url, "--set", change,
    ];
    let send = hirewire(folder, &arguments).await;
    assert!(send.status.success(), "{}", text(&send.stderr));
    let printed = text(&send.stdout);
    assert!(
        printed.starts_with("200 OK") && printed.contains("h-1"),
        "{printed}"
    );

    let (headers, body) = posted.lock().expect("a lock").remove(0);
    let expected = signature(
        &webhook_secret(folder),
        header(&headers, "webhook-id"),
        header(&headers, "webhook-timestamp"),
        &body,
    );
    assert_eq!(header(&headers, "webhook-signature"), expected);

    let event: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(event["subject"], "E-1001");
    assert_eq!(event["data"]["worker"]["title"], "Head of Sums");
}

#[tokio::test]
async fn send_repeat_posts_distinct_workers_and_counts_refusals() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert!(hirewire(folder, &["init"]).await.status.success());
    let (url, posted) = start_receiver().await;

    let sample = ["send", "hr", "--sample", "hired", "--to", &url];
    let load = ["--repeat", "9", "--concurrency", "3", "-o", "json"];
    let send = hirewire(folder, &[sample, load].concat()).await;
    assert_eq!(
        send.status.code(),
        Some(4),
        "done in part: {}",
        text(&send.stderr)
    );
    let summary: Value = serde_json::from_slice(&send.stdout).expect("JSON");
    assert_eq!(
        (
            &summary["sent"],
            &summary["accepted"],
            &summary["statuses"]["503"]
        ),
        (&json!(9), &json!(6), &json!(3))
    );

    let hooks = posted.lock().expect("a lock");
    let workers: BTreeSet<String> = hooks.iter().map(|(_, body)| subject_of(body)).collect();
    assert_eq!(workers.len(), 9);
}

fn subject_of(body: &Bytes) -> String {
    serde_json::from_slice::<Value>(body).expect("JSON")["subject"].to_string()
}

#[tokio::test]
async fn send_reports_an_unreachable_url_and_an_unknown_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert!(hirewire(folder, &["init"]).await.status.success());

    let closed_port = "http://127.0.0.1:9/hooks/hr";
    let arguments = ["send", "hr", "--sample", "hired", "--to", closed_port];
    let unreachable = hirewire(folder, &arguments).await;
    assert_eq!(
        unreachable.status.code(),
        Some(3),
        "{}",
        text(&unreachable.stderr)
    );

    let unknown = hirewire(folder, &["send", "acme", "--sample", "hired"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown.stderr).contains("it has hr"),
        "{}",
        text(&unknown.stderr)
    );
}

#[tokio::test]
async fn check_reports_every_mistake_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "[intake]\nlistne = \"127.0.0.1:0\"\n\
                  [connections.app]\nbase_url = \"https://scim.example.com\"\n\
                  token = \"s3cret-of-mine\"\nwhen = 'worker.tpye == \"employee\"'\n";
    std::fs::write(folder.path().join("hirewire.toml"), config).expect("a file");

    let check = hirewire(folder.path(), &["check", "--offline"]).await;
    assert_eq!(check.status.code(), Some(2));
    let report = text(&check.stderr);
    for part in [
        "hirewire.toml:2:1",
        "did you mean `listen`?",
        "hirewire.toml:5:9",
        "hirewire.toml:6:16",
        "3 mistakes",
    ] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
    assert!(!report.contains("s3cret"), "{report}");

    let check = hirewire(folder.path(), &["check", "--offline", "-o", "json"]).await;
    let document: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!(document["diagnostics"][0]["line"], 2);
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(3));
}

/// `scripts/proof-servers` runs them against the servers; here each stays valid.
#[tokio::test]
async fn the_configs_of_the_servers_from_the_registries_have_no_mistake() {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
    let mut checked = 0;

    for folder in std::fs::read_dir(servers).expect("a folder") {
        let folder = folder.expect("an entry").path();
        let check = hirewire(&folder, &["check", "--offline", "-o", "json"]).await;
        let report: Value = serde_json::from_slice(&check.stdout).expect("JSON");

        // The secrets are set when the proof runs.
        let found = report["diagnostics"].as_array().expect("a list");
        for diagnostic in found {
            let title = diagnostic["title"].as_str().unwrap_or_default();
            let is_secret = title.ends_with("is not set");
            assert!(is_secret, "{}: {diagnostic}", folder.display());
        }
        assert!(check.status.success(), "{}: {report}", folder.display());
        checked += 1;
    }
    assert!(checked >= 5, "{checked} servers");
}

#[tokio::test]
async fn check_and_migrate_status_report_without_writing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config =
        "[connections.app]\nbase_url = \"http://127.0.0.1:9\"\ntoken = { file = \"token\" }\n";
    std::fs::write(folder.path().join("hirewire.toml"), config).expect("a file");
    std::fs::write(folder.path().join("token"), "t").expect("a file");

    let check = hirewire(folder.path(), &["check"]).await;
    assert_eq!(check.status.code(), Some(3), "{}", text(&check.stderr));
    let report = text(&check.stdout);
    assert!(
        report.contains("unreachable  connection app") && report.contains("ok           store"),
        "{report}"
    );

    let status = hirewire(folder.path(), &["migrate", "--status"]).await;
    assert!(
        text(&status.stdout).starts_with("pending  0001_store\nschema   0 of "),
        "{}",
        text(&status.stdout)
    );
    assert!(
        !folder.path().join("hirewire-data").exists(),
        "check or migrate --status wrote the data directory"
    );

    let migrate = hirewire(folder.path(), &["migrate"]).await;
    assert!(migrate.status.success(), "{}", text(&migrate.stderr));
    let status = hirewire(folder.path(), &["migrate", "--status", "-o", "json"]).await;
    let document: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(document["pending"], json!([]));
    assert_eq!(document["current"], document["latest"]);
}
