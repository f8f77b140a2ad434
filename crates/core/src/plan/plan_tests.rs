//! Plans as an operator would expect them, request by request.

use serde_json::{Value, json};

use super::*;
use crate::{
    mapping::{DesiredAttribute, DesiredGroup, DesiredValue, RemoveGroups},
    scim::{AttributePath, CORE_USER, ENTERPRISE_USER, NullPolicy, PATCH_OP, UpdateMethod},
};

const POLICY: Policy = Policy {
    adopt: AccountAdoption {
        r#match: crate::mapping::AdoptMatch::Unique,
        update: crate::mapping::AdoptUpdate::All,
        take_external_id: false,
        activate: false,
    },
    external_id_on: WhenWritten::Create,
    groups: GroupsPolicy {
        create_missing: false,
        remove: RemoveGroups::GrantedByUs,
    },
};

fn desired(wishes: &[(&str, Value)]) -> Desired {
    let attributes = wishes.iter().map(|(path, value)| DesiredAttribute {
        path: AttributePath::parse(path).unwrap(),
        wish: if value.is_null() {
            DesiredValue::Clear
        } else {
            DesiredValue::Set(value.clone())
        },
        on: WhenWritten::Always,
    });
    Desired {
        attributes: attributes.collect(),
        external_id: Some("E-1".into()),
        ..Desired::default()
    }
}

/// What a case starts from; changed where it matters.
struct Case {
    access: Access,
    edge: bool,
    held: bool,
    adopting: bool,
    desired: Desired,
    current: Option<Value>,
    unread: bool,
    last_applied: LastApplied,
    groups: GroupsNow,
    profile: Profile,
    policy: Policy,
}

impl Case {
    fn new(desired: Desired, current: Option<Value>) -> Self {
        Self {
            access: Access::Active,
            edge: false,
            held: false,
            adopting: false,
            desired,
            current,
            unread: false,
            last_applied: LastApplied {
                created_by_us: true,
                ..LastApplied::default()
            },
            groups: GroupsNow::default(),
            profile: Profile::named("generic").unwrap(),
            policy: POLICY,
        }
    }

    fn plan(&self) -> Result<Plan, ReadFirst> {
        let current = match &self.current {
            _ if self.unread => Current::Unread,
            Some(resource) => Current::Read(resource),
            None => Current::Absent,
        };
        let input = Input {
            access: self.access,
            edge: self.edge,
            held: self.held,
            adopting: self.adopting,
            desired: &self.desired,
            current,
            last_applied: &self.last_applied,
            groups: &self.groups,
        };
        plan(&input, &self.profile, self.policy)
    }

    fn requests(&self) -> Vec<(String, Value)> {
        let user = TargetUser {
            id: "u/1",
            resource: self.current.as_ref(),
        };
        let operations = self.plan().unwrap().operations;
        let requests = operations
            .iter()
            .map(|operation| operation.request(&self.profile, user));
        requests
            .map(|r| (format!("{} {}", r.method, r.path), r.body.unwrap()))
            .collect()
    }
}

#[test]
fn a_new_user_is_made_whole_in_one_request() {
    let wishes = [
        ("userName", json!("ada@x")),
        ("emails.work", json!("ada@x")),
        ("enterprise.department", json!("R&D")),
    ];
    let body = |active| {
        json!({
            "schemas": [CORE_USER, ENTERPRISE_USER], "externalId": "E-1", "userName": "ada@x", "active": active,
            "emails": [{"type": "work", "value": "ada@x"}], ENTERPRISE_USER: {"department": "R&D"},
        })
    };
    let mut case = Case::new(desired(&wishes), None);
    assert_eq!(case.requests(), [("POST /Users".to_owned(), body(true))]);
    case.access = Access::Prepared;
    assert_eq!(case.requests(), [("POST /Users".to_owned(), body(false))]);
    case.desired.missing = vec!["userName".into()];
    let plan = case.plan().unwrap();
    assert_eq!(
        (plan.operations, plan.notes),
        (vec![], vec![Note::Incomplete(vec!["userName".into()])])
    );
}

