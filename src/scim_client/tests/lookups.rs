//! Lookups by match keys, probes and groups, against scripted lists.

use super::*;

#[tokio::test]
async fn a_listed_user_counts_only_if_it_has_the_value_of_the_key() {
    let ada = json!({"id": "1", "userName": "ADA@x", "externalId": "e-1"});
    let server = ScriptedServer::default()
        .then(list(&json!([ada])))
        .then(list(&json!([ada, {"id": "2", "userName": "bob@x"}])));

    let client = server.client().await;
    let found = client
        .find(&[
            key("externalId", "E-1"),
            key("userName", "ada@X"),
            key("nickName", "a"),
        ])
        .await
        .unwrap();
    let Lookup::One(user) = found else {
        panic!("{found:?}")
    };
    assert_eq!(
        (user.id.as_str(), user.matched_by),
        ("1", vec![AttributePath::parse("userName").unwrap()])
    );
    assert_eq!(
        server.lines()[0],
        "GET /scim/v2/Users?filter=externalId%20eq%20%22E-1%22"
    );
}

#[tokio::test]
async fn different_users_by_different_keys_are_several() {
    let server = ScriptedServer::default()
        .then(list(&json!([{"id": "1", "externalId": "E-1"}])))
        .then(list(
            &json!([{"id": "2", "emails": [{"type": "work", "value": "Ada@x"}]}]),
        ));

    let found = server
        .client()
        .await
        .find(&[key("externalId", "E-1"), key("emails.work", "ada@x")])
        .await
        .unwrap();
    assert!(
        matches!(&found, Lookup::Several(users) if users.len() == 2),
        "{found:?}"
    );
}

/// The paths of the refused keys, if nobody was found.
fn refused(found: &Lookup) -> Vec<&str> {
    match found {
        Lookup::NotFound { refused, .. } => refused.iter().map(|key| key.path.as_str()).collect(),
        Lookup::One(_) | Lookup::Several(_) => panic!("{found:?}"),
    }
}

/// A list of one user, by whom a filter can be tried.
fn eve() -> String {
    list(&json!([{"id": "1", "userName": "eve"}]))
}

#[tokio::test]
async fn a_key_that_the_target_cannot_filter_by_is_reported_and_the_others_are_tried() {
    let server = ScriptedServer::default()
        .then((StatusCode::BAD_REQUEST, "invalidFilter"))
        .then(list(&json!([])));

    let keys = [key("externalId", "E-1"), key("userName", "ada")];
    let found = server.client().await.find(&keys).await.unwrap();
    assert_eq!(refused(&found), ["externalId"]);
}

#[tokio::test]
async fn a_value_path_falls_back_to_a_plain_filter() {
    let user = json!([{"id": "1", "emails": [{"value": "Ada@X"}]}]);
    let server = ScriptedServer::default()
        .then((StatusCode::BAD_REQUEST, "invalidFilter"))
        .then(list(&user));

    let found = server
        .client()
        .await
        .find(&[key("emails.work", "ada@x")])
        .await;
    assert!(matches!(found, Ok(Lookup::One(user)) if user.id == "1"));
    assert_eq!(
        server.lines()[1],
        "GET /scim/v2/Users?filter=emails.value%20eq%20%22ada%40x%22"
    );
}

#[tokio::test]
async fn a_filter_that_fails_again_and_again_counts_as_refused_if_users_can_be_listed() {
    let broken = || {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "java.lang.NullPointerException",
        )
    };
    let server = ScriptedServer::default()
        .then(broken())
        .then(broken())
        .then(broken())
        .then(list(&json!([])));

    let client = server.client().await;
    let keys = [key("externalId", "E-1")];
    assert!(client.find(&keys).await.is_err());
    assert!(client.find(&keys).await.is_err());
    assert_eq!(refused(&client.find(&keys).await.unwrap()), ["externalId"]);
}

#[tokio::test]
async fn a_404_to_a_filter_is_nobody_if_users_can_be_listed() {
    let scim_404 = (
        StatusCode::NOT_FOUND,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#,
    );
    let server = ScriptedServer::default().then(scim_404).then(eve());
    let keys = [key("userName", "ada")];
    let found = server.client().await.find(&keys).await.unwrap();
    assert_eq!(refused(&found), [""; 0]);

    // Without a SCIM error, the filter must find a user that is listed.
    let works = ScriptedServer::default()
        .then(StatusCode::NOT_FOUND)
        .then(eve())
        .then(list(&json!([{"id": "1", "userName": "eve"}])));
    let found = works.client().await.find(&keys).await.unwrap();
    assert_eq!(refused(&found), [""; 0]);

    let fails = ScriptedServer::default()
        .then(StatusCode::NOT_FOUND)
        .then(eve())
        .then(StatusCode::NOT_FOUND);
    let found = fails.client().await.find(&keys).await.unwrap();
    assert_eq!(refused(&found), ["userName"]);

    let wrong_url = ScriptedServer::default()
        .then(StatusCode::NOT_FOUND)
        .then(StatusCode::NOT_FOUND);
    let failure = wrong_url.client().await.find(&keys).await.unwrap_err();
    assert_eq!(answered(&failure), (404, false, None));
}

