//! The sandbox over HTTP, as a client meets it: real sockets, expectations written by hand.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::attributes::{ENTERPRISE, GROUP, USER};
use super::{Fault, Sandbox, SandboxProfile, SandboxSettings};

struct Running {
    sandbox: Sandbox,
    root: String,
    base: String,
    client: Client,
    _stop: DropGuard,
}

async fn start(profile: SandboxProfile, faults: &str) -> Running {
    let faults = Fault::parse_list(faults).unwrap();
    let sandbox = Sandbox::new(SandboxSettings { token: Some("secret".into()), profile, faults });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let (running, token) = (sandbox.clone(), stop.clone());
    tokio::spawn(async move { running.run(listener, token).await });
    let client = Client::builder().user_agent("test").no_proxy().build().unwrap();
    Running { sandbox, base: format!("{root}/scim/v2"), root, client, _stop: stop.drop_guard() }
}

impl Running {
    async fn try_send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth("secret");
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        request.send().await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.try_send(method, path, body).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, operations: Value) -> (u16, Value) {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// A new user's path.
    async fn user(&self, name: &str) -> String {
        let (status, body) = self.post("/Users", user(name)).await;
        assert_eq!(status, 201, "{body}");
        format!("/Users/{}", body["id"].as_str().unwrap())
    }
}

fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "active": true, "name": {"formatted": name}})
}

async fn generic(faults: &str) -> Running {
    start(SandboxProfile::Generic, faults).await
}

#[tokio::test]
async fn a_user_is_created_found_changed_and_deleted() {
    let s = generic("").await;
    let mut body = user("Ada@Example.com");
    body["externalId"] = json!("E-1");
    body["password"] = json!("hidden");
    body["schemas"] = json!([USER, ENTERPRISE]);
    body[ENTERPRISE] = json!({"department": "Math"});
    let created = s.try_send(Method::POST, "/Users", Some(body)).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()["content-type"], "application/scim+json");
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = created.json().await.unwrap();
    assert_eq!(created["meta"]["location"], json!(location));
    assert!(created.get("password").is_none());
    let path = format!("/Users/{}", created["id"].as_str().unwrap());
    assert!(location.ends_with(&path) && location.starts_with(&s.base));

    let (_, list) = s.get("/Users?filter=userName%20eq%20%22ada%40example.COM%22&attributes=userName").await;
    assert_eq!((&list["totalResults"], &list["Resources"][0]["userName"]), (&json!(1), &json!("Ada@Example.com")));
    assert!(list["Resources"][0].get("externalId").is_none());
    assert_eq!(s.get("/Users?filter=externalId+eq+%22E-2%22").await.1["totalResults"], json!(0));

    let (status, patched) = s.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await;
    assert_eq!((status, &patched["active"], &patched[ENTERPRISE]["department"]), (200, &json!(false), &json!("Math")));
    let (status, put) = s.send(Method::PUT, &path, Some(json!({"schemas": [USER], "userName": "ada"}))).await;
    assert_eq!(
        (status, put.get(ENTERPRISE), &put["active"]),
        (200, None, &json!(false)),
        "a PUT without active changes no access"
    );
    assert_eq!(s.send(Method::DELETE, &path, None).await.0, 204);
    let (status, gone) = s.get(&path).await;
    assert_eq!((status, &gone["status"], gone.get("scimType")), (404, &json!("404"), None));
}

#[tokio::test]
async fn a_user_name_is_taken_in_any_case_on_every_way_to_it() {
    let s = generic("").await;
    s.user("ada").await;
    let bo = s.user("bo").await;
    for (status, body) in [
        s.post("/Users", user("ADA")).await,
        s.patch(&bo, json!([{"op": "replace", "path": "userName", "value": "Ada"}])).await,
        s.send(Method::PUT, &bo, Some(user("aDa"))).await,
    ] {
        assert_eq!((status, &body["scimType"]), (409, &json!("uniqueness")));
    }
    assert_eq!(s.patch(&bo, json!([{"op": "replace", "path": "userName", "value": "BO"}])).await.0, 200);
}

#[tokio::test]
async fn patch_is_all_or_nothing() {
    let s = generic("").await;
    let ada = s.user("ada").await;
    let operations = json!([{"op": "add", "path": "title", "value": "x"}, {"op": "add", "path": "nope", "value": "x"}]);
    let (status, body) = s.patch(&ada, operations).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidPath")));
    assert!(s.get(&ada).await.1.get("title").is_none());
}

