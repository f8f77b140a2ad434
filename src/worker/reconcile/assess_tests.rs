//! The golden table of `assess::decide`: the reads in order, what follows, and its requests.

use serde_json::Value;

use super::{
    assess::{Decision, decide},
    context::{Assessment, ReconcileContext},
    golden::{Fixture, Table, answered, hit, intent, now, user},
    groups::GroupReadings,
    notes::note_text,
    outcome::requests_of,
    readings::{Matches, Read, Readings},
};
use crate::{
    scim_client::{FoundUser, Lookup, RefusedKey},
    store::{IntentKind, Owner},
};
use hirewire_core::{
    fold::Status,
    mapping::{AdoptMatch, EvaluationError, OutOfScope},
    plan::{CurrentGroups, Phase},
    scim::AttributePath,
};

/// The target of a case: the answers to all reads.
pub(super) struct Target {
    pub(super) matches: Lookup,
    pub(super) user: Value,
    pub(super) second_accounts: Lookup,
    pub(super) groups: CurrentGroups,
    pub(super) owners: Vec<Owner>,
}

impl Target {
    /// Nothing matches; a bound user is this one.
    pub(super) fn with_user(user: Value) -> Self {
        Self {
            matches: nobody(),
            user,
            second_accounts: nobody(),
            groups: CurrentGroups::default(),
            owners: Vec::new(),
        }
    }

    fn with_owners(&self, found: &Lookup) -> Matches {
        Matches {
            found: found.clone(),
            owners: self.owners.clone(),
        }
    }

    /// The users that match are bound to the accounts of these people.
    pub(super) fn owned_by(self, owners: Vec<Owner>) -> Self {
        Self { owners, ..self }
    }

    pub(super) fn empty() -> Self {
        Self::with_user(Value::Null)
    }

    pub(super) fn matching(matches: Lookup) -> Self {
        Self {
            matches,
            ..Self::with_user(ada(true))
        }
    }
}

pub(super) fn nobody() -> Lookup {
    Lookup::NotFound {
        unfiltered: Vec::new(),
        refused: Vec::new(),
    }
}

/// Nobody was found, and the target refused the search by `externalId`.
pub(super) fn nobody_but_not_asked() -> Lookup {
    Lookup::NotFound {
        unfiltered: Vec::new(),
        refused: vec![RefusedKey {
            path: AttributePath::parse("externalId").unwrap(),
            failure: answered(Phase::Find, 400),
        }],
    }
}

pub(super) fn ada(active: bool) -> Value {
    user("u-1", Some("E-1"), active)
}

pub(super) fn own_hit() -> FoundUser {
    hit("u-1", Some("E-1"))
}

/// Answers the reads of an assessment from the target.
fn assess(context: &ReconcileContext<'_>, target: &Target) -> (Vec<String>, Assessment) {
    let (mut readings, mut reads) = (Readings::default(), Vec::new());
    loop {
        let read = match decide(context, &readings) {
            Decision::Complete(assessment) => return (reads, *assessment),
            Decision::Read(read) => read,
        };
        assert!(reads.len() < 5, "it reads without end: {reads:?}");

        reads.push(match read {
            Read::Matches => {
                readings.matches = Some(target.with_owners(&target.matches));
                "matches".to_owned()
            }
            Read::User(id) => {
                readings.user = Some(target.user.clone());
                format!("user {id}")
            }
            Read::SecondAccounts => {
                readings.second_accounts = Some(target.with_owners(&target.second_accounts));
                "second accounts".to_owned()
            }
            Read::Groups(_) => {
                readings.groups = Some(GroupReadings {
                    current: target.groups.clone(),
                    failures: Vec::new(),
                });
                "groups".to_owned()
            }
        });
    }
}

fn row(table: &mut Table, name: &str, context: &ReconcileContext<'_>, target: &Target) {
    let (reads, assessment) = assess(context, target);
    table.case(name);
    table.line("reads", reads.join(", "));
    table.line("next step", &assessment.next);

    for request in requests_of(&assessment, &context.mapping.document().profile) {
        let body = request.body.map(|body| body.to_string());
        let (method, path) = (request.method, request.path);
        table.line(
            "request",
            format!("{method} {path} {}", body.unwrap_or_default()),
        );
    }
    for note in &assessment.notes {
        table.line("note", note_text(note));
    }
    table.line("also matches", assessment.second_accounts.join(", "));
}

