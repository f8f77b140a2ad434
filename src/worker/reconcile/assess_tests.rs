//! The golden table of `assess::decide`: the reads in order, what follows, and its requests.

use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::{
    assess::{Decision, decide, note_text},
    context::{Assessment, ReconcileContext},
    golden::{Fixture, Table, hit, intent, now, user},
    outcome::requests_of,
    readings::{Read, Readings},
};
use crate::{
    scim_client::{FoundUser, Lookup},
    store::{IntentKind, PersonKey},
};
use hirewire_core::{
    fold::Status,
    mapping::{AdoptMatch, EvaluationError, GroupName, GroupRule, OutOfScope},
    plan::CurrentGroups,
};

/// The target of a case: the answers to all reads.
struct Target {
    matches: Lookup,
    user: Value,
    second_accounts: Lookup,
    groups: CurrentGroups,
}

impl Target {
    /// Nothing matches; a bound user is this one.
    fn with_user(user: Value) -> Self {
        Self {
            matches: nobody(),
            user,
            second_accounts: nobody(),
            groups: CurrentGroups::default(),
        }
    }

    fn empty() -> Self {
        Self::with_user(Value::Null)
    }

    fn matching(matches: Lookup) -> Self {
        Self {
            matches,
            ..Self::with_user(ada(true))
        }
    }
}

fn nobody() -> Lookup {
    Lookup::NotFound {
        unfiltered: Vec::new(),
    }
}

fn ada(active: bool) -> Value {
    user("u-1", json!("E-1"), active)
}

