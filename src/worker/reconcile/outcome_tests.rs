//! The golden table of `outcome`: every conclusion, and the commit that is built from it.
//!
//! Times are given from the moment of the commit.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::{Assessment, Binding, ReconcileContext},
    golden::{Fixture, Table, answered, intent, now},
    next_step::{Conclusion, NextStep},
    outcome::CommitBuilder,
    progress::Progress,
    refusals::Refusal,
};
use crate::{
    scim_client::Response,
    store::{Commit, IntentKind, OutcomeKind, Priority},
};
use hirewire_core::{
    mapping::Access,
    plan::{Operation, TargetUser},
};

/// The table of commits.
#[derive(Default)]
pub(super) struct Commits {
    pub(super) table: Table,
}

/// The assessment and the requests before the conclusion.
#[derive(Default)]
pub(super) struct Before {
    pub(super) binding: Option<Binding>,
    pub(super) second_accounts: Vec<String>,
    pub(super) next: Option<NextStep>,
    /// Operations with the status of their answers.
    pub(super) sent: Vec<(Operation, u16)>,
    pub(super) refusals: Vec<Refusal>,
}

impl Before {
    pub(super) fn bound() -> Self {
        Self::bound_to(false)
    }

    pub(super) fn bound_to(adopting: bool) -> Self {
        Self {
            binding: Some(Binding {
                id: "u-1".to_owned(),
                resource: None,
                adopting,
                created_by_us: !adopting,
                found_inactive: None,
            }),
            ..Self::default()
        }
    }

    pub(super) fn sent(operation: Operation, status: u16) -> Self {
        Self {
            sent: vec![(operation, status)],
            ..Self::bound()
        }
    }
}

impl Commits {
    pub(super) fn case(
        &mut self,
        name: &str,
        fixture: &Fixture,
        before: Before,
        conclusion: Conclusion,
    ) {
        fixture.in_context(|context| {
            let assessment = Assessment {
                binding: before.binding,
                second_accounts: before.second_accounts,
                next: before.next.unwrap_or(NextStep::Assess),
                ..Assessment::unread()
            };
            let mut progress = Progress::new(&context);
            progress.adopt(&assessment);
            for (operation, status) in &before.sent {
                send(&context, &mut progress, operation, *status);
            }
            for refusal in before.refusals {
                progress.refuse(refusal);
            }

            let commit = CommitBuilder {
                context: &context,
                assessment: &assessment,
                progress: &progress,
                at: now(),
                chance: 0.5,
            }
            .build(conclusion);
            self.table.case(name);
            show(&mut self.table, &commit);
        });
    }
}

fn send(
    context: &ReconcileContext<'_>,
    progress: &mut Progress,
    operation: &Operation,
    status: u16,
) {
    let profile = &context.mapping.document().profile;
    let id = progress.scim_id.clone().unwrap_or_default();
    let request = operation.request(
        profile,
        TargetUser {
            id: &id,
            resource: None,
        },
    );
    progress
        .intent
        .get_or_insert_with(|| intent(super::progress::kind_of(operation)));

    if status < 300 {
        let response = Response {
            status,
            body: Some(json!({ "id": "u-1" })),
            version: None,
        };
        progress.record_sent(&request, operation, Ok(&response));
        progress.record_success(operation, &response);
    } else {
        progress.record_sent(
            &request,
            operation,
            Err(&answered(operation.phase(), status)),
        );
    }
}

