//! Whatever a target has and whatever is desired: carrying out the plan leaves nothing to plan, every PATCH
//! and every user is strictly valid SCIM to an independent reader (`scim_v2`), and memory tells the same.
//!
//! The target here is written against the RFC and `scim_v2`'s paths, not with our own path code; it refuses
//! what a strict server refuses: a selector without a match, the removal of what is not there.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else is sent is a failure of the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use scim_v2::filter::{AttrExp, AttrPath, CompValue, PatchPath, ValFilter};
use scim_v2::models::others::{OperationTarget, PatchOp, PatchOperation};
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    mapping::{AdoptUpdate, DesiredAttribute, DesiredGroup, DesiredValue, RemoveGroups},
    scim::{AttributePath, NullPolicy, UpdateMethod},
};

const CASES: u64 = 12_000;
const SEED: u64 = 0x5C1A_2026_1124;

/// splitmix64: small, seeded, the same everywhere.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}

const EXT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATHS: [&str; 13] = [
    "userName",
    "title",
    "displayName",
    "name.givenName",
    "name.familyName",
    r#"emails[type eq "work"].value"#,
    r#"emails[type eq "home"].value"#,
    r#"phoneNumbers[type eq "work"].value"#,
    r#"addresses[type eq "work"].locality"#,
    r#"addresses[type eq "work"].country"#,
    "nickName",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
];
const VALUES: [&str; 4] = ["a", "Ü \"quoted\\\"", "] and [", "b"];

fn set(members: &mut Map<String, Value>, key: &str, value: Value) {
    if value.is_null() {
        members.remove(key);
    } else {
        members.insert(key.to_owned(), value);
    }
}

fn container<'a>(resource: &'a mut Value, path: &AttrPath) -> &'a mut Map<String, Value> {
    let mut at = resource;
    if let Some(urn) = &path.uri {
        at = at
            .as_object_mut()
            .unwrap()
            .entry(urn.clone())
            .or_insert(json!({}));
    }
    at.as_object_mut().unwrap()
}

/// Adds or replaces (`value`), or removes (`None`), as RFC 7644 section 3.5.2 says; `strict`: refuse as servers do.
fn write(resource: &mut Value, path: &PatchPath, value: Option<Value>, add: bool, strict: bool) {
    match path {
        PatchPath::Attr(path) => {
            let mut at = container(resource, path);
            let mut key = path.name.clone();
            if let Some(sub) = &path.sub_attr {
                at = at.entry(key).or_insert(json!({})).as_object_mut().unwrap();
                key = sub.clone();
            }
            match value {
                Some(Value::Array(more)) if add && at.get(&key).is_some_and(Value::is_array) => {
                    at[&key].as_array_mut().unwrap().extend(more);
                }
                Some(value) => set(at, &key, value),
                None => assert!(
                    at.remove(&key).is_some() || !strict,
                    "noTarget: {key} is not there"
                ),
            }
        }
        PatchPath::Value(path) => {
            let ValFilter::Attr(AttrExp::Comparison(by, _, CompValue::Str(wanted))) = &path.filter
            else {
                panic!("a selector we never send")
            };
            let list = container(resource, &path.attr)
                .entry(path.attr.name.clone())
                .or_insert(json!([]));
            let list = list.as_array_mut().unwrap();
            if !strict && !list.iter().any(|e| e[&by.name] == wanted.as_str()) {
                list.push(json!({&by.name: wanted}));
            }
            let element = list
                .iter_mut()
                .find(|e| e[&by.name] == wanted.as_str())
                .expect("noTarget");
            let (members, sub) = (
                element.as_object_mut().unwrap(),
                path.sub_attr.clone().unwrap(),
            );
            match value {
                Some(value) => set(members, &sub, value),
                None => assert!(
                    members.remove(&sub).is_some() || !strict,
                    "noTarget: {sub} is not there"
                ),
            }
        }
    }
}

