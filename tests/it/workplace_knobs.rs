//! Every knob of the Workplace profile has a reason: with `generic`'s value in its place, a life at Workplace goes wrong in
//! the way that is written here.

use hirewire_core::{
    mapping::{GroupRule, MappingDocument},
    scim::{AttributePath, Profile},
};
use hirewire_sandbox::{LoggedRequest, SandboxProfile};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::Harness;

const NOW: SignedDuration = SignedDuration::ZERO;
const DATES: &str = "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User";

/// Managers by their number, as the profile knows them, and a date that HR gives as text.
const MAPPING: &str = r#"[connections.app.mapping]
"enterprise.manager.value" = 'worker.manager.employee_number'
"urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User:termDate" = 'worker.extensions.term'"#;

/// What is published in place of the profile: one knob has another value.
type Knob = fn(&mut MappingDocument);

fn generic() -> Profile {
    Profile::named("generic").expect("a preset")
}

fn without(document: &mut MappingDocument, path: &str) {
    document
        .profile
        .attributes
        .remove(&AttributePath::parse(path).expect("a path"));
}

fn hired() -> Value {
    json!({ "worker": {
        "name": { "given": "Ada", "family": "Lovelace" }, "work_email": "ada@acme.example", "title": "Engineer",
        "manager": { "employee_number": "100064000000001" }, "dates": { "start": "2026-01-05" },
        "extensions": { "term": "1798761600" },
    } })
}

/// Ada's life: what her account came to, what the application was asked, and how she is there in the end.
struct Life {
    outcomes: Vec<String>,
    requests: Vec<LoggedRequest>,
    user: Option<Value>,
}

impl Life {
    async fn of(knob: Knob, hired: &Value, leaves: bool) -> Self {
        let mut harness =
            Harness::start_published(SandboxProfile::Workplace, "workplace", MAPPING, Some(knob))
                .await;
        assert_eq!(harness.post("hired", "E-1", NOW, hired).await, 200);
        let mut outcomes = vec![harness.next_of("E-1").await];
        if leaves {
            assert_eq!(
                harness.post("terminated", "E-1", NOW, &json!({})).await,
                200
            );
            outcomes.push(harness.next_of("E-1").await);
        }
        let life = Self {
            outcomes,
            requests: harness.sandbox.requests(),
            user: harness.sandbox.users().pop(),
        };
        harness.stop().await;
        life
    }

