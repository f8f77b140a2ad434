//! Two hundred people hired, changed, some terminated and rehired, in disorder and with repeats, against a foreign SCIM
//! server: afterwards its users are what an oracle says that looks at the input alone.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Dependencies, SOON},
    scim_server::{ScimServer, TOKEN},
    waiting::until,
};

const PEOPLE: u32 = 200;
const LIMITS: &str =
    r#"rate = "500/s", concurrency = 8, timeout = "10s", propagation_delay = "15s""#;
const CONVERGED: Duration = Duration::from_mins(4);

/// A generator of numbers that a test can repeat (Lehmer).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            let other = usize::try_from(self.below(index as u64 + 1)).expect("an index");
            items.swap(index, other);
        }
    }
}

/// What the input says of a worker: the oracle's whole knowledge.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    user_name: String,
    title: String,
    department: String,
    active: bool,
}

fn event(kind: &str, worker: &str, number: &mut u32, ago: i64, data: &Value) -> Value {
    *number += 1;
    let time = hirewire::telemetry::now()
        .checked_sub(SignedDuration::from_secs(ago))
        .expect("a time");
    json!({
        "specversion": "1.0", "id": format!("evt-{number}"), "source": "/hr/acme",
        "type": format!("hr.worker.{kind}.v1"), "subject": worker, "time": time.to_string(), "data": data,
    })
}

/// The events of everybody, and what they should come to.
fn population(numbers: &mut Numbers) -> (Vec<Value>, BTreeMap<String, Expected>) {
    let mut events = Vec::new();
    let mut expected = BTreeMap::new();
    let mut number = 0;
    for index in 0..PEOPLE {
        let worker = format!("W-{index:03}");
        let email = format!("person-{index:03}@acme.example");
        let mut says = |kind: &str, ago: i64, data: &Value| {
            events.push(event(kind, &worker, &mut number, ago, data))
        };
        says(
            "hired",
            5000,
            &json!({ "worker": {
                "name": { "given": format!("Given{index}"), "family": format!("Family{index}") },
                "work_email": email, "title": "Title 0", "type": "employee", "department": { "id": "d0", "name": "Department 0" },
            } }),
        );
        let mut person = Expected {
            user_name: email,
            title: "Title 0".into(),
            department: "Department 0".into(),
            active: true,
        };
        for step in 1..=numbers.below(4) {
            let ago = 4000 - i64::try_from(step).expect("small") * 100;
            person.title = format!("Title {step}");
            says(
                "changed",
                ago,
                &json!({ "worker": { "title": person.title } }),
            );
            if numbers.below(2) == 0 {
                person.department = format!("Department {step}");
                says(
                    "changed",
                    ago - 10,
                    &json!({ "worker": { "department": { "id": "d", "name": person.department } } }),
                );
            }
        }
        if numbers.below(3) == 0 {
            says("terminated", 2000, &json!({}));
            person.active = false;
            if numbers.below(3) == 0 {
                says("rehired", 1000, &json!({}));
                person.active = true;
            }
        }
        expected.insert(worker, person);
    }
    (events, expected)
}

fn is_as_expected(user: &Value, expected: &Expected) -> bool {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    user["userName"] == expected.user_name.as_str()
        && user["title"] == expected.title.as_str()
        && user[ENTERPRISE]["department"] == expected.department.as_str()
        && user["active"] == expected.active
}

/// What of the target is not as the oracle says.
fn differences(users: &[Value], expected: &BTreeMap<String, Expected>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (worker, person) in expected {
        let theirs: Vec<&Value> = users
            .iter()
            .filter(|user| user["externalId"] == worker.as_str())
            .collect();
        match theirs.as_slice() {
            // Who had left before anybody made an account needs none.
            [] if !person.active => {}
            [user] if is_as_expected(user, person) => {}
            // Somebody who has left keeps the attributes of the day of the account's last change.
            [user]
                if !person.active
                    && user["active"] == false
                    && user["userName"] == person.user_name.as_str() => {}
            other => wrong.push(format!("{worker}: expected {person:?}, found {other:?}")),
        }
    }
    if let Some(stranger) = users
        .iter()
        .find(|user| !expected.contains_key(user["externalId"].as_str().unwrap_or_default()))
    {
        wrong.push(format!("nobody expected {stranger}"));
    }
    wrong
}