/// A target with one user and its groups.
#[derive(Clone, Debug, Default)]
struct Target {
    user: Option<Value>,
    member_of: BTreeSet<String>,
    groups: BTreeMap<String, String>,
}

impl Target {
    fn take(&mut self, request: &Request) {
        let body = request.body.clone().unwrap();
        match (request.method, request.path.split('/').nth(1).unwrap()) {
            (Method::Post, "Users") => {
                serde_json::from_value::<scim_v2::models::user::User>(body.clone())
                    .expect("strictly a user");
                let mut user = body;
                user["id"] = json!("u1");
                self.user = Some(user);
            }
            (Method::Post, "Groups") => {
                let name = body["displayName"].as_str().unwrap().to_owned();
                assert_eq!(body["members"], json!([{"value": "u1"}]));
                self.member_of.insert(format!("id of {name}"));
                self.groups.insert(name.clone(), format!("id of {name}"));
            }
            (Method::Put, "Users") => self.merge(body),
            (Method::Patch, kind) => {
                let patch: PatchOp = serde_json::from_value(body).expect("strictly a PATCH");
                assert_eq!(
                    patch.schemas,
                    ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
                );
                assert!(!patch.operations.is_empty());
                for operation in patch.operations {
                    if kind == "Users" {
                        self.patch(operation)
                    } else {
                        self.membership(request, &operation)
                    }
                }
            }
            other => panic!("never sent: {other:?}"),
        }
    }

    fn merge(&mut self, body: Value) {
        let user = self.user.as_mut().unwrap().as_object_mut().unwrap();
        let Value::Object(body) = body else {
            panic!("no object")
        };
        body.into_iter()
            .filter(|(key, _)| key != "schemas")
            .for_each(|(key, value)| set(user, &key, value));
    }

    fn patch(&mut self, operation: PatchOperation) {
        match operation {
            PatchOperation::Replace(OperationTarget::WithoutPath { value }) => {
                self.merge(Value::Object(value))
            }
            PatchOperation::Replace(OperationTarget::WithPath { path, value }) => {
                write(
                    self.user.as_mut().unwrap(),
                    &path,
                    Some(value.expect("a value")),
                    false,
                    true,
                );
            }
            PatchOperation::Add(OperationTarget::WithPath { path, value }) => {
                write(
                    self.user.as_mut().unwrap(),
                    &path,
                    Some(value.expect("a value")),
                    true,
                    true,
                );
            }
            PatchOperation::Remove { path, value: None } => {
                write(self.user.as_mut().unwrap(), &path, None, false, true);
            }
            other => panic!("never sent: {other:?}"),
        }
    }

