//! The harness of the conformance tests: a database for one test, and short calls for hooks, claims
//! and commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hirewire::{
    queue::{Hook, Payload},
    store::{
        Account, Claim, ClaimRequest, Commit, DeadLetter, DeadLetterFilter, Facts, Outcome,
        OutcomeKind, PersonKey, Priority, SourceRouting, Store, StoreSettings, StoredBatch,
        SweepResult,
    },
};
use hirewire_core::{
    event::{ContentDigest, Event, HookId, IdDerivation, ParsedEvent, SourceId},
    mapping::Access,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// A database for one test.
pub struct StoreHarness {
    /// The URL that the store connects to.
    pub url: String,
    /// Removes the database when it is dropped.
    #[allow(dead_code, reason = "it is kept for its Drop")]
    pub keeper: Box<dyn std::any::Any + Send + Sync>,
}

/// Longer than any test runs.
pub const LONG_LEASE: Duration = Duration::from_mins(10);

impl StoreHarness {
    pub fn settings(&self, instance: &str) -> StoreSettings {
        StoreSettings {
            url: self.url.clone().into(),
            instance: instance.to_owned(),
            connections: 8,
        }
    }

    /// Opens the store as the instance `test`.
    pub async fn open(&self) -> Store {
        Store::open(self.settings("test"))
            .await
            .expect("the store opens")
    }

    /// Opens the store and publishes a mapping for `app`.
    pub async fn ready(&self) -> Store {
        let store = self.open().await;
        store
            .submit_mapping("app", "first", 1)
            .await
            .expect("answered");
        store
    }

    /// The number that a query returns as `n`, from outside of the store.
    pub async fn query_number(&self, query: &str) -> Option<i64> {
        let mut connection = sqlx::AnyConnection::connect(&self.url)
            .await
            .expect("a connection");
        let row = connection
            .fetch_one(sqlx::raw_sql(AssertSqlSafe(query.to_owned())))
            .await
            .expect("a row");
        connection.close().await.expect("closed");
        row.try_get("n").expect("a number")
    }

    /// `next_run_at` of the only account, in microseconds since 1970 UTC.
    pub async fn next_run_at(&self) -> Option<i64> {
        self.query_number("SELECT next_run_at AS n FROM accounts")
            .await
    }

    /// Lets the database refuse every event whose id begins so.
    pub async fn refuse_events(&self, prefix: &str) {
        let statement = if self.url.starts_with("sqlite") {
            format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.id LIKE '{prefix}%'
                 BEGIN SELECT RAISE(ABORT, 'refused by a rule of the database'); END"
            )
        } else {
            format!("ALTER TABLE events ADD CHECK (id NOT LIKE '{prefix}%')")
        };
        self.corrupt(&statement).await;
    }

    /// Damages rows with a statement, as only an accident or a later version could.
    pub async fn corrupt(&self, statement: &str) {
        let mut connection = sqlx::AnyConnection::connect(&self.url)
            .await
            .expect("a connection");
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned())))
            .await
            .expect("the statement succeeds");
        connection.close().await.expect("closed");
    }
}

pub fn source(name: &str) -> SourceId {
    SourceId::parse(name).expect("a source")
}

/// The source `hr` feeds the connection `app`.
pub fn routing() -> SourceRouting {
    routing_of(&[("app", &["hr"])])
}

pub fn routing_of(connections: &[(&str, &[&str])]) -> SourceRouting {
    let sources = |sources: &[&str]| {
        sources
            .iter()
            .map(|name| source(name))
            .collect::<BTreeSet<_>>()
    };
    SourceRouting {
        connections: connections
            .iter()
            .map(|(name, names)| ((*name).to_owned(), sources(names)))
            .collect(),
    }
}

/// An event of a kind about a worker.
pub fn event(kind: &str, worker: &str, id: &str) -> ParsedEvent {
    event_with(kind, worker, id, json!({}))
}

