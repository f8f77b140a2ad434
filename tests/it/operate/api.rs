//! The API over TCP: bearer tokens and their roles.

use hirewire_core::event::ContentDigest;
use reqwest::{Client, Method};
use serde_json::json;

use super::{assert_failure, hired, json_of, run, run_as, success};
use crate::installation::Installation;

/// In the order of their rights: each role may call the routes of the roles before it.
const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

/// Builds the `[[ops.tokens]]` entries: `token-of-ROLE` for each role.
fn token_entries() -> String {
    let entry = |role: &str| {
        let hash = ContentDigest::of(format!("token-of-{role}").as_bytes());
        format!("[[ops.tokens]]\nname = \"the {role}\"\nrole = \"{role}\"\nhash = \"{hash}\"\n")
    };
    ROLES.map(entry).concat()
}

#[tokio::test]
async fn each_role_calls_its_routes_and_an_unknown_token_calls_none() {
    let installation = Installation::start("apply", &token_entries()).await;
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    installation.wait_for_outcome("E-1", "created").await;

    // Method, path, and the index in ROLES of the least role.
    let routes = [
        (Method::GET, "/api/v1/people/E-1", 0),
        (Method::GET, "/api/v1/people?q=E-1", 0),
        (Method::GET, "/api/v1/people-list?search=ada", 0),
        (Method::GET, "/api/v1/dead-letters", 0),
        (Method::GET, "/api/v1/connections", 0),
        (Method::POST, "/api/v1/connections/app/test", 0),
        (Method::POST, "/api/v1/dead-letters/replay", 1),
        (Method::POST, "/api/v1/connections/app/pause", 1),
        (Method::POST, "/api/v1/connections/app/resume", 1),
        (Method::POST, "/api/v1/connections/app/apply", 2),
    ];
    for (method, path, least_role) in &routes {
        let url = format!("{}{path}", installation.ops_url);
        assert_roles_from(*least_role, method, &url).await;
        assert_unknown_tokens_are_refused(method, &url).await;
    }

    assert_commands_need_a_token(&installation).await;
}

#[tokio::test]
async fn metrics_come_in_the_format_that_the_scraper_asks_for() {
    let installation = Installation::start("apply", "").await;
    let url = format!("{}/metrics", installation.ops_url);
    for (accept, kind, ends) in [
        (
            "text/plain;version=0.0.4",
            "text/plain; version=0.0.4",
            false,
        ),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text",
            true,
        ),
        ("*/*", "application/openmetrics-text", true),
    ] {
        let answer = Client::new()
            .get(&url)
            .header("accept", accept)
            .send()
            .await;
        let answer = answer.expect("an answer");
        let content_type = answer.headers()["content-type"]
            .to_str()
            .expect("text")
            .to_owned();
        let text = answer.text().await.expect("a body");
        assert!(content_type.starts_with(kind), "{accept}: {content_type}");
        assert_eq!(text.ends_with("# EOF\n"), ends, "{accept}");
        let family = if ends {
            "hirewire_build "
        } else {
            "hirewire_build_info "
        };
        assert!(
            text.contains(&format!("# TYPE {family}")) || ends,
            "{accept}: {text}"
        );
    }
}

async fn assert_roles_from(least_role: usize, method: &Method, url: &str) {
    for (rank, role) in ROLES.into_iter().enumerate() {
        let answer = Client::new()
            .request(method.clone(), url)
            .bearer_auth(format!("token-of-{role}"))
            .json(&json!({ "cause": "conflict", "dry_run": true }))
            .send()
            .await
            .expect("an answer");
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).cloned();
        assert_eq!(
            (header("cache-control"), header("x-content-type-options")),
            (
                Some("no-store".parse().expect("a value")),
                Some("nosniff".parse().expect("a value"))
            ),
            "{url}"
        );
        let body = answer.text().await.expect("a body");

        if rank < least_role {
            assert_eq!(status, 403, "{role} {method} {url}: {body}");
            assert!(body.contains("this needs the role"), "{body}");
        } else {
            assert!(status < 400, "{role} {method} {url}: {status} {body}");
        }
    }
}

async fn assert_unknown_tokens_are_refused(method: &Method, url: &str) {
    for token in [None, Some("token-of-nobody"), Some("")] {
        let mut request = Client::new().request(method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }

        let answer = request.json(&json!({})).send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{token:?} {method} {url}");
    }
}

/// Runs commands with `--server`, as on another machine.
async fn assert_commands_need_a_token(installation: &Installation) {
    let server = installation.ops_url.as_str();
    let list = ["connections", "list", "--server", server, "-o", "jsonl"];
    let without_token = run(installation, &list).await;
    assert_failure(&without_token, 2, "a token of [[ops.tokens]] is needed");
    let as_viewer = run_as(installation, &list, "token-of-viewer").await;
    assert_eq!(success(as_viewer).lines().count(), 1);

    let pause = ["connections", "pause", "app", "--yes", "--server", server];
    let as_viewer = run_as(installation, &pause, "token-of-viewer").await;
    assert_failure(&as_viewer, 2, "this needs the role operator");
    let as_operator = run_as(installation, &pause, "token-of-operator").await;
    assert_eq!(success(as_operator), "connection app is paused\n");

    let listed = json_of(installation, &["connections", "list", "-o", "json"]).await;
    assert_eq!(listed[0]["paused"]["by"], "the operator");
}

#[tokio::test]
async fn without_tokens_the_api_is_not_served_over_tcp() {
    let installation = Installation::start("apply", "").await;
    for (path, expected) in [
        ("/api/v1/people/E-1", 404),
        ("/api/v1/connections", 404),
        ("/api/v1/tail", 404),
        ("/livez", 200),
        ("/readyz", 200),
        ("/metrics", 200),
    ] {
        let mut request = Client::new().get(format!("{}{path}", installation.ops_url));
        if expected == 404 {
            request = request.bearer_auth("any");
        }

        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), expected, "{path}");
    }
}
