//! Each knob of the Workplace profile is necessary.
//!
//! A knob is one setting in which the profile `workplace` differs from `generic`. Each test gives a
//! knob the generic value and checks the failure that this causes in the Workplace dialect.

use hirewire_core::{
    mapping::{GroupRule, MappingDocument},
    scim::{AttributePath, Profile},
};
use hirewire_sandbox::{LoggedRequest, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Harness, TOKEN};

const NOW: SignedDuration = SignedDuration::ZERO;
const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";

/// Maps the manager's number, an integer at Workplace, and a date that HR sends as text.
const MAPPING: &str = r#"[connections.app.mapping]
"enterprise.manager.value" = 'worker.manager.employee_number'
"urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User:termDate" = 'worker.extensions.term'"#;

/// Changes one knob of the published document.
type KnobChange = fn(&mut MappingDocument);

fn generic() -> Profile {
    Profile::named("generic").expect("a preset")
}

fn remove_attribute(document: &mut MappingDocument, path: &str) {
    document
        .profile
        .attributes
        .remove(&AttributePath::parse(path).expect("a path"));
}

fn hired() -> Value {
    json!({ "worker": {
        "name": { "given": "Ada", "family": "Lovelace" },
        "work_email": "ada@acme.example",
        "title": "Engineer",
        "manager": { "employee_number": "100064000000001" },
        "dates": { "start": "2026-01-05" },
        "extensions": { "term": "1798761600" },
    } })
}

/// The result of a hire, and of a termination if the test posts one.
struct Lifecycle {
    outcomes: Vec<String>,
    requests: Vec<LoggedRequest>,
    /// The user at the end.
    user: Option<Value>,
}

impl Lifecycle {
    async fn run(change: KnobChange, hired: &Value, terminate: bool) -> Self {
        let mut harness = start_changed(change).await;
        assert_eq!(harness.post("hired", "E-1", NOW, hired).await, 200);
        let mut outcomes = vec![harness.next_outcome("E-1").await];

        if terminate {
            let status = harness.post("terminated", "E-1", NOW, &json!({})).await;
            assert_eq!(status, 200);
            outcomes.push(harness.next_outcome("E-1").await);
        }

        let lifecycle = Self {
            outcomes,
            requests: harness.sandbox.requests(),
            user: harness.sandbox.users().pop(),
        };
        harness.stop().await;
        lifecycle
    }

    /// Whether the sandbox refused a request with this status and a note that contains `reason`.
    fn refused(&self, method: &str, status: u16, reason: &str) -> bool {
        self.requests.iter().any(|request| {
            let note = request.note.as_deref().unwrap_or_default();
            request.method == method && request.status == status && note.contains(reason)
        })
    }
}

async fn start_changed(change: KnobChange) -> Harness {
    let dialect = SandboxProfile::Workplace;
    Harness::start_published(dialect, "workplace", MAPPING, Some(change)).await
}

/// A client with a `User-Agent`, which the Workplace dialect requires.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .user_agent("test")
        .build()
        .expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workplace_profile_causes_no_refusal() {
    let lifecycle = Lifecycle::run(|_| {}, &hired(), true).await;
    assert_eq!(lifecycle.outcomes, ["created", "deactivated"]);
    assert!(
        lifecycle
            .requests
            .iter()
            .all(|request| request.status < 400),
        "{:#?}",
        lifecycle.requests
    );

    let user = lifecycle.user.expect("a user");
    assert_eq!(
        (&user["active"], &user[DATES]["termDate"]),
        (&json!(false), &json!(1_798_761_600))
    );
}

/// A knob with the generic value, and the refusal that follows.
struct RefusedKnob {
    name: &'static str,
    change: KnobChange,
    method: &'static str,
    status: u16,
    reason: &'static str,
}

const fn refused_knob(
    name: &'static str,
    change: KnobChange,
    (method, status, reason): (&'static str, u16, &'static str),
) -> RefusedKnob {
    RefusedKnob {
        name,
        change,
        method,
        status,
        reason,
    }
}

const REFUSED_KNOBS: [RefusedKnob; 8] = [
    refused_knob(
        "content_type",
        |document| document.profile.content_type = generic().content_type,
        ("POST", 415, "Content-Type"),
    ),
    refused_knob(
        "accept",
        |document| document.profile.accept = generic().accept,
        ("GET", 406, "application/json"),
    ),
    refused_knob(
        "deactivate",
        |document| document.profile.deactivate = generic().deactivate,
        ("PATCH", 400, "PATCH cannot change active; use PUT"),
    ),
    refused_knob(
        "lookup, filterable",
        use_generic_lookup,
        (
            "GET",
            400,
            "a filter over users must compare userName or externalId",
        ),
    ),
    refused_knob(
        "attributes.manager.value",
        |document| remove_attribute(document, "enterprise.manager.value"),
        ("POST", 400, "no sub-attribute"),
    ),
    refused_knob(
        "attributes.manager.managerId",
        map_an_untyped_manager_id,
        ("POST", 400, "managerId must be an integer"),
    ),
    refused_knob(
        "attributes.termDate",
        |document| remove_attribute(document, &format!("{DATES}:termDate")),
        ("POST", 400, "termDate must be an integer"),
    ),
    refused_knob(
        "attributes.startDate",
        map_an_untyped_start_date,
        ("POST", 400, "startDate must be an integer"),
    ),
];