    fn membership(&mut self, request: &Request, operation: &PatchOperation) {
        let group = request.path.split('/').nth(2).unwrap().replace("%20", " ");
        match operation {
            PatchOperation::Add(OperationTarget::WithPath { path, value }) => {
                assert_eq!(
                    (path.to_string(), value),
                    ("members".to_owned(), &Some(json!([{"value": "u1"}])))
                );
                assert!(self.member_of.insert(group), "added twice");
            }
            PatchOperation::Remove { path, value: None } => {
                assert_eq!(path.to_string(), r#"members[value eq "u1"]"#);
                assert!(self.member_of.remove(&group), "was no member");
            }
            other => panic!("never sent: {other:?}"),
        }
    }
}

fn random_target(draw: &mut Draw) -> Target {
    let mut target = Target::default();
    for group in ["A", "B"] {
        if draw.coin() {
            target
                .groups
                .insert(group.to_owned(), format!("id of {group}"));
        }
    }
    if draw.below(5) == 0 {
        return target;
    }
    let mut user = json!({"id": "u1", "schemas": [crate::scim::CORE_USER]});
    for path in PATHS {
        if draw.coin() {
            write(
                &mut user,
                &path.parse().unwrap(),
                Some(json!(draw.of(&VALUES))),
                false,
                false,
            );
        }
    }
    if draw.coin() {
        user["active"] = json!(draw.coin());
    }
    if draw.coin() {
        user["externalId"] = json!(draw.of(&["E-1", "other"]));
    }
    target.user = Some(user);
    target
}

fn random_desired(draw: &mut Draw) -> Desired {
    let mut desired = Desired {
        external_id: draw.coin().then(|| "E-1".to_owned()),
        ..Desired::default()
    };
    for _ in 0..draw.below(10) {
        let path = AttributePath::parse(draw.of(&PATHS)).unwrap();
        let wish = if draw.below(4) == 0 {
            DesiredValue::Clear
        } else {
            DesiredValue::Set(json!(draw.of(&VALUES)))
        };
        let on = if draw.below(5) == 0 {
            WhenWritten::Create
        } else {
            WhenWritten::Always
        };
        // One path is wished for under one `on`: a mapping is a table by path.
        desired
            .attributes
            .retain(|known: &DesiredAttribute| known.path != path);
        desired.attributes.push(DesiredAttribute { path, wish, on });
    }
    // What a create needs is checked by the mapping (`missing`).
    let user_name = AttributePath::parse("userName").unwrap();
    desired.attributes.retain(|wished| wished.path != user_name);
    let wish = DesiredValue::Set(json!(draw.of(&VALUES)));
    desired.attributes.push(DesiredAttribute {
        path: user_name,
        wish,
        on: WhenWritten::Always,
    });
    for name in ["A", "B"] {
        match draw.below(3) {
            0 => desired.groups.push(DesiredGroup::Name(name.to_owned())),
            1 => desired
                .groups
                .push(DesiredGroup::Id(format!("id of {name}"))),
            _ => {}
        }
    }
    desired
}

fn random_profile(draw: &mut Draw) -> Profile {
    let mut profile = Profile::named(draw.of(&["generic", "workplace"])).unwrap();
    profile.update = draw.of(&[
        UpdateMethod::PatchPath,
        UpdateMethod::PatchPathless,
        UpdateMethod::PutPartial,
    ]);
    profile.deactivate = draw.of(&[
        UpdateMethod::PatchPath,
        UpdateMethod::PatchPathless,
        UpdateMethod::PutPartial,
    ]);
    profile.null = draw.of(&[NullPolicy::Remove, NullPolicy::Null, NullPolicy::Empty]);
    profile.max_operations = draw.of(&[0, 1, 3]);
    profile
}

fn random_policy(draw: &mut Draw) -> Policy {
    Policy {
        adopt: AccountAdoption {
            update: draw.of(&[AdoptUpdate::All, AdoptUpdate::UnsetOnly, AdoptUpdate::None]),
            take_external_id: draw.coin(),
            activate: draw.coin(),
            ..AccountAdoption::default()
        },
        external_id_on: draw.of(&[WhenWritten::Create, WhenWritten::Always]),
        groups: GroupsPolicy {
            create_missing: draw.coin(),
            remove: draw.of(&[RemoveGroups::GrantedByUs, RemoveGroups::Never]),
        },
    }
}

/// Carries out a plan as a worker would.
fn carry_out(plan: &Plan, target: &mut Target, memory: &mut LastApplied, profile: &Profile) {
    memory.attributes.extend(plan.found.clone());
    for operation in &plan.operations {
        let read = target.user.clone();
        let request = operation.request(
            profile,
            TargetUser {
                id: "u1",
                resource: read.as_ref(),
            },
        );
        target.take(&request);
        for (path, value) in operation.records() {
            memory.attributes.insert(path.into(), value);
        }
        match operation {
            Operation::Create { .. } => memory.created_by_us = true,
            Operation::AddToGroup { group } => assert!(memory.groups.insert(group.clone())),
            Operation::RemoveFromGroup { group } => assert!(memory.groups.remove(group)),
            Operation::CreateGroup { name } => {
                assert!(memory.groups.insert(format!("id of {name}")))
            }
            Operation::Update(_) | Operation::Deactivate | Operation::Reactivate => {}
        }
    }
}

#[test]
fn carrying_out_a_plan_leaves_nothing_to_plan() {
    println!("seed {SEED:#x}, {CASES} cases");
    for case in 0..CASES {
        let result = std::panic::catch_unwind(|| one_case(SEED ^ case.wrapping_mul(0x9E37_79B9)));
        assert!(result.is_ok(), "case {case} of seed {SEED:#x}");
    }
}

fn one_case(seed: u64) {
    let draw = &mut Draw(seed);
    let (profile, policy) = (random_profile(draw), random_policy(draw));
    let (mut target, desired) = (random_target(draw), random_desired(draw));
    let mut memory = LastApplied {
        created_by_us: draw.coin(),
        ..LastApplied::default()
    };
    for group in ["id of A", "id of gone"] {
        if draw.below(3) == 0 {
            target.member_of.insert(group.to_owned());
            if draw.coin() {
                memory.groups.insert(group.to_owned());
            }
        }
    }
    for name in ["A", "B"] {
        let id = format!("id of {name}");
        if target.member_of.contains(&id) || desired.groups.contains(&DesiredGroup::Id(id.clone()))
        {
            target.groups.insert(name.to_owned(), id);
        }
    }
    let by_hand: BTreeSet<String> = target
        .member_of
        .difference(&memory.groups)
        .cloned()
        .collect();
    let (access, edge, held) = (
        draw.of(&[Access::Active, Access::Prepared]),
        draw.coin(),
        draw.below(4) == 0,
    );
    let adopting = target.user.is_some() && draw.coin();
    let make = |target: &Target, memory: &LastApplied, unread: bool| {
        let current = match &target.user {
            Some(_) if unread => Current::Unread,
            Some(user) => Current::Read(user),
            None => Current::Absent,
        };
        let groups = GroupsNow {
            ids: target.groups.clone(),
            member_of: target.member_of.clone(),
        };
        let edge = edge && !unread;
        let input = Input {
            access,
            edge,
            held,
            adopting,
            desired: &desired,
            current,
            last_applied: memory,
            groups: &groups,
        };
        plan(&input, &profile, policy)
    };

    let before = target.user.clone();
    let first = make(&target, &memory, false).expect("a read account never needs another read");
    carry_out(&first, &mut target, &mut memory, &profile);
    let again = make(&target, &memory, false).unwrap();
    assert_eq!(
        again.operations,
        [],
        "first {first:?}\nbefore {before:?}\nafter {target:?}"
    );
    memory.attributes.extend(again.found);

    // What others did stays: memberships, and attributes that nobody wished for.
    assert!(by_hand.is_subset(&target.member_of));
    let user = target.user.as_ref().unwrap();
    for path in PATHS {
        let path = AttributePath::parse(path).unwrap();
        if let Some(before) = before.as_ref()
            && desired.attributes.iter().all(|wished| wished.path != path)
        {
            assert_eq!(path.get(before), path.get(user), "{path}");
        }
    }
    if memory.created_by_us || policy.adopt.update == AdoptUpdate::All {
        let unread = make(&target, &memory, true);
        let foreign = user.get("externalId").is_some_and(|id| id == "other");
        assert!(
            matches!(&unread, Ok(plan) if plan.operations.is_empty()) || foreign,
            "{unread:?} {memory:?}"
        );
    }
    assert!(user.get(EXT).is_none_or(Value::is_object));
}

#[test]
fn no_end_of_access_is_more_than_one_request() {
    for active in [None, Some(true), Some(false)] {
        for (protected, held) in [(false, false), (false, true), (true, false), (true, true)] {
            match plan_deactivation(LeaverAccount {
                active,
                protected,
                held,
            }) {
                Ending::Deactivate(plan) => {
                    assert_eq!(plan.operations, [Operation::Deactivate]);
                    assert!(!protected && !held && active != Some(false));
                }
                Ending::Nothing => assert_eq!(active, Some(false)),
                Ending::Protected => assert!(protected),
                Ending::Held => assert!(held),
            }
        }
    }
}