#[tokio::test]
async fn lists_are_paged_sorted_and_searched_by_post() {
    let s = generic("").await;
    for name in ["b", "c", "a"] {
        s.user(name).await;
    }
    let names = |list: &Value| -> Vec<String> {
        list["Resources"].as_array().unwrap().iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect()
    };
    let (_, page) = s.get("/Users?startIndex=2&count=1").await;
    assert_eq!((&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(names(&page), ["c"]);
    assert_eq!(names(&s.get("/Users?sortBy=userName").await.1), ["a", "b", "c"]);
    assert_eq!(names(&s.get("/Users?sortBy=username&sortOrder=descending&count=2").await.1), ["c", "b"]);
    let (_, none) = s.get("/Users?count=0").await;
    assert_eq!((&none["totalResults"], names(&none).len()), (&json!(3), 0));
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName gt \"a\"", "attributes": ["userName"], "count": 1
    });
    for path in ["/Users/.search", "/.search"] {
        let (status, found) = s.post(path, search.clone()).await;
        assert_eq!((status, &found["totalResults"], names(&found).len()), (200, &json!(2), 1), "{path}");
    }
    let (status, body) = s.get("/Users?filter=nope%20eq%201").await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidFilter")));
}

#[tokio::test]
async fn groups_keep_their_members_and_users_show_their_groups() {
    let s = generic("").await;
    let ada = s.user("ada").await;
    let id = ada.trim_start_matches("/Users/").to_owned();
    let (_, group) = s.post("/Groups", json!({"schemas": [GROUP], "displayName": "Tour"})).await;
    let path = format!("/Groups/{}", group["id"].as_str().unwrap());
    for _ in 0..2 {
        let (status, group) = s.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": id}]}])).await;
        assert_eq!((status, group["members"].as_array().unwrap().len()), (200, 1));
        assert_eq!(group["members"][0]["$ref"], json!(format!("{}{ada}", s.base)));
    }
    assert_eq!(s.get(&ada).await.1["groups"][0]["display"], json!("Tour"));
    assert_eq!(s.get(&format!("/Groups?filter=members.value%20eq%20%22{id}%22")).await.1["totalResults"], json!(1));
    assert!(s.get(&format!("{path}?excludedAttributes=members")).await.1.get("members").is_none());
    let remove = format!("members[value eq \"{id}\"]");
    assert_eq!(s.patch(&path, json!([{"op": "remove", "path": remove}])).await.0, 200);
    assert!(s.get(&ada).await.1.get("groups").is_none());
}

#[tokio::test]
async fn the_token_the_content_type_and_the_method_are_checked() {
    let s = generic("").await;
    let url = format!("{}/Users", s.base);
    let refused = s.client.get(&url).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(refused.headers().contains_key("www-authenticate"));
    assert_eq!(s.client.get(&url).send().await.unwrap().status(), 401);
    let text = s.client.post(&url).bearer_auth("secret").header("content-type", "text/plain").body("{}");
    assert_eq!(text.send().await.unwrap().status(), 415);
    assert_eq!(s.send(Method::PUT, "/Users", Some(json!({}))).await.0, 405);
    assert_eq!(s.get("/Nothing").await.0, 404);
    let (status, body) = s.post("/Users", json!("x")).await;
    assert_eq!((status, &body["scimType"]), (400, &json!("invalidSyntax")));
}