fn use_generic_lookup(document: &mut MappingDocument) {
    document.profile.filterable = generic().filterable;
    document.profile.lookup = generic().lookup;
    document.r#match = document
        .profile
        .lookup
        .iter()
        .map(ToString::to_string)
        .collect();
}

fn map_an_untyped_manager_id(document: &mut MappingDocument) {
    remove_attribute(document, "enterprise.manager.managerId");
    let rule = document
        .mapping
        .remove("enterprise.manager.value")
        .expect("a rule");
    document
        .mapping
        .insert("enterprise.manager.managerId".to_owned(), rule);
}

fn map_an_untyped_start_date(document: &mut MappingDocument) {
    remove_attribute(document, &format!("{DATES}:startDate"));
    let rule = document
        .mapping
        .remove(&format!("{DATES}:termDate"))
        .expect("a rule");
    document.mapping.insert(format!("{DATES}:startDate"), rule);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_refuses_each_knob_with_the_generic_value() {
    for knob in REFUSED_KNOBS {
        let name = knob.name;
        let lifecycle = Lifecycle::run(knob.change, &hired(), name == "deactivate").await;
        assert!(
            lifecycle.refused(knob.method, knob.status, knob.reason),
            "{name}: {:?} {:#?}",
            lifecycle.outcomes,
            lifecycle.requests
        );

        if name != "lookup, filterable" {
            let last = lifecycle.outcomes.last().expect("an outcome");
            assert!(last == "dead_letter" || last == "waiting", "{name}: {last}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_without_a_name_waits_for_it() {
    // Workplace requires `name.formatted`; the profile sends no request without it.
    let nameless = json!({ "worker": { "work_email": "ada@acme.example" } });
    let lifecycle = Lifecycle::run(|_| {}, &nameless, false).await;
    assert_eq!(
        (lifecycle.outcomes, lifecycle.user),
        (vec!["incomplete".to_owned()], None)
    );

    let lifecycle = Lifecycle::run(use_generic_required, &nameless, false).await;
    assert!(
        lifecycle.refused("POST", 400, "name.formatted is required"),
        "{:#?}",
        lifecycle.requests
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_without_an_email_address_needs_only_the_external_id() {
    let mut without_email = hired();
    without_email["worker"]["work_email"] = Value::Null;
    let lifecycle = Lifecycle::run(|_| {}, &without_email, false).await;
    assert_eq!(lifecycle.outcomes, ["created"]);

    // The generic profile requires `userName`, which is the email address.
    let lifecycle = Lifecycle::run(use_generic_required, &without_email, false).await;
    assert_eq!(
        (lifecycle.outcomes, lifecycle.user),
        (vec!["incomplete".to_owned()], None)
    );
}

fn use_generic_required(document: &mut MappingDocument) {
    document.profile.required = generic().required;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generic_mapping_omits_the_dates_and_the_authentication_method() {
    let change: KnobChange = |document| {
        document.mapping = MappingDocument::of_profile(generic()).mapping;
    };
    let lifecycle = Lifecycle::run(change, &hired(), false).await;

    let user = lifecycle.user.expect("a user");
    let authentication = "urn:ietf:params:scim:schemas:extension:facebook:authmethod:2.0:User";
    assert_eq!((user.get(DATES), user.get(authentication)), (None, None));
}

fn everybody() -> GroupRule {
    serde_json::from_value(json!({ "name": "Everybody" })).expect("a group's rule")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_refuses_the_generic_patch_of_a_people_set() {
    let workplace_groups: KnobChange = |document| document.groups = vec![everybody()];
    let generic_groups: KnobChange = |document| {
        document.groups = vec![everybody()];
        document.profile.groups = generic().groups;
    };

    for (change, wanted, refused) in [
        (workplace_groups, "created", false),
        (generic_groups, "dead_letter", true),
    ] {
        let mut harness = start_changed(change).await;
        create_people_set(&harness).await;
        assert_eq!(harness.post("hired", "E-1", NOW, &hired()).await, 200);
        let outcomes = vec![harness.next_outcome("E-1").await];
        assert_eq!(outcomes, [wanted]);

        let lifecycle = Lifecycle {
            outcomes,
            requests: harness.sandbox.requests(),
            user: None,
        };
        assert_eq!(
            lifecycle.refused("PATCH", 405, "PATCH cannot change a People Set; use PUT"),
            refused,
            "{:#?}",
            lifecycle.requests
        );
        harness.stop().await;
    }
}

async fn create_people_set(harness: &Harness) {
    let people_set = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Everybody",
    });
    let answer = http_client()
        .post(format!("{}/Groups", harness.base_url))
        .bearer_auth(TOKEN)
        .json(&people_set)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workplace_discovery_path_is_the_plural() {
    let workplace = Profile::named("workplace").expect("a preset");
    let harness = Harness::start(SandboxProfile::Workplace, "workplace", "").await;

    for (path, expected) in [
        (workplace.service_provider_config, 200),
        (generic().service_provider_config, 404),
    ] {
        let answer = http_client()
            .get(format!("{}{path}", harness.base_url))
            .bearer_auth(TOKEN)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), expected, "{path}");
    }
    harness.stop().await;
}
