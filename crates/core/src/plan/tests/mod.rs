//! Tests of plans: an account, its desired state, and the requests that an operator expects.
//!
//! [`Case`] is the fixture of the examples; `properties.rs` plans random accounts.

mod access;
mod attributes;
mod dialects;
mod groups;
mod properties;
mod random;
mod target;

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::{
    mapping::{
        AccountAdoption, AdoptMatch, AdoptUpdate, Desired, DesiredAttribute, DesiredValue,
        GroupsPolicy, RemoveGroups, WhenWritten,
    },
    scim::AttributePath,
};

const POLICY: Policy = Policy {
    adopt: AccountAdoption {
        r#match: AdoptMatch::Unique,
        update: AdoptUpdate::All,
        take_external_id: false,
        activate: false,
    },
    external_id_on: WhenWritten::Create,
    groups: GroupsPolicy {
        create_missing: false,
        remove: RemoveGroups::GrantedByUs,
    },
};

fn desired(values: &[(&str, Value)]) -> Desired {
    let attributes = values.iter().map(|(path, value)| DesiredAttribute {
        path: AttributePath::parse(path).unwrap(),
        value: if value.is_null() {
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

/// The input of a plan. A test changes the fields that matter to it.
struct Case {
    access: Access,
    access_transition: bool,
    held: bool,
    adopting: bool,
    desired: Desired,
    current: Option<Value>,
    unread: bool,
    last_applied: LastApplied,
    groups: CurrentGroups,
    profile: Profile,
    policy: Policy,
}

impl Case {
    fn new(desired: Desired, current: Option<Value>) -> Self {
        Self {
            access: Access::Active,
            access_transition: false,
            held: false,
            adopting: false,
            desired,
            current,
            unread: false,
            last_applied: LastApplied {
                created_by_us: true,
                ..LastApplied::default()
            },
            groups: CurrentGroups::default(),
            profile: Profile::named("generic").unwrap(),
            policy: POLICY,
        }
    }

    fn plan(&self) -> Result<Plan, ReadRequired> {
        let current = match &self.current {
            _ if self.unread => Current::Unread,
            Some(resource) => Current::Read(resource),
            None => Current::Absent,
        };

        let input = Input {
            access: self.access,
            access_transition: self.access_transition,
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
