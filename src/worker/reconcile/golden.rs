//! Golden tables of the pure steps, and the account that their cases start from.
//!
//! A table is a text file in `golden/`: one paragraph for each case, with what the step decides. A
//! test compares it byte for byte and fails if they differ. `UPDATE_CASES=1 cargo test -p hirewire
//! --lib golden` writes the files anew; review the difference before you commit it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::context::ReconcileContext;
use crate::{
    scim_client::{ClientError, FoundUser},
    store::{
        Account, Claim, Intent, IntentKind, LastApplied, MatchKeyValue, OutcomeKind, PersonKey,
        Priority,
    },
    worker::{Mode, connection::ConnectionSettings},
};
use hirewire_core::{
    backoff::Backoff,
    event::{Alias, Attribute, Moment, SourceId, WorkerId},
    fold::{Employment, Person, Status},
    mapping::{Access, Mapping, MappingDocument},
    plan::{Change, Edit, Failure, FailureKind, Phase, ShownActive},
    scim::{AttributePath, Profile, ScimError},
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/worker/reconcile/golden")
        .join(format!("{name}.txt"))
}

/// The golden table of this name; empty: it was never written.
pub(super) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_default()
}

/// Compares a table with `golden/{name}.txt`.
fn assert_golden(name: &str, table: &str) {
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(path(name), table).unwrap();
    }
    assert!(
        read(name) == table,
        "golden/{name}.txt differs (UPDATE_CASES=1 writes it anew). The table is now:\n{table}"
    );
}

/// The instant of every claim.
pub(super) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// An account, its person and its connection.
pub(super) struct Fixture {
    pub(super) claim: Claim,
    pub(super) person: Person,
    pub(super) document: MappingDocument,
    pub(super) settings: ConnectionSettings,
    pub(super) read_first: bool,
}

impl Fixture {
    /// Ada works here; no user is bound.
    pub(super) fn joiner() -> Self {
        Self {
            claim: claim(),
            person: person(Status::Active),
            document: document(),
            settings: settings(),
            read_first: false,
        }
    }

    /// Ada works here; her user `u-1` was created by Hirewire and has her title.
    pub(super) fn employee() -> Self {
        let mut fixture = Self::joiner();
        let account = &mut fixture.claim.account;
        account.scim_id = Some("u-1".to_owned());
        account.reconciled_access = Some(Access::Active);
        account.reconciled_version = 1;
        account.last_run_at = Some(now() - 24.hours());
        account.last_applied = LastApplied {
            attributes: BTreeMap::from([
                ("externalId".to_owned(), json!("E-1")),
                ("title".to_owned(), json!("Engineer")),
                ("userName".to_owned(), json!("ada@acme.example")),
            ]),
            groups: BTreeMap::new(),
            created_by_us: true,
            active: Some(true),
            ended_by_us: false,
            made_active: true,
            found_inactive: None,
            gone: false,
            refused: BTreeMap::new(),
        };
        fixture
    }