fn own_hit() -> FoundUser {
    hit("u-1", json!("E-1"))
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
                readings.matches = Some(target.matches.clone());
                "matches".to_owned()
            }
            Read::User(id) => {
                readings.user = Some(target.user.clone());
                format!("user {id}")
            }
            Read::SecondAccounts => {
                readings.second_accounts = Some(target.second_accounts.clone());
                "second accounts".to_owned()
            }
            Read::Groups(_) => {
                readings.groups = Some(target.groups.clone());
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

fn case(table: &mut Table, name: &str, fixture: &Fixture, target: &Target) {
    fixture.in_context(|context| row(table, name, &context, target));
}

fn in_group(fixture: &mut Fixture, name: &str) {
    fixture.document.groups.push(GroupRule {
        name: Some(GroupName::Text(name.to_owned())),
        id: None,
        when: None,
    });
}

#[test]
fn golden_assess_joiner() {
    let mut table = Table::default();
    let joiner = Fixture::joiner;
    let creating = || joiner().with(|f| f.claim.account.intent = Some(intent(IntentKind::Create)));

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

    let target = Target::matching(Lookup::One(own_hit()));
    case(
        &mut table,
        "one user matches, with the person's externalId",
        &joiner(),
        &target,
    );

    let found = Target::matching(Lookup::One(hit("u-7", Value::Null)));
    case(
        &mut table,
        "one user matches, without an externalId",
        &joiner(),
        &found,
    );

    let never = joiner().with(|f| f.document.adopt.r#match = AdoptMatch::Never);
    let name = "one user matches, without an externalId, and adopt.match is never";
    case(&mut table, name, &never, &found);

    let other = Target::matching(Lookup::One(hit("u-7", json!("E-9"))));
    case(
        &mut table,
        "one user matches, with another externalId",
        &joiner(),
        &other,
    );

    let taking = joiner().with(|f| f.document.adopt.take_external_id = true);
    let name = "one user matches, with another externalId that may be taken";
    case(&mut table, name, &taking, &other);

    let several = Target::matching(Lookup::Several(vec![own_hit(), hit("u-2", Value::Null)]));
    case(&mut table, "several users match", &joiner(), &several);
    let name = "several users match after a create without an answer";
    case(&mut table, name, &creating(), &several);

    let name = "no user matches 30 seconds after a create without an answer";
    case(&mut table, name, &creating(), &Target::empty());

    let late = creating().with(|f| f.claim.account.verify_at = Some(now()));
    let name = "no user matches after the propagation delay of a create without an answer";
    case(&mut table, name, &late, &Target::empty());

    let name = "one user matches after a create without an answer";
    case(&mut table, name, &creating(), &found);

    table.assert_golden("assess_joiner");
}

#[test]
fn golden_assess_employee() {
    let mut table = Table::default();
    let employee = Fixture::employee;
    let titled = |fixture: &mut Fixture, title: &str| {
        let attributes = &mut fixture.claim.account.last_applied.attributes;
        attributes.insert("title".to_owned(), json!(title));
    };
    let returned = |f: &mut Fixture| {
        f.claim.account.reconciled_access = Some(hirewire_core::mapping::Access::Inactive);
    };
    let active = Target::with_user(ada(true));
    let inactive = Target::with_user(ada(false));

    let name = "desired as last applied";
    case(&mut table, name, &employee(), &active);

    let mover = employee().with(|f| titled(f, "Trainee"));
    case(&mut table, "the title changed", &mover, &active);

    let failing = employee().with(|f| f.claim.account.attempts = 1);
    case(&mut table, "an attempt failed before", &failing, &active);

    let name = "an earlier lease ran out";
    let taken_over = employee().with(|f| f.claim.lease_taken_over = true);
    case(&mut table, name, &taken_over, &active);

    let name = "desired active, found inactive, no access transition";
    let reading = employee().with(|f| f.read_first = true);
    case(&mut table, name, &reading, &inactive);

    let name = "desired active, found inactive, access transition";
    case(&mut table, name, &employee().with(returned), &inactive);

    let name = "desired active, found inactive, access transition, held";
    let held = employee()
        .with(returned)
        .with(|f| f.claim.account.held = true);
    case(&mut table, name, &held, &inactive);

    let name = "verified after an unclear create, a second user matches";
    let verified = employee().with(|f| f.claim.account.verify_at = Some(now() - 1.seconds()));
    let second = Target {
        second_accounts: Lookup::Several(vec![own_hit(), hit("u-2", Value::Null)]),
        ..Target::with_user(ada(true))
    };
    case(&mut table, name, &verified, &second);

    let name = "a group is desired that the target has";
    let grouped = employee().with(|f| in_group(f, "Everybody"));
    let with_group = Target {
        groups: CurrentGroups {
            ids: [("Everybody".to_owned(), "g-1".to_owned())].into(),
            ..CurrentGroups::default()
        },
        ..Target::with_user(ada(true))
    };
    case(&mut table, name, &grouped, &with_group);

    let name = "a group is desired that the target does not have";
    case(&mut table, name, &grouped, &active);

    let name = "a group is desired and the target has no groups";
    let flat = employee().with(|f| {
        in_group(f, "Everybody");
        f.document.profile.groups = None;
    });
    case(&mut table, name, &flat, &active);

    table.assert_golden("assess_employee");
}

#[test]
fn golden_assess_leaver() {
    let mut table = Table::default();
    let leaver = Fixture::leaver;
    let unbound = || leaver().with(|f| f.claim.account.scim_id = None);
    let active = Target::with_user(ada(true));

    case(&mut table, "found active", &leaver(), &active);

    let name = "found inactive";
    case(&mut table, name, &leaver(), &Target::with_user(ada(false)));

    let silent = Target::with_user(json!({ "id": "u-1", "userName": "ada@acme.example" }));
    case(
        &mut table,
        "the target does not state active",
        &leaver(),
        &silent,
    );

    let protected = leaver().with(|f| f.document.protect = vec!["Ada@acme.example".to_owned()]);
    case(
        &mut table,
        "found active and protected",
        &protected,
        &active,
    );

    let held = leaver().with(|f| f.claim.account.held = true);
    case(&mut table, "found active and held", &held, &active);

    let name = "out of scope, a user is bound";
    let out =
        Fixture::employee().with(|f| f.document.when = Some("worker.title == 'Cook'".to_owned()));
    case(&mut table, name, &out, &active);

    let name = "merged into another person while active";
    let merged =
        Fixture::employee().with(|f| f.claim.merged_into = Some(PersonKey("p-9".to_owned())));
    case(&mut table, name, &merged, &active);

    let name = "another user matches too, without an externalId";
    let second = Target {
        second_accounts: Lookup::Several(vec![own_hit(), hit("u-2", Value::Null)]),
        ..Target::with_user(ada(true))
    };
    case(&mut table, name, &leaver(), &second);

    let name = "another user matches too, with another externalId";
    let other = Target {
        second_accounts: Lookup::Several(vec![own_hit(), hit("u-2", json!("E-9"))]),
        ..Target::with_user(ada(true))
    };
    case(&mut table, name, &leaver(), &other);

    case(
        &mut table,
        "nothing is bound, no user matches",
        &unbound(),
        &Target::empty(),
    );

    let name = "nothing is bound, one user matches";
    case(
        &mut table,
        name,
        &unbound(),
        &Target::matching(Lookup::One(own_hit())),
    );

    let name = "nothing is bound, several users match";
    let several = Target::matching(Lookup::Several(vec![own_hit(), hit("u-2", Value::Null)]));
    case(&mut table, name, &unbound(), &several);

    let name = "nothing is bound and no match key has a value";
    let nameless = unbound().with(|f| {
        f.document.r#match = vec!["userName".to_owned()];
        f.person.attributes.clear();
    });
    case(&mut table, name, &nameless, &Target::empty());

    let name = "nothing is bound, no user matches yet after a create without an answer";
    let creating = unbound().with(|f| f.claim.account.intent = Some(intent(IntentKind::Create)));
    case(&mut table, name, &creating, &Target::empty());

    table.assert_golden("assess_leaver");
}
