//! Properties of plans for random accounts.
//!
//! After a plan is carried out there is nothing left to plan, every PATCH and every user is valid
//! SCIM to an independent reader (`scim_v2`), and a plan from `last_applied` agrees with a plan
//! from a read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    random::{Draw, PATHS, random_desired, random_policy, random_profile, random_target},
    target::Target,
};
use crate::{
    mapping::{Access, AdoptUpdate, Desired, DesiredAttribute, DesiredGroup, DesiredValue},
    plan::{
        Current, CurrentGroups, DeactivationPlan, Input, LastApplied, LeaverAccount, Operation,
        Plan, Policy, ReadRequired, TargetUser, plan, plan_deactivation,
    },
    scim::{AttributePath, ENTERPRISE_USER, Profile},
};

const CASES: u64 = 12_000;
const SEED: u64 = 0x5C1A_2026_1124;

/// An account with random state on both sides, and everything that its plan follows from.
#[derive(Debug)]
struct RandomAccount {
    profile: Profile,
    policy: Policy,
    target: Target,
    desired: Desired,
    last_applied: LastApplied,
    access: Access,
    access_transition: bool,
    held: bool,
    adopting: bool,
}

impl RandomAccount {
    fn new(draw: &mut Draw) -> Self {
        let (profile, policy) = (random_profile(draw), random_policy(draw));
        let (mut target, desired) = (random_target(draw), random_desired(draw));
        let last_applied = random_memberships(draw, &mut target);

        // A group that has a member or is desired by its id exists.
        for name in ["A", "B"] {
            let id = format!("id of {name}");
            let is_desired = desired.groups.contains(&DesiredGroup::Id(id.clone()));
            if target.member_of.contains(&id) || is_desired {
                target.groups.insert(name.to_owned(), id);
            }
        }

        let access = draw.of(&[Access::Active, Access::Prepared]);
        let (access_transition, held) = (draw.coin(), draw.below(4) == 0);
        let adopting = target.user.is_some() && draw.coin();
        Self {
            profile,
            policy,
            target,
            desired,
            last_applied,
            access,
            access_transition,
            held,
            adopting,
        }
    }

    fn plan_after_read(&self) -> Plan {
        let current = match &self.target.user {
            Some(user) => Current::Read(user),
            None => Current::Absent,
        };
        self.plan(current, self.access_transition)
            .expect("an account that was read can be planned")
    }

    fn plan_without_read(&self) -> Result<Plan, ReadRequired> {
        self.plan(Current::Unread, false)
    }

    fn plan(&self, current: Current<'_>, access_transition: bool) -> Result<Plan, ReadRequired> {
        let groups = CurrentGroups {
            ids: self.target.groups.clone(),
            member_of: self.target.member_of.clone(),
            ..CurrentGroups::default()
        };
        let input = Input {
            access: self.access,
            access_transition,
            held: self.held,
            adopting: self.adopting,
            desired: &self.desired,
            current,
            last_applied: &self.last_applied,
            groups: &groups,
        };

        plan(&input, &self.profile, self.policy)
    }

    /// Sends the operations and remembers what they applied, as a worker does.
    fn carry_out(&mut self, plan: &Plan) {
        let last_applied = &mut self.last_applied;
        last_applied.attributes.extend(plan.in_sync.clone());

        for operation in &plan.operations {
            let resource = self.target.user.clone();
            let user = TargetUser {
                id: "u1",
                resource: resource.as_ref(),
            };
            self.target.receive(&operation.request(&self.profile, user));

            for (path, value) in operation.applied() {
                last_applied.attributes.insert(path.into(), value);
            }
            let groups = &mut last_applied.groups;
            match operation {
                Operation::Create { .. } => last_applied.created_by_us = true,
                Operation::AddToGroup { group, name } => {
                    let name = name.clone().unwrap_or_default();
                    assert_eq!(groups.insert(group.clone(), name), None);
                }
                Operation::RemoveFromGroup { group, .. } => {
                    assert!(groups.remove(group).is_some());
                }
                Operation::CreateGroup { name } => {
                    let id = format!("id of {name}");
                    assert_eq!(groups.insert(id, name.clone()), None);
                }
                Operation::Update(_) | Operation::Deactivate | Operation::Reactivate => {}
            }
        }
    }
}

