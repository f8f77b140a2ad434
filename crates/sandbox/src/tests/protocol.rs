//! The protocol of RFC 7644, the request log and the page.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{TestServer, generic, user};
use crate::catalogue::{ENTERPRISE, GROUP, USER};

/// Creates Ada with attributes of both schemas; returns the response.
async fn create_ada(server: &TestServer) -> reqwest::Response {
    let mut body = user("Ada@Example.com");
    body["externalId"] = json!("E-1");
    body["password"] = json!("hidden");
    body["schemas"] = json!([USER, ENTERPRISE]);
    body[ENTERPRISE] = json!({"department": "Math"});

    server
        .try_send(Method::POST, "/Users", Some(body))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_created_user_has_a_location_and_is_found_by_its_user_name() {
    let server = generic("").await;

    let response = create_ada(&server).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["content-type"], "application/scim+json");

    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = response.json().await.unwrap();
    assert_eq!(created["meta"]["location"], json!(location));
    assert!(created.get("password").is_none());
    let path = format!("/Users/{}", created["id"].as_str().unwrap());
    assert!(location.ends_with(&path) && location.starts_with(&server.base));

    let (_, list) = server
        .get("/Users?filter=userName%20eq%20%22ada%40example.COM%22&attributes=userName")
        .await;
    assert_eq!(
        (&list["totalResults"], &list["Resources"][0]["userName"]),
        (&json!(1), &json!("Ada@Example.com"))
    );
    assert!(list["Resources"][0].get("externalId").is_none());
    assert_eq!(
        server.get("/Users?filter=externalId+eq+%22E-2%22").await.1["totalResults"],
        json!(0)
    );
}

#[tokio::test]
async fn a_user_can_be_patched_replaced_and_deleted() {
    let server = generic("").await;
    let created: Value = create_ada(&server).await.json().await.unwrap();
    let path = format!("/Users/{}", created["id"].as_str().unwrap());

    let deactivate = json!([{"op": "replace", "path": "active", "value": false}]);
    let (status, patched) = server.patch(&path, deactivate).await;
    assert_eq!((status, &patched["active"]), (200, &json!(false)));
    assert_eq!(patched[ENTERPRISE]["department"], json!("Math"));

    let replacement = json!({"schemas": [USER], "userName": "ada"});
    let (status, replaced) = server.send(Method::PUT, &path, Some(replacement)).await;
    assert_eq!(
        (status, replaced.get(ENTERPRISE), &replaced["active"]),
        (200, None, &json!(false)),
        "a PUT without `active` keeps it"
    );

    assert_eq!(server.send(Method::DELETE, &path, None).await.0, 204);
    let (status, body) = server.get(&path).await;
    assert_eq!(
        (status, &body["status"], body.get("scimType")),
        (404, &json!("404"), None)
    );
}