#[test]
fn only_what_differs_is_patched_each_attribute_by_its_own_operation() {
    let current = json!({
        "userName": "Ada@X", "title": "Old", "nickName": "a", "name": {"givenName": "Ada"}, "active": true,
        "emails": [{"type": "home", "value": "h"}],
    });
    let wishes = [
        ("userName", json!("ada@x")),
        ("title", json!("New")),
        ("nickName", Value::Null),
        ("locale", Value::Null),
        ("name.givenName", json!("Ada")),
        ("addresses.work.locality", json!("Rome")),
        ("emails.work", json!("w")),
        ("addresses.work.country", json!("IT")),
        ("emails.home", json!("h2")),
        ("active", json!(false)),
    ];
    let body = json!({"schemas": [PATCH_OP], "Operations": [
        {"op": "replace", "path": "title", "value": "New"},
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "path": r#"emails[type eq "home"].value"#, "value": "h2"},
        {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Rome", "country": "IT"}]},
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "w"}]},
    ]});
    let mut case = Case::new(desired(&wishes), Some(current));
    assert_eq!(case.requests(), [("PATCH /Users/u%2F1".to_owned(), body)]);
    assert_eq!(
        case.plan().unwrap().found.len(),
        3,
        "userName, locale, name.givenName"
    );

    case.profile.max_operations = 2;
    assert_eq!(case.requests().len(), 3);
    assert_eq!(case.plan().unwrap().operations[0].one_by_one().len(), 2);
    case.profile.single_valued = vec![AttributePath::parse("emails").unwrap()];
    let last = case.requests().pop().unwrap().1;
    assert_eq!(last["Operations"][0]["op"], "replace");
}

#[test]
fn a_dialect_changes_the_form_and_not_the_plan() {
    let current =
        json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}, "title": "t"});
    let wishes = [("name.givenName", json!("C")), ("title", Value::Null)];
    let mut case = Case::new(desired(&wishes), Some(current));
    case.profile.update = UpdateMethod::PutPartial;
    let merged = json!({"schemas": [CORE_USER], "name": {"givenName": "C", "familyName": "B"}, "title": null});
    assert_eq!(case.requests(), [("PUT /Users/u%2F1".to_owned(), merged)]);
    case.profile.update = UpdateMethod::PatchPathless;
    case.profile.null = NullPolicy::Empty;
    let value = json!({"name": {"givenName": "C", "familyName": "B"}, "title": ""});
    let body = json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": value}]});
    assert_eq!(case.requests(), [("PATCH /Users/u%2F1".to_owned(), body)]);
    case.profile.update = UpdateMethod::PatchPath;
    assert_eq!(
        case.requests()[0].1["Operations"][1],
        json!({"op": "replace", "path": "title", "value": ""})
    );
}

#[test]
fn the_end_of_access_is_one_request_in_the_dialect() {
    let account = LeaverAccount {
        active: Some(true),
        protected: false,
        held: false,
    };
    let form = |profile: &str| {
        let Ending::Deactivate(plan) = plan_deactivation(account) else {
            panic!("not planned")
        };
        let request = plan.operations[0].request(
            &Profile::named(profile).unwrap(),
            TargetUser {
                id: "7",
                resource: None,
            },
        );
        assert_eq!(plan.operations.len(), 1);
        (request.method.as_str(), request.body.unwrap())
    };
    let operation = json!({"op": "replace", "path": "active", "value": false});
    assert_eq!(
        form("generic"),
        (
            "PATCH",
            json!({"schemas": [PATCH_OP], "Operations": [operation]})
        )
    );
    assert_eq!(
        form("workplace"),
        ("PUT", json!({"schemas": [CORE_USER], "active": false}))
    );
    assert_eq!(
        plan_deactivation(LeaverAccount {
            active: Some(false),
            protected: true,
            held: true
        }),
        Ending::Nothing
    );
    assert_eq!(
        plan_deactivation(LeaverAccount {
            protected: true,
            ..account
        }),
        Ending::Protected
    );
    assert_eq!(
        plan_deactivation(LeaverAccount {
            held: true,
            ..account
        }),
        Ending::Held
    );
    assert!(matches!(
        plan_deactivation(LeaverAccount {
            active: None,
            ..account
        }),
        Ending::Deactivate(_)
    ));
}

