//! Examples of deactivations and reactivations.

use serde_json::{Value, json};

use super::{Case, desired};
use crate::{
    mapping::Access,
    plan::{
        DeactivationPlan, LeaverAccount, Note, Operation, Plan, TargetUser, is_active,
        plan_deactivation,
    },
    scim::{CORE_USER, PATCH_OP, Profile},
};

const ACTIVE: LeaverAccount = LeaverAccount {
    active: Some(true),
    protected: false,
    held: false,
};

/// Method and body of the only request that deactivates an active account.
fn deactivation(profile: &str) -> (&'static str, Value) {
    let DeactivationPlan::Deactivate(plan) = plan_deactivation(ACTIVE) else {
        panic!("an active account is deactivated")
    };
    assert_eq!(plan.operations.len(), 1);

    let user = TargetUser {
        id: "7",
        resource: None,
    };
    let request = plan.operations[0].request(&Profile::named(profile).unwrap(), user);
    (request.method.as_str(), request.body.unwrap())
}

#[test]
fn a_deactivation_is_one_request_in_the_dialect() {
    let operation = json!({"op": "replace", "path": "active", "value": false});
    let patch = json!({"schemas": [PATCH_OP], "Operations": [operation]});
    assert_eq!(deactivation("generic"), ("PATCH", patch));

    let put = json!({"schemas": [CORE_USER], "active": false});
    assert_eq!(deactivation("workplace"), ("PUT", put));
}

#[test]
fn an_inactive_protected_or_held_account_is_not_deactivated() {
    let inactive = LeaverAccount {
        active: Some(false),
        protected: true,
        held: true,
    };
    assert_eq!(
        plan_deactivation(inactive),
        DeactivationPlan::AlreadyInactive
    );

    let protected = LeaverAccount {
        protected: true,
        ..ACTIVE
    };
    assert_eq!(plan_deactivation(protected), DeactivationPlan::Protected);

    let held = LeaverAccount {
        held: true,
        ..ACTIVE
    };
    assert_eq!(plan_deactivation(held), DeactivationPlan::Held);

    let unknown = LeaverAccount {
        active: None,
        ..ACTIVE
    };
    let plan = plan_deactivation(unknown);
    assert!(matches!(plan, DeactivationPlan::Deactivate(_)));
}

#[test]
fn an_inactive_account_is_reactivated_only_on_an_access_transition() {
    let mut case = Case::new(desired(&[]), Some(json!({"id": "7", "active": false})));
    assert_eq!(case.plan().unwrap().notes, [Note::DisabledElsewhere]);

    case.access_transition = true;
    assert_eq!(case.plan().unwrap().operations, [Operation::Reactivate]);

    case.adopting = true;
    assert_eq!(case.plan().unwrap().notes, [Note::DisabledElsewhere]);

    case.policy.adopt.activate = true;
    assert_eq!(case.plan().unwrap().operations, [Operation::Reactivate]);

    case.held = true;
    assert_eq!(
        (case.plan().unwrap().operations, case.plan().unwrap().notes),
        (vec![], vec![Note::Held])
    );

    case.access = Access::Prepared;
    assert_eq!(case.plan().unwrap(), Plan::default());

    for access in [Access::Inactive, Access::Unmanaged] {
        case.access = access;
        case.current = None;
        assert_eq!(
            case.plan().unwrap(),
            Plan::default(),
            "{access:?} creates no account"
        );
    }
}

#[test]
fn an_active_that_is_not_stated_is_set_at_a_transition_only() {
    for user in [
        json!({"id": "7"}),
        json!({"id": "7", "active": null}),
        json!({"id": "7", "active": "maybe"}),
        json!({"id": "7", "active": 2}),
    ] {
        let mut case = Case::new(desired(&[]), Some(user));
        assert_eq!(case.plan().unwrap(), Plan::default());

        case.access_transition = true;
        assert_eq!(case.plan().unwrap().operations, [Operation::Reactivate]);

        case.adopting = true;
        assert_eq!(case.plan().unwrap(), Plan::default());
    }
}

#[test]
fn an_active_is_read_from_a_boolean_its_text_or_its_number() {
    let read = |active: Value| is_active(&json!({"active": active}));

    for active in [
        json!(true),
        json!("true"),
        json!(" True "),
        json!(1),
        json!(1.0),
    ] {
        assert_eq!(read(active), Some(true));
    }
    for active in [json!(false), json!("False"), json!("FALSE"), json!(0)] {
        assert_eq!(read(active), Some(false));
    }
    for active in [
        json!(null),
        json!("yes"),
        json!(""),
        json!(2),
        json!(-1),
        json!([true]),
    ] {
        assert_eq!(read(active), None);
    }
    assert_eq!(is_active(&json!({})), None);
}
