//! Every fault, by what a client sees of it.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::super::Fault;
use super::{generic, user};

#[tokio::test]
async fn error_statuses_come_with_retry_after_in_both_forms_and_end_with_their_count() {
    let s = generic("429=1:retry-after=2,503=1:retry-after=60:form=date").await;
    let first = s.try_send(Method::GET, "/Users", None).await.unwrap();
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "2")
    );
    let second = s.try_send(Method::GET, "/Users", None).await.unwrap();
    let date = second.headers()["retry-after"].to_str().unwrap();
    assert!(
        second.status() == 503 && date.ends_with(" GMT") && date.len() == 29,
        "{date}"
    );
    assert_eq!(s.get("/Users").await.0, 200);
}

#[tokio::test]
async fn a_reset_comes_after_the_write_and_down_before_it() {
    let s = generic("reset=1:method=POST").await;
    assert!(
        s.try_send(Method::POST, "/Users", Some(user("ada")))
            .await
            .is_err()
    );
    assert_eq!(s.sandbox.users().len(), 1);
    assert_eq!(s.sandbox.requests()[0].status, 0);
    s.sandbox.set_faults(Fault::parse_list("down").unwrap());
    assert!(
        s.try_send(Method::POST, "/Users", Some(user("bo")))
            .await
            .is_err()
    );
    assert_eq!(s.sandbox.users().len(), 1);
    let switch = s
        .client
        .delete(format!("{}/sandbox/faults", s.root))
        .send()
        .await
        .unwrap();
    assert_eq!(switch.status(), 204, "the switches work while SCIM is down");
    s.user("bo").await;
}

#[tokio::test]
async fn a_late_write_is_applied_after_the_client_gave_up() {
    let s = generic("late=1:ms=150,late=1:ms=1:status=504").await;
    let client = Client::builder()
        .timeout(Duration::from_millis(40))
        .build()
        .unwrap();
    let request = client
        .post(format!("{}/Users", s.base))
        .bearer_auth("secret");
    let request = request
        .header("content-type", "application/json")
        .body(user("ada").to_string());
    assert!(request.send().await.unwrap_err().is_timeout());
    assert!(s.sandbox.users().is_empty());
    until(|| s.sandbox.users().len() == 1).await;
    assert_eq!(s.post("/Users", user("bo")).await.0, 504);
    until(|| s.sandbox.users().len() == 2).await;
}

async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn slow_takes_its_time_and_a_page_of_html_is_no_scim() {
    let s = generic("slow=1:ms=120,html-404=1:after=1").await;
    let begun = Instant::now();
    assert_eq!(s.get("/Users").await.0, 200);
    assert!(begun.elapsed() >= Duration::from_millis(120));
    let page = s.try_send(Method::GET, "/Users", None).await.unwrap();
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn a_lagging_search_hides_new_users_from_lists_but_not_from_their_address() {
    let s = generic("search-lag:ms=60000").await;
    let ada = s.user("ada").await;
    assert_eq!(
        s.get("/Users?filter=userName%20eq%20%22ada%22").await.1["totalResults"],
        json!(0)
    );
    assert_eq!(s.get(&ada).await.0, 200);
    assert_eq!(s.post("/Users", user("ada")).await.0, 409);
    s.sandbox.set_faults(Vec::new());
    assert_eq!(s.get("/Users").await.1["totalResults"], json!(1));
}

#[tokio::test]
async fn conflicts_can_be_bare_or_absent() {
    let s = generic("bare-409=1,no-uniqueness=1:after=1").await;
    s.user("ada").await;
    let (status, body) = s.post("/Users", user("ada")).await;
    assert_eq!((status, body.get("scimType")), (409, None));
    s.user("ada").await;
    assert_eq!(
        s.get("/Users?filter=userName%20eq%20%22ada%22").await.1["totalResults"],
        json!(2)
    );
    assert_eq!(
        s.post("/Users", user("ada")).await.1["scimType"],
        json!("uniqueness")
    );
}

#[tokio::test]
async fn an_ignored_deactivation_is_seen_only_by_reading_back() {
    let s = generic("ignored-deactivation=1").await;
    let ada = s.user("ada").await;
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let (status, body) = s.patch(&ada, off.clone()).await;
    assert_eq!((status, &body["active"]), (200, &json!(false)));
    assert_eq!(s.get(&ada).await.1["active"], json!(true));
    s.patch(&ada, off).await;
    assert_eq!(s.get(&ada).await.1["active"], json!(false));
}

#[tokio::test]
async fn a_refused_value_is_refused_until_it_is_another_one() {
    let s = generic("refuse:attribute=title:filter=title eq \"Astronaut\"").await;
    let ada = s.user("ada").await;
    let title = |title: &str| json!([{"op": "replace", "path": "title", "value": title}]);
    let (status, body) = s.patch(&ada, title("Astronaut")).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidValue")));
    assert!(body["detail"].as_str().unwrap().starts_with("title"));
    assert_eq!(
        s.patch(
            &ada,
            json!([{"op": "add", "path": "nickName", "value": "A"}])
        )
        .await
        .0,
        200
    );
    assert_eq!(s.patch(&ada, title("Pilot")).await.0, 200);
}

#[tokio::test]
async fn faults_are_switched_by_request() {
    let s = generic("").await;
    let url = format!("{}/sandbox/faults", s.root);
    let post = |body: Value| s.client.post(&url).json(&body).send();
    let one: Value = post(json!({"fault": "429", "count": 1, "retryAfter": 2}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(one[0]["text"], json!("429=1:retry-after=2"));
    let text: Value = post(json!({"faults": "down, reset=1"}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(text.as_array().unwrap().len(), 2);
    let gone = s
        .client
        .delete(format!("{url}/{}", text[0]["id"]))
        .send()
        .await
        .unwrap();
    assert_eq!((gone.status().as_u16(), s.sandbox.faults().len()), (204, 1));
    let more: Value = post(json!({"add": "slow"}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        more.as_array().unwrap().len(),
        2,
        "what is on stays on, with its count"
    );
    assert_eq!(
        post(json!({"add": "refuse:attribute=titel"}))
            .await
            .unwrap()
            .status(),
        400
    );
    let wrong = post(json!({"fault": "nope"})).await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("nope"));
}