pub fn event_with(kind: &str, worker: &str, id: &str, data: Value) -> ParsedEvent {
    let mut content = json!({
        "specversion": "1.0",
        "id": id,
        "source": "/hr",
        "type": format!("hr.worker.{kind}.v1"),
        "subject": worker,
        "time": "2026-11-20T09:00:00Z",
    });
    content["data"] = data;
    ParsedEvent {
        id_derivation: IdDerivation::Given,
        content: serde_json::from_value(content).expect("an event"),
    }
}

/// A hook of `hr`, received at that second.
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

pub async fn store_events(store: &Store, events: Vec<ParsedEvent>) -> StoredBatch {
    store
        .store_hooks(&[hook(0, events)], &routing())
        .await
        .expect("stored")
}

/// Stores one event about a new worker; the new person.
pub async fn person(store: &Store, worker: &str) -> PersonKey {
    let stored = store_events(
        store,
        vec![event("hired", worker, &format!("hired-{worker}"))],
    )
    .await;
    stored.hooks[0].events[0].person.clone()
}

pub fn request(limit: usize) -> ClaimRequest<'static> {
    ClaimRequest {
        connection: "app",
        priority: None,
        person: None,
        limit,
        lease: LONG_LEASE,
    }
}

/// Claims at most so many pending accounts of `app`.
pub async fn claim(store: &Store, limit: usize) -> Vec<Claim> {
    store.claim(&request(limit)).await.expect("claimed")
}

/// Claims the only pending account of `app`.
pub async fn claim_one(store: &Store) -> Claim {
    let mut claims = claim(store, 10).await;
    assert_eq!(claims.len(), 1, "one account of `app` is pending");
    claims.remove(0)
}

/// Claims the person's account on `app`, if it is pending.
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

/// A commit of a successful reconcile, with that binding.
pub fn reconciled(claim: &Claim, scim_id: Option<&str>) -> Commit {
    Commit {
        scim_id: scim_id.map(str::to_owned),
        reconciled: true,
        reconciled_access: Some(Access::Active),
        priority: Priority::Other,
        next_due_at: None,
        not_before: None,
        verify_at: None,
        attempts: 0,
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::Updated))
    }
}

/// A commit of a failed attempt, with the time of the next one.
pub fn failed(claim: &Claim, not_before: Timestamp) -> Commit {
    Commit {
        attempts: claim.account.attempts + 1,
        not_before: Some(not_before),
        ..Commit::keeping(&claim.account, outcome(OutcomeKind::Waiting))
    }
}

/// Claims and commits every pending account of `app`; their number.
pub async fn reconcile_all(store: &Store) -> usize {
    let mut reconciled_accounts = 0;

    loop {
        assert!(
            reconciled_accounts < 5_000,
            "a reconciled account is pending again and again"
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

/// The number of pending accounts of `app`.
pub async fn pending_count(store: &Store) -> u64 {
    let counts = store.pending_counts().await.expect("counted");
    counts
        .iter()
        .filter(|count| count.connection == "app")
        .map(|count| count.accounts)
        .sum()
}

/// Waits until the store's clock is past that time.
pub async fn wait_past(store: &Store, time: Timestamp) {
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

/// The person's first account.
pub async fn read_account(store: &Store, person: &PersonKey) -> Account {
    let mut views = store.accounts(person).await.expect("read");
    views.remove(0).account
}

pub async fn read_facts(store: &Store, person: &PersonKey) -> Facts {
    let facts = store.facts(person).await.expect("read");
    facts.expect("the person is known")
}

pub async fn open_dead_letters(store: &Store) -> Vec<DeadLetter> {
    store
        .dead_letters(&DeadLetterFilter::default())
        .await
        .expect("read")
}

/// Sweeps with the routing of [`routing`].
pub async fn sweep(store: &Store) -> SweepResult {
    store.sweep(&routing()).await.expect("swept")
}

pub async fn submit_mapping(store: &Store, connection: &str, document: &str) {
    store
        .submit_mapping(connection, document, 1)
        .await
        .expect("submitted");
}
