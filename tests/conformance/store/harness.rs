//! What the promises are played with: a place for a store, hooks, claims and commits in few words.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hirewire::{
    queue::{Hook, Payload},
    store::{
        Claim, ClaimRequest, Commit, Outcome, OutcomeKind, PersonKey, Priority, Recorded, Store,
        StoreSettings, Wiring,
    },
};
use hirewire_core::{
    event::{ContentDigest, Event, HookId, IdDerivation, ParsedEvent, SourceId},
    mapping::Access,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// Where a store is, for the length of a test.
pub struct Place {
    /// Its URL.
    pub url: String,
    /// What takes it away again when dropped.
    #[allow(dead_code, reason = "held, never read")]
    pub keeper: Box<dyn std::any::Any + Send + Sync>,
}

/// A lease that no test outlives.
pub const LONG: Duration = Duration::from_mins(10);

impl Place {
    pub fn settings(&self, instance: &str) -> StoreSettings {
        StoreSettings {
            url: self.url.clone().into(),
            instance: instance.to_owned(),
            connections: 8,
        }
    }

    /// The store, as a process opens it.
    pub async fn open(&self) -> Store {
        Store::open(self.settings("test"))
            .await
            .expect("the store opens")
    }

    /// A store with a published mapping on `app`.
    pub async fn ready(&self) -> Store {
        let store = self.open().await;
        store
            .offer_mapping("app", "first", 1)
            .await
            .expect("offered");
        store
    }

    /// Breaks something in the tables, as only an accident could.
    pub async fn break_with(&self, statement: &str) {
        let mut connection = sqlx::AnyConnection::connect(&self.url)
            .await
            .expect("a connection");
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned())))
            .await
            .expect("broken");
        connection.close().await.expect("closed");
    }
}

pub fn source(name: &str) -> SourceId {
    SourceId::parse(name).expect("a source")
}

/// `hr` feeds `app`.
pub fn wiring() -> Wiring {
    wired(&[("app", &["hr"])])
}

pub fn wired(connections: &[(&str, &[&str])]) -> Wiring {
    let fed = |sources: &[&str]| {
        sources
            .iter()
            .map(|name| source(name))
            .collect::<BTreeSet<_>>()
    };
    Wiring {
        connections: connections
            .iter()
            .map(|(name, sources)| ((*name).to_owned(), fed(sources)))
            .collect(),
    }
}

/// An event of that kind about that worker.
pub fn event(kind: &str, worker: &str, id: &str) -> ParsedEvent {
    with(kind, worker, id, json!({}))
}

pub fn with(kind: &str, worker: &str, id: &str, data: Value) -> ParsedEvent {
    let mut content = json!({
        "specversion": "1.0", "id": id, "source": "/hr", "type": format!("hr.worker.{kind}.v1"), "subject": worker,
        "time": "2026-11-20T09:00:00Z",
    });
    content["data"] = data;
    ParsedEvent {
        id_derivation: IdDerivation::Given,
        content: serde_json::from_value(content).expect("an event"),
    }
}

/// A hook of `hr`, received at second `at`.
pub fn hook(at: i64, events: Vec<ParsedEvent>) -> Hook {
    hook_of("hr", at, Payload::Events(events))
}

pub fn hook_of(name: &str, at: i64, payload: Payload) -> Hook {
    Hook {
        source: source(name),
        hook: HookId::parse(hirewire::telemetry::new_id()).expect("an id"),
        received: second(at),
        secret: None,
        digest: ContentDigest::of(b"body"),
        payload,
    }
}

pub fn second(at: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + at).expect("a time")
}

pub async fn record(store: &Store, events: Vec<ParsedEvent>) -> Recorded {
    store
        .record(&[hook(0, events)], &wiring())
        .await
        .expect("recorded")
}

/// A person of whom one event is stored.
pub async fn person(store: &Store, worker: &str) -> PersonKey {
    let recorded = record(
        store,
        vec![event("hired", worker, &format!("hired-{worker}"))],
    )
    .await;
    recorded.hooks[0].events[0].person.clone()
}

pub fn request(most: usize) -> ClaimRequest<'static> {
    ClaimRequest {
        connection: "app",
        priority: None,
        person: None,
        most,
        lease: LONG,
    }
}

/// Claims at most so many accounts of `app`.
pub async fn claim(store: &Store, most: usize) -> Vec<Claim> {
    store.claim(&request(most)).await.expect("claimed")
}

/// Claims the only account of `app` that is pending.
pub async fn claim_one(store: &Store) -> Claim {
    let mut claims = claim(store, 10).await;
    assert_eq!(claims.len(), 1, "one account is pending");
    claims.remove(0)
}

/// Claims that person's account on `app`.
pub async fn claim_of(store: &Store, person: &PersonKey) -> Option<Claim> {
    let request = ClaimRequest {
        person: Some(person),
        ..request(1)
    };
    store.claim(&request).await.expect("claimed").pop()
}

pub fn outcome(kind: OutcomeKind) -> Outcome {
    Outcome::new(kind, "")
}

/// A commit that reconciles what was claimed, bound to that user.
pub fn reconciled(claim: &Claim, scim_id: Option<&str>) -> Commit {
    Commit {
        scim_id: scim_id.map(str::to_owned),
        reconciled: true,
        reconciled_access: Some(Access::Active),
        priority: Priority::Other,
        due: None,
        not_before: None,
        verify_at: None,
        attempts: 0,
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::Updated))
    }
}

/// A commit after a failed attempt, to be tried again then.
pub fn failed(claim: &Claim, not_before: Timestamp) -> Commit {
    Commit {
        attempts: claim.account.attempts + 1,
        not_before: Some(not_before),
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::Waiting))
    }
}

/// Settles every account of `app` that is pending; how many.
pub async fn reconcile_all(store: &Store) -> usize {
    let mut reconciled_accounts = 0;
    loop {
        assert!(
            reconciled_accounts < 5_000,
            "what is reconciled is pending again and again"
        );
        let claims = claim(store, 50).await;
        if claims.is_empty() {
            return reconciled_accounts;
        }
        for claim in &claims {
            store
                .commit(claim, &reconciled(claim, claim.account.scim_id.as_deref()))
                .await
                .expect("committed");
        }
        reconciled_accounts += claims.len();
    }
}

/// How many accounts of `app` are pending, by the store's count.
pub async fn pending(store: &Store) -> u64 {
    let counts = store.pending().await.expect("counted");
    counts
        .iter()
        .filter(|count| count.connection == "app")
        .map(|count| count.accounts)
        .sum()
}

/// Waits until the store's clock has passed that time.
pub async fn pass(store: &Store, time: Timestamp) {
    while store.now().await.expect("a clock") <= time {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub fn by_id(events: &[Event]) -> BTreeMap<String, Vec<&Event>> {
    let mut found: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in events {
        found
            .entry(event.content.id.clone())
            .or_default()
            .push(event);
    }
    found
}