#[tokio::test]
async fn a_target_that_ignores_the_filter_is_read_page_by_page() {
    let page = |id: u64| {
        let user = json!({"id": id.to_string(), "userName": format!("u{id}")});
        json!({"totalResults": 3, "Resources": [user]}).to_string()
    };
    let server = ScriptedServer::default()
        .then(page(1))
        .then(page(2))
        .then(page(3));

    let found = server
        .client()
        .await
        .find(&[key("userName", "u3")])
        .await
        .unwrap();
    assert!(
        matches!(&found, Lookup::One(user) if user.id == "3"),
        "{found:?}"
    );
    assert_eq!(
        server.lines()[2],
        "GET /scim/v2/Users?filter=userName%20eq%20%22u3%22&startIndex=3"
    );
}

#[tokio::test]
async fn a_user_that_was_found_counts_although_the_total_counts_everybody() {
    let ada = json!({"id": "1", "userName": "ada"});
    let page = json!({"totalResults": 31, "Resources": [ada]}).to_string();
    let server = ScriptedServer::default()
        .then(page.clone())
        .then(page)
        .then(json!({"totalResults": 31, "Resources": []}).to_string());

    let client = server.client().await;
    let found = client.find(&[key("userName", "ada")]).await.unwrap();
    assert!(
        matches!(&found, Lookup::One(user) if user.id == "1"),
        "{found:?}"
    );
    let found = client.find(&[key("userName", "bob")]).await.unwrap();
    assert_eq!(refused(&found), [""; 0]);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_list_is_read_in_the_odd_forms_that_targets_send() {
    let ada = json!({"id": "1", "userName": "J\u{fc}rgen@x"});
    let server = ScriptedServer::default()
        .then(json!([ada]).to_string())
        .then(ada.to_string())
        .then(json!([]).to_string())
        .then(
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]}).to_string(),
        )
        .then(json!({"error": "no such filter"}).to_string());

    let client = server.client().await;
    let keys = [key("userName", "ju\u{308}rgen@x")];
    for _ in 0..2 {
        let found = client.find(&keys).await.unwrap();
        assert!(
            matches!(&found, Lookup::One(user) if user.id == "1"),
            "{found:?}"
        );
    }
    for _ in 0..2 {
        let found = client.find(&keys).await.unwrap();
        assert_eq!(refused(&found), [""; 0]);
    }
    assert!(client.find(&keys).await.is_err());
}

#[tokio::test]
async fn a_probe_only_reads_and_uses_changed_credentials() {
    let server = ScriptedServer::default()
        .then(StatusCode::UNAUTHORIZED)
        .then(list(&json!([])))
        .then(StatusCode::BAD_GATEWAY)
        .then((StatusCode::OK, "<html>login"))
        .then(StatusCode::NOT_FOUND);

    let client = server.client().await;
    assert_eq!(client.probe_target().await, Probe::Refused);

    assert!(!client.set_credentials(Credentials::Token("s3cret".into())));
    assert!(client.set_credentials(Credentials::Basic {
        user: "u".into(),
        password: "p".into()
    }));
    assert_eq!(client.probe_target().await, Probe::Accepted);
    assert_eq!(server.received()[1].headers["authorization"], "Basic dTpw");

    assert_eq!(client.probe_target().await, Probe::Down);
    assert_eq!(client.probe_target().await, Probe::WrongTarget);
    assert_eq!(client.service_provider_config().await, Ok(None));

    assert!(server.lines().iter().all(|line| line.starts_with("GET ")));
    assert!(!format!("{client:?}").contains("s3cret"));
}

#[tokio::test]
async fn groups_match_by_exact_name_and_members_are_read_from_the_group() {
    let server = ScriptedServer::default()
        .then(list(
            &json!([{"id": "g1", "displayName": "Ops"}, {"id": "g2", "displayName": "ops"}]),
        ))
        .then(json!({"id": "g1", "members": [{"value": "u1"}]}).to_string())
        .then(json!({"id": "g1"}).to_string())
        .then(StatusCode::NO_CONTENT)
        .then(StatusCode::NO_CONTENT);

    let client = server.client().await;
    assert_eq!(client.find_group("Ops").await.unwrap(), ["g1"]);
    let reading = client.read_group("g1", "u1").await.unwrap().unwrap();
    assert_eq!(reading.is_member, Some(true));
    let reading = client.read_group("g1", "u1").await.unwrap().unwrap();
    assert_eq!(reading.is_member, None);
    client.change_members("g1", &["u2"], &["u1"]).await.unwrap();

    let bodies: Vec<String> = server
        .received()
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert!(
        bodies[3].contains(r#""path":"members[value eq \"u1\"]""#),
        "{}",
        bodies[3]
    );
    assert!(bodies[4].contains(r#"[{"value":"u2"}]"#), "{}", bodies[4]);
}
