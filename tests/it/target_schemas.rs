//! `hirewire check` compares a mapping with the schemas of its target: a fake target, as data.

use std::{fs, path::Path, process::Command};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

/// The answer of a target to `/Schemas`; to everything else it is an empty list of users.
#[derive(Clone)]
struct Answer {
    status: u16,
    body: String,
}

async fn answer(State(answer): State<Answer>, request: Request) -> Response {
    let status = StatusCode::from_u16(answer.status).expect("a status");
    match request.uri().path() {
        "/Schemas" => (status, answer.body).into_response(),
        "/Users" => r#"{"totalResults": 0, "Resources": []}"#.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn start_target(status: u16, body: impl ToString) -> String {
    let body = body.to_string();
    let router = Router::new()
        .fallback(answer)
        .with_state(Answer { status, body });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The rules that the tests are about stand in the lines 8 and 9.
fn write_config(folder: &Path, url: &str) {
    let text = format!(
        "data_dir = \"data\"\n[connections.app]\nbase_url = \"{url}\"\n\
         token = {{ env = \"TOKEN\" }}\nlimits = {{ timeout = \"5s\" }}\n\
         [connections.app.mapping]\ndisplayName = false\n\
         nickName = \"worker.id\"\n\
         \"urn:acme:scim:2.0:User:costCod\" = \"worker.id\"\n"
    );
    fs::write(folder.join("hirewire.toml"), text).expect("a config");
}

/// Exit code, stdout and stderr of `hirewire check`.
async fn check(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hirewire"));
    command
        .arg("check")
        .args(arguments)
        .env_clear()
        .env("TOKEN", "t0ken")
        .current_dir(folder);
    let output = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    let output = output.await.expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("a code");
    (code, text(output.stdout), text(output.stderr))
}

/// Schemas that contradict the two rules of the config and no rule of the profile.
fn schemas() -> Vec<Value> {
    let simple = |name: &str| json!({ "name": name, "type": "string", "multiValued": false });
    let listed = |name: &str| json!({ "name": name, "type": "complex", "multiValued": true });
    let names = [
        "userName",
        "title",
        "userType",
        "timezone",
        "locale",
        "preferredLanguage",
    ];
    let mut attributes: Vec<Value> = names.map(simple).to_vec();
    attributes.extend(["nickNames", "displayName"].map(simple));
    attributes.extend(["emails", "phoneNumbers", "addresses"].map(listed));
    attributes.extend([
        json!({ "name": "name", "type": "complex", "multiValued": false }),
        json!({ "name": "active", "type": "boolean", "multiValued": false }),
    ]);
    vec![
        json!({ "id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": attributes }),
        json!({ "id": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" }),
        json!({ "id": "urn:acme:scim:2.0:User", "attributes": [simple("costCode")] }),
    ]
}

#[tokio::test]
async fn a_rule_that_the_target_does_not_list_is_a_warning_under_the_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = json!({ "totalResults": 3, "Resources": schemas() });
    let url = start_target(200, &list).await;
    write_config(folder.path(), &url);

    let (code, stdout, stderr) = check(folder.path(), &[]).await;
    assert_eq!(code, 0, "a warning stops nothing: {stdout}{stderr}");
    assert!(
        stdout.contains("its schemas have 2 differences"),
        "{stdout}"
    );
    for part in [
        "warning: `nickName` of [connections.app.mapping] is not as the target lists it",
        "hirewire.toml:8:1",
        "^^^^^^^^ the target's schema of users has no `nickName`; did you mean `nickNames`?",
        "hirewire.toml:9:1",
        "has no `costCod`; did you mean `costCode`?",
    ] {
        assert!(stderr.contains(part), "{part} is not in\n{stderr}");
    }

    let (_, stdout, _) = check(folder.path(), &["-o", "json"]).await;
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    let found = document["diagnostics"].as_array().expect("diagnostics");
    let lines: Vec<_> = found.iter().map(|one| &one["line"]).collect();
    assert_eq!(lines, [&json!(8), &json!(9)], "{document}");
    assert!(found.iter().all(|one| one["severity"] == "warning"));

    // Offline nothing is asked.
    let (code, _, stderr) = check(folder.path(), &["--offline"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
}

#[tokio::test]
async fn a_target_without_usable_schemas_is_as_good_as_one_with_them() {
    let core_alone = json!({ "id": "urn:ietf:params:scim:schemas:core:2.0:User" });
    let page = json!({ "totalResults": 900, "Resources": [core_alone] });
    let huge = format!("[\"{}\"]", "x".repeat(9 << 20));
    let deep = "[".repeat(100_000);
    for (status, body, note) in [
        (404, "<html>".to_owned(), "publishes no schemas"),
        (501, String::new(), "publishes no schemas"),
        (405, "{}".to_owned(), "publishes no schemas"),
        (
            403,
            "{}".to_owned(),
            "its schemas cannot be read (status 403)",
        ),
        (
            500,
            "{}".to_owned(),
            "its schemas cannot be read (status 500)",
        ),
        (200, "<html>".to_owned(), "its schemas cannot be read"),
        (200, "{}".to_owned(), "its schemas cannot be read"),
        (
            200,
            "[1, null, {\"id\": 7}]".to_owned(),
            "its schemas cannot be read",
        ),
        (200, huge, "its schemas cannot be read"),
        (200, deep, "its schemas cannot be read"),
        (
            200,
            core_alone.to_string(),
            "its schemas do not describe users",
        ),
        (200, page.to_string(), "its schemas do not describe users"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let url = start_target(status, &body).await;
        write_config(folder.path(), &url);

        let (code, stdout, stderr) = check(folder.path(), &[]).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(
            (code, stderr.as_str()),
            (0, ""),
            "{status} {shown}: {stdout}"
        );
        assert!(stdout.contains(note), "{status} {shown}: {stdout}");
    }
}