    /// Ada left; her user `u-1` was last reconciled as active.
    pub(super) fn leaver() -> Self {
        Self {
            person: person(Status::Ended),
            ..Self::employee()
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Calls `test` with the context of this account.
    pub(super) fn in_context<T>(&self, test: impl FnOnce(ReconcileContext<'_>) -> T) -> T {
        let mapping = Mapping::compile(self.document.clone()).unwrap();
        let mut context = ReconcileContext::new(
            &self.claim,
            &self.person,
            &mapping,
            &self.settings,
            Instant::now(),
        );
        context.read_first = self.read_first;
        test(context)
    }
}

fn alias() -> Alias {
    Alias {
        source: SourceId::parse("acme").unwrap(),
        worker: WorkerId::parse("E-1").unwrap(),
    }
}

fn claim() -> Claim {
    Claim {
        account: Account {
            connection: "app".to_owned(),
            person: PersonKey("p-1".to_owned()),
            alias: alias(),
            scim_id: None,
            last_applied: LastApplied::default(),
            reconciled_version: 0,
            reconciled_access: None,
            reconciled_mapping_version: 0,
            next_due_at: None,
            priority: Priority::Other,
            pending_since: Some(now()),
            leaver_since: None,
            attempts: 0,
            not_before: None,
            intent: None,
            verify_at: None,
            audits: 0,
            held: false,
            last_run_at: None,
            outcome: None,
        },
        fencing_token: "token-2".to_owned(),
        lease_until: now() + 30.seconds(),
        now: now(),
        person_version: 2,
        mapping_version: 1,
        lease_taken_over: false,
        merged_into: None,
    }
}

/// Ada, hired on 2026-01-01; with [`Status::Ended`] she left on 2026-05-31.
fn person(status: Status) -> Person {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let end = "2026-05-31T22:00:00Z".parse().unwrap();
    let employment = Employment {
        id: None,
        alias: alias(),
        opened: None,
        start: Some(Moment::at(start)),
        end: (status == Status::Ended).then(|| Moment::at(end)),
        is_final: false,
        access_revoked_from: None,
        lapses: None,
        counts: true,
        record_deleted: false,
        leaves: Vec::new(),
        primary: false,
        attributes: BTreeMap::new(),
    };
    let attributes = [("title", "Engineer"), ("work_email", "ada@acme.example")];

    Person {
        aliases: BTreeSet::from([alias()]),
        status,
        employments: vec![employment],
        access_revoked_from: None,
        attributes: attributes
            .map(|(name, value)| (Attribute::named(name), json!(value)))
            .into(),
        next_change: None,
        findings: Vec::new(),
    }
}

/// A mapping of `userName` and `title`, matched by `externalId` and `userName`.
fn document() -> MappingDocument {
    let mut document = MappingDocument::of_profile(Profile::named("generic").unwrap());
    document
        .mapping
        .retain(|path, _| matches!(path.as_str(), "userName" | "title"));
    document.r#match = vec!["externalId".to_owned(), "userName".to_owned()];
    document
}

fn settings() -> ConnectionSettings {
    ConnectionSettings {
        name: "app".to_owned(),
        mode: Mode::Apply,
        sources: BTreeSet::new(),
        concurrency: 4,
        propagation_delay: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
        advice: std::collections::BTreeMap::new(),
        budget: 25,
        backoff: Backoff::ACCOUNT,
        client: Arc::new(|_| Err(ClientError::BaseUrl)),
        credentials: Arc::new(|| None),
    }
}

/// An open intent that began 30 seconds ago.
pub(super) fn intent(kind: IntentKind) -> Intent {
    Intent {
        kind,
        match_keys: vec![MatchKeyValue {
            path: "userName".to_owned(),
            value: "ada@acme.example".to_owned(),
        }],
        fencing_token: "token-1".to_owned(),
        begun_at: now() - 30.seconds(),
        gives_access: kind == IntentKind::Create,
    }
}

/// Ada's user as the target has it.
pub(super) fn user(id: &str, external_id: Option<&str>, active: bool) -> Value {
    json!({
        "id": id, "externalId": external_id, "userName": "ada@acme.example",
        "title": "Engineer", "active": active,
    })
}

/// A user that a search found by `userName`.
pub(super) fn hit(id: &str, external_id: Option<&str>) -> FoundUser {
    FoundUser {
        id: id.to_owned(),
        resource: user(id, external_id, true),
        matched_by: vec![AttributePath::parse("userName").unwrap()],
    }
}

/// The change of an update that sets Ada's title.
pub(super) fn title_change() -> Change {
    Change {
        path: AttributePath::parse("title").unwrap(),
        edit: Edit::Replace(json!("Engineer")),
        applied: Vec::new(),
    }
}

/// A SCIM error with this status.
pub(super) fn answered(phase: Phase, status: u16) -> Failure {
    let error = ScimError {
        status,
        is_scim: true,
        ..ScimError::default()
    };
    Failure {
        phase,
        kind: FailureKind::Answered {
            error,
            retry_after: None,
        },
    }
}

/// A write of `active` that the target answered with success and that does not show.
pub(super) fn without_effect(phase: Phase, shown: ShownActive) -> Failure {
    Failure {
        phase,
        kind: FailureKind::WithoutEffect(shown),
    }
}

/// The text of a table, case by case.
#[derive(Default)]
pub(super) struct Table(String);

impl Table {
    /// Begins a case.
    pub(super) fn case(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(name);
        self.0.push('\n');
    }

    /// Adds a line to the case, if it has a value.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a case passes text, numbers and steps as it has them"
    )]
    pub(super) fn line(&mut self, key: &str, value: impl ToString) {
        let value = value.to_string();
        if !value.is_empty() {
            writeln!(self.0, "    {key:<12}  {value}").unwrap();
        }
    }

    pub(super) fn assert_golden(&self, name: &str) {
        assert_golden(name, &self.0);
    }
}

/// The golden tables show every kind of outcome.
#[test]
fn every_outcome_is_in_a_golden_table() {
    let names = [
        "outcome_applied",
        "outcome_no_request",
        "outcome_unchanged",
        "outcome_operator",
    ];
    let tables: String = names.map(read).concat();

    for kind in [
        OutcomeKind::Created,
        OutcomeKind::Updated,
        OutcomeKind::Deactivated,
        OutcomeKind::Reactivated,
        OutcomeKind::Unchanged,
        OutcomeKind::Unmanaged,
        OutcomeKind::Incomplete,
        OutcomeKind::LeaverNotFound,
        OutcomeKind::DisabledElsewhere,
        OutcomeKind::Observed,
        OutcomeKind::Waiting,
        OutcomeKind::DeadLetter,
    ] {
        let line = format!("outcome       {}", kind.as_str());
        assert!(
            tables.contains(&line),
            "no golden table shows {}",
            kind.as_str()
        );
    }
}
