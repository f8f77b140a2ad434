//! The Workplace dialect, by the oddities that its samples show.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::super::SandboxProfile;
use super::super::attributes::{ENTERPRISE, USER};
use super::{Running, start, user};

const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";

async fn workplace() -> Running {
    start(SandboxProfile::Workplace, "").await
}

#[tokio::test]
async fn a_user_agent_is_asked_for_and_errors_are_graph_errors() {
    let s = workplace().await;
    let silent = Client::new()
        .get(format!("{}/Users", s.base))
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(silent.status(), 400);
    let body: Value = silent.json().await.unwrap();
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("User-Agent")
            && body["error"]["code"].is_number()
    );
}

#[tokio::test]
async fn its_users_have_numeric_ids_managers_and_dates() {
    let s = workplace().await;
    let mut body = user("ada@example.com");
    body["schemas"] = json!([USER, ENTERPRISE, DATES]);
    body[ENTERPRISE] = json!({"manager": {"managerId": 1_000}, "department": "Math"});
    body[DATES] = json!({"startDate": 1_700_000_000, "termDate": 0});
    let (status, made) = s.post("/Users", body.clone()).await;
    assert_eq!(status, 201, "{made}");
    assert!(made["id"].as_str().unwrap().parse::<u64>().unwrap() > 100_000_000_000_000);
    assert_eq!(made[DATES]["startDate"], json!(1_700_000_000));
    for (pointer, wrong) in [
        (format!("/{ENTERPRISE}/manager/managerId"), json!("1000")),
        (format!("/{ENTERPRISE}/manager"), json!({"value": "1000"})),
        (format!("/{DATES}/startDate"), json!("2026-01-01")),
        ("/userName".to_owned(), json!("bo")),
        ("/name/formatted".to_owned(), json!("")),
    ] {
        let mut body = body.clone();
        body["userName"] = json!("bo@example.com");
        *body.pointer_mut(&pointer).unwrap() = wrong;
        let (status, answer) = s.post("/Users", body).await;
        assert_eq!(
            (status, answer["error"].is_object()),
            (400, true),
            "{pointer}"
        );
    }
}

#[tokio::test]
async fn put_is_partial_and_patch_is_there() {
    let s = workplace().await;
    let ada = s.user("ada@example.com").await;
    let (status, off) = s
        .send(
            Method::PUT,
            &ada,
            Some(json!({"schemas": [USER], "active": false})),
        )
        .await;
    assert_eq!(
        (status, &off["active"], &off["userName"]),
        (200, &json!(false), &json!("ada@example.com"))
    );
    let title = s
        .patch(
            &ada,
            json!([{"op": "replace", "path": "title", "value": "Fellow"}]),
        )
        .await;
    assert_eq!(
        (title.0, &title.1["title"], &title.1["active"]),
        (200, &json!("Fellow"), &json!(false))
    );
}

#[tokio::test]
async fn what_the_samples_never_do_is_refused() {
    let s = workplace().await;
    let ada = s.user("ada@example.com").await;
    let (status, answer) = s
        .patch(
            &ada,
            json!([{"op": "replace", "path": "active", "value": false}]),
        )
        .await;
    assert_eq!(
        (status, answer["error"].is_object()),
        (400, true),
        "active is changed by PUT"
    );
    let (_, set) = s
        .post(
            "/Groups",
            json!({"schemas": [USER], "displayName": "People"}),
        )
        .await;
    let set = format!("/Groups/{}", set["id"].as_str().unwrap());
    let renamed = json!([{"op": "replace", "path": "displayName", "value": "All"}]);
    assert_eq!(
        s.patch(&set, renamed).await.0,
        405,
        "People Sets know no PATCH"
    );
    assert_eq!(
        s.get("/Users?filter=title%20eq%20%22x%22").await.0,
        400,
        "users are found by userName or externalId"
    );
    assert_eq!(
        s.get("/Users?filter=externalId%20eq%20%22x%22").await.0,
        200
    );
    let users = format!("{}/Users", s.base);
    let foreign = s
        .client
        .get(&users)
        .bearer_auth("secret")
        .header("accept", "application/scim+json");
    assert_eq!(foreign.send().await.unwrap().status(), 406);
    let body = user("bo@example.com").to_string();
    let foreign = s
        .client
        .post(&users)
        .bearer_auth("secret")
        .header("content-type", "application/scim+json");
    assert_eq!(foreign.body(body).send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn a_person_without_an_e_mail_address_has_an_external_id() {
    let s = workplace().await;
    let mut body = user("ada@example.com");
    body.as_object_mut().unwrap().remove("userName");
    assert_eq!(s.post("/Users", body.clone()).await.0, 400);
    body["externalId"] = json!("E-1");
    assert_eq!(s.post("/Users", body).await.0, 201);
}

#[tokio::test]
async fn discovery_is_plural_groups_take_the_users_urn_and_the_root_is_a_base_too() {
    let s = workplace().await;
    assert_eq!(s.get("/ServiceProviderConfigs").await.0, 200);
    assert_eq!(s.get("/ServiceProviderConfig").await.0, 404);
    assert_eq!(s.get("/Schemas/Users").await.1["id"], json!(USER));
    let ada = s.user("ada@example.com").await;
    let number: u64 = ada.trim_start_matches("/Users/").parse().unwrap();
    let set = json!({"schemas": [USER], "displayName": "People", "members": [{"value": number}]});
    let (status, group) = s.post("/Groups", set).await;
    assert_eq!(
        (status, &group["members"][0]["value"]),
        (201, &json!(number.to_string()))
    );
    let at_root = s
        .client
        .get(format!("{}{ada}", s.root))
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(at_root.status(), 200);
}
