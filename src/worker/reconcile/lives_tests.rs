//! The order of arrival does not decide access: docs/fold.md, section 3.
//!
//! For random histories, the events reach an account one by one with a reconcile between, in the
//! order of their receipt and in another order, and all at once. At every later instant the user of
//! the target then has the same access. The steps that decide are the real ones; the target is a
//! user in memory, and the store keeps of a commit what the real one keeps.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    assess::{Decision, decide},
    context::{Assessment, ReconcileContext},
    golden::Fixture,
    groups::GroupReadings,
    next_step::{Conclusion, NextStep},
    outcome::CommitBuilder,
    progress::Progress,
    readings::{Matches, Read, Readings},
};
use crate::{
    scim_client::{FoundUser, Lookup, Response},
    store::{Account, Claim, Commit},
};
use hirewire_core::{
    event::{Alias, Event},
    fold::{
        self, Rules,
        histories::{
            fact::alias,
            generator,
            history::History,
            runner::{SeededRng, cases_or, check_property_over},
        },
    },
    mapping::{Access, AttributeRule, Mapping, WhenEmpty, WhenWritten},
    plan::{CurrentGroups, Operation, is_active},
    scim::AttributePath,
};

/// So many runs in a row at one instant are no progress any more.
const MAX_RUNS: u32 = 8;

/// How many lives are compared, unless `HIREWIRE_CASES` sets another number.
const LIVES: u64 = 2_000;

/// How long a life is followed after the last event.
const HORIZON: SignedDuration = SignedDuration::from_hours(500 * 24);

/// The account of one worker, its user at the target, and the events that have arrived.
struct Life<'a> {
    fixture: Fixture,
    mapping: &'a Mapping,
    rules: &'a Rules,
    alias: Alias,
    events: Vec<Event>,
    user: Option<Value>,
    next_due_at: Option<Timestamp>,
}

impl<'a> Life<'a> {
    fn new(mapping: &'a Mapping, rules: &'a Rules) -> Self {
        let mut fixture = Fixture::joiner();
        fixture.claim.account.pending_since = None;
        Self {
            fixture,
            mapping,
            rules,
            alias: alias(0),
            events: Vec::new(),
            user: None,
            next_due_at: None,
        }
    }

    fn is_active(&self) -> bool {
        self.user
            .as_ref()
            .is_some_and(|user| is_active(user) == Some(true))
    }

    /// These events arrive at `now`, and the account is reconciled.
    fn receive(&mut self, events: &[Event], now: Timestamp) -> Result<(), String> {
        self.run_until(now)?;
        self.events.extend_from_slice(events);
        self.next_due_at = Some(now);
        self.run_until(now)
    }

    /// Runs the account whenever it is due, up to `until`.
    fn run_until(&mut self, until: Timestamp) -> Result<(), String> {
        let mut last = None;
        let mut runs = 0;
        while let Some(due) = self.next_due_at.filter(|due| *due <= until) {
            runs = if last == Some(due) { runs + 1 } else { 1 };
            if runs > MAX_RUNS {
                return Err(format!("it runs without end at {due}"));
            }
            last = Some(due);
            self.reconcile(due)?;
        }
        Ok(())
    }

    fn reconcile(&mut self, now: Timestamp) -> Result<(), String> {
        let claim = Claim {
            now,
            ..self.fixture.claim.clone()
        };
        let person = fold::fold(&self.events, &self.alias, now, self.rules);
        let settings = &self.fixture.settings;
        let context =
            ReconcileContext::new(&claim, &person, self.mapping, settings, Instant::now());

        let mut progress = Progress::new(&context);
        let assessment = assess(&context, self.user.as_ref());
        progress.adopt(&assessment);
        let conclusion = match assessment.next.clone() {
            NextStep::Execute(operations) => {
                for operation in &operations {
                    send(&mut self.user, operation, &mut progress);
                }
                Conclusion::Applied
            }
            NextStep::Commit(conclusion) => conclusion,
            unexpected @ (NextStep::Assess
            | NextStep::Revive(_)
            | NextStep::SplitUpdate(..)
            | NextStep::HandleFailure(_)
            | NextStep::ProbeTarget(_)
            | NextStep::ConfirmAbsence(_)
            | NextStep::PauseConnection(..)) => {
                return Err(format!("an unexpected step: {unexpected}"));
            }
        };

        let builder = CommitBuilder {
            context: &context,
            assessment: &assessment,
            progress: &progress,
            at: now,
            chance: 0.5,
        };
        let commit = builder.build(conclusion);
        // An audit reads only what another system did.
        let is_audit =
            commit.next_due_at.is_some_and(|due| due > now) && context.access() == Access::Inactive;
        self.next_due_at = if is_audit {
            context.desired.access.due
        } else {
            commit.next_due_at
        };
        keep(&mut self.fixture.claim.account, commit, now);
        Ok(())
    }
}

/// Takes over the columns that the store keeps of a commit.
fn keep(account: &mut Account, commit: Commit, now: Timestamp) {
    account.scim_id = commit.scim_id;
    account.last_applied = commit.last_applied;
    account.reconciled_access = commit.reconciled_access.or(account.reconciled_access);
    account.next_due_at = commit.next_due_at;
    account.intent = commit.intent;
    account.verify_at = commit.verify_at;
    account.audits = commit.audits;
    account.last_run_at = Some(now);
    account.outcome = Some(commit.outcome);
}

