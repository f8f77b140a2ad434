//! Mapping documents for tests: those of a profile, with rules and groups.

use serde_json::Value;

use super::{AttributeRule, GroupName, GroupRule, Mapping, MappingDocument};
use crate::scim::Profile;

pub(super) fn document() -> MappingDocument {
    MappingDocument::of_profile(Profile::named("generic").unwrap())
}

pub(super) fn with(rules: &[(&str, Value)]) -> MappingDocument {
    let mut document = document();
    for (key, rule) in rules {
        document
            .mapping
            .insert((*key).to_owned(), AttributeRule::read(key, rule).unwrap());
    }
    document
}

pub(super) fn group(name: Option<GroupName>, id: Option<&str>, when: Option<&str>) -> GroupRule {
    GroupRule {
        name,
        id: id.map(str::to_owned),
        when: when.map(str::to_owned),
    }
}

pub(super) fn text(name: &str) -> GroupName {
    GroupName::Text(name.into())
}

pub(super) fn compiled(document: MappingDocument) -> Mapping {
    Mapping::compile(document).unwrap_or_else(|faults| panic!("{faults:#?}"))
}
