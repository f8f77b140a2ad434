//! The desired user of a sample person under each embedded profile, as snapshot files.

use super::*;
use crate::{
    mapping::{GroupName, GroupRule, people_tests::ada},
    scim::Profile,
};

fn mapping_of(name: &str) -> Mapping {
    let mut document = MappingDocument::of_profile(Profile::named(name).unwrap());
    document.groups = vec![
        GroupRule {
            name: Some(GroupName::Text("Everybody".into())),
            id: None,
            when: None,
        },
        GroupRule {
            name: Some(GroupName::Expression {
                expr: "'dept-' + slug(worker.department.name)".into(),
            }),
            id: None,
            when: Some("worker.type == 'employee'".into()),
        },
    ];

    Mapping::compile(document).unwrap()
}

#[test]
fn generic_maps_ada_to_this_user() {
    insta::assert_json_snapshot!(mapping_of("generic").for_person(&ada()).desired().unwrap());
}

#[test]
fn workplace_maps_ada_to_this_user() {
    insta::assert_json_snapshot!(
        mapping_of("workplace")
            .for_person(&ada())
            .desired()
            .unwrap()
    );
}

#[test]
fn every_embedded_profile_compiles_without_a_warning() {
    for name in Profile::names() {
        let document = MappingDocument::of_profile(Profile::named(name).unwrap());
        let mapping =
            Mapping::compile(document).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        assert_eq!(mapping.warnings(), [], "{name}");
    }
}