fn assess(context: &ReconcileContext<'_>, user: Option<&Value>) -> Assessment {
    let found = || Matches {
        found: user.map_or(
            Lookup::NotFound {
                unfiltered: Vec::new(),
                refused: Vec::new(),
            },
            |user| {
                Lookup::One(FoundUser {
                    id: "u-1".to_owned(),
                    resource: user.clone(),
                    matched_by: vec![AttributePath::parse("externalId").unwrap()],
                })
            },
        ),
        owners: Vec::new(),
    };

    let mut readings = Readings::default();
    loop {
        match decide(context, &readings) {
            Decision::Complete(assessment) => return *assessment,
            Decision::Read(Read::Matches) => readings.matches = Some(found()),
            Decision::Read(Read::User(_)) => readings.user = user.cloned(),
            Decision::Read(Read::SecondAccounts) => readings.second_accounts = Some(found()),
            Decision::Read(Read::Groups(_)) => {
                readings.groups = Some(GroupReadings {
                    current: CurrentGroups::default(),
                    failures: Vec::new(),
                });
            }
        }
    }
}

/// Applies an operation to the user, as a target does.
fn send(user: &mut Option<Value>, operation: &Operation, progress: &mut Progress) {
    let set_active = |user: &mut Option<Value>, active: bool| {
        if let Some(user) = user {
            user["active"] = json!(active);
        }
    };
    match operation {
        Operation::Create { user: created, .. } => {
            let mut created = created.clone();
            created["id"] = json!("u-1");
            *user = Some(created);
        }
        Operation::Deactivate => set_active(user, false),
        Operation::Reactivate => set_active(user, true),
        Operation::Update(changes) => {
            for (path, value) in changes.iter().flat_map(|change| change.applied.clone()) {
                if let Some(user) = user {
                    user[path.as_str()] = value;
                }
            }
        }
        Operation::AddToGroup { .. }
        | Operation::RemoveFromGroup { .. }
        | Operation::CreateGroup { .. } => {}
    }

    let response = Response {
        status: 200,
        body: user.clone(),
        version: None,
    };
    progress.record_success(operation, &response);
}

/// The number of lifecycle policies.
const POLICIES: u64 = 12;

fn mapping(policy: u64) -> Mapping {
    let mut document = Fixture::joiner().document;
    let rule = AttributeRule {
        expr: Some("worker.id".to_owned()),
        value: None,
        on: WhenWritten::Create,
        empty: WhenEmpty::Keep,
    };
    document.mapping.insert("userName".to_owned(), rule);
    document.external_id_on = WhenWritten::Create;
    document.mapping.remove("title");

    let lifecycle = &mut document.lifecycle;
    let choice = |choices: &[&str], step: u64| {
        let index = (policy / step) % choices.len() as u64;
        choices[usize::try_from(index).unwrap()].to_owned()
    };
    lifecycle.create = choice(&["start - 7d", "start", "start - 30d"], 1);
    lifecycle.deactivate = choice(&["end", "end + 12h"], 3);
    lifecycle.leave = choice(&["keep", "deactivate"], 6);
    Mapping::compile(document).unwrap()
}

/// Compares the access of two lives at each later instant.
fn compare(
    history: &History,
    (name, one): (&str, &mut Life<'_>),
    all: &mut Life<'_>,
    from: Timestamp,
) -> Result<(), String> {
    let mut instants: Vec<Timestamp> = history
        .boundaries()
        .into_iter()
        .flat_map(|at| [at, at + SignedDuration::from_secs(1)])
        .filter(|at| *at > from && *at < from + HORIZON)
        .collect();
    instants.insert(0, from);
    instants.push(from + HORIZON);

    for at in instants {
        one.run_until(at)?;
        all.run_until(at)?;
        if one.is_active() != all.is_active() {
            return Err(format!(
                "at {at} the user is active: {} {name}, {} if all come at once",
                one.is_active(),
                all.is_active()
            ));
        }
    }
    Ok(())
}

fn check(history: &History) -> Result<(), String> {
    static MAPPINGS: LazyLock<Vec<Mapping>> =
        LazyLock::new(|| (0..POLICIES).map(mapping).collect());
    let policy = usize::try_from(history.salt % POLICIES).unwrap();
    let (mapping, rules) = (&MAPPINGS[policy], history.rules());
    let mut events = history.events();
    events.sort_by_key(|event| event.received);
    let Some(last) = events.last().map(|event| event.received) else {
        return Ok(());
    };

    let mut by_receipt = Life::new(mapping, &rules);
    for event in &events {
        by_receipt.receive(std::slice::from_ref(event), event.received)?;
    }
    let mut all = Life::new(mapping, &rules);
    all.receive(&events, last)?;
    compare(history, ("one by one", &mut by_receipt), &mut all, last)?;

    let mut late = Life::new(mapping, &rules);
    SeededRng::new(history.salt).shuffle(&mut events);
    for event in &events {
        late.receive(std::slice::from_ref(event), last)?;
    }
    let mut all = Life::new(mapping, &rules);
    all.receive(&events, last)?;
    compare(history, ("in another order", &mut late), &mut all, last)
}

#[test]
fn the_order_of_arrival_does_not_decide_access() {
    check_property_over(
        cases_or(LIVES),
        "the_order_of_arrival_does_not_decide_access",
        generator::history,
        check,
    );
}