#[test]
fn who_is_inactive_is_activated_on_an_edge_only() {
    let mut case = Case::new(desired(&[]), Some(json!({"id": "7", "active": false})));
    assert_eq!(case.plan().unwrap().notes, [Note::DisabledElsewhere]);
    case.edge = true;
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
        assert_eq!(case.plan().unwrap(), Plan::default(), "never creates");
    }
}

#[test]
fn memory_spares_reads_where_it_can_tell() {
    let mut case = Case::new(
        desired(&[("title", json!("A")), ("emails.work", json!("w"))]),
        None,
    );
    case.unread = true;
    case.last_applied.attributes = [
        ("title", json!("A")),
        (r#"emails[type eq "work"].value"#, json!("w")),
    ]
    .map(|(path, value)| (path.to_owned(), value))
    .into();
    assert_eq!(case.plan(), Ok(Plan::default()));
    case.desired = desired(&[("title", json!("B")), ("emails.work", json!("v"))]);
    assert_eq!(
        case.requests()[0].1["Operations"].as_array().unwrap().len(),
        2
    );
    for unknown in [("emails.home", json!("h")), ("nickName", Value::Null)] {
        case.desired = desired(&[unknown]);
        assert_eq!(case.plan(), Err(ReadFirst));
    }
    case.desired = desired(&[]);
    case.edge = true;
    assert_eq!(case.plan(), Err(ReadFirst), "memory never decides `active`");
}

#[test]
fn an_account_that_was_there_before_us_is_changed_by_policy() {
    let current = json!({"externalId": "other", "title": "Theirs"});
    let mut case = Case::new(
        desired(&[("title", json!("Ours")), ("nickName", json!("n"))]),
        Some(current),
    );
    case.last_applied.created_by_us = false;
    case.adopting = true;
    case.policy.external_id_on = WhenWritten::Always;
    let paths = |case: &Case| -> Vec<String> {
        let all = case
            .requests()
            .into_iter()
            .flat_map(|(_, body)| body["Operations"].as_array().unwrap().clone());
        all.map(|operation| operation["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(&case), ["title", "nickName"]);
    case.policy.adopt.update = crate::mapping::AdoptUpdate::UnsetOnly;
    assert_eq!(paths(&case), ["nickName"]);
    case.policy.adopt.update = crate::mapping::AdoptUpdate::None;
    assert_eq!(paths(&case), Vec::<String>::new());
    case.policy.adopt.take_external_id = true;
    assert_eq!(paths(&case), ["externalId"]);
}

#[test]
fn only_memberships_that_we_granted_are_taken_back() {
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
        (vec![], vec![Note::NoSuchGroup("Ops".into())])
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
    assert_eq!(case.plan().unwrap().notes, [Note::NoGroups]);
}

#[test]
fn large_memberships_go_in_chunks() {
    let dialect = crate::scim::GroupDialect {
        chunk: 2,
        ..crate::scim::GroupDialect::default()
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

#[test]
fn a_version_is_named_only_where_the_dialect_says_so() {
    let mut case = Case::new(
        desired(&[("title", json!("A"))]),
        Some(json!({"meta": {"version": "W/\"1\""}})),
    );
    let if_match = |case: &Case| {
        let user = TargetUser {
            id: "7",
            resource: case.current.as_ref(),
        };
        case.plan().unwrap().operations[0]
            .request(&case.profile, user)
            .if_match
    };
    assert_eq!(if_match(&case), None);
    case.profile.etag = true;
    assert_eq!(if_match(&case).as_deref(), Some("W/\"1\""));
}