async fn converge(server: &ScimServer, expected: &BTreeMap<String, Expected>) {
    let mut last = Vec::new();
    let deadline = std::time::Instant::now() + CONVERGED;
    loop {
        let wrong = differences(&server.users().await, expected);
        if wrong.is_empty() {
            return;
        }
        last.clone_from(&wrong);
        assert!(
            std::time::Instant::now() < deadline,
            "{} differ, such as {:#?}",
            last.len(),
            last.first()
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Everything in disorder, a tenth of it twice, in batches; then the oracle.
async fn live_a_population(cluster: &Cluster, server: &ScimServer) {
    let seed = u64::from(std::process::id());
    eprintln!("population seed {seed}");
    let mut numbers = Numbers(seed);
    let (events, mut expected) = population(&mut numbers);
    let mut posted = events.clone();
    posted.extend(events.iter().filter(|_| numbers.below(10) == 0).cloned());
    numbers.shuffle(&mut posted);
    for batch in posted.chunks(25) {
        assert_eq!(cluster.send(batch), Some(0), "a batch was not accepted");
    }
    converge(server, &expected).await;
    // Everybody once more, much later and in another order: nothing changes.
    numbers.shuffle(&mut posted);
    for batch in posted.chunks(100) {
        assert_eq!(cluster.send(batch), Some(0));
    }
    // And one change for each of three people, so that there is something to wait for.
    let mut number = 1_000_000;
    let late: Vec<Value> = ["W-000", "W-001", "W-002"]
        .iter()
        .map(|worker| {
            event(
                "changed",
                worker,
                &mut number,
                0,
                &json!({ "worker": { "title": "Late" } }),
            )
        })
        .collect();
    assert_eq!(cluster.send(&late), Some(0));
    for worker in ["W-000", "W-001", "W-002"] {
        "Late".clone_into(&mut expected.get_mut(worker).expect("a person").title);
    }
    converge(server, &expected).await;
}

/// Of three people only a termination is known: with one account, with none, with two.
async fn leavers_from_before(cluster: &Cluster, server: &ScimServer, ops: &str) {
    let user = |name: &str, id: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name, "externalId": id, "active": true,
        })
    };
    let one = server.add_user(&user("before-one@acme.example", "")).await;
    server
        .add_user(&user("before-two@acme.example", "somebody"))
        .await;
    server
        .add_user(&user("before-three@acme.example", "B-2"))
        .await;
    let mut number = 2_000_000;
    let mut leaves = |worker: &str, email: &str| {
        event(
            "terminated",
            worker,
            &mut number,
            10,
            &json!({ "worker": { "work_email": email } }),
        )
    };
    let events = [
        leaves("B-1", "before-one@acme.example"),
        leaves("B-2", "before-two@acme.example"),
        leaves("B-3", "before-nobody@acme.example"),
    ];
    assert_eq!(cluster.send(&events), Some(0));
    until("the leaver from before is deactivated", SOON, async || {
        let users = server.users().await;
        users
            .iter()
            .any(|user| user["id"] == one.as_str() && user["active"] == false)
            .then_some(())
    })
    .await;
    until(
        "a letter about the one with two accounts",
        SOON,
        async || {
            let (_, letters) = cluster.command(ops, &["dead-letters", "list", "-o", "jsonl"]);
            letters.contains("\"ambiguous\"").then_some(())
        },
    )
    .await;
    until("the one without an account is told", SOON, async || {
        let (_, shown) = cluster.command(ops, &["people", "show", "acme/B-3", "-o", "jsonl"]);
        shown.contains("leaver_not_found").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_on_rabbitmq_and_postgresql_by_three_processes() {
    let server = ScimServer::start().await;
    let cluster = Cluster::new(
        Dependencies::shared().await,
        &server.base_url(),
        TOKEN,
        LIMITS,
    );
    let _intake = cluster.start("intake", &["intake"]).await;
    let _one = cluster.start("worker-1", &["worker", "ops"]).await;
    let _two = cluster.start("worker-2", &["worker"]).await;
    live_a_population(&cluster, &server).await;
    leavers_from_before(&cluster, &server, "worker-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_on_one_process_with_nothing_installed() {
    let server = ScimServer::start().await;
    let cluster = Cluster::new(Dependencies::Embedded, &server.base_url(), TOKEN, LIMITS);
    let _all = cluster.start("all", &[]).await;
    live_a_population(&cluster, &server).await;
    leavers_from_before(&cluster, &server, "all").await;
}
