//! `init`, `check`, `sign`, `send` as an operator runs them: the binary, its output, its exit codes.

use std::{
    path::Path,
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What was posted.
type Posted = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Somebody who listens and refuses every third hook.
async fn receiver() -> (String, Posted) {
    async fn hook(
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
    let posted = Posted::default();
    let router = Router::new()
        .route("/hooks/hr", post(hook))
        .with_state((Arc::clone(&posted), Arc::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/hooks/hr"), posted)
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

/// Standard Webhooks, written out here: HMAC-SHA256 of `id.timestamp.body` with the base64 after `whsec_`.
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

fn secret(folder: &Path) -> String {
    let env = std::fs::read_to_string(folder.join("hirewire.env")).expect("the env file");
    let line = env
        .lines()
        .find_map(|line| line.strip_prefix("HR_WEBHOOK_SECRET="));
    line.expect("the secret").to_owned()
}

#[tokio::test]
async fn from_init_to_a_signed_hook() {
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
        !advice.contains(&secret(folder)),
        "the secret is in the env file only"
    );
    assert_eq!(
        hirewire(folder, &["init"]).await.status.code(),
        Some(2),
        "never overwrites"
    );
    let check = hirewire(folder, &["check", "--offline"]).await;
    assert!(check.status.success(), "{}", text(&check.stderr));
    assert_eq!(text(&check.stderr), "");

    std::fs::write(folder.join("body.json"), "{ \"a\":  1 }\n").expect("a file");
    let sign = hirewire(folder, &["sign", "hr", "body.json", "--id", "evt-7"]).await;
    let printed = text(&sign.stdout);
    let value = |name: &str| {
        let line = printed
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {printed}"))
            .to_owned()
    };
    let timestamp = value("webhook-timestamp");
    let expected = signature(&secret(folder), "evt-7", &timestamp, b"{ \"a\":  1 }\n");
    assert_eq!(
        (value("webhook-id").as_str(), value("webhook-signature")),
        ("evt-7", expected)
    );

    let (to, posted) = receiver().await;
    let set = "data.worker.title=Head of Sums";
    let send = hirewire(
        folder,
        &["send", "hr", "--sample", "hired", "--to", &to, "--set", set],
    )
    .await;
    assert!(send.status.success(), "{}", text(&send.stderr));
    assert!(
        text(&send.stdout).starts_with("200 OK") && text(&send.stdout).contains("h-1"),
        "{}",
        text(&send.stdout)
    );
    let (headers, body) = posted.lock().expect("a lock").remove(0);
    let expected = signature(
        &secret(folder),
        header(&headers, "webhook-id"),
        header(&headers, "webhook-timestamp"),
        &body,
    );
    assert_eq!(header(&headers, "webhook-signature"), expected);
    let event: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&event["subject"], &event["data"]["worker"]["title"]),
        (&"E-1001".into(), &"Head of Sums".into())
    );
}

#[tokio::test]
async fn load_is_about_as_many_people_and_tells_what_was_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert!(hirewire(folder, &["init"]).await.status.success());
    let (to, posted) = receiver().await;
    let arguments = [
        "send",
        "hr",
        "--sample",
        "hired",
        "--repeat",
        "9",
        "--concurrency",
        "3",
        "-o",
        "json",
        "--to",
        &to,
    ];
    let send = hirewire(folder, &arguments).await;
    assert_eq!(
        send.status.code(),
        Some(4),
        "done in part: {}",
        text(&send.stderr)
    );
    let summary: serde_json::Value = serde_json::from_slice(&send.stdout).expect("JSON");
    assert_eq!(
        (
            &summary["sent"],
            &summary["accepted"],
            &summary["statuses"]["503"]
        ),
        (&9.into(), &6.into(), &3.into())
    );
    let mut people: Vec<String> = posted
        .lock()
        .expect("a lock")
        .iter()
        .map(|(_, body)| {
            serde_json::from_slice::<serde_json::Value>(body).expect("JSON")["subject"].to_string()
        })
        .collect();
    people.sort();
    people.dedup();
    assert_eq!(people.len(), 9);

    let nobody = hirewire(
        folder,
        &[
            "send",
            "hr",
            "--sample",
            "hired",
            "--to",
            "http://127.0.0.1:9/hooks/hr",
        ],
    )
    .await;
    assert_eq!(nobody.status.code(), Some(3), "{}", text(&nobody.stderr));
    let unknown = hirewire(folder, &["send", "acme", "--sample", "hired"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown.stderr).contains("it has hr"),
        "{}",
        text(&unknown.stderr)
    );
}

#[tokio::test]
async fn check_tells_all_mistakes_with_their_lines_for_people_and_for_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "[intake]\nlistne = \"127.0.0.1:0\"\n[connections.app]\nbase_url = \"https://scim.example.com\"\n\
                  token = \"s3cret-of-mine\"\nwhen = 'worker.tpye == \"employee\"'\n";
    std::fs::write(folder.path().join("hirewire.toml"), config).expect("a file");
    let check = hirewire(folder.path(), &["check", "--offline"]).await;
    assert_eq!(check.status.code(), Some(2));
    let told = text(&check.stderr);
    for part in [
        "hirewire.toml:2:1",
        "did you mean `listen`?",
        "hirewire.toml:5:9",
        "hirewire.toml:6:16",
        "3 mistakes",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(!told.contains("s3cret"), "{told}");
    let check = hirewire(folder.path(), &["check", "--offline", "-o", "json"]).await;
    let document: serde_json::Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!(document["diagnostics"][0]["line"], 2);
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(3));

    let gone =
        "[connections.app]\nbase_url = \"http://127.0.0.1:9\"\ntoken = { file = \"token\" }\n";
    std::fs::write(folder.path().join("hirewire.toml"), gone).expect("a file");
    std::fs::write(folder.path().join("token"), "t").expect("a file");
    let check = hirewire(folder.path(), &["check"]).await;
    assert_eq!(check.status.code(), Some(3), "{}", text(&check.stderr));
    let told = text(&check.stdout);
    assert!(
        told.contains("unreachable  connection app") && told.contains("ok           store"),
        "{told}"
    );

    let migrate = hirewire(folder.path(), &["migrate", "--status"]).await;
    assert!(
        text(&migrate.stdout).starts_with("pending  0001_store\nschema   0 of "),
        "{}",
        text(&migrate.stdout)
    );
    assert!(
        !folder.path().join("hirewire-data").exists(),
        "nothing is written"
    );
    let migrate = hirewire(folder.path(), &["migrate"]).await;
    assert!(migrate.status.success(), "{}", text(&migrate.stderr));
    let migrate = hirewire(folder.path(), &["migrate", "--status", "-o", "json"]).await;
    let document: serde_json::Value = serde_json::from_slice(&migrate.stdout).expect("JSON");
    assert_eq!(
        (&document["pending"], &document["current"]),
        (&serde_json::json!([]), &document["latest"])
    );
}
