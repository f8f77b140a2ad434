//! The golden tables of `assess::decide` for accounts that were reconciled before.

use jiff::ToSpan as _;
use serde_json::json;

use super::{
    assess_tests::{Target, ada, case, nobody_but_not_asked, own_hit},
    golden::{Fixture, Table, hit, intent, now},
};
use crate::{
    scim_client::Lookup,
    store::{IntentKind, PersonKey},
};
use hirewire_core::{
    mapping::{Access, GroupName, GroupRule},
    plan::CurrentGroups,
};

fn in_group(fixture: &mut Fixture, name: &str) {
    fixture.document.groups.push(GroupRule {
        name: Some(GroupName::Text(name.to_owned())),
        id: None,
        when: None,
    });
}

#[test]
fn golden_assess_employee() {
    let mut table = Table::default();
    let employee = Fixture::employee;
    let titled = |fixture: &mut Fixture, title: &str| {
        let attributes = &mut fixture.claim.account.last_applied.attributes;
        attributes.insert("title".to_owned(), json!(title));
    };
    let active = Target::with_user(ada(true));

    let name = "desired as last applied";
    case(&mut table, name, &employee(), &active);

    let mover = employee().with(|f| titled(f, "Trainee"));
    case(&mut table, "the title changed", &mover, &active);

    let failing = employee().with(|f| f.claim.account.attempts = 1);
    case(&mut table, "an attempt failed before", &failing, &active);

    let name = "an earlier lease ran out";
    let taken_over = employee().with(|f| f.claim.lease_taken_over = true);
    case(&mut table, name, &taken_over, &active);

    table.assert_golden("assess_employee");
}

#[test]
fn golden_assess_access_transition() {
    let mut table = Table::default();
    let employee = Fixture::employee;
    let inactive = Target::with_user(ada(false));
    let returned = |f: &mut Fixture| {
        f.claim.account.reconciled_access = Some(Access::Inactive);
    };

    let name = "desired active, found inactive, no access transition";
    let reading = employee().with(|f| f.read_first = true);
    case(&mut table, name, &reading, &inactive);

    let name = "desired active, found inactive, access transition";
    case(&mut table, name, &employee().with(returned), &inactive);

    let name = "desired active, found inactive, Hirewire may have ended it";
    let ended = employee().with(|f| f.claim.account.last_applied.ended_by_us = true);
    case(&mut table, name, &ended, &inactive);

    let name = "desired active, found inactive, Hirewire's deactivation had no answer";
    let unanswered =
        employee().with(|f| f.claim.account.intent = Some(intent(IntentKind::Deactivate)));
    case(&mut table, name, &unanswered, &inactive);

    let silent = Target::with_user(json!({ "id": "u-1", "userName": "ada@acme.example" }));
    let name = "desired active, active is not stated, access transition";
    case(&mut table, name, &employee().with(returned), &silent);

    let name = "desired active, active is not stated, no access transition";
    let reading = employee().with(|f| f.read_first = true);
    case(&mut table, name, &reading, &silent);

    let name = "desired active, found inactive, access transition, held";
    let held = employee()
        .with(returned)
        .with(|f| f.claim.account.held = true);
    case(&mut table, name, &held, &inactive);

    table.assert_golden("assess_access_transition");
}

#[test]
fn golden_assess_second_account_and_groups() {
    let mut table = Table::default();
    let employee = Fixture::employee;
    let active = Target::with_user(ada(true));

    let name = "verified after an unclear create, a second user matches";
    let verified = employee().with(|f| f.claim.account.verify_at = Some(now() - 1.seconds()));
    let second = Target {
        second_accounts: Lookup::Several(vec![own_hit(), hit("u-2", None)]),
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

    table.assert_golden("assess_groups");
}

#[test]
fn golden_assess_leaver() {
    let mut table = Table::default();
    let leaver = Fixture::leaver;
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
        second_accounts: Lookup::Several(vec![own_hit(), hit("u-2", None)]),
        ..Target::with_user(ada(true))
    };
    case(&mut table, name, &leaver(), &second);

    let name = "another user matches too, with another externalId";
    let other = Target {
        second_accounts: Lookup::Several(vec![own_hit(), hit("u-2", Some("E-9"))]),
        ..Target::with_user(ada(true))
    };
    case(&mut table, name, &leaver(), &other);

    table.assert_golden("assess_leaver");
}

#[test]
fn golden_assess_leaver_without_a_binding() {
    let mut table = Table::default();
    let unbound = || Fixture::leaver().with(|f| f.claim.account.scim_id = None);

    case(
        &mut table,
        "nothing is bound, no user matches",
        &unbound(),
        &Target::empty(),
    );

    let name = "nothing is bound, nobody matches, one key cannot be searched by";
    let not_asked = Target::matching(nobody_but_not_asked());
    case(&mut table, name, &unbound(), &not_asked);

    let name = "nothing is bound, one user matches";
    case(
        &mut table,
        name,
        &unbound(),
        &Target::matching(Lookup::One(own_hit())),
    );

    let name = "nothing is bound, several users match";
    let several = Target::matching(Lookup::Several(vec![own_hit(), hit("u-2", None)]));
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

    table.assert_golden("assess_leaver_unbound");
}
