//! Examples of group memberships: which are added, which are removed, and in which requests.

use serde_json::{Value, json};

use super::{Case, desired};
use crate::{
    mapping::DesiredGroup,
    plan::{
        Failure, FailureKind, Note, Operation, Phase, add_members, is_in_effect, remove_members,
    },
    scim::{GroupDialect, PATCH_OP, Profile, ScimError},
};

fn three_groups() -> Case {
    let mut case = Case::new(desired(&[]), Some(json!({"active": true})));
    case.desired.groups = vec![
        DesiredGroup::Id("g1".into()),
        DesiredGroup::Name("Ops".into()),
        DesiredGroup::Id("g3".into()),
    ];

    case.groups.ids = [("Ops".to_owned(), "g2".to_owned())].into();
    case.groups.member_of = ["g1".to_owned(), "g3".to_owned()].into();
    case.last_applied.groups = [("g1", ""), ("old", "Old")]
        .map(|(id, name)| (id.to_owned(), name.to_owned()))
        .into();
    case
}

fn add_to_ops() -> Operation {
    Operation::AddToGroup {
        group: "g2".into(),
        name: Some("Ops".into()),
    }
}

fn remove_from(id: &str, name: &str) -> Operation {
    Operation::RemoveFromGroup {
        group: id.into(),
        name: Some(name.into()),
    }
}

#[test]
fn a_group_that_was_refused_is_not_added_with_later_changes_and_a_removal_is_never_left_out() {
    let mut case = three_groups();
    for operation in [add_to_ops(), remove_from("old", "Old")] {
        case.last_applied.refused.extend(operation.refusable());
    }
    let plan = case.plan().unwrap();
    assert_eq!(plan.operations, [remove_from("old", "Old")]);
    assert_eq!(plan.notes, [Note::RefusedBefore("group Ops (g2)".into())]);

    // The group was made anew: that is another group.
    case.groups.ids = [("Ops".to_owned(), "g9".to_owned())].into();
    assert_eq!(case.plan().unwrap().operations.len(), 2);
}

#[test]
fn only_granted_memberships_are_removed() {
    let mut case = three_groups();
    let members = |operation: Value| json!({"schemas": [PATCH_OP], "Operations": [operation]});
    assert_eq!(
        case.requests(),
        [
            (
                "PATCH /Groups/old".to_owned(),
                members(json!({"op": "remove", "path": r#"members[value eq "u/1"]"#}))
            ),
            (
                "PATCH /Groups/g2".to_owned(),
                members(json!({"op": "add", "path": "members", "value": [{"value": "u/1"}]}))
            ),
        ]
    );

    case.held = true;
    assert_eq!(case.plan().unwrap().operations, [add_to_ops()]);

    case.profile = Profile::named("workplace").unwrap();
    assert_eq!(case.plan().unwrap().notes, [Note::GroupsUnsupported]);
}

#[test]
fn a_name_without_a_group_keeps_only_the_membership_that_was_granted_by_it() {
    let mut case = three_groups();
    case.groups.ids.clear();
    let plan = case.plan().unwrap();
    assert_eq!(
        (plan.operations, plan.notes),
        (
            vec![remove_from("old", "Old")],
            vec![Note::GroupNotFound("Ops".into())]
        )
    );

    // The group that was granted as `Ops` may have another name now.
    let renamed = ("g9".to_owned(), "Ops".to_owned());
    case.last_applied.groups.extend([renamed]);
    assert_eq!(case.plan().unwrap().operations, [remove_from("old", "Old")]);

    case.policy.groups.create_missing = true;
    assert_eq!(
        case.plan().unwrap().operations,
        [
            remove_from("g9", "Ops"),
            remove_from("old", "Old"),
            Operation::CreateGroup { name: "Ops".into() }
        ]
    );
}

#[test]
fn a_group_of_which_nothing_is_known_holds_back_only_itself() {
    let mut case = three_groups();
    case.policy.groups.create_missing = true;
    case.desired.groups.remove(0);
    case.desired.groups.push(DesiredGroup::Name("Sales".into()));
    case.groups.unknown = ["Sales".to_owned(), "g3".to_owned()].into();
    let granted = [("g3", ""), ("s1", "Sales")];
    case.last_applied
        .groups
        .extend(granted.map(|(id, name)| (id.to_owned(), name.to_owned())));

    let expected = [
        Operation::RemoveFromGroup {
            group: "g1".into(),
            name: None,
        },
        remove_from("old", "Old"),
        add_to_ops(),
    ];
    assert_eq!(case.plan().unwrap().operations, expected);

    // Several groups have the name: none is chosen, and none is created.
    case.groups.unknown.remove("Sales");
    let ids = vec!["s1".to_owned(), "s2".to_owned()];
    case.groups.ambiguous = [("Sales".to_owned(), ids.clone())].into();
    let plan = case.plan().unwrap();
    assert_eq!(plan.operations, expected);
    let unknown = Note::GroupUnknown("g3".into());
    assert_eq!(
        plan.notes,
        [unknown, Note::GroupAmbiguous("Sales".into(), ids)]
    );

    case.groups.unknown.clear();
    case.groups.missing = ["g3".to_owned()].into();
    let notes = case.plan().unwrap().notes;
    assert!(
        notes.contains(&Note::GroupNotFound("g3".into())),
        "{notes:?}"
    );
}

#[test]
fn a_refusal_may_say_that_the_change_is_in_effect() {
    let answer = |status, scim_type: Option<&str>| Failure {
        phase: Phase::Groups,
        kind: FailureKind::Answered {
            error: ScimError {
                status,
                scim_type: scim_type.map(str::to_owned),
                ..ScimError::default()
            },
            retry_after: None,
        },
    };
    let (add, remove) = (add_to_ops(), remove_from("g2", "Ops"));

    assert!(is_in_effect(&add, &answer(409, None)));
    assert!(is_in_effect(&remove, &answer(404, None)));
    assert!(is_in_effect(&remove, &answer(400, Some("noTarget"))));
    for failure in [answer(404, None), answer(400, None), answer(500, None)] {
        assert!(!is_in_effect(&add, &failure), "{failure}");
    }
    for failure in [answer(409, None), answer(400, None), answer(403, None)] {
        assert!(!is_in_effect(&remove, &failure), "{failure}");
    }
}

#[test]
fn members_are_changed_in_chunks() {
    let dialect = GroupDialect {
        chunk: 2,
        ..GroupDialect::default()
    };
    let adds = add_members(&dialect, "g", &["1", "2", "3"]);
    let sizes: Vec<usize> = adds
        .iter()
        .map(|r| {
            r.body.as_ref().unwrap()["Operations"][0]["value"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect();

    assert_eq!(sizes, [2, 1]);

    let removes = remove_members(&dialect, "g", &["1", "2", "3"]);
    assert_eq!(
        removes[0].body.as_ref().unwrap()["Operations"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
