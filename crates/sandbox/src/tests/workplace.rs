//! The Workplace dialect, where its samples differ from the RFCs.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::{TestServer, start, user};
use crate::SandboxProfile;
use crate::catalogue::{ENTERPRISE, USER};

const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";

async fn workplace() -> TestServer {
    start(SandboxProfile::Workplace, "").await
}

#[tokio::test]
async fn a_user_agent_is_required_and_errors_are_graph_errors() {
    let server = workplace().await;
    let anonymous = Client::new()
        .get(format!("{}/Users", server.base))
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(anonymous.status(), 400);

    let body: Value = anonymous.json().await.unwrap();
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("User-Agent")
            && body["error"]["code"].is_number()
    );
}

#[tokio::test]
async fn a_user_has_a_numeric_id_a_numeric_manager_id_and_dates() {
    let server = workplace().await;
    let mut body = user("ada@example.com");
    body["schemas"] = json!([USER, ENTERPRISE, DATES]);
    body[ENTERPRISE] = json!({"manager": {"managerId": 1_000}, "department": "Math"});
    body[DATES] = json!({"startDate": 1_700_000_000, "termDate": 0});
    let (status, created) = server.post("/Users", body.clone()).await;
    assert_eq!(status, 201, "{created}");
    assert!(created["id"].as_str().unwrap().parse::<u64>().unwrap() > 100_000_000_000_000);
    assert_eq!(created[DATES]["startDate"], json!(1_700_000_000));

    for (pointer, invalid) in [
        (format!("/{ENTERPRISE}/manager/managerId"), json!("1000")),
        (format!("/{ENTERPRISE}/manager"), json!({"value": "1000"})),
        (format!("/{DATES}/startDate"), json!("2026-01-01")),
        ("/userName".to_owned(), json!("bo")),
        ("/name/formatted".to_owned(), json!("")),
    ] {
        let mut body = body.clone();
        body["userName"] = json!("bo@example.com");
        *body.pointer_mut(&pointer).unwrap() = invalid;
        let (status, response) = server.post("/Users", body).await;
        assert_eq!(
            (status, response["error"].is_object()),
            (400, true),
            "{pointer}"
        );
    }
}

#[tokio::test]
async fn put_is_partial_and_patch_is_supported() {
    let server = workplace().await;
    let ada = server.create_user("ada@example.com").await;
    let (status, replaced) = server
        .send(
            Method::PUT,
            &ada,
            Some(json!({"schemas": [USER], "active": false})),
        )
        .await;
    assert_eq!(
        (status, &replaced["active"], &replaced["userName"]),
        (200, &json!(false), &json!("ada@example.com"))
    );

    let title = server
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
async fn requests_that_the_samples_never_send_are_rejected() {
    let server = workplace().await;
    let ada = server.create_user("ada@example.com").await;
    let (status, response) = server
        .patch(
            &ada,
            json!([{"op": "replace", "path": "active", "value": false}]),
        )
        .await;
    assert_eq!(
        (status, response["error"].is_object()),
        (400, true),
        "PATCH cannot change `active`"
    );

    let (_, set) = server
        .post(
            "/Groups",
            json!({"schemas": [USER], "displayName": "People"}),
        )
        .await;
    let set = format!("/Groups/{}", set["id"].as_str().unwrap());
    let renamed = json!([{"op": "replace", "path": "displayName", "value": "All"}]);
    assert_eq!(
        server.patch(&set, renamed).await.0,
        405,
        "PATCH cannot change a People Set"
    );
    assert_eq!(
        server.get("/Users?filter=title%20eq%20%22x%22").await.0,
        400,
        "only userName and externalId can be in a filter over users"
    );
    assert_eq!(
        server
            .get("/Users?filter=externalId%20eq%20%22x%22")
            .await
            .0,
        200
    );

    let users = format!("{}/Users", server.base);
    let foreign = server
        .client
        .get(&users)
        .bearer_auth("secret")
        .header("accept", "application/scim+json");
    assert_eq!(foreign.send().await.unwrap().status(), 406);

    let body = user("bo@example.com").to_string();
    let foreign = server
        .client
        .post(&users)
        .bearer_auth("secret")
        .header("content-type", "application/scim+json");
    assert_eq!(foreign.body(body).send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn a_user_without_an_e_mail_address_needs_an_external_id() {
    let server = workplace().await;
    let mut body = user("ada@example.com");
    body.as_object_mut().unwrap().remove("userName");
    assert_eq!(server.post("/Users", body.clone()).await.0, 400);
    body["externalId"] = json!("E-1");
    assert_eq!(server.post("/Users", body).await.0, 201);
}

#[tokio::test]
async fn discovery_is_plural_and_a_group_accepts_the_user_urn_and_the_root_is_a_base_url() {
    let server = workplace().await;

    assert_eq!(server.get("/ServiceProviderConfigs").await.0, 200);
    assert_eq!(server.get("/ServiceProviderConfig").await.0, 404);
    assert_eq!(server.get("/Schemas/Users").await.1["id"], json!(USER));

    let ada = server.create_user("ada@example.com").await;
    let number: u64 = ada.trim_start_matches("/Users/").parse().unwrap();
    let set = json!({"schemas": [USER], "displayName": "People", "members": [{"value": number}]});
    let (status, group) = server.post("/Groups", set).await;
    assert_eq!(
        (status, &group["members"][0]["value"]),
        (201, &json!(number.to_string()))
    );

    let at_root = server
        .client
        .get(format!("{}{ada}", server.root))
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(at_root.status(), 200);
}
