//! The dialect of a SCIM application, as data (`presets/connections/*.toml`).
//!
//! Discovery cannot replace it: servers advertise features that fail and hide features that work.
//! The default of each setting is the value of the RFCs and of draft-zollner-scim-interop-profile,
//! so that a preset states only the differences. A serialized profile has every setting in a fixed
//! order: equal profiles have equal text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AttributePath,
    dialect::{AttributeOverride, GroupDialect, NullPolicy, UpdateMethod},
};

/// The dialect of one SCIM application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The name in the configuration: `generic`, `workplace`.
    pub name: String,
    /// The display name of the application.
    pub title: String,
    /// The `User-Agent` header; some servers refuse a request without it.
    pub user_agent: String,
    /// Additional headers of every request.
    pub headers: BTreeMap<String, String>,
    /// The `Content-Type` header of a request with a body.
    pub content_type: String,
    /// The `Accept` header of every request.
    pub accept: String,
    /// The path of users below the base URL.
    pub users: String,
    /// The path of the schemas below the base URL (RFC 7643 section 7); empty: the server has none.
    pub schemas: String,
    /// The path of the service provider configuration below the base URL; empty: the server has
    /// none.
    pub service_provider_config: String,
    /// The method that changes attributes of an existing user.
    pub update: UpdateMethod,
    /// The method that changes `active`.
    pub deactivate: UpdateMethod,
    /// The maximum number of operations in one PATCH; 0: no limit.
    pub max_operations: usize,
    /// The way to clear a value.
    pub null: NullPolicy,
    /// Whether to send `If-Match` if the version of the resource is known.
    pub etag: bool,
    /// The attributes that a POST of a user must have: at least one of each list.
    /// `[["userName", "externalId"]]` means either of the two.
    pub required: Vec<Vec<AttributePath>>,
    /// Attributes that a POST of a user leaves out. A later request sets those that have a value;
    /// without `active`, a user who must not have access yet is deactivated right after the POST.
    pub leave_out_of_create: Vec<AttributePath>,
    /// The attributes that find an account, in this order; a connection may override them.
    pub lookup: Vec<AttributePath>,
    /// The attributes that a filter may contain.
    pub filterable: Vec<AttributePath>,
    /// Multi-valued attributes of which the server keeps one element: an element is replaced, never
    /// added.
    pub single_valued: Vec<AttributePath>,
    /// Multi-valued attributes that are always written as a whole list: every element as read, with
    /// the changes in it. For a server that does not parse a filter in a path.
    pub whole_lists: Vec<AttributePath>,
    /// Multi-valued attributes whose elements have no `type`: the mapped elements, without their
    /// type, are the whole list.
    pub typeless: Vec<AttributePath>,
    /// Attributes with another path or JSON type in this dialect.
    pub attributes: BTreeMap<AttributePath, AttributeOverride>,
    /// The dialect of groups; `None`: memberships are not managed.
    pub groups: Option<GroupDialect>,
    /// The default mapping: an attribute path to an expression, or to
    /// `{ expr | value, on, empty }`. `mapping` parses it.
    pub mapping: BTreeMap<String, Value>,
}

impl Default for Profile {
    /// The forms of the RFCs, without a name, without groups and without a mapping.
    fn default() -> Self {
        let lookup = paths(&["externalId", "userName", "emails.work"]);
        Self {
            name: String::new(),
            title: String::new(),
            user_agent: concat!("hirewire/", env!("CARGO_PKG_VERSION")).into(),
            headers: BTreeMap::new(),
            content_type: "application/scim+json".into(),
            accept: "application/scim+json, application/json;q=0.9".into(),
            users: "/Users".into(),
            schemas: "/Schemas".into(),
            service_provider_config: "/ServiceProviderConfig".into(),
            update: UpdateMethod::default(),
            deactivate: UpdateMethod::default(),
            max_operations: 0,
            null: NullPolicy::default(),
            etag: false,
            required: vec![paths(&["userName"])],
            leave_out_of_create: Vec::new(),
            filterable: lookup.clone(),
            lookup,
            single_valued: Vec::new(),
            whole_lists: Vec::new(),
            typeless: Vec::new(),
            attributes: BTreeMap::new(),
            groups: None,
            mapping: BTreeMap::new(),
        }
    }
}

