//! Two hundred people against a foreign SCIM server: hired, changed, some terminated and rehired.
//! Their events arrive in random order and some of them twice.
//!
//! Afterwards the users of the server must be those of an oracle that knows only the input.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    deployment::{Dependencies, Deployment, STEP_TIMEOUT},
    scim_server::{ScimServer, TOKEN},
    waiting::wait_until,
};

const PEOPLE: u32 = 200;
const LIMITS: &str =
    r#"rate = "500/s", concurrency = 8, timeout = "10s", propagation_delay = "15s""#;
const CONVERGENCE_TIMEOUT: Duration = Duration::from_mins(4);
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A repeatable generator of pseudorandom numbers (a linear congruential generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            let other = usize::try_from(self.below(index as u64 + 1)).expect("an index");
            items.swap(index, other);
        }
    }
}

/// The events of the test, with ids that count up.
struct Events {
    events: Vec<Value>,
    last_id: u32,
}

impl Events {
    /// Ids of different event lists begin at different numbers.
    fn starting_at(id: u32) -> Self {
        Self {
            events: Vec::new(),
            last_id: id,
        }
    }

    fn add(&mut self, kind: &str, worker: &str, seconds_ago: i64, data: &Value) {
        self.last_id += 1;
        let time = hirewire::telemetry::now()
            .checked_sub(SignedDuration::from_secs(seconds_ago))
            .expect("a time");

        self.events.push(json!({
            "specversion": "1.0",
            "id": format!("evt-{}", self.last_id),
            "source": "/hr/acme",
            "type": format!("hr.worker.{kind}.v1"),
            "subject": worker,
            "time": time.to_string(),
            "data": data,
        }));
    }
}

/// The attributes that the oracle expects of a user.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    user_name: String,
    title: String,
    department: String,
    active: bool,
}

/// The events of all people, and the expected users by worker id.
fn generate_population(random: &mut Random) -> (Vec<Value>, BTreeMap<String, Expected>) {
    let mut events = Events::starting_at(0);
    let mut expected = BTreeMap::new();

    for index in 0..PEOPLE {
        let worker = format!("W-{index:03}");
        let person = generate_person(random, index, &worker, &mut events);
        expected.insert(worker, person);
    }

    (events.events, expected)
}

fn generate_person(random: &mut Random, index: u32, worker: &str, events: &mut Events) -> Expected {
    let mut person = Expected {
        user_name: format!("person-{index:03}@acme.example"),
        title: "Title 0".into(),
        department: "Department 0".into(),
        active: true,
    };
    let hire = json!({ "worker": {
        "name": { "given": format!("Given{index}"), "family": format!("Family{index}") },
        "work_email": person.user_name,
        "title": person.title,
        "type": "employee",
        "department": { "id": "d0", "name": person.department },
    } });
    events.add("hired", worker, 5000, &hire);

    for step in 1..=random.below(4) {
        let seconds_ago = 4000 - i64::try_from(step).expect("small") * 100;
        person.title = format!("Title {step}");
        let change = json!({ "worker": { "title": person.title } });
        events.add("changed", worker, seconds_ago, &change);

        if random.below(2) == 0 {
            person.department = format!("Department {step}");
            let department = json!({ "id": "d", "name": person.department });
            let change = json!({ "worker": { "department": department } });
            events.add("changed", worker, seconds_ago - 10, &change);
        }
    }

    if random.below(3) == 0 {
        events.add("terminated", worker, 2000, &json!({}));
        person.active = false;
        if random.below(3) == 0 {
            events.add("rehired", worker, 1000, &json!({}));
            person.active = true;
        }
    }

    person
}

fn matches_expected(user: &Value, expected: &Expected) -> bool {
    user["userName"] == expected.user_name.as_str()
        && user["title"] == expected.title.as_str()
        && user[ENTERPRISE]["department"] == expected.department.as_str()
        && user["active"] == expected.active
}

/// A leaver keeps the attributes of the last change before the leave.
fn matches_leaver(user: &Value, expected: &Expected) -> bool {
    !expected.active && user["active"] == false && user["userName"] == expected.user_name.as_str()
}

/// The differences between the users of the server and the oracle.
fn differences(users: &[Value], expected: &BTreeMap<String, Expected>) -> Vec<String> {
    let mut differences = Vec::new();

    for (worker, person) in expected {
        let found: Vec<&Value> = users
            .iter()
            .filter(|user| user["externalId"] == worker.as_str())
            .collect();
        match found.as_slice() {
            // A leaver who never had an account needs none.
            [] if !person.active => {}
            [user] if matches_expected(user, person) || matches_leaver(user, person) => {}
            other => differences.push(format!("{worker}: expected {person:?}, found {other:?}")),
        }
    }

    let unexpected = users
        .iter()
        .find(|user| !expected.contains_key(user["externalId"].as_str().unwrap_or_default()));
    if let Some(user) = unexpected {
        differences.push(format!("unexpected: {user}"));
    }
    differences
}

