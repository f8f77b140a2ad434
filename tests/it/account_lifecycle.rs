//! The lifecycle of one account in each dialect: hire, change, termination, rehire.
//!
//! `plan` makes the operations, `scim_client` sends them, and the sandbox applies them. The sandbox
//! shares no code with either. After each step the test reads the user and plans again: the second
//! plan must be empty.

use std::{sync::Arc, time::Duration};

use hirewire::{
    observer::NoObserver,
    scim_client::{BreakerSettings, Client, ClientSettings, Credentials, Lookup, Transport},
};
use hirewire_core::{
    mapping::{
        Access, AccountAdoption, Desired, DesiredAttribute, DesiredValue, GroupsPolicy, MatchKey,
        WhenWritten,
    },
    plan::{
        self, Current, CurrentGroups, DeactivationPlan, Input, LastApplied, LeaverAccount,
        Operation, Policy, TargetUser,
    },
    scim::{AttributePath, Profile},
};
use hirewire_sandbox::{Sandbox, SandboxProfile, SandboxSettings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "life-token";
const ADA: &str = "ada@acme.example";

/// A running sandbox and a SCIM client for it.
struct Harness {
    sandbox: Sandbox,
    client: Client,
    profile: Profile,
}

async fn start_harness(dialect: SandboxProfile, profile: &str) -> Harness {
    let sandbox = Sandbox::new(SandboxSettings {
        token: Some(TOKEN.into()),
        profile: dialect,
        faults: Vec::new(),
    });

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = sandbox.service();
    tokio::spawn(async move {
        let (limits, stop) = (hirewire::http::Limits::default(), CancellationToken::new());
        hirewire::http::serve(listener, router, limits, stop).await;
    });

    let profile = Profile::named(profile).expect("an embedded profile");
    let client = Client::new(ClientSettings {
        connection: "life".to_owned(),
        base_url: format!("http://{address}/scim/v2/").parse().expect("a URL"),
        credentials: Credentials::Token(TOKEN.into()),
        profile: profile.clone(),
        timeout: Duration::from_secs(10),
        rate: 1000.0,
        concurrency: 4,
        breaker: BreakerSettings::default(),
        transport: Transport::default(),
        observer: Arc::new(NoObserver),
    })
    .expect("a client");

    Harness {
        sandbox,
        client,
        profile,
    }
}

fn desired_attribute(path: &str, value: &str) -> DesiredAttribute {
    DesiredAttribute {
        path: AttributePath::parse(path).expect("a path"),
        value: DesiredValue::Set(Value::from(value)),
        on: WhenWritten::Always,
    }
}

fn desired_user(title: &str) -> Desired {
    let attributes = vec![
        desired_attribute("userName", ADA),
        desired_attribute("name.givenName", "Ada"),
        desired_attribute("name.familyName", "Lovelace"),
        desired_attribute("name.formatted", "Ada Lovelace"),
        desired_attribute("emails.work", ADA),
        desired_attribute("title", title),
        desired_attribute("enterprise.department", "Engineering"),
    ];

    Desired {
        attributes,
        external_id: Some("E-1001".to_owned()),
        ..Desired::default()
    }
}

impl Harness {
    async fn find_user(&self) -> Option<Value> {
        let keys = [("externalId", "E-1001"), ("userName", ADA)].map(|(path, value)| MatchKey {
            path: AttributePath::parse(path).expect("a path"),
            value: value.to_owned(),
        });

        match self.client.find(&keys).await.expect("a look-up") {
            Lookup::NotFound { .. } => None,
            Lookup::One(hit) => Some(self.client.get(&hit.id).await.expect("the user")),
            Lookup::Several(hits) => panic!("several: {hits:?}"),
        }
    }

    fn plan(
        &self,
        desired: &Desired,
        current: Option<&Value>,
        access_transition: bool,
    ) -> Vec<Operation> {
        let input = Input {
            access: Access::Active,
            access_transition,
            held: false,
            adopting: false,
            desired,
            current: current.map_or(Current::Absent, Current::Read),
            last_applied: &LastApplied {
                created_by_us: true,
                ..LastApplied::default()
            },
            groups: &CurrentGroups::default(),
        };
        let policy = Policy {
            adopt: AccountAdoption::default(),
            external_id_on: WhenWritten::Create,
            groups: GroupsPolicy::default(),
        };

        plan::plan(&input, &self.profile, policy)
            .expect("a plan")
            .operations
    }

    async fn send(&self, operations: &[Operation], current: Option<&Value>) {
        let id = current
            .and_then(|user| user["id"].as_str())
            .unwrap_or_default();

        for operation in operations {
            let request = operation.request(
                &self.profile,
                TargetUser {
                    id,
                    resource: current,
                },
            );
            let answer = self.client.send(&request).await;
            assert!(answer.is_ok(), "{request:?}: {answer:?}");
        }
    }

    async fn deactivate(&self, user: &Value) {
        let account = LeaverAccount {
            active: plan::is_active(user),
            protected: false,
            held: false,
        };

        let DeactivationPlan::Deactivate(deactivation) = plan::plan_deactivation(account) else {
            panic!("the plan leaves an active leaver")
        };

        self.send(&deactivation.operations, Some(user)).await;
    }
}

/// Hires, changes, deactivates and reactivates one account.
async fn run_lifecycle(harness: Harness) {
    assert_eq!(harness.find_user().await, None);

    let hired = desired_user("Engineer");
    let operations = harness.plan(&hired, None, true);
    assert_eq!(operations.len(), 1, "a hire is one request: {operations:?}");
    harness.send(&operations, None).await;
    let user = harness.find_user().await.expect("the hired user");
    assert_eq!(
        (&user["userName"], plan::is_active(&user)),
        (&json!(ADA), Some(true))
    );
    assert_eq!(harness.plan(&hired, Some(&user), false), []);

    let changed = desired_user("Principal Engineer");
    let operations = harness.plan(&changed, Some(&user), false);
    assert_eq!(
        operations.len(),
        1,
        "a changed title is one request: {operations:?}"
    );
    harness.send(&operations, Some(&user)).await;
    let user = harness.find_user().await.expect("the changed user");
    assert_eq!(user["title"], json!("Principal Engineer"));
    assert_eq!(harness.plan(&changed, Some(&user), false), []);

    harness.deactivate(&user).await;
    let user = harness.find_user().await.expect("the leaver's user");
    assert_eq!(plan::is_active(&user), Some(false));
    let deactivated = LeaverAccount {
        active: Some(false),
        protected: false,
        held: false,
    };
    assert_eq!(
        plan::plan_deactivation(deactivated),
        DeactivationPlan::AlreadyInactive
    );

    assert_eq!(
        harness.plan(&changed, Some(&user), false),
        [],
        "without an access transition the plan activates no account"
    );
    let operations = harness.plan(&changed, Some(&user), true);
    harness.send(&operations, Some(&user)).await;
    let user = harness.find_user().await.expect("the rehired user");
    assert_eq!(plan::is_active(&user), Some(true));
    assert_eq!(
        harness.sandbox.users().len(),
        1,
        "a rehire keeps the account"
    );
}

#[tokio::test]
async fn a_generic_account_is_created_changed_deactivated_and_reactivated() {
    run_lifecycle(start_harness(SandboxProfile::Generic, "generic").await).await;
}

#[tokio::test]
async fn a_workplace_account_is_created_changed_deactivated_and_reactivated() {
    run_lifecycle(start_harness(SandboxProfile::Workplace, "workplace").await).await;
}
