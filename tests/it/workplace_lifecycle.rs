//! The requests of an account's lifecycle in the Workplace dialect.
//!
//! The test compares every request and its body with the golden file
//! `tests/cases/workplace/life.txt`; `UPDATE_CASES=1` writes that file. The id that the application
//! assigned is written as `{id}`. All other text follows from the events.

use std::path::Path;

use hirewire_sandbox::{LoggedRequest, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::Harness;

const NOW: SignedDuration = SignedDuration::ZERO;
const ADA: &str = "ada@acme.example";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";
const AUTH: &str = "urn:ietf:params:scim:schemas:extension:facebook:authmethod:2.0:User";

/// The profile maps no manager: this line maps the manager's number at Workplace.
const MANAGER: &str =
    "[connections.app.mapping]\n\"enterprise.manager.value\" = 'worker.manager.employee_number'";

/// The text that the golden file holds: one paragraph for each posted event.
#[derive(Default)]
struct Transcript {
    text: String,
    scim_id: Option<String>,
}

impl Transcript {
    fn push(&mut self, event: &str, requests: &[LoggedRequest]) {
        self.text.push_str(&format!("# {event}\n"));
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

        if let Some(id) = &self.scim_id {
            self.text = self.text.replace(id, "{id}");
        }
    }
}

fn percent_decoded(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else {
        return path.to_owned();
    };

    let pairs: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

fn hired() -> Value {
    json!({ "worker": {
        "name": { "given": "Ada", "family": "Lovelace" },
        "work_email": ADA,
        "locale": "en_GB",
        "title": "Engineer",
        "type": "employee",
        "employee_number": "1001",
        "dates": { "start": "2026-01-05" },
        "department": { "id": "d1", "name": "Engineering" },
        "manager": { "employee_number": "100064000000001" },
    } })
}

fn take_requests(harness: &Harness) -> Vec<LoggedRequest> {
    let requests = harness.sandbox.requests();
    harness.sandbox.clear_requests();
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workplace_requests_equal_the_golden_file() {
    let mut harness = Harness::start(SandboxProfile::Workplace, "workplace", MANAGER).await;
    let mut transcript = Transcript::default();

    hire(&mut harness, &mut transcript).await;
    change(&mut harness, &mut transcript).await;

    harness.post("terminated", "E-1", NOW, &json!({})).await;
    harness.wait_for_outcome("E-1", "deactivated").await;
    transcript.push("terminated", &take_requests(&harness));
    let user = harness.find_user(ADA).expect("a user");
    assert_eq!(
        (&user["active"], &user["title"]),
        (&json!(false), &json!("Fellow"))
    );

    let rehired = json!({ "worker": { "title": "Principal" } });
    harness.post("rehired", "E-1", NOW, &rehired).await;
    harness.wait_for_outcome("E-1", "reactivated").await;
    transcript.push("rehired", &take_requests(&harness));
    let user = harness.find_user(ADA).expect("a user");
    assert_eq!(
        (&user["active"], &user["title"]),
        (&json!(true), &json!("Principal"))
    );
    assert_eq!(harness.sandbox.users().len(), 1);

    harness.stop().await;
    assert_equals_golden_file(&transcript.text);
}

async fn hire(harness: &mut Harness, transcript: &mut Transcript) {
    assert_eq!(harness.post("hired", "E-1", NOW, &hired()).await, 200);
    harness.wait_for_outcome("E-1", "created").await;
    let user = harness.find_user(ADA).expect("a user");
    transcript.scim_id = user["id"].as_str().map(str::to_owned);
    transcript.push("hired", &take_requests(harness));

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
}

/// Changes the title, the department and the manager.
async fn change(harness: &mut Harness, transcript: &mut Transcript) {
    for (event, worker, path, wanted) in [
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
        let changed = json!({ "worker": worker });
        harness.post("changed", "E-1", NOW, &changed).await;
        harness.wait_for_outcome("E-1", "updated").await;
        transcript.push(event, &take_requests(harness));

        let user = harness.find_user(ADA).expect("a user");
        assert_eq!(user.pointer(&path), Some(&wanted), "{event}");
    }
}

fn assert_equals_golden_file(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/workplace/life.txt");
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(&path, text).expect("written");
        return;
    }

    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, golden,
        "the requests differ from tests/cases/workplace/life.txt (UPDATE_CASES=1 writes it anew)"
    );
}
