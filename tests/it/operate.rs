//! What operators do: look, mend, replay, hold a connection; over the socket, over TCP by role, and with no service running.

use hirewire::{
    queue::{Hook, Message, Payload, UnreadableEnvelope},
    store::{Store, StoreSettings},
};
use hirewire_core::event::{ContentDigest, HookId, IdDerivation, ParsedEvent, SourceId};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    installation::{Installation, PATIENCE, Said},
    waiting::wait_until,
};

/// A hire; the application may refuse one title.
fn hired(given: &str, title: &str) -> Value {
    json!({ "worker": {
        "name": { "given": given, "family": "Lovelace" }, "title": title,
        "work_email": format!("{}@acme.example", given.to_lowercase()),
    } })
}

const REFUSED: &str = "refuse:attribute=title:filter=title eq \"Astronaut\"";

/// Runs an operator's command, with the log that one sees by itself.
async fn ask(all: &Installation, arguments: &[&str]) -> Said {
    ask_with(all, arguments, None).await
}

/// The same, with a token.
async fn ask_with(all: &Installation, arguments: &[&str], token: Option<&str>) -> Said {
    let token = token.map(|token| ("HIREWIRE_TOKEN", token));
    let variables: Vec<_> = std::iter::once(("HIREWIRE_LOG", "warn"))
        .chain(token)
        .collect();
    all.run_with(arguments, &variables).await
}

/// That it went well, and what it printed.
fn well(said: Said) -> String {
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    said.out
}

/// That each of these stands in a text, in this order.
fn tells(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part:?} is not told (any more) in:\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

/// The ids of the open letters.
async fn letters(all: &Installation) -> Vec<String> {
    let listed = well(ask(all, &["dead-letters", "list", "-o", "jsonl"]).await);
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).expect("JSON")["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    listed.lines().map(id).collect()
}

/// Waits until so many letters are open.
async fn letters_are(all: &Installation, count: usize) -> Vec<String> {
    wait_until(&format!("{count} letters are open"), PATIENCE, async || {
        let letters = letters(all).await;
        (letters.len() == count).then_some(letters)
    })
    .await
}