pub(super) fn case(table: &mut Table, name: &str, fixture: &Fixture, target: &Target) {
    fixture.in_context(|context| row(table, name, &context, target));
}

#[test]
fn golden_assess_access() {
    let mut table = Table::default();
    let joiner = Fixture::joiner;

    let unknown = joiner().with(|f| {
        f.person.status = Status::Unknown;
        f.person.employments.clear();
    });
    case(
        &mut table,
        "the status of the person is unknown",
        &unknown,
        &Target::empty(),
    );

    let out = joiner().with(|f| f.document.when = Some("worker.title == 'Cook'".to_owned()));
    let name = "out of scope, no user was ever bound";
    case(&mut table, name, &out, &Target::empty());

    let kept = joiner().with(|f| {
        f.document.when = Some("worker.title == 'Cook'".to_owned());
        f.document.out_of_scope = OutOfScope::Keep;
    });
    case(
        &mut table,
        "out of scope, the policy is keep",
        &kept,
        &Target::empty(),
    );

    joiner().in_context(|mut context| {
        context.desired.user = Err(EvaluationError {
            at: "mapping.title".to_owned(),
            problem: "no such site".to_owned(),
        });
        row(
            &mut table,
            "an expression fails",
            &context,
            &Target::empty(),
        );
    });

    let incomplete = joiner().with(|f| f.person.attributes.clear());
    let name = "a required attribute has no value, no user matches";
    case(&mut table, name, &incomplete, &Target::empty());

    case(&mut table, "no user matches", &joiner(), &Target::empty());

    table.assert_golden("assess_access");
}

#[test]
fn golden_assess_match() {
    let mut table = Table::default();
    let joiner = Fixture::joiner;

    let target = Target::matching(Lookup::One(own_hit()));
    case(
        &mut table,
        "one user matches, with the person's externalId",
        &joiner(),
        &target,
    );

    let found = Target::matching(Lookup::One(hit("u-7", None)));
    case(
        &mut table,
        "one user matches, without an externalId",
        &joiner(),
        &found,
    );

    let never = joiner().with(|f| f.document.adopt.r#match = AdoptMatch::Never);
    let name = "one user matches, without an externalId, and adopt.match is never";
    case(&mut table, name, &never, &found);

    let other = Target::matching(Lookup::One(hit("u-7", Some("E-9"))));
    case(
        &mut table,
        "one user matches, with another externalId",
        &joiner(),
        &other,
    );

    let taking = joiner().with(|f| f.document.adopt.take_external_id = true);
    let name = "one user matches, with another externalId that may be taken";
    case(&mut table, name, &taking, &other);

    let several = Target::matching(Lookup::Several(vec![own_hit(), hit("u-2", None)]));
    case(&mut table, "several users match", &joiner(), &several);

    let name = "nobody matches, and the target cannot be searched by one key";
    let not_asked = Target::matching(nobody_but_not_asked());
    case(&mut table, name, &joiner(), &not_asked);
    table.assert_golden("assess_match");
}

#[test]
fn golden_assess_after_a_create_without_an_answer() {
    let mut table = Table::default();
    let creating =
        || Fixture::joiner().with(|f| f.claim.account.intent = Some(intent(IntentKind::Create)));
    let found = Target::matching(Lookup::One(hit("u-7", None)));
    let several = Target::matching(Lookup::Several(vec![own_hit(), hit("u-2", None)]));

    let name = "several users match after a create without an answer";
    case(&mut table, name, &creating(), &several);

    let name = "no user matches 30 seconds after a create without an answer";
    case(&mut table, name, &creating(), &Target::empty());

    let late = creating().with(|f| f.claim.account.verify_at = Some(now()));
    let name = "no user matches after the propagation delay of a create without an answer";
    case(&mut table, name, &late, &Target::empty());

    let name = "one user matches after a create without an answer";
    case(&mut table, name, &creating(), &found);

    table.assert_golden("assess_unclear_create");
}
