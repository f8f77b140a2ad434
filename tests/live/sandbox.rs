//! The sandbox as a target of live tests: a process of its own with faults from the start, or switched while it runs. What
//! it really has is read off its page, past every fault that hides users from a client.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Launch, Running};

/// Its access token.
pub const TOKEN: &str = "sandbox-token";
const START: Duration = Duration::from_mins(1);
/// Users of one page of a list.
const PAGE: usize = 100;

/// A running sandbox, ended when dropped.
pub struct Sandbox {
    _process: Running,
    root: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Sandbox {
    /// An empty one, with these faults (`hirewire sandbox --help` lists them).
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start(faults: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut launch = Launch::new(
            "sandbox",
            folder.path(),
            ["sandbox", "--listen", "127.0.0.1:0"],
        );
        launch = launch.argument("--token").argument(TOKEN);
        if !faults.is_empty() {
            launch = launch.argument("--faults").argument(faults);
        }
        let mut process = launch.start();
        let line = process.line("page ", START).await;
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

    /// Its base URL, as a connection's `base_url` is given.
    pub fn base_url(&self) -> String {
        format!("{}/scim/v2/", self.root)
    }

    /// Switches these faults on, in place of those that are on.
    pub async fn set_faults(&self, faults: &str) {
        let request = self
            .http
            .post(format!("{}/sandbox/faults", self.root))
            .json(&json!({ "faults": faults }));
        let answer = request.send().await.expect("an answer");
        assert!(
            answer.status().is_success(),
            "{faults}: {}",
            answer.status()
        );
    }

    /// The users it has, as long as they are at most 200.
    pub async fn users(&self) -> Vec<Value> {
        let state = self.state().await;
        let users = state["users"]["newest"].as_array().cloned().expect("users");
        assert_eq!(
            state["users"]["total"],
            users.len(),
            "more than its page shows"
        );
        users
    }

    /// Who of them is active, by external id.
    pub async fn active(&self) -> Vec<String> {
        let users = self.users().await;
        let active = users.iter().filter(|user| user["active"] == true);
        active
            .map(|user| user["externalId"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The external ids of everybody it has, however many, as a list shows them.
    pub async fn everybody(&self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let url = format!(
                "{}Users?startIndex={}&count={PAGE}&attributes=externalId",
                self.base_url(),
                all.len() + 1
            );
            let page: Value = self
                .http
                .get(url)
                .bearer_auth(TOKEN)
                .send()
                .await
                .expect("an answer")
                .json()
                .await
                .expect("JSON");
            let users = page["Resources"].as_array().cloned().unwrap_or_default();
            all.extend(
                users
                    .iter()
                    .map(|user| user["externalId"].as_str().unwrap_or_default().to_owned()),
            );
            if users.is_empty() || page["totalResults"] == all.len() {
                return all;
            }
        }
    }

    /// The writes that reached it: method, path, status (0: not answered), and which fault befell them.
    pub async fn writes(&self) -> Vec<String> {
        let state = self.state().await;
        let requests = state["requests"]["last"]
            .as_array()
            .cloned()
            .expect("requests");
        let writes = requests.iter().filter(|request| request["method"] != "GET");
        let text =
            |request: &Value, name: &str| request[name].as_str().unwrap_or_default().to_owned();
        writes
            .map(|request| {
                let (method, path, note) = (
                    text(request, "method"),
                    text(request, "path"),
                    text(request, "note"),
                );
                format!("{method} {path} {} {note}", request["status"])
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    async fn state(&self) -> Value {
        let answer = self
            .http
            .get(format!("{}/sandbox/state", self.root))
            .send()
            .await
            .expect("an answer");
        answer.json().await.expect("JSON")
    }
}