#[tokio::test]
async fn a_refused_hire_is_understood_foreseen_mended_and_replayed() {
    let all = Installation::start("apply", "").await;
    assert_eq!(
        well(ask(&all, &["dead-letters", "list", "-o", "table"]).await),
        "no dead letter is open\n"
    );
    assert_eq!(letters(&all).await, Vec::<String>::new());

    all.faults(REFUSED).await;
    all.post("1", "hired", "E-1", &hired("Ada", "Astronaut"))
        .await;
    all.post("2", "hired", "E-2", &hired("Bob", "Engineer"))
        .await;
    all.reconciled("E-2", "created").await;
    let letter = letters_are(&all, 1).await.remove(0);

    let listed = well(ask(&all, &["dead-letters", "list", "-o", "table"]).await);
    tells(
        &listed,
        &[
            "ID",
            "CAUSE",
            "ABOUT",
            "FILED",
            "COUNT",
            "SUMMARY",
            &letter,
            "refused",
            "app, person",
        ],
    );
    let shown = well(ask(&all, &["dead-letters", "show", &letter, "-o", "table"]).await);
    tells(
        &shown,
        &["id", &letter, "cause", "refused", "about", "detail", "400"],
    );
    let shown = well(ask(&all, &["people", "show", "acme/E-1", "-o", "table"]).await);
    tells(
        &shown,
        &[
            "person  ",
            "aliases acme/E-1",
            "status  active",
            "employments",
            "events",
            "hired",
            "-> at once",
            "accounts",
        ],
    );
    tells(
        &shown,
        &[
            "no user is bound",
            "desired: active; last outcome: dead_letter",
            "history",
            "dead_letter",
            "dead letter ",
            &letter,
        ],
    );
    // By filter, by its key, and whose there is none.
    assert_eq!(
        well(ask(&all, &["dlq", "list", "--cause", "conflict"]).await),
        ""
    );
    assert_eq!(
        well(ask(&all, &["dlq", "list", "--person", "E-1"]).await)
            .lines()
            .count(),
        1
    );
    assert_eq!(
        well(ask(&all, &["dlq", "list", "--connection", "app"]).await)
            .lines()
            .count(),
        1
    );
    for (missing, told) in [
        (["people", "show", "E-9"], "nobody is known as `E-9`"),
        (["dead-letters", "show", "NONE"], "NONE"),
    ] {
        let said = ask(&all, &missing).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(
            said.err.starts_with("hirewire: ") && said.err.contains(told),
            "{said:?}"
        );
    }

    // What would be sent, with the title that HR has corrected: nothing is written by asking.
    let before = all.state().await["requests"]["last"].clone();
    let correction = crate::installation::event("3", "hired", "E-1", &hired("Ada", "Engineer"));
    std::fs::write(all.folder.path().join("event.json"), correction.to_string()).expect("a file");
    let foreseen = well(ask(&all, &["preview", "event.json", "-o", "table"]).await);
    tells(
        &foreseen,
        &[
            "E-1 on app: status active, desired access active",
            "POST /Users",
            "\"title\": \"Engineer\"",
            "\"userName\": \"ada@acme.example\"",
        ],
    );
    let asked = all.state().await["requests"]["last"].clone();
    let writes = |log: &Value| {
        let all = log.as_array().expect("requests").iter();
        all.filter(|request| request["method"] != "GET").count()
    };
    assert_eq!(writes(&asked), writes(&before), "a preview wrote");
    let other = ask(&all, &["preview", "event.json", "--connection", "nowhere"]).await;
    assert_eq!(other.code, 1, "{other:?}");
    assert!(
        other
            .err
            .contains("no connection is named `nowhere` (there are: app)"),
        "{other:?}"
    );

    // Which ones, whether it is meant, and what it would do.
    let said = ask(&all, &["dead-letters", "replay", "--yes"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err
            .contains("no dead letter is selected: give ids, or --connection"),
        "{said:?}"
    );
    let said = ask(&all, &["dead-letters", "replay", &letter]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err
            .contains("without a terminal, add --yes to replay 1 dead letter"),
        "{said:?}"
    );
    let said = well(
        ask(
            &all,
            &["dead-letters", "replay", "--cause", "refused", "--dry-run"],
        )
        .await,
    );
    assert_eq!(said, "would replay 1 dead letter\n");
    let said = well(
        ask(
            &all,
            &["dead-letters", "replay", "--cause", "conflict", "--yes"],
        )
        .await,
    );
    assert_eq!(said, "no open dead letter matches\n");
    letters_are(&all, 1).await;

    all.faults("").await;
    let said = well(
        ask(
            &all,
            &[
                "dead-letters",
                "replay",
                &letter,
                "--yes",
                "--reason",
                "the title is known now",
            ],
        )
        .await,
    );
    assert_eq!(said, "pending now: 1 account; read again: 0 hooks\n");
    let shown = all.reconciled("E-1", "created").await;
    letters_are(&all, 0).await;
    let closed = well(ask(&all, &["dead-letters", "list", "--closed", "-o", "json"]).await);
    assert_eq!(
        serde_json::from_str::<Value>(&closed).expect("JSON")[0]["id"],
        json!(letter)
    );
    let replayed = shown["history"]
        .as_array()
        .expect("history")
        .iter()
        .find(|line| line["outcome"] == "replayed");
    let replayed = replayed.expect("history tells of the replay");
    assert_eq!(replayed["detail"]["by"], "local:operator", "{replayed}");
    assert_eq!(
        replayed["detail"]["reason"], "the title is known now",
        "{replayed}"
    );
}

#[tokio::test]
async fn a_connection_is_held_and_let_go() {
    let all = Installation::start("apply", "").await;
    let said = well(ask(&all, &["connections", "test", "app"]).await);
    tells(
        &said,
        &[
            "profile    generic",
            "users      ",
            "discovery  ",
            "connection app works",
        ],
    );
    assert_eq!(
        well(ask(&all, &["connections", "pause", "app", "--dry-run"]).await),
        "would pause connection app\n"
    );
    assert_eq!(
        well(
            ask(
                &all,
                &[
                    "connections",
                    "pause",
                    "app",
                    "--yes",
                    "--reason",
                    "vendor works"
                ]
            )
            .await
        ),
        "connection app is paused\n"
    );
    assert_eq!(
        well(ask(&all, &["connections", "pause", "app", "--yes"]).await),
        "connection app was already paused\n"
    );
    let listed = well(ask(&all, &["connections", "list", "-o", "table"]).await);
    tells(
        &listed,
        &[
            "NAME",
            "STATE",
            "app",
            "generic",
            "apply",
            "paused by local:operator: vendor works",
        ],
    );

    all.post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    wait_until("one is pending", PATIENCE, async || {
        let listed = well(ask(&all, &["connections", "list", "-o", "json"]).await);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        (listed[0]["pending_others"] == 1).then_some(())
    })
    .await;
    assert_eq!(all.state().await["users"]["total"], 0);
    assert_eq!(
        well(ask(&all, &["connections", "resume", "app", "--yes"]).await),
        "connection app is resumed\n"
    );
    assert_eq!(
        well(ask(&all, &["connections", "resume", "app", "--yes"]).await),
        "connection app was not paused\n"
    );
    all.reconciled("E-1", "created").await;
    let said = well(ask(&all, &["connections", "apply", "app", "--yes"]).await);
    assert_eq!(
        said,
        "connection app has no staged mapping: the published one stays\n"
    );

    let said = ask(&all, &["connections", "pause", "nowhere", "--yes"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err
            .contains("no connection is named `nowhere` (there are: app)"),
        "{said:?}"
    );
    all.faults("401").await;
    let said = ask(&all, &["connections", "test", "app"]).await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("connection app does not work"),
        "{said:?}"
    );
}

#[tokio::test]
async fn with_no_service_running_the_commands_work_on_the_store_itself() {
    let mut all = Installation::start("apply", "").await;
    all.post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    all.reconciled("E-1", "created").await;
    all.end_service().await;

    let shown: Value = serde_json::from_str(&well(
        ask(&all, &["people", "show", "E-1", "-o", "json"]).await,
    ))
    .expect("JSON");
    assert_eq!(
        shown.pointer("/accounts/0/account/outcome/kind"),
        Some(&json!("created"))
    );
    assert_eq!(letters(&all).await, Vec::<String>::new());
    let leaves = crate::installation::event("2", "terminated", "E-1", &json!({}));
    std::fs::write(all.folder.path().join("event.json"), leaves.to_string()).expect("a file");
    let foreseen = well(ask(&all, &["preview", "event.json", "-o", "table"]).await);
    tells(
        &foreseen,
        &[
            "E-1 on app: ",
            "desired access inactive",
            "PATCH /Users/",
            "false",
        ],
    );
    assert_eq!(
        well(ask(&all, &["connections", "pause", "app", "--yes"]).await),
        "connection app is paused\n"
    );
    let said = ask(&all, &["tail"]).await;
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{said:?}");

    // What was said while nothing ran holds once it runs again.
    all.serve().await;
    all.post("2", "terminated", "E-1", &json!({})).await;
    wait_until("the leaver is pending", PATIENCE, async || {
        let listed = well(ask(&all, &["connections", "list", "-o", "json"]).await);
        (serde_json::from_str::<Value>(&listed).expect("JSON")[0]["pending_leavers"] == 1)
            .then_some(())
    })
    .await;
    assert_eq!(all.state().await["active"], 1);
    assert_eq!(
        well(ask(&all, &["connections", "resume", "app", "--yes"]).await),
        "connection app is resumed\n"
    );
    all.reconciled("E-1", "deactivated").await;
    assert_eq!(all.state().await["active"], 0);
}

/// A token of each role, and its entry in the config.
fn tokens() -> String {
    let entry = |role: &str| {
        let hash = ContentDigest::of(format!("token-of-{role}").as_bytes());
        format!("[[ops.tokens]]\nname = \"the {role}\"\nrole = \"{role}\"\nhash = \"{hash}\"\n")
    };
    ["viewer", "operator", "admin"].map(entry).concat()
}

#[tokio::test]
async fn over_tcp_each_role_may_do_what_it_is_for_and_nobody_else_anything() {
    let all = Installation::start("apply", &tokens()).await;
    all.post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    all.reconciled("E-1", "created").await;
    let routes = [
        (Method::GET, "/api/v1/people/E-1", 0),
        (Method::GET, "/api/v1/people?q=E-1", 0),
        (Method::GET, "/api/v1/dead-letters", 0),
        (Method::GET, "/api/v1/connections", 0),
        (Method::POST, "/api/v1/connections/app/test", 0),
        (Method::POST, "/api/v1/dead-letters/replay", 1),
        (Method::POST, "/api/v1/connections/app/pause", 1),
        (Method::POST, "/api/v1/connections/app/resume", 1),
        (Method::POST, "/api/v1/connections/app/apply", 2),
    ];
    let client = Client::new();
    for (method, path, needed) in &routes {
        for (rank, who) in ["viewer", "operator", "admin"].into_iter().enumerate() {
            let asking = client
                .request(method.clone(), format!("{}{path}", all.ops))
                .bearer_auth(format!("token-of-{who}"));
            let answer = asking
                .json(&json!({ "cause": "conflict", "dry_run": true }))
                .send()
                .await
                .expect("an answer");
            let (status, body) = (
                answer.status().as_u16(),
                answer.text().await.expect("a body"),
            );
            if rank < *needed {
                assert_eq!(status, 403, "{who} {method} {path}: {body}");
                assert!(body.contains("this needs the role"), "{body}");
            } else {
                assert!(status < 400, "{who} {method} {path}: {status} {body}");
            }
        }
        for wrong in [None, Some("token-of-nobody"), Some("")] {
            let mut asking = client.request(method.clone(), format!("{}{path}", all.ops));
            if let Some(wrong) = wrong {
                asking = asking.bearer_auth(wrong);
            }
            let answer = asking.json(&json!({})).send().await.expect("an answer");
            assert_eq!(answer.status(), 401, "{wrong:?} {method} {path}");
        }
    }

    // A command on another machine comes in by the same door.
    let far = ["connections", "list", "--server", &all.ops, "-o", "jsonl"];
    let said = ask(&all, &far).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("a token of [[ops.tokens]] is needed"),
        "{said:?}"
    );
    let said = ask_with(&all, &far, Some("token-of-viewer")).await;
    assert_eq!(well(said).lines().count(), 1);
    let pause = ["connections", "pause", "app", "--yes", "--server", &all.ops];
    let said = ask_with(&all, &pause, Some("token-of-viewer")).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("this needs the role operator"),
        "{said:?}"
    );
    assert_eq!(
        well(ask_with(&all, &pause, Some("token-of-operator")).await),
        "connection app is paused\n"
    );
    let listed = well(ask(&all, &["connections", "list", "-o", "json"]).await);
    assert_eq!(
        serde_json::from_str::<Value>(&listed).expect("JSON")[0]["paused"]["by"],
        "the operator"
    );
}