async fn wait_until_converged(server: &ScimServer, expected: &BTreeMap<String, Expected>) {
    let deadline = Instant::now() + CONVERGENCE_TIMEOUT;

    loop {
        let differences = differences(&server.users().await, expected);
        if differences.is_empty() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{} differ, such as {:#?}",
            differences.len(),
            differences.first()
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn send_in_batches(deployment: &Deployment, events: &[Value], size: usize) {
    for batch in events.chunks(size) {
        assert_eq!(deployment.send(batch), Some(0), "a batch was not accepted");
    }
}

/// Sends all events in random order, a tenth of them twice, and compares the server with the
/// oracle.
async fn run_population(deployment: &Deployment, server: &ScimServer) {
    let seed = u64::from(std::process::id());
    eprintln!("population seed {seed}");
    let mut random = Random(seed);
    let (events, mut expected) = generate_population(&mut random);
    let mut sent = events.clone();
    sent.extend(events.iter().filter(|_| random.below(10) == 0).cloned());

    random.shuffle(&mut sent);
    send_in_batches(deployment, &sent, 25);
    wait_until_converged(server, &expected).await;

    // All events again, later and in another order, must change nothing. One new change of three
    // people shows when the intake has processed them.
    random.shuffle(&mut sent);
    send_in_batches(deployment, &sent, 100);
    let mut late = Events::starting_at(1_000_000);
    for worker in ["W-000", "W-001", "W-002"] {
        late.add(
            "changed",
            worker,
            0,
            &json!({ "worker": { "title": "Late" } }),
        );
        "Late".clone_into(&mut expected.get_mut(worker).expect("a person").title);
    }
    send_in_batches(deployment, &late.events, 100);
    wait_until_converged(server, &expected).await;
}

/// Terminates three people without an earlier event: one has an account, one has two, one has none.
/// `ops` is the process that an operator's command talks to.
async fn terminate_unknown_people(deployment: &Deployment, server: &ScimServer, ops: &str) {
    let user = |user_name: &str, external_id: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": user_name,
            "externalId": external_id,
            "active": true,
        })
    };
    let single = server.add_user(&user("before-one@acme.example", "")).await;
    server
        .add_user(&user("before-two@acme.example", "somebody"))
        .await;
    server
        .add_user(&user("before-three@acme.example", "B-2"))
        .await;

    let mut terminations = Events::starting_at(2_000_000);
    for (worker, email) in [
        ("B-1", "before-one@acme.example"),
        ("B-2", "before-two@acme.example"),
        ("B-3", "before-nobody@acme.example"),
    ] {
        let data = json!({ "worker": { "work_email": email } });
        terminations.add("terminated", worker, 10, &data);
    }
    assert_eq!(deployment.send(&terminations.events), Some(0));

    wait_until(
        "the single account is deactivated",
        STEP_TIMEOUT,
        async || {
            let users = server.users().await;
            users
                .iter()
                .any(|user| user["id"] == single.as_str() && user["active"] == false)
                .then_some(())
        },
    )
    .await;
    wait_until(
        "two accounts make a dead letter",
        STEP_TIMEOUT,
        async || {
            let (_, letters) = deployment.command(ops, &["dead-letters", "list", "-o", "jsonl"]);
            letters.contains("\"ambiguous\"").then_some(())
        },
    )
    .await;
    wait_until(
        "the missing account is reported",
        STEP_TIMEOUT,
        async || {
            let (_, person) =
                deployment.command(ops, &["people", "show", "acme/B-3", "-o", "jsonl"]);
            person.contains("leaver_not_found").then_some(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_converge_with_three_processes_on_rabbitmq_and_postgresql() {
    let server = ScimServer::start().await;
    let dependencies = Dependencies::shared().await;
    let deployment = Deployment::new(dependencies, &server.base_url(), TOKEN, LIMITS);
    let _intake = deployment.start("intake", &["intake"]).await;
    let _first = deployment.start("worker-1", &["worker", "ops"]).await;
    let _second = deployment.start("worker-2", &["worker"]).await;

    run_population(&deployment, &server).await;
    terminate_unknown_people(&deployment, &server, "worker-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_converge_with_one_process_on_the_embedded_queue_and_sqlite() {
    let server = ScimServer::start().await;
    let deployment = Deployment::new(Dependencies::Embedded, &server.base_url(), TOKEN, LIMITS);
    let _process = deployment.start("all", &[]).await;

    run_population(&deployment, &server).await;
    terminate_unknown_people(&deployment, &server, "all").await;
}
