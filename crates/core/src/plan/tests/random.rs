//! Random accounts, desired users, profiles and policies, from a seed.

use serde_json::json;

use super::target::{Target, Write, write};
use crate::{
    mapping::{
        AccountAdoption, AdoptUpdate, Desired, DesiredAttribute, DesiredGroup, DesiredValue,
        GroupsPolicy, RemoveGroups, WhenWritten,
    },
    plan::Policy,
    scim::{AttributePath, CORE_USER, NullPolicy, Profile, UpdateMethod},
};

/// The attributes that random users and mappings have.
pub(super) const PATHS: [&str; 13] = [
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
/// Values with characters that JSON, filters and paths escape.
const VALUES: [&str; 4] = ["a", "Ü \"quoted\\\"", "] and [", "b"];

/// Draws pseudo-random numbers with splitmix64: the same seed gives the same case on every machine.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(super) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}

pub(super) fn random_target(draw: &mut Draw) -> Target {
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

    let mut user = json!({"id": "u1", "schemas": [CORE_USER]});
    for path in PATHS {
        if draw.coin() {
            let value = Write::Build(json!(draw.of(&VALUES)));
            write(&mut user, &path.parse().unwrap(), value);
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

pub(super) fn random_desired(draw: &mut Draw) -> Desired {
    let mut desired = Desired {
        external_id: draw.coin().then(|| "E-1".to_owned()),
        ..Desired::default()
    };

    for _ in 0..draw.below(10) {
        let path = AttributePath::parse(draw.of(&PATHS)).unwrap();
        let value = if draw.below(4) == 0 {
            DesiredValue::Clear
        } else {
            DesiredValue::Set(json!(draw.of(&VALUES)))
        };
        let on = if draw.below(5) == 0 {
            WhenWritten::Create
        } else {
            WhenWritten::Always
        };
        // A mapping has one rule per path.
        desired.attributes.retain(|known| known.path != path);
        desired
            .attributes
            .push(DesiredAttribute { path, value, on });
    }

    // A create needs `userName`; the mapping reports it as missing otherwise.
    let user_name = AttributePath::parse("userName").unwrap();
    desired
        .attributes
        .retain(|desired| desired.path != user_name);

    let value = DesiredValue::Set(json!(draw.of(&VALUES)));
    desired.attributes.push(DesiredAttribute {
        path: user_name,
        value,
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

pub(super) fn random_profile(draw: &mut Draw) -> Profile {
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

pub(super) fn random_policy(draw: &mut Draw) -> Policy {
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
