//! Examples of group memberships: which are added, which are removed, and in which requests.

use serde_json::{Value, json};

use super::{Case, desired};
use crate::{
    mapping::DesiredGroup,
    plan::{Note, Operation, add_members, remove_members},
    scim::{GroupDialect, PATCH_OP, Profile},
};

#[test]
fn only_granted_memberships_are_removed() {
    let mut case = Case::new(desired(&[]), Some(json!({"active": true})));
    case.desired.groups = vec![
        DesiredGroup::Id("g1".into()),
        DesiredGroup::Name("Ops".into()),
        DesiredGroup::Id("g3".into()),
    ];

    case.groups.ids = [("Ops".to_owned(), "g2".to_owned())].into();
    case.groups.member_of = ["g3".to_owned()].into();
    case.last_applied.groups = ["g1".to_owned(), "old".to_owned()].into();

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
    assert_eq!(
        case.plan().unwrap().operations,
        [Operation::AddToGroup { group: "g2".into() }]
    );

    case.held = false;
    case.groups.ids.clear();

    let plan = case.plan().unwrap();
    assert_eq!(
        (plan.operations, plan.notes),
        (vec![], vec![Note::GroupNotFound("Ops".into())])
    );

    case.policy.groups.create_missing = true;

    let back = Operation::RemoveFromGroup {
        group: "old".into(),
    };

    assert_eq!(
        case.plan().unwrap().operations,
        [back, Operation::CreateGroup { name: "Ops".into() }]
    );

    case.profile = Profile::named("workplace").unwrap();
    assert_eq!(case.plan().unwrap().notes, [Note::GroupsUnsupported]);
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
