//! The sandbox as the target of live tests: a process of its own, with faults from the start or
//! later.
//!
//! A test reads the real state of the sandbox from its page, which no fault affects.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{HirewireProcess, Launch};

/// The bearer token of the sandbox.
pub const TOKEN: &str = "sandbox-token";
const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);
const PAGE_SIZE: usize = 100;

/// A running sandbox; it is killed when this is dropped.
pub struct Sandbox {
    _process: HirewireProcess,
    root: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Sandbox {
    /// Starts a sandbox without users, with these faults (`hirewire sandbox --help` lists them).
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(faults: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--token", TOKEN];
        let mut launch = Launch::new("sandbox", folder.path(), arguments);
        if !faults.is_empty() {
            launch = launch.argument("--faults").argument(faults);
        }

        let mut process = launch.start();
        let line = process.wait_for_line("page ", STARTUP_TIMEOUT).await;
        let root = line
            .split_whitespace()
            .last()
            .expect("an address")
            .trim_end_matches('/')
            .to_owned();

        Self {
            _process: process,
            root,
            http: reqwest::Client::new(),
            _folder: folder,
        }
    }

    /// The value for `base_url` of a connection.
    pub fn base_url(&self) -> String {
        format!("{}/scim/v2/", self.root)
    }

    /// Switches these faults on, and all others off.
    pub async fn set_faults(&self, faults: &str) {
        let response = self
            .http
            .post(format!("{}/sandbox/faults", self.root))
            .bearer_auth(TOKEN)
            .json(&json!({ "faults": faults }))
            .send()
            .await
            .expect("a response");

        assert!(
            response.status().is_success(),
            "{faults}: {}",
            response.status()
        );
    }

    /// All users of the sandbox, of which there must be at most 200.
    pub async fn users(&self) -> Vec<Value> {
        let state = self.state().await;
        let users = state["users"]["newest"].as_array().cloned().expect("users");
        assert_eq!(
            state["users"]["total"],
            users.len(),
            "the page does not show all users"
        );
        users
    }

    /// The external ids of the active users.
    pub async fn active_external_ids(&self) -> Vec<String> {
        self.users()
            .await
            .iter()
            .filter(|user| user["active"] == true)
            .map(external_id)
            .collect()
    }

    /// The external ids of all users, of which there may be any number. Faults affect this list.
    pub async fn list_external_ids(&self) -> Vec<String> {
        let mut external_ids = Vec::new();

        loop {
            let url = format!(
                "{}Users?startIndex={}&count={PAGE_SIZE}&attributes=externalId",
                self.base_url(),
                external_ids.len() + 1
            );
            let request = self.http.get(url).bearer_auth(TOKEN);
            let response = request.send().await.expect("a response");
            let page: Value = response.json().await.expect("JSON");

            let users = page["Resources"].as_array().cloned().unwrap_or_default();
            external_ids.extend(users.iter().map(external_id));
            if users.is_empty() || page["totalResults"] == external_ids.len() {
                return external_ids;
            }
        }
    }

    /// The write requests so far, each as `METHOD PATH STATUS NOTE`: the status is 0 without a
    /// response, and the note names the fault that affected the request.
    pub async fn writes(&self) -> Vec<String> {
        let state = self.state().await;
        let requests = state["requests"]["last"].as_array().expect("requests");

        requests
            .iter()
            .filter(|request| request["method"] != "GET")
            .map(|request| {
                let text = |name: &str| request[name].as_str().unwrap_or_default();
                let status = &request["status"];
                format!(
                    "{} {} {status} {}",
                    text("method"),
                    text("path"),
                    text("note")
                )
                .trim_end()
                .to_owned()
            })
            .collect()
    }

    async fn state(&self) -> Value {
        let url = format!("{}/sandbox/state", self.root);
        let response = self.http.get(url).send().await.expect("a response");
        response.json().await.expect("JSON")
    }
}

fn external_id(user: &Value) -> String {
    user["externalId"].as_str().unwrap_or_default().to_owned()
}