#[tokio::test]
async fn a_user_name_is_unique_in_any_case_for_post_put_and_patch() {
    let server = generic("").await;

    server.create_user("ada").await;
    let bo = server.create_user("bo").await;
    for (status, body) in [
        server.post("/Users", user("ADA")).await,
        server
            .patch(
                &bo,
                json!([{"op": "replace", "path": "userName", "value": "Ada"}]),
            )
            .await,
        server.send(Method::PUT, &bo, Some(user("aDa"))).await,
    ] {
        assert_eq!((status, &body["scimType"]), (409, &json!("uniqueness")));
    }
    assert_eq!(
        server
            .patch(
                &bo,
                json!([{"op": "replace", "path": "userName", "value": "BO"}])
            )
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_failed_operation_undoes_the_whole_patch() {
    let server = generic("").await;
    let ada = server.create_user("ada").await;
    let operations = json!([
        {"op": "add", "path": "title", "value": "x"},
        {"op": "add", "path": "nope", "value": "x"}
    ]);
    let (status, body) = server.patch(&ada, operations).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidPath")));
    assert!(server.get(&ada).await.1.get("title").is_none());
}

#[tokio::test]
async fn lists_support_paging_sorting_and_search_by_post() {
    let server = generic("").await;

    for name in ["b", "c", "a"] {
        server.create_user(name).await;
    }

    let names = |list: &Value| -> Vec<String> {
        list["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["userName"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, page) = server.get("/Users?startIndex=2&count=1").await;
    assert_eq!(
        (
            &page["totalResults"],
            &page["startIndex"],
            &page["itemsPerPage"]
        ),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(names(&page), ["c"]);
    assert_eq!(
        names(&server.get("/Users?sortBy=userName").await.1),
        ["a", "b", "c"]
    );
    assert_eq!(
        names(
            &server
                .get("/Users?sortBy=username&sortOrder=descending&count=2")
                .await
                .1
        ),
        ["c", "b"]
    );

    let (_, none) = server.get("/Users?count=0").await;
    assert_eq!((&none["totalResults"], names(&none).len()), (&json!(3), 0));

    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName gt \"a\"", "attributes": ["userName"], "count": 1
    });
    for path in ["/Users/.search", "/.search"] {
        let (status, found) = server.post(path, search.clone()).await;
        assert_eq!(
            (status, &found["totalResults"], names(&found).len()),
            (200, &json!(2), 1),
            "{path}"
        );
    }

    let (status, body) = server.get("/Users?filter=nope%20eq%201").await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidFilter")));
}

#[tokio::test]
async fn a_group_has_its_members_once_and_a_user_shows_its_groups() {
    let server = generic("").await;
    let ada = server.create_user("ada").await;
    let id = ada.trim_start_matches("/Users/").to_owned();
    let (_, group) = server
        .post(
            "/Groups",
            json!({"schemas": [GROUP], "displayName": "Tour"}),
        )
        .await;
    let path = format!("/Groups/{}", group["id"].as_str().unwrap());
    for _ in 0..2 {
        let (status, group) = server
            .patch(
                &path,
                json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
            )
            .await;
        assert_eq!(
            (status, group["members"].as_array().unwrap().len()),
            (200, 1)
        );
        assert_eq!(
            group["members"][0]["$ref"],
            json!(format!("{}{ada}", server.base))
        );
    }
    assert_eq!(
        server.get(&ada).await.1["groups"][0]["display"],
        json!("Tour")
    );
    assert_eq!(
        server
            .get(&format!("/Groups?filter=members.value%20eq%20%22{id}%22"))
            .await
            .1["totalResults"],
        json!(1)
    );
    assert!(
        server
            .get(&format!("{path}?excludedAttributes=members"))
            .await
            .1
            .get("members")
            .is_none()
    );

    let remove = format!("members[value eq \"{id}\"]");
    assert_eq!(
        server
            .patch(&path, json!([{"op": "remove", "path": remove}]))
            .await
            .0,
        200
    );
    assert!(server.get(&ada).await.1.get("groups").is_none());
}

#[tokio::test]
async fn a_wrong_token_content_type_or_method_is_rejected() {
    let server = generic("").await;
    let url = format!("{}/Users", server.base);
    let rejected = server
        .client
        .get(&url)
        .bearer_auth("wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(rejected.status(), 401);
    assert!(rejected.headers().contains_key("www-authenticate"));
    assert_eq!(server.client.get(&url).send().await.unwrap().status(), 401);

    let text = server
        .client
        .post(&url)
        .bearer_auth("secret")
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(text.send().await.unwrap().status(), 415);
    assert_eq!(
        server.send(Method::PUT, "/Users", Some(json!({}))).await.0,
        405
    );
    assert_eq!(server.get("/Nothing").await.0, 404);

    let (status, body) = server.post("/Users", json!("x")).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidSyntax")));
}

#[tokio::test]
async fn discovery_describes_the_enforced_schema() {
    let server = generic("").await;

    assert_eq!(
        server.get("/ServiceProviderConfig").await.1["patch"]["supported"],
        json!(true)
    );
    assert_eq!(
        server.get("/ResourceTypes").await.1["totalResults"],
        json!(2)
    );

    let (_, schema) = server.get(&format!("/Schemas/{USER}")).await;
    let user_name = schema["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["name"] == "userName")
        .unwrap()
        .clone();
    assert_eq!(
        (&user_name["caseExact"], &user_name["uniqueness"]),
        (&json!(false), &json!("server"))
    );
    assert_eq!(server.get("/Schemas?filter=id%20pr").await.0, 403);
}

#[tokio::test]
async fn requests_are_logged_with_their_body_and_the_reason_of_an_error() {
    let server = generic("").await;
    let ada = server.create_user("ada").await;
    let wrong_type = json!([{"op": "replace", "path": "title", "value": 7}]);
    server.patch(&ada, wrong_type).await;

    let requests = server.sandbox.requests();
    let [post, patch] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (post.method.as_str(), post.path.as_str(), post.status),
        ("POST", "/Users", 201)
    );
    assert_eq!(post.body.as_ref().unwrap()["userName"], json!("ada"));
    assert_eq!((patch.path.as_str(), patch.status), (ada.as_str(), 400));
    let note = patch.note.as_ref().unwrap();
    assert!(
        note.starts_with("invalidValue: operation 1: title"),
        "{note}"
    );
}

#[tokio::test]
async fn the_page_loads_no_foreign_content_and_its_state_counts_users_and_requests() {
    let server = generic("").await;
    let ada = server.create_user("ada").await;
    server.get(&ada).await;

    let page = server.client.get(&server.root).send().await.unwrap();
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    let page = page.text().await.unwrap();
    for foreign in ["https://", "/*STYLE*/", "/*SCRIPT*/"] {
        assert!(!page.contains(foreign), "{foreign}");
    }

    let url = format!("{}/sandbox/state", server.root);
    let response = server.client.get(url).send().await.unwrap();
    let state: Value = response.json().await.unwrap();
    assert_eq!(
        (&state["users"]["total"], &state["active"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(state["requests"]["total"], json!(2));
}
