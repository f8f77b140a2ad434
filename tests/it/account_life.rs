//! One account's life, in each dialect: planned by `plan`, sent by `target`, carried out by the sandbox, which shares
//! no code with either. After each step the same plan is made again from what the target then says: it must be empty.

use std::{sync::Arc, time::Duration};

use hirewire::observer::NoObserver;
use hirewire::scim_client::{BreakerSettings, Client, ClientSettings, Credentials, Lookup};
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

/// A sandbox that listens, and a client of it.
struct Harness {
    sandbox: Sandbox,
    client: Client,
    profile: Profile,
}

async fn harness(dialect: SandboxProfile, profile: &str) -> Harness {
    let sandbox = Sandbox::new(SandboxSettings {
        token: Some(TOKEN.into()),
        profile: dialect,
        faults: Vec::new(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = sandbox.clone();
    tokio::spawn(async move {
        hirewire::http::serve(
            listener,
            serving.service(),
            hirewire::http::Limits::default(),
            CancellationToken::new(),
        )
        .await
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
        observer: Arc::new(NoObserver),
    })
    .expect("a client");
    Harness {
        sandbox,
        client,
        profile,
    }
}

fn desired(title: &str) -> Desired {
    let set = |path: &str, value: &str| DesiredAttribute {
        path: AttributePath::parse(path).expect("a path"),
        value: DesiredValue::Set(Value::from(value)),
        on: WhenWritten::Always,
    };
    let attributes = vec![
        set("userName", ADA),
        set("name.givenName", "Ada"),
        set("name.familyName", "Lovelace"),
        set("name.formatted", "Ada Lovelace"),
        set("emails.work", ADA),
        set("title", title),
        set("enterprise.department", "Engineering"),
    ];
    Desired {
        attributes,
        external_id: Some("E-1001".to_owned()),
        ..Desired::default()
    }
}

impl Harness {
    fn key(path: &str, value: &str) -> MatchKey {
        MatchKey {
            path: AttributePath::parse(path).expect("a path"),
            value: value.to_owned(),
        }
    }

    async fn found(&self) -> Option<Value> {
        let keys = [
            Self::key("externalId", "E-1001"),
            Self::key("userName", ADA),
        ];
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
        let DeactivationPlan::Deactivate(ending) = plan::plan_deactivation(account) else {
            panic!("an active leaver is left")
        };
        self.send(&ending.operations, Some(user)).await;
    }
}

async fn life(harness: Harness) {
    assert_eq!(harness.found().await, None);

    let hired = desired("Engineer");
    let operations = harness.plan(&hired, None, true);
    assert_eq!(operations.len(), 1, "a hire is one request: {operations:?}");
    harness.send(&operations, None).await;
    let user = harness.found().await.expect("the hired user");
    assert_eq!(
        (&user["userName"], plan::is_active(&user)),
        (&json!(ADA), Some(true))
    );
    assert_eq!(harness.plan(&hired, Some(&user), false), []);

    let changed = desired("Principal Engineer");
    let operations = harness.plan(&changed, Some(&user), false);
    assert_eq!(
        operations.len(),
        1,
        "a changed title is one request: {operations:?}"
    );
    harness.send(&operations, Some(&user)).await;
    let user = harness.found().await.expect("the changed user");
    assert_eq!(user["title"], json!("Principal Engineer"));
    assert_eq!(harness.plan(&changed, Some(&user), false), []);

    harness.deactivate(&user).await;
    let user = harness.found().await.expect("the leaver's user");
    assert_eq!(plan::is_active(&user), Some(false));
    let again = LeaverAccount {
        active: Some(false),
        protected: false,
        held: false,
    };
    assert_eq!(
        plan::plan_deactivation(again),
        DeactivationPlan::AlreadyInactive
    );

    assert_eq!(
        harness.plan(&changed, Some(&user), false),
        [],
        "without an access_transition nobody is activated"
    );
    let operations = harness.plan(&changed, Some(&user), true);
    harness.send(&operations, Some(&user)).await;
    let user = harness.found().await.expect("the rehired user");
    assert_eq!(plan::is_active(&user), Some(true));
    assert_eq!(
        harness.sandbox.users().len(),
        1,
        "a rehire is the same account"
    );
}

#[tokio::test]
async fn an_account_lives_by_the_rfcs() {
    life(harness(SandboxProfile::Generic, "generic").await).await;
}

#[tokio::test]
async fn an_account_lives_in_workplaces_dialect() {
    life(harness(SandboxProfile::Workplace, "workplace").await).await;
}
