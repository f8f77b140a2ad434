//! A foreign SCIM application: `scim2-server` from PyPI (`scripts/scim2-server`), strict and
//! without our code.
//!
//! It keeps its users in memory. A test reads them over plain HTTP, not with the client under test.

use std::{path::Path, process::Command, time::Duration};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::{child::Child, ports, waiting::wait_until};

/// The bearer token of the server.
pub const TOKEN: &str = "scim2-server-token";
/// The first start on a machine also installs the server.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(4);
const PAGE_SIZE: usize = 100;

/// A running scim2-server; it is killed when this is dropped.
#[derive(Debug)]
pub struct ScimServer {
    child: Child,
    port: u16,
    http: reqwest::Client,
    _folder: TempDir,
}

impl ScimServer {
    /// Starts a server without users, and waits until it responds.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = ports::free();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/scim2-server");
        let mut command = Command::new(script);
        command.args([&port.to_string(), TOKEN]);

        let mut server = Self {
            child: Child::start("scim2-server", folder.path(), command),
            port,
            http: reqwest::Client::new(),
            _folder: folder,
        };
        wait_until("scim2-server responds", STARTUP_TIMEOUT, async || {
            assert!(
                server.child.exit_status().is_none(),
                "scim2-server does not start: {}",
                server.child.stderr()
            );
            let response = server
                .request(Method::GET, "ServiceProviderConfig")
                .send()
                .await
                .ok()?;
            response.status().is_success().then_some(())
        })
        .await;

        server
    }

    /// The value for `base_url` of a connection.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v2/", self.port)
    }

    /// All users of the server.
    ///
    /// # Panics
    /// If a response is not a SCIM list.
    pub async fn users(&self) -> Vec<Value> {
        let mut users = Vec::new();

        loop {
            let query = format!("Users?startIndex={}&count={PAGE_SIZE}", users.len() + 1);
            let response = self
                .request(Method::GET, &query)
                .send()
                .await
                .expect("a response");
            assert_eq!(response.status(), StatusCode::OK);

            let page: Value = response.json().await.expect("JSON");
            let resources = page["Resources"].as_array().cloned().unwrap_or_default();
            let is_last = resources.is_empty();
            users.extend(resources);
            if is_last || page["totalResults"].as_u64() <= u64::try_from(users.len()).ok() {
                return users;
            }
        }
    }

    /// Creates a user without Hirewire, as an administrator of the application can; returns its id.
    ///
    /// # Panics
    /// If the server rejects the user.
    pub async fn add_user(&self, user: &Value) -> String {
        let response = self
            .request(Method::POST, "Users")
            .json(user)
            .send()
            .await
            .expect("a response");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert_eq!(status, StatusCode::CREATED, "{text}");

        let created: Value = serde_json::from_str(&text).expect("JSON");
        created["id"].as_str().expect("an id").to_owned()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base_url());
        self.http
            .request(method, url)
            .bearer_auth(TOKEN)
            .timeout(Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn users_lists_every_user_of_the_foreign_server() {
        let server = ScimServer::start().await;
        assert_eq!(server.users().await, Vec::<Value>::new());

        let mut created = Vec::new();
        for number in 0..3 {
            let user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("user-{number}@acme.example"),
            });
            created.push(server.add_user(&user).await);
        }

        let mut listed: Vec<_> = server
            .users()
            .await
            .iter()
            .map(|user| user["id"].as_str().map(str::to_owned))
            .collect();
        listed.sort();
        created.sort();
        assert_eq!(listed, created.into_iter().map(Some).collect::<Vec<_>>());
    }
}