/// A profile whose TOML is invalid.
#[derive(Debug, thiserror::Error)]
#[error("the profile is invalid: {0}")]
pub struct InvalidProfile(#[from] toml::de::Error);

const PRESETS: [(&str, &str); 2] = [
    (
        "generic",
        include_str!("../../../../presets/connections/generic.toml"),
    ),
    (
        "workplace",
        include_str!("../../../../presets/connections/workplace.toml"),
    ),
];

impl Profile {
    /// The embedded profile with that name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        // A test parses every embedded profile.
        Self::read(text).ok()
    }

    /// The names of the embedded profiles.
    pub fn names() -> Vec<&'static str> {
        PRESETS.iter().map(|(name, _)| *name).collect()
    }

    /// Parses a profile from TOML.
    pub fn read(text: &str) -> Result<Self, InvalidProfile> {
        Ok(toml::from_str(text)?)
    }

    /// The path of an attribute in this dialect, and its value in the type of this dialect.
    pub(crate) fn to_dialect(&self, path: &AttributePath, value: Value) -> (AttributePath, Value) {
        let Some(overridden) = self.attributes.get(path) else {
            return (path.clone(), value);
        };
        (
            overridden.path.clone().unwrap_or_else(|| path.clone()),
            overridden.kind.convert(value),
        )
    }

    /// The required attributes that a POST lacks, in words (`userName or externalId`); `has` tests
    /// one attribute.
    pub(crate) fn missing_required(&self, has: impl Fn(&AttributePath) -> bool) -> Vec<String> {
        let lacking = self
            .required
            .iter()
            .filter(|any_of| !any_of.iter().any(&has));

        lacking
            .map(|any_of| {
                any_of
                    .iter()
                    .map(AttributePath::as_str)
                    .collect::<Vec<_>>()
                    .join(" or ")
            })
            .collect()
    }

    /// Whether the dialect itself names the attribute of the path: by another path or type, or in
    /// its mapping.
    pub(crate) fn mentions(&self, path: &AttributePath) -> bool {
        let overridden = self.attributes.iter();
        let mut overridden =
            overridden.flat_map(|(known, own)| std::iter::once(known).chain(&own.path));
        let mut mapped = self.mapping.keys();

        overridden.any(|known| known == path)
            || mapped.any(|known| AttributePath::parse(known).is_ok_and(|known| known == *path))
    }

    /// Whether a filter may contain the attribute.
    pub fn is_filterable(&self, path: &AttributePath) -> bool {
        let mut filterable = self.filterable.iter();
        filterable.any(|known| known == path || self.without_type(known) == *path)
    }

    /// The path without its selector, if the elements of the attribute have no type in this
    /// dialect: `emails.value` for `emails[type eq "work"].value`.
    pub(crate) fn without_type(&self, path: &AttributePath) -> AttributePath {
        if path.selector().is_some() && self.is_typeless(path) {
            path.without_selector()
        } else {
            path.clone()
        }
    }

    /// Whether the elements of the path's attribute have no type in this dialect.
    pub(crate) fn is_typeless(&self, path: &AttributePath) -> bool {
        self.typeless.contains(&path.whole_attribute())
    }
}

fn paths(texts: &[&str]) -> Vec<AttributePath> {
    texts
        .iter()
        .filter_map(|text| AttributePath::parse(text).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_embedded_profile_parses_and_maps_the_attributes_that_it_requires() {
        for (name, text) in PRESETS {
            let profile = Profile::read(text).unwrap();
            assert_eq!(profile.name, name);
            let mapped: Vec<AttributePath> = profile
                .mapping
                .keys()
                .map(|key| AttributePath::parse(key).unwrap())
                .collect();
            let external_id = AttributePath::parse("externalId").unwrap();
            assert_eq!(
                profile.missing_required(|p| mapped.contains(p) || *p == external_id),
                Vec::<String>::new()
            );
            assert!(profile.lookup.iter().all(|p| profile.is_filterable(p)));
        }

        assert_eq!(Profile::named("no such"), None);
    }

    #[test]
    fn a_profile_reads_back_from_its_serialization() {
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap();
            let text = serde_json::to_string(&profile).unwrap();
            let again: Profile = serde_json::from_str(&text).unwrap();
            assert_eq!(again, profile);
            assert_eq!(serde_json::to_string(&again).unwrap(), text);
        }
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(Profile::read("name = 'x'\nupdat = 'put_partial'").is_err());
        assert!(Profile::read("name = 'x'\nrequired = [['a b']]").is_err());
    }

    #[test]
    fn workplace_takes_the_manager_id_and_dates_as_integers() {
        let profile = Profile::named("workplace").unwrap();
        let path = |text| AttributePath::parse(text).unwrap();
        let (at, value) = profile.to_dialect(&path("enterprise.manager.value"), json!("100012"));

        assert_eq!(
            (at, value),
            (path("enterprise.manager.managerId"), json!(100_012))
        );
        let at = path(
            "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User:startDate",
        );
        assert_eq!(
            profile.to_dialect(&at, json!("1700000000")).1,
            json!(1_700_000_000)
        );
        assert_eq!(
            profile.to_dialect(&path("title"), json!("x")),
            (path("title"), json!("x"))
        );
        assert_eq!(
            profile.missing_required(|p| p.is_core_attribute("externalId")),
            ["name.formatted"]
        );
        assert_eq!(
            profile.missing_required(|_| false),
            ["userName or externalId", "name.formatted"]
        );
    }
}
