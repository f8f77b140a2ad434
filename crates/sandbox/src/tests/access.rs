//! The access to the sandbox, and the log of a request that is refused.

use super::*;

async fn status(request: reqwest::RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_refused_request_leaves_neither_query_nor_body_in_the_log() {
    let server = generic("").await;
    let url = format!("{}/Users?filter=userName+eq+%22ada%22", server.base);
    let post = || server.client.post(&url).body(user("ada").to_string());

    assert_eq!(status(post().bearer_auth("wrong")).await, 401);
    assert_eq!(status(post()).await, 401);
    let text = post()
        .bearer_auth("secret")
        .header("content-type", "text/plain");
    assert_eq!(status(text).await, 415);
    for request in server.sandbox.requests() {
        assert_eq!((request.path.as_str(), request.body), ("/Users", None));
    }

    server.create_user("ada").await;
    let last = server.sandbox.requests().pop().unwrap();
    assert_eq!(last.body.unwrap()["userName"], "ada");
}

#[tokio::test]
async fn a_large_body_is_processed_and_not_kept() {
    let server = generic("").await;
    let mut large = user("ada");
    large["title"] = json!("x".repeat(70_000));
    assert_eq!(server.post("/Users", large).await.0, 201);
    assert_eq!(server.sandbox.requests()[0].body, None);
}

#[tokio::test]
async fn the_faults_need_the_token_and_page_and_state_do_not() {
    let server = generic("slow").await;
    let faults = format!("{}/sandbox/faults", server.root);
    let http = &server.client;

    for request in [
        http.get(&faults),
        http.delete(&faults),
        http.delete(format!("{faults}/1")),
        http.post(&faults).json(&json!({"faults": ""})),
        http.post(&faults)
            .bearer_auth("wrong")
            .json(&json!({"faults": ""})),
    ] {
        assert_eq!(status(request).await, 401);
    }
    assert_eq!(server.active_faults(), 1);
    assert_eq!(status(http.get(&server.root)).await, 200);
    assert_eq!(
        status(http.get(format!("{}/sandbox/state", server.root))).await,
        200
    );
}

#[tokio::test]
async fn a_site_that_points_its_name_at_the_sandbox_is_refused() {
    let server = generic("").await;
    let open = Sandbox::new(SandboxSettings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unprotected = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(open, listener));

    let get = |url: String, host: &'static str| server.client.get(url).header("host", host);
    for path in ["/", "/sandbox/state", "/sandbox/faults"] {
        let url = format!("{}{path}", server.root);
        assert_eq!(status(get(url, "evil.example")).await, 421, "{path}");
    }
    let users = |root: &str| format!("{root}/scim/v2/Users");
    assert_eq!(status(get(users(&unprotected), "evil.example")).await, 421);
    assert_eq!(status(get(users(&unprotected), "sandbox:8090")).await, 200);
    // The token protects it: a page of a site does not know it.
    let with_token = get(users(&server.root), "scim.acme.example").bearer_auth("secret");
    assert_eq!(status(with_token).await, 200);
}