fn show(table: &mut Table, commit: &Commit) {
    let outcome = &commit.outcome;
    table.line(
        "outcome",
        format!("{} {}", outcome.kind.as_str(), outcome.detail).trim_end(),
    );
    if let Some(reason) = outcome.reason {
        table.line("reason", json!(reason).as_str().unwrap_or_default());
    }
    table.line("user", commit.scim_id.as_deref().unwrap_or("not bound"));
    table.line(
        "reconciled",
        match (commit.reconciled, commit.reconciled_access) {
            (true, Some(access)) => format!("yes, access {}", word(&json!(access))),
            (true, None) => "yes".to_owned(),
            (false, _) => "no".to_owned(),
        },
    );
    table.line("due", from_now(commit.next_due_at));
    table.line("not before", from_now(commit.not_before));
    table.line("verify at", from_now(commit.verify_at));
    table.line(
        "priority",
        match commit.priority {
            Priority::Leaver => "leaver",
            Priority::Other => "other",
        },
    );
    if commit.attempts > 0 {
        table.line("attempts", commit.attempts);
    }
    if commit.audits > 0 {
        table.line("audits", commit.audits);
    }
    if let Some(intent) = &commit.intent {
        let kind = word(&json!(intent.kind));
        table.line("intent", format!("{kind} of {}", intent.fencing_token));
    }
    for dead_letter in &commit.dead_letters {
        let (cause, summary) = (dead_letter.cause.as_str(), &dead_letter.summary);
        table.line("dead letter", format!("{cause}: {summary}"));
    }
    if commit.closes_dead_letters {
        table.line("closes", "the open dead letters of the account");
    }
    if let Some(history) = &commit.history {
        table.line("history", history);
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn from_now(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| {
        format!("{} s", at.duration_since(now()).as_secs())
    })
}

pub(super) fn create() -> Operation {
    Operation::Create {
        user: json!({ "active": true }),
        applied: Vec::new(),
    }
}

pub(super) fn update() -> Operation {
    Operation::Update(vec![super::golden::title_change()])
}

fn nothing(kind: OutcomeKind, detail: &str) -> Conclusion {
    Conclusion::Reconciled(kind, detail.to_owned())
}

#[test]
fn golden_outcome_unchanged() {
    let mut commits = Commits::default();
    let employee = Fixture::employee();

    let unchanged = || nothing(OutcomeKind::Unchanged, "");
    commits.case("unchanged", &employee, Before::bound(), unchanged());

    let ending = Fixture::employee().with(|f| {
        let end = "2026-06-30T22:00:00Z".parse().unwrap();
        f.person.employments[0].end = Some(hirewire_core::event::Moment::at(end));
    });
    commits.case(
        "unchanged, the employment ends later",
        &ending,
        Before::bound(),
        unchanged(),
    );

    let unproven = Fixture::employee().with(|f| f.claim.lease_taken_over = true);
    commits.case(
        "unchanged after an earlier lease ran out",
        &unproven,
        Before::bound(),
        unchanged(),
    );

    let second = Before {
        second_accounts: vec!["u-2".to_owned()],
        ..Before::bound()
    };
    commits.case(
        "unchanged, a second account exists",
        &employee,
        second,
        unchanged(),
    );
    commits.table.assert_golden("outcome_unchanged");
}

#[test]
fn golden_outcome_of_an_inactive_leaver() {
    let mut commits = Commits::default();
    let leaver = Fixture::leaver();
    let inactive = || nothing(OutcomeKind::Unchanged, "inactive");
    commits.case(
        "a leaver's account is inactive",
        &leaver,
        Before::bound(),
        inactive(),
    );

    let audited = Fixture::leaver().with(|f| {
        f.claim.account.reconciled_access = Some(Access::Inactive);
        f.claim.account.reconciled_version = f.claim.person_version;
        f.claim.account.audits = 1;
    });
    commits.case(
        "the second audit of a leaver",
        &audited,
        Before::bound(),
        inactive(),
    );
    commits.table.assert_golden("outcome_inactive");
}

#[test]
fn golden_outcome_without_a_request() {
    let mut commits = Commits::default();
    let (joiner, employee) = (Fixture::joiner(), Fixture::employee());
    let leaver = Fixture::leaver();
    let unmanaged = nothing(OutcomeKind::Unmanaged, "");
    let creating =
        Fixture::joiner().with(|f| f.claim.account.intent = Some(intent(IntentKind::Create)));
    commits.case(
        "unmanaged after a create without an answer",
        &creating,
        Before::default(),
        unmanaged,
    );

    let incomplete = nothing(OutcomeKind::Incomplete, "userName");
    commits.case("incomplete", &joiner, Before::default(), incomplete);
    let disabled = nothing(
        OutcomeKind::DisabledElsewhere,
        "another system deactivated it",
    );
    commits.case("disabled elsewhere", &employee, Before::bound(), disabled);
    let not_found = nothing(OutcomeKind::LeaverNotFound, "");
    let unbound = Fixture::leaver().with(|f| f.claim.account.scim_id = None);
    commits.case(
        "a leaver without an account",
        &unbound,
        Before::default(),
        not_found,
    );
    let held = nothing(OutcomeKind::Waiting, "held");
    commits.case("a held leaver", &leaver, Before::bound(), held);

    let planned = Before {
        next: Some(NextStep::Execute(vec![Operation::Deactivate])),
        ..Before::bound()
    };
    commits.case(
        "observed, a request is planned",
        &leaver,
        planned,
        Conclusion::Observed,
    );
    let planned = Before {
        next: Some(NextStep::reconciled(OutcomeKind::Unchanged, "")),
        ..Before::bound()
    };
    commits.case(
        "observed, nothing is planned",
        &employee,
        planned,
        Conclusion::Observed,
    );
    commits.table.assert_golden("outcome_no_request");
}

#[test]
fn golden_outcome_of_requests() {
    let mut commits = Commits::default();
    let (joiner, employee) = (Fixture::joiner(), Fixture::employee());
    let applied = || Conclusion::Applied;

    let created = Before {
        sent: vec![(create(), 201)],
        ..Before::default()
    };
    commits.case("created", &joiner, created, applied());
    commits.case("updated", &employee, Before::sent(update(), 200), applied());

    let returned =
        Fixture::employee().with(|f| f.claim.account.reconciled_access = Some(Access::Inactive));
    commits.case(
        "reactivated",
        &returned,
        Before::sent(Operation::Reactivate, 200),
        applied(),
    );

    let leaver = Fixture::leaver();
    commits.case(
        "deactivated",
        &leaver,
        Before::sent(Operation::Deactivate, 200),
        applied(),
    );

    commits.table.assert_golden("outcome_applied");
}
