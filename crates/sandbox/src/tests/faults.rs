//! Each fault, as a client experiences it.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::{generic, user};
use crate::Fault;

#[tokio::test]
async fn an_error_status_has_retry_after_in_either_form_and_ends_after_its_count() {
    let server = generic("429=1:retry-after=2,503=1:retry-after=60:form=date").await;
    let first = server.try_send(Method::GET, "/Users", None).await.unwrap();
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "2")
    );

    let second = server.try_send(Method::GET, "/Users", None).await.unwrap();
    let date = second.headers()["retry-after"].to_str().unwrap();
    assert!(
        second.status() == 503 && date.ends_with(" GMT") && date.len() == 29,
        "{date}"
    );
    assert_eq!(server.get("/Users").await.0, 200);
}

#[tokio::test]
async fn reset_applies_the_write_and_down_does_not() {
    let server = generic("reset=1:method=POST").await;

    assert!(
        server
            .try_send(Method::POST, "/Users", Some(user("ada")))
            .await
            .is_err()
    );
    assert_eq!(server.sandbox.users().len(), 1);
    assert_eq!(server.sandbox.requests()[0].status, 0);

    server
        .sandbox
        .set_faults(Fault::parse_list("down").unwrap());
    assert!(
        server
            .try_send(Method::POST, "/Users", Some(user("bo")))
            .await
            .is_err()
    );
    assert_eq!(server.sandbox.users().len(), 1);

    let cleared = server
        .client
        .delete(format!("{}/sandbox/faults", server.root))
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(
        cleared.status(),
        204,
        "the fault switches work while SCIM is down"
    );

    server.create_user("bo").await;
}

#[tokio::test]
async fn a_late_write_is_applied_after_the_client_disconnects() {
    let server = generic("late=1:ms=150,late=1:ms=1:status=504").await;
    let client = Client::builder()
        .timeout(Duration::from_millis(40))
        .build()
        .unwrap();
    let request = client
        .post(format!("{}/Users", server.base))
        .bearer_auth("secret");
    let request = request
        .header("content-type", "application/json")
        .body(user("ada").to_string());
    assert!(request.send().await.unwrap_err().is_timeout());
    assert!(server.sandbox.users().is_empty());

    wait_until(|| server.sandbox.users().len() == 1).await;
    assert_eq!(server.post("/Users", user("bo")).await.0, 504);

    wait_until(|| server.sandbox.users().len() == 2).await;
}

async fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn slow_delays_the_response_and_html_404_is_an_html_page() {
    let server = generic("slow=1:ms=120,html-404=1:after=1").await;
    let started = Instant::now();
    assert_eq!(server.get("/Users").await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(120));

    let page = server.try_send(Method::GET, "/Users", None).await.unwrap();
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn search_lag_hides_a_new_user_from_lists_but_not_from_a_get_by_id() {
    let server = generic("search-lag:ms=60000").await;
    let ada = server.create_user("ada").await;
    assert_eq!(
        server
            .get("/Users?filter=userName%20eq%20%22ada%22")
            .await
            .1["totalResults"],
        json!(0)
    );
    assert_eq!(server.get(&ada).await.0, 200);
    assert_eq!(server.post("/Users", user("ada")).await.0, 409);

    server.sandbox.set_faults(Vec::new());
    assert_eq!(server.get("/Users").await.1["totalResults"], json!(1));
}

#[tokio::test]
async fn bare_409_omits_the_scim_type_and_no_uniqueness_allows_a_duplicate() {
    let server = generic("bare-409=1,no-uniqueness=1:after=1").await;

    server.create_user("ada").await;
    let (status, body) = server.post("/Users", user("ada")).await;
    assert_eq!((status, body.get("scimType")), (409, None));

    server.create_user("ada").await;
    assert_eq!(
        server
            .get("/Users?filter=userName%20eq%20%22ada%22")
            .await
            .1["totalResults"],
        json!(2)
    );
    assert_eq!(
        server.post("/Users", user("ada")).await.1["scimType"],
        json!("uniqueness")
    );
}

#[tokio::test]
async fn an_ignored_deactivation_shows_only_in_a_later_get() {
    let server = generic("ignored-deactivation=1").await;
    let ada = server.create_user("ada").await;
    let deactivate = json!([{"op": "replace", "path": "active", "value": false}]);
    let (status, body) = server.patch(&ada, deactivate.clone()).await;
    assert_eq!((status, &body["active"]), (200, &json!(false)));
    assert_eq!(server.get(&ada).await.1["active"], json!(true));

    server.patch(&ada, deactivate).await;
    assert_eq!(server.get(&ada).await.1["active"], json!(false));
}

#[tokio::test]
async fn refuse_rejects_a_matching_value_and_accepts_another_one() {
    let server = generic("refuse:attribute=title:filter=title eq \"Astronaut\"").await;
    let ada = server.create_user("ada").await;
    let set_title = |title: &str| json!([{"op": "replace", "path": "title", "value": title}]);
    let (status, body) = server.patch(&ada, set_title("Astronaut")).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidValue")));
    assert!(body["detail"].as_str().unwrap().starts_with("title"));
    assert_eq!(
        server
            .patch(
                &ada,
                json!([{"op": "add", "path": "nickName", "value": "A"}])
            )
            .await
            .0,
        200
    );
    assert_eq!(server.patch(&ada, set_title("Pilot")).await.0, 200);
}

#[tokio::test]
async fn faults_are_switched_over_http() {
    let server = generic("").await;
    let url = format!("{}/sandbox/faults", server.root);
    let post = |body: Value| {
        let request = server.client.post(&url).bearer_auth("secret");
        request.json(&body).send()
    };
    let active: Value = post(json!({"fault": "429", "count": 1, "retryAfter": 2}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(active[0]["text"], json!("429=1:retry-after=2"));

    let replaced: Value = post(json!({"faults": "down, reset=1"}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(replaced.as_array().unwrap().len(), 2);

    let removed = server
        .client
        .delete(format!("{url}/{}", replaced[0]["id"]))
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (removed.status().as_u16(), server.active_faults()),
        (204, 1)
    );

    let added: Value = post(json!({"add": "slow"}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        added.as_array().unwrap().len(),
        2,
        "`add` keeps the faults that are on"
    );
    assert_eq!(
        post(json!({"add": "refuse:attribute=titel"}))
            .await
            .unwrap()
            .status(),
        400
    );

    let invalid = post(json!({"fault": "nope"})).await.unwrap();
    assert_eq!(invalid.status(), 400);
    assert!(invalid.text().await.unwrap().contains("nope"));
}