    /// Whether a request was refused with that status and these words.
    fn refused(&self, method: &str, status: u16, why: &str) -> bool {
        let told = |request: &LoggedRequest| {
            request
                .note
                .as_deref()
                .is_some_and(|note| note.contains(why))
        };
        self.requests
            .iter()
            .any(|request| request.method == method && request.status == status && told(request))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_knob_as_it_is_a_life_goes_well() {
    let life = Life::of(|_| {}, &hired(), true).await;
    assert_eq!(life.outcomes, ["created", "deactivated"]);
    assert!(
        life.requests.iter().all(|request| request.status < 400),
        "{:#?}",
        life.requests
    );
    let user = life.user.expect("a user");
    assert_eq!(
        (&user["active"], &user[DATES]["termDate"]),
        (&json!(false), &json!(1_798_761_600))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knob_with_the_generic_value_is_refused_by_name() {
    // The knob, `generic`'s value of it, and the refusal: method, status, words.
    let rows: [(&str, Knob, (&str, u16, &str)); 8] = [
        (
            "content_type",
            |d| d.profile.content_type = generic().content_type,
            ("POST", 415, "Content-Type"),
        ),
        (
            "accept",
            |d| d.profile.accept = generic().accept,
            ("GET", 406, "application/json"),
        ),
        (
            "deactivate",
            |d| d.profile.deactivate = generic().deactivate,
            ("PATCH", 400, "active is changed by PUT"),
        ),
        (
            "lookup, filterable",
            |d| {
                d.profile.filterable = generic().filterable;
                d.profile.lookup = generic().lookup;
                d.r#match = d.profile.lookup.iter().map(ToString::to_string).collect();
            },
            ("GET", 400, "users are found by userName or externalId"),
        ),
        (
            "attributes.manager.value",
            |d| without(d, "enterprise.manager.value"),
            ("POST", 400, "no sub-attribute"),
        ),
        (
            "attributes.manager.managerId",
            |d| {
                without(d, "enterprise.manager.managerId");
                let rule = d
                    .mapping
                    .remove("enterprise.manager.value")
                    .expect("a rule");
                d.mapping
                    .insert("enterprise.manager.managerId".to_owned(), rule);
            },
            ("POST", 400, "managerId must be an integer"),
        ),
        (
            "attributes.termDate",
            |d| without(d, &format!("{DATES}:termDate")),
            ("POST", 400, "termDate must be an integer"),
        ),
        (
            "attributes.startDate",
            |d| {
                without(d, &format!("{DATES}:startDate"));
                let rule = d
                    .mapping
                    .remove(&format!("{DATES}:termDate"))
                    .expect("a rule");
                d.mapping.insert(format!("{DATES}:startDate"), rule);
            },
            ("POST", 400, "startDate must be an integer"),
        ),
    ];
    for (name, knob, (method, status, why)) in rows {
        let life = Life::of(knob, &hired(), name == "deactivate").await;
        assert!(
            life.refused(method, status, why),
            "{name}: {:?} {:#?}",
            life.outcomes,
            life.requests
        );
        if name != "lookup, filterable" {
            let last = life.outcomes.last().expect("an outcome");
            assert!(last == "dead_letter" || last == "waiting", "{name}: {last}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_create_requires_is_known_before_it_is_asked_for() {
    // Without a name there is no `name.formatted`: not asked for until it is known.
    let nameless = json!({ "worker": { "work_email": "ada@acme.example" } });
    let life = Life::of(|_| {}, &nameless, false).await;
    assert_eq!(
        (life.outcomes, life.user),
        (vec!["incomplete".to_owned()], None)
    );
    let life = Life::of(
        |d| d.profile.required = generic().required,
        &nameless,
        false,
    )
    .await;
    assert!(
        life.refused("POST", 400, "name.formatted is required"),
        "{:#?}",
        life.requests
    );
    // Without an e-mail address Workplace takes the externalId; `generic` waits for ever.
    let mut postless = hired();
    postless["worker"]["work_email"] = Value::Null;
    let life = Life::of(|_| {}, &postless, false).await;
    assert_eq!(life.outcomes, ["created"]);
    let life = Life::of(
        |d| d.profile.required = generic().required,
        &postless,
        false,
    )
    .await;
    assert_eq!(
        (life.outcomes, life.user),
        (vec!["incomplete".to_owned()], None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_generic_mapping_people_cannot_sign_in_as_they_should() {
    let knob: Knob = |document| {
        document.mapping = MappingDocument::of_profile(generic()).mapping;
    };
    let life = Life::of(knob, &hired(), false).await;
    let user = life.user.expect("a user");
    let authentication = "urn:ietf:params:scim:schemas:extension:facebook:authmethod:2.0:User";
    assert_eq!((user.get(DATES), user.get(authentication)), (None, None));
}

fn everybody() -> GroupRule {
    serde_json::from_value(json!({ "name": "Everybody" })).expect("a group's rule")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_generic_groups_people_sets_are_patched_and_that_is_refused() {
    let as_it_is: Knob = |document| document.groups = vec![everybody()];
    let knob: Knob = |document| {
        document.groups = vec![everybody()];
        document.profile.groups = generic().groups;
    };
    for (knob, wanted, refused) in [(as_it_is, "created", false), (knob, "dead_letter", true)] {
        let mut harness =
            Harness::start_published(SandboxProfile::Workplace, "workplace", MAPPING, Some(knob))
                .await;
        let set = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Everybody" });
        let http = reqwest::Client::builder()
            .user_agent("test")
            .build()
            .expect("a client");
        let set = http
            .post(format!("{}/Groups", harness.base))
            .bearer_auth(crate::harness::TOKEN)
            .json(&set);
        assert_eq!(set.send().await.expect("an answer").status(), 201);
        assert_eq!(harness.post("hired", "E-1", NOW, &hired()).await, 200);
        let outcomes = vec![harness.next_of("E-1").await];
        assert_eq!(outcomes, [wanted]);
        let life = Life {
            outcomes,
            requests: harness.sandbox.requests(),
            user: None,
        };
        assert_eq!(
            life.refused("PATCH", 405, "a People Set is changed by PUT"),
            refused,
            "{:#?}",
            life.requests
        );
        harness.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_is_looked_for_in_the_plural() {
    let workplace = Profile::named("workplace").expect("a preset");
    let harness = Harness::start(SandboxProfile::Workplace, "workplace", "").await;
    let (base, http) = (
        harness.base.clone(),
        reqwest::Client::builder()
            .user_agent("test")
            .build()
            .expect("a client"),
    );
    let mut answers = Vec::new();
    for path in [
        workplace.service_provider_config,
        generic().service_provider_config,
    ] {
        let answer = http
            .get(format!("{base}{path}"))
            .bearer_auth(crate::harness::TOKEN)
            .send()
            .await
            .expect("an answer");
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [200, 404]);
    harness.stop().await;
}