/// Makes the user a member of some groups; Hirewire granted some of these memberships.
fn random_memberships(draw: &mut Draw, target: &mut Target) -> LastApplied {
    let mut last_applied = LastApplied {
        created_by_us: draw.coin(),
        ..LastApplied::default()
    };

    for group in ["id of A", "id of gone"] {
        if draw.below(3) == 0 {
            target.member_of.insert(group.to_owned());
            if draw.coin() {
                let name = if draw.coin() {
                    group.replace("id of ", "")
                } else {
                    String::new()
                };
                last_applied.groups.insert(group.to_owned(), name);
            }
        }
    }

    last_applied
}

#[test]
fn a_plan_that_was_carried_out_leaves_nothing_to_plan() {
    println!("seed {SEED:#x}, {CASES} cases");

    for case in 0..CASES {
        let seed = SEED ^ case.wrapping_mul(0x9E37_79B9);
        let result =
            std::panic::catch_unwind(|| check_account(RandomAccount::new(&mut Draw(seed))));
        assert!(result.is_ok(), "case {case} of seed {SEED:#x}");
    }
}

fn check_account(mut account: RandomAccount) {
    let before = account.target.clone();
    let foreign_memberships: BTreeSet<String> = before
        .member_of
        .iter()
        .filter(|id| !account.last_applied.groups.contains_key(*id))
        .cloned()
        .collect();

    let first = account.plan_after_read();
    account.carry_out(&first);

    let second = account.plan_after_read();
    assert_eq!(
        second.operations,
        [],
        "first {first:?}\nbefore {before:?}\nafter {account:?}"
    );

    account.last_applied.attributes.extend(second.in_sync);

    assert!(foreign_memberships.is_subset(&account.target.member_of));

    let user = account.target.user.as_ref().unwrap();
    if let Some(before) = &before.user {
        check_other_attributes(&account.desired, before, user);
    }

    assert!(user.get(ENTERPRISE_USER).is_none_or(Value::is_object));

    let is_created = account.last_applied.created_by_us;
    if is_created || account.policy.adopt.update == AdoptUpdate::All {
        let unread = account.plan_without_read();
        let foreign_id = user.get("externalId").is_some_and(|id| id == "other");
        assert!(
            matches!(&unread, Ok(plan) if plan.operations.is_empty()) || foreign_id,
            "{unread:?} {account:?}"
        );
    }
}

/// Attributes that the mapping does not write keep their values.
fn check_other_attributes(desired: &Desired, before: &Value, after: &Value) {
    for path in PATHS {
        let path = AttributePath::parse(path).unwrap();
        let is_desired = desired.attributes.iter().any(|known| known.path == path);
        // An element whose mapped parts are all cleared is removed as a whole.
        let in_element =
            |known: &&DesiredAttribute| path.selector().is_some() && known.path.same_element(&path);
        let mut parts = desired.attributes.iter().filter(in_element);
        let is_removed = parts.any(|known| known.value == DesiredValue::Clear);
        if !is_desired && !is_removed {
            assert_eq!(path.get(before), path.get(after), "{path}");
        }
    }
}

#[test]
fn a_deactivation_plan_never_has_more_than_one_request() {
    for active in [None, Some(true), Some(false)] {
        for (protected, held) in [(false, false), (false, true), (true, false), (true, true)] {
            let account = LeaverAccount {
                active,
                protected,
                held,
            };
            match plan_deactivation(account) {
                DeactivationPlan::Deactivate(plan) => {
                    assert_eq!(plan.operations, [Operation::Deactivate]);
                    assert!(!protected && !held && active != Some(false));
                }
                DeactivationPlan::AlreadyInactive => assert_eq!(active, Some(false)),
                DeactivationPlan::Protected => assert!(protected),
                DeactivationPlan::Held => assert!(held),
            }
        }
    }
}