#[tokio::test]
async fn without_tokens_nothing_of_the_api_is_on_tcp() {
    let all = Installation::start("apply", "").await;
    for path in ["/api/v1/people/E-1", "/api/v1/connections", "/api/v1/tail"] {
        let answer = Client::new()
            .get(format!("{}{path}", all.ops))
            .bearer_auth("any")
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = Client::new()
            .get(format!("{}{path}", all.ops))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_message_that_was_parked_is_stored_once_it_can_be_read() {
    let mut all = Installation::start("apply", "").await;
    all.end_service().await;
    let file = format!(
        "sqlite://{}",
        all.folder.path().join("data/hirewire.db").display()
    );
    let settings = StoreSettings {
        url: file.into(),
        instance: "test".to_owned(),
        connections: 1,
    };
    // As a binary would have left it that did not know its version yet.
    let store = Store::open(settings.clone()).await.expect("the store");
    let fact = crate::installation::event("1", "hired", "E-1", &hired("Ada", "Engineer"));
    let read = ParsedEvent {
        id_derivation: IdDerivation::Given,
        content: serde_json::from_value(fact).expect("an event"),
    };
    let hook = |instance: &str| {
        let hook = Hook {
            source: SourceId::parse("acme").expect("a source"),
            hook: HookId::parse("h-1").expect("an id"),
            received: hirewire::telemetry::now(),
            secret: None,
            digest: ContentDigest::of(b"body"),
            payload: Payload::Events(vec![read.clone()]),
        };
        let bytes = Message::new(instance, vec![hook]).encode().expect("bytes");
        UnreadableEnvelope {
            bytes,
            version: Some(1),
            instance: Some(instance.to_owned()),
            problem: "too new".to_owned(),
        }
    };
    for envelope in [hook("test"), hook("another")] {
        store.quarantine(&envelope).await.expect("quarantined");
    }
    let nonsense = UnreadableEnvelope {
        bytes: b"{}".to_vec(),
        version: None,
        instance: None,
        problem: "none".to_owned(),
    };
    store.quarantine(&nonsense).await.expect("quarantined");
    assert_eq!(store.quarantined_count().await.expect("a count"), 3);
    store.close().await;

    all.serve().await;
    all.reconciled("E-1", "created").await;
    all.end_service().await;
    let store = Store::open(settings).await.expect("the store");
    // Another instance's, and what still cannot be read, are kept.
    assert_eq!(store.quarantined_count().await.expect("a count"), 2);
    store.close().await;
}
