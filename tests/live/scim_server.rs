//! A foreign SCIM application: `scim2-server` from PyPI (scripts/scim2-server), strict, and no code of ours. Users live
//! in its memory; a test reads them over plain HTTP, not with the client under test.

use std::{path::Path, process::Command, time::Duration};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::{child::Child, ports, waiting::until};

/// Its access token.
pub const TOKEN: &str = "scim2-server-token";
/// The first start on a machine also installs it.
const START: Duration = Duration::from_mins(4);
const PAGE: usize = 100;

/// A running scim2-server, ended when dropped.
#[derive(Debug)]
pub struct ScimServer {
    child: Child,
    port: u16,
    http: reqwest::Client,
    _folder: TempDir,
}

impl ScimServer {
    /// An empty one that answers.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = ports::free();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/scim2-server");
        let mut command = Command::new(script);
        command.args([&port.to_string(), TOKEN]);
        let child = Child::start("scim2-server", folder.path(), command);
        let mut server = Self {
            child,
            port,
            http: reqwest::Client::new(),
            _folder: folder,
        };
        until("scim2-server answers", START, async || {
            assert!(
                server.child.ended().is_none(),
                "scim2-server does not start: {}",
                server.child.stderr()
            );
            let answer = server
                .request(Method::GET, "ServiceProviderConfig")
                .send()
                .await
                .ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        server
    }

    /// Its base URL, as a connection's `base_url` is given.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v2/", self.port)
    }

    /// Every user it has, as it shows them.
    ///
    /// # Panics
    /// If it does not answer as SCIM asks.
    pub async fn users(&self) -> Vec<Value> {
        let mut users = Vec::new();
        loop {
            let query = format!("Users?startIndex={}&count={PAGE}", users.len() + 1);
            let answer = self
                .request(Method::GET, &query)
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            let page: Value = answer.json().await.expect("JSON");
            let resources = page["Resources"].as_array().cloned().unwrap_or_default();
            let last = resources.is_empty();
            users.extend(resources);
            if last || page["totalResults"].as_u64() <= u64::try_from(users.len()).ok() {
                return users;
            }
        }
    }

    /// Makes a user behind Hirewire's back, as an administrator there would, and gives its id.
    ///
    /// # Panics
    /// If the user is refused.
    pub async fn add_user(&self, user: &Value) -> String {
        let answer = self
            .request(Method::POST, "Users")
            .json(user)
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert_eq!(status, StatusCode::CREATED, "{text}");
        let made: Value = serde_json::from_str(&text).expect("JSON");
        made["id"].as_str().expect("an id").to_owned()
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
    async fn the_foreign_server_shows_every_user_it_has() {
        let server = ScimServer::start().await;
        assert_eq!(server.users().await, Vec::<Value>::new());
        let mut made = Vec::new();
        for number in 0..3 {
            let user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("user-{number}@acme.example"),
            });
            made.push(server.add_user(&user).await);
        }
        let mut shown: Vec<_> = server
            .users()
            .await
            .iter()
            .map(|user| user["id"].as_str().map(str::to_owned))
            .collect();
        shown.sort();
        made.sort();
        assert_eq!(shown, made.into_iter().map(Some).collect::<Vec<_>>());
    }
}