#[tokio::test]
async fn discovery_describes_what_is_enforced() {
    let s = generic("").await;
    assert_eq!(s.get("/ServiceProviderConfig").await.1["patch"]["supported"], json!(true));
    assert_eq!(s.get("/ResourceTypes").await.1["totalResults"], json!(2));
    let (_, schema) = s.get(&format!("/Schemas/{USER}")).await;
    let user_name = schema["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "userName").unwrap().clone();
    assert_eq!((&user_name["caseExact"], &user_name["uniqueness"]), (&json!(false), &json!("server")));
    assert_eq!(s.get("/Schemas?filter=id%20pr").await.0, 403);
}

mod faults {
    use super::*;

    #[tokio::test]
    async fn error_statuses_come_with_retry_after_in_both_forms_and_end_with_their_count() {
        let s = generic("429=1:retry-after=2,503=1:retry-after=60:form=date").await;
        let first = s.try_send(Method::GET, "/Users", None).await.unwrap();
        assert_eq!((first.status().as_u16(), first.headers()["retry-after"].to_str().unwrap()), (429, "2"));
        let second = s.try_send(Method::GET, "/Users", None).await.unwrap();
        let date = second.headers()["retry-after"].to_str().unwrap();
        assert!(second.status() == 503 && date.ends_with(" GMT") && date.len() == 29, "{date}");
        assert_eq!(s.get("/Users").await.0, 200);
    }

    #[tokio::test]
    async fn a_reset_comes_after_the_write_and_down_before_it() {
        let s = generic("reset=1:method=POST").await;
        assert!(s.try_send(Method::POST, "/Users", Some(user("ada"))).await.is_err());
        assert_eq!(s.sandbox.users().len(), 1);
        assert_eq!(s.sandbox.requests()[0].status, 0);
        s.sandbox.set_faults(Fault::parse_list("down").unwrap());
        assert!(s.try_send(Method::POST, "/Users", Some(user("bo"))).await.is_err());
        assert_eq!(s.sandbox.users().len(), 1);
        let switch = s.client.delete(format!("{}/sandbox/faults", s.root)).send().await.unwrap();
        assert_eq!(switch.status(), 204, "the switches work while SCIM is down");
        s.user("bo").await;
    }

    #[tokio::test]
    async fn a_late_write_is_applied_after_the_client_gave_up() {
        let s = generic("late=1:ms=150,late=1:ms=1:status=504").await;
        let client = Client::builder().timeout(Duration::from_millis(40)).build().unwrap();
        let request = client.post(format!("{}/Users", s.base)).bearer_auth("secret");
        let request = request.header("content-type", "application/json").body(user("ada").to_string());
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
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }

    #[tokio::test]
    async fn a_lagging_search_hides_new_users_from_lists_but_not_from_their_address() {
        let s = generic("search-lag:ms=60000").await;
        let ada = s.user("ada").await;
        assert_eq!(s.get("/Users?filter=userName%20eq%20%22ada%22").await.1["totalResults"], json!(0));
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
        assert_eq!(s.get("/Users?filter=userName%20eq%20%22ada%22").await.1["totalResults"], json!(2));
        assert_eq!(s.post("/Users", user("ada")).await.1["scimType"], json!("uniqueness"));
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
        assert_eq!(s.patch(&ada, json!([{"op": "add", "path": "nickName", "value": "A"}])).await.0, 200);
        assert_eq!(s.patch(&ada, title("Pilot")).await.0, 200);
    }

    #[tokio::test]
    async fn faults_are_switched_by_request() {
        let s = generic("").await;
        let url = format!("{}/sandbox/faults", s.root);
        let post = |body: Value| s.client.post(&url).json(&body).send();
        let one: Value =
            post(json!({"fault": "429", "count": 1, "retryAfter": 2})).await.unwrap().json().await.unwrap();
        assert_eq!(one[0]["text"], json!("429=1:retry-after=2"));
        let text: Value = post(json!({"faults": "down, reset=1"})).await.unwrap().json().await.unwrap();
        assert_eq!(text.as_array().unwrap().len(), 2);
        let gone = s.client.delete(format!("{url}/{}", text[0]["id"])).send().await.unwrap();
        assert_eq!((gone.status().as_u16(), s.sandbox.faults().len()), (204, 1));
        let wrong = post(json!({"fault": "nope"})).await.unwrap();
        assert_eq!(wrong.status(), 400);
        assert!(wrong.text().await.unwrap().contains("nope"));
    }
}

mod workplace {
    use super::*;

    const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";

    async fn workplace() -> Running {
        start(SandboxProfile::Workplace, "").await
    }

    #[tokio::test]
    async fn a_user_agent_is_asked_for_and_errors_are_graph_errors() {
        let s = workplace().await;
        let silent = Client::new().get(format!("{}/Users", s.base)).bearer_auth("secret").send().await.unwrap();
        assert_eq!(silent.status(), 400);
        let body: Value = silent.json().await.unwrap();
        assert!(body["error"]["message"].as_str().unwrap().contains("User-Agent") && body["error"]["code"].is_number());
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
            assert_eq!((status, answer["error"].is_object()), (400, true), "{pointer}");
        }
    }

    #[tokio::test]
    async fn put_is_partial_and_patch_is_there() {
        let s = workplace().await;
        let ada = s.user("ada@example.com").await;
        let (status, off) = s.send(Method::PUT, &ada, Some(json!({"schemas": [USER], "active": false}))).await;
        assert_eq!((status, &off["active"], &off["userName"]), (200, &json!(false), &json!("ada@example.com")));
        assert_eq!(
            s.patch(&ada, json!([{"op": "replace", "path": "active", "value": true}])).await.1["active"],
            json!(true)
        );
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
        assert_eq!((status, &group["members"][0]["value"]), (201, &json!(number.to_string())));
        let at_root = s.client.get(format!("{}{ada}", s.root)).bearer_auth("secret").send().await.unwrap();
        assert_eq!(at_root.status(), 200);
    }
}

#[tokio::test]
async fn requests_are_written_down_and_the_page_needs_nothing_from_elsewhere() {
    let s = generic("").await;
    let ada = s.user("ada").await;
    s.patch(&ada, json!([{"op": "replace", "path": "title", "value": 7}])).await;
    let requests = s.sandbox.requests();
    let [post, patch] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((post.method.as_str(), post.path.as_str(), post.status), ("POST", "/Users", 201));
    assert_eq!(post.body.as_ref().unwrap()["userName"], json!("ada"));
    assert_eq!((patch.path.as_str(), patch.status), (ada.as_str(), 400));
    assert!(patch.note.as_ref().unwrap().starts_with("invalidValue: operation 1: title"));

    let page = s.client.get(&s.root).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    let page = page.text().await.unwrap();
    assert!(!page.contains("https://") && !page.contains("/*STYLE*/") && !page.contains("/*SCRIPT*/"));
    let state: Value = s.client.get(format!("{}/sandbox/state", s.root)).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&state["users"]["total"], &state["active"], &state["requests"]["total"]),
        (&json!(1), &json!(1), &json!(2))
    );
}
