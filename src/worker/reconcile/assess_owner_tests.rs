//! The golden tables of `assess::decide` for users that may not be Hirewire's to change: of other
//! people, found inactive, without access by the facts, or deleted by the target.

use jiff::ToSpan as _;
use serde_json::Value;

use super::{
    assess_tests::{Target, ada, case, own_hit},
    golden::{Fixture, Table, hit, intent, now, user},
};
use crate::{
    scim_client::Lookup,
    store::{IntentKind, Owner, PersonKey},
};
use hirewire_core::{
    event::{Alias, Moment, SourceId, WorkerId},
    fold::Status,
    mapping::Access,
};

/// `u-7` is bound to the account of E-2.
pub(super) fn owner(merged_into: Option<&str>) -> Owner {
    Owner {
        scim_id: "u-7".to_owned(),
        person: PersonKey("p-2".to_owned()),
        alias: Alias {
            source: SourceId::parse("acme").unwrap(),
            worker: WorkerId::parse("E-2").unwrap(),
        },
        merged_into: merged_into.map(|person| PersonKey(person.to_owned())),
    }
}

#[test]
fn golden_assess_users_of_other_people() {
    let mut table = Table::default();
    let found = || Target::matching(Lookup::One(hit("u-7", None)));
    let leaver = || {
        Fixture::joiner().with(|f| {
            f.person = Fixture::leaver().person;
        })
    };

    let name = "the user that matches is bound to another person";
    let owned = found().owned_by(vec![owner(None)]);
    case(&mut table, name, &Fixture::joiner(), &owned);

    let name = "the person left, and the user that matches is bound to another person";
    case(&mut table, name, &leaver(), &owned);

    let name = "the user with the person's externalId is bound to another person";
    let by_external_id = Target::matching(Lookup::One(hit("u-7", Some("E-1"))));
    let owned_too = by_external_id.owned_by(vec![owner(None)]);
    case(&mut table, name, &Fixture::joiner(), &owned_too);

    let name = "two users match, and one of them is bound to another person";
    let several = Target::matching(Lookup::Several(vec![own_hit(), hit("u-7", None)]));
    let several = several.owned_by(vec![owner(None)]);
    case(&mut table, name, &Fixture::joiner(), &several);

    let name = "the user that matches is bound to a person who was merged into this one";
    let merging = found().owned_by(vec![owner(Some("p-1"))]);
    case(&mut table, name, &Fixture::joiner(), &merging);

    let name = "the user that matches is bound to the person into whom this one was merged";
    let merged = leaver().with(|f| {
        f.claim.merged_into = Some(PersonKey("p-2".to_owned()));
        f.claim.account.intent = Some(intent(IntentKind::Update));
    });
    case(&mut table, name, &merged, &owned);

    table.assert_golden("assess_owners");
}

#[test]
fn golden_assess_found_inactive() {
    let mut table = Table::default();
    let inactive = |external_id| {
        let mut found = hit("u-1", external_id);
        found.resource = user("u-1", external_id, false);
        Target {
            user: user("u-1", external_id, false),
            ..Target::matching(Lookup::One(found))
        }
    };
    let activating = |f: &mut Fixture| f.document.adopt.activate = true;

    let name = "found inactive by its externalId";
    case(&mut table, name, &Fixture::joiner(), &inactive(Some("E-1")));

    let name = "found inactive by its user name";
    case(&mut table, name, &Fixture::joiner(), &inactive(None));

    let name = "found inactive by its user name, adopt.activate";
    let allowed = Fixture::joiner().with(activating);
    case(&mut table, name, &allowed, &inactive(None));

    let bound = || {
        Fixture::employee().with(|f| {
            f.claim.account.last_applied.found_inactive = Some(now() - 1.hours());
            f.claim.account.last_applied.active = Some(false);
            f.claim.account.reconciled_access = None;
        })
    };
    let name = "bound, and it was found inactive";
    case(&mut table, name, &bound(), &inactive(Some("E-1")));

    let name = "bound, it was found inactive, adopt.activate";
    let allowed = bound().with(activating);
    case(&mut table, name, &allowed, &inactive(Some("E-1")));

    let name = "bound, it was found inactive, and a rehire became known later";
    let rehired = bound().with(|f| f.person.employments[0].opened = Some(now()));
    case(&mut table, name, &rehired, &inactive(Some("E-1")));

    table.assert_golden("assess_found_inactive");
}

#[test]
fn golden_assess_withdrawn_and_gone() {
    let mut table = Table::default();
    let active = Target::with_user(ada(true));
    let upcoming = |days: i64| {
        Fixture::employee().with(|f| {
            f.person.status = Status::Upcoming;
            f.person.employments[0].start = Some(Moment::at(now() + (24 * days).hours()));
        })
    };
    let withdrawn = |f: &mut Fixture| {
        f.claim.account.reconciled_access = Some(Access::Inactive);
        f.claim.account.last_applied.active = Some(false);
    };

    let name = "the start moved three days ahead: it is still active";
    case(&mut table, name, &upcoming(3), &active);
    let name = "the start moved a year ahead: it is still active";
    case(&mut table, name, &upcoming(365), &active);

    let name = "the start moved three days ahead: it is inactive by now";
    let inactive = Target::with_user(ada(false));
    case(&mut table, name, &upcoming(3).with(withdrawn), &inactive);
    let name = "the start moved a year ahead: it is inactive by now";
    case(&mut table, name, &upcoming(365).with(withdrawn), &inactive);

    let name = "the start moved ahead, and another system made the account";
    let adopted = upcoming(3).with(|f| {
        f.claim.account.last_applied.created_by_us = false;
        f.claim.account.last_applied.made_active = false;
    });
    case(&mut table, name, &adopted, &active);

    let name = "the start moved ahead after a create without an answer";
    let creating = upcoming(365).with(|f| {
        f.claim.account.scim_id = None;
        f.claim.account.intent = Some(intent(IntentKind::Create));
    });
    let found = Target {
        user: ada(true),
        ..Target::matching(Lookup::One(own_hit()))
    };
    case(&mut table, name, &creating, &found);

    let gone = |f: &mut Fixture| {
        withdrawn(f);
        f.claim.account.last_applied.gone = true;
    };
    let name = "rehired, and the target deleted the user when it was deactivated";
    let deleted = Target::with_user(Value::Null);
    case(&mut table, name, &Fixture::employee().with(gone), &deleted);
    let name = "rehired for later, and the target deleted the user";
    case(&mut table, name, &upcoming(3).with(gone), &deleted);

    table.assert_golden("assess_withdrawn");
}
