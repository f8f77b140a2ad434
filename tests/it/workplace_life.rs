//! A life at Workplace, in its dialect: what the application is asked, word for word, in `tests/cases/workplace/life.txt`.
//!
//! `UPDATE_CASES=1` writes the file anew. The ids that the application gives are written as `{id}`; everything else follows
//! from the facts alone.

use std::path::Path;

use hirewire_sandbox::{LoggedRequest, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::Harness;

const NOW: SignedDuration = SignedDuration::ZERO;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";
const AUTH: &str = "urn:ietf:params:scim:schemas:extension:facebook:authmethod:2.0:User";

/// The profile maps no manager: whose number at Workplace is known to HR says so in one line.
const MANAGER: &str =
    "[connections.app.mapping]\n\"enterprise.manager.value\" = 'worker.manager.employee_number'";

/// What a person can read: one paragraph for each thing HR said.
struct Story {
    text: String,
    id: Option<String>,
}

impl Story {
    fn told(&mut self, what: &str, requests: &[LoggedRequest]) {
        self.text.push_str(&format!("# {what}\n"));
        for request in requests {
            let path = percent_decoded(&request.path);
            self.text.push_str(&format!(
                "{} {path} -> {}\n",
                request.method, request.status
            ));
            if let Some(body) = &request.body {
                let body = serde_json::to_string_pretty(body).expect("JSON");
                self.text.push_str(&format!("{body}\n"));
            }
        }
        self.text.push('\n');
        if let Some(id) = &self.id {
            self.text = self.text.replace(id, "{id}");
        }
    }
}

fn percent_decoded(path: &str) -> String {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    });
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

fn hired() -> Value {
    json!({ "worker": {
        "name": { "given": "Ada", "family": "Lovelace" }, "work_email": "ada@acme.example", "locale": "en_GB",
        "title": "Engineer", "type": "employee", "employee_number": "1001", "dates": { "start": "2026-01-05" },
        "department": { "id": "d1", "name": "Engineering" }, "manager": { "employee_number": "100064000000001" },
    } })
}

fn all(harness: &Harness) -> Vec<LoggedRequest> {
    let requests = harness.sandbox.requests();
    harness.sandbox.clear_requests();
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_at_workplace_is_asked_for_in_its_own_words() {
    let mut harness = Harness::start(SandboxProfile::Workplace, "workplace", MANAGER).await;
    let mut story = Story {
        text: String::new(),
        id: None,
    };

    assert_eq!(harness.post("hired", "E-1", NOW, &hired()).await, 200);
    harness.reconciled("E-1", "created").await;
    let user = harness.user("ada@acme.example").expect("a user");
    story.id = user["id"].as_str().map(str::to_owned);
    story.told("hired", &all(&harness));
    assert_eq!(
        (&user["active"], &user["externalId"]),
        (&json!(true), &json!("E-1"))
    );
    assert_eq!(
        user[ENTERPRISE]["manager"]["managerId"],
        json!(100_064_000_000_001_i64)
    );
    // 2026-01-05T00:00:00Z.
    assert_eq!(
        (&user[DATES]["startDate"], &user[AUTH]["authMethod"]),
        (&json!(1_767_571_200), &json!("sso"))
    );

    for (what, data, path, wanted) in [
        (
            "another title",
            json!({ "title": "Fellow" }),
            "/title".to_owned(),
            json!("Fellow"),
        ),
        (
            "another department",
            json!({ "department": { "id": "d2", "name": "Research" } }),
            format!("/{ENTERPRISE}/department"),
            json!("Research"),
        ),
        (
            "another manager",
            json!({ "manager": { "employee_number": "100064000000002" } }),
            format!("/{ENTERPRISE}/manager/managerId"),
            json!(100_064_000_000_002_i64),
        ),
    ] {
        harness
            .post("changed", "E-1", NOW, &json!({ "worker": data }))
            .await;
        harness.reconciled("E-1", "updated").await;
        story.told(what, &all(&harness));
        assert_eq!(
            harness
                .user("ada@acme.example")
                .expect("a user")
                .pointer(&path),
            Some(&wanted),
            "{what}"
        );
    }

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.reconciled("E-1", "deactivated").await;
    story.told("terminated", &all(&harness));
    let user = harness.user("ada@acme.example").expect("a user");
    assert_eq!(
        (&user["active"], &user["title"]),
        (&json!(false), &json!("Fellow"))
    );

    harness
        .post(
            "rehired",
            "E-1",
            NOW,
            &json!({ "worker": { "title": "Principal" } }),
        )
        .await;
    harness.reconciled("E-1", "reactivated").await;
    story.told("rehired", &all(&harness));
    let user = harness.user("ada@acme.example").expect("a user");
    assert_eq!(
        (&user["active"], &user["title"]),
        (&json!(true), &json!("Principal"))
    );
    assert_eq!(harness.sandbox.users().len(), 1);
    harness.stop().await;
    is_as_kept(&story.text);
}

fn is_as_kept(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/workplace/life.txt");
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(&path, text).expect("written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, kept,
        "the requests differ from tests/cases/workplace/life.txt (UPDATE_CASES=1 writes it anew)"
    );
}
