//! The actor over the socket is the Unix user that the kernel names. No claim of a client counts.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::{json_of, local_actor};
use crate::installation::Installation;

/// Posts to the socket with headers that claim another actor. Returns the whole answer.
async fn post_as_somebody_else(socket: &Path, path: &str) -> String {
    let body = json!({ "reason": "a header claims to be mallory" }).to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: hirewire\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\
         hirewire-actor: mallory\r\nx-hirewire-actor: mallory\r\nx-remote-user: mallory\r\n\
         x-forwarded-user: mallory\r\nx-forwarded-for: 192.0.2.66\r\n\
         authorization: Bearer mallory\r\n\r\n{body}",
        body.len()
    );
    let mut stream = UnixStream::connect(socket).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");

    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// The actor who paused the connection, as `connections list` shows it.
async fn paused_by(installation: &Installation) -> String {
    let listed = json_of(installation, &["connections", "list", "-o", "json"]).await;
    let by = listed[0]["paused"]["by"].as_str();
    by.expect("it is paused").to_owned()
}

#[tokio::test]
async fn neither_a_header_nor_a_variable_names_the_actor() {
    let installation = Installation::start("apply", "").await;
    let socket = installation.folder.path().join("data/ops.sock");

    let answer = post_as_somebody_else(&socket, "/api/v1/connections/app/pause").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(paused_by(&installation).await, local_actor());

    let variables = [
        ("USER", "mallory"),
        ("LOGNAME", "mallory"),
        ("SUDO_USER", "mallory"),
    ];
    for verb in ["resume", "pause"] {
        let arguments = ["connections", verb, "app", "--yes"];
        let output = installation.run_with(&arguments, &variables).await;
        assert_eq!(output.exit_code, 0, "{output:?}");
    }
    assert_eq!(paused_by(&installation).await, local_actor());
}

#[tokio::test]
async fn a_command_on_the_store_itself_has_the_user_of_its_process() {
    let mut installation = Installation::start("apply", "").await;
    installation.stop_service().await;

    let arguments = ["connections", "pause", "app", "--yes"];
    let output = installation
        .run_with(&arguments, &[("USER", "mallory")])
        .await;
    assert_eq!(output.exit_code, 0, "{output:?}");
    assert_eq!(paused_by(&installation).await, local_actor());
}

/// Only root can be somebody else for a moment.
#[tokio::test]
async fn another_user_of_the_machine_is_named_as_such() {
    let installation = Installation::start("apply", "").await;
    let folder = installation.folder.path();
    let data = folder.join("data");
    let socket = data.join("ops.sock");
    if fs::metadata(&socket).expect("a socket").uid() != 0 {
        return;
    }

    // An administrator opened the socket to others.
    for (path, mode) in [(folder, 0o755), (&data, 0o755), (&socket, 0o666)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }
    let request = "{ \"reason\": \"maintenance\" }";
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--unix-socket"])
        .arg(&socket)
        .args(["--header", "content-type: application/json"])
        .args(["--header", "hirewire-actor: root", "--data", request])
        .arg("http://hirewire/api/v1/connections/app/pause")
        .uid(65_533);
    let output = tokio::task::spawn_blocking(move || curl.output().expect("curl"));
    let output = output.await.expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(paused_by(&installation).await, "local:uid 65533");
}
