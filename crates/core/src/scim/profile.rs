//! A connection's dialect, as data (`presets/connections/*.toml`).
//!
//! Discovery is no substitute: servers advertise what does not work and hide what does. Every knob has the
//! value that the RFC and the interop draft ask for as its default, so a preset states differences only.
//! Serialised, a profile names every knob in a fixed order: equal profiles are equal text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::AttributePath;

/// A dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name: `generic`, `workplace`.
    pub name: String,
    /// What people call it.
    #[serde(default)]
    pub title: String,
    /// `User-Agent`; some targets refuse a request without one.
    #[serde(default = "user_agent")]
    pub user_agent: String,
    /// Headers sent with every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `Content-Type` of what is sent.
    #[serde(default = "scim_json")]
    pub content_type: String,
    /// `Accept`.
    #[serde(default = "accept")]
    pub accept: String,
    /// Path of users under the base URL.
    #[serde(default = "users")]
    pub users: String,
    /// Path of the service provider configuration; empty: there is none.
    #[serde(default = "service_provider_config")]
    pub service_provider_config: String,
    /// How attributes of an existing user are changed.
    #[serde(default)]
    pub update: UpdateMethod,
    /// How `active` is changed.
    #[serde(default)]
    pub deactivate: UpdateMethod,
    /// How many operations one PATCH may hold; 0: any number.
    #[serde(default)]
    pub max_operations: usize,
    /// How a value is taken away.
    #[serde(default)]
    pub null: NullPolicy,
    /// Whether `If-Match` is sent where a version is known.
    #[serde(default)]
    pub etag: bool,
    /// What a user needs on create: one of each list. (`[["userName", "externalId"]]`: either.)
    #[serde(default = "required")]
    pub required: Vec<Vec<AttributePath>>,
    /// How an account is found, in this order, where the connection does not say.
    #[serde(default = "lookup")]
    pub lookup: Vec<AttributePath>,
    /// Attributes that a filter may name; others are not asked for.
    #[serde(default = "lookup")]
    pub filterable: Vec<AttributePath>,
    /// Lists that hold one element only: an element is replaced, never added.
    #[serde(default)]
    pub single_valued: Vec<AttributePath>,
    /// Attributes that have another place or type here.
    #[serde(default)]
    pub attributes: BTreeMap<AttributePath, AttributeShape>,
    /// Groups; `None`: the target has none.
    #[serde(default)]
    pub groups: Option<GroupDialect>,
    /// The default mapping: path to an expression, or `{ expr | value, on, empty }`. Read by the config.
    #[serde(default)]
    pub mapping: BTreeMap<String, Value>,
}

/// How an existing user is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMethod {
    /// PATCH, one attribute per operation, each with its path.
    #[default]
    PatchPath,
    /// PATCH with one operation without a path whose value holds the attributes.
    PatchPathless,
    /// PUT of the changed attributes only. (By the RFC a PUT replaces everything: only where the vendor says so.)
    PutPartial,
}

/// How a value is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullPolicy {
    /// By a `remove` operation; in a body without operations by `null`.
    #[default]
    Remove,
    /// By replacing it with `null`.
    Null,
    /// By replacing it with `""`: the target refuses nulls.
    Empty,
}

/// Another place or type of an attribute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeShape {
    /// Where it is instead.
    #[serde(default)]
    pub path: Option<AttributePath>,
    /// What it is.
    #[serde(default)]
    pub kind: ValueKind,
}

/// The JSON type that a target wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// As the mapping gives it.
    #[default]
    Any,
    /// Text; numbers and booleans are written out.
    Text,
    /// An integer; text of digits becomes one.
    Integer,
    /// A boolean; `"true"` and `"false"` become one.
    Boolean,
}

/// Groups of a dialect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupDialect {
    /// Path of groups under the base URL.
    pub path: String,
    /// How many members one PATCH may add or remove.
    pub chunk: usize,
    /// How to learn whether a user is in a group already.
    pub check: MemberCheck,
}

impl Default for GroupDialect {
    fn default() -> Self {
        Self {
            path: "/Groups".into(),
            chunk: 50,
            check: MemberCheck::Read,
        }
    }
}

/// How to learn whether a user is in a group already (so that a membership granted by hand stays by hand).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberCheck {
    /// The group is read with its members.
    #[default]
    Read,
    /// A filter on `id` and `members.value`: for large groups, where the target honours it.
    Filter,
}

/// A preset that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the profile cannot be read: {0}")]
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
    /// An embedded profile.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        // A test reads every preset, so that this cannot be `None` for a name in `names`.
        Self::read(text).ok()
    }

    /// The names of the embedded profiles.
    pub fn names() -> Vec<&'static str> {
        PRESETS.iter().map(|(name, _)| *name).collect()
    }

    /// Reads a profile from TOML.
    pub fn read(text: &str) -> Result<Self, InvalidProfile> {
        Ok(toml::from_str(text)?)
    }

    /// Where an attribute is in this dialect, and its value in the type it has there.
    pub fn shaped(&self, path: &AttributePath, value: Value) -> (AttributePath, Value) {
        let Some(shape) = self.attributes.get(path) else {
            return (path.clone(), value);
        };
        (
            shape.path.clone().unwrap_or_else(|| path.clone()),
            shape.kind.of(value),
        )
    }

    /// What a create still lacks, worded for people (`userName or externalId`); `has` says what is known.
    pub fn missing(&self, has: impl Fn(&AttributePath) -> bool) -> Vec<String> {
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

    /// Whether a filter may name the attribute.
    pub fn is_filterable(&self, path: &AttributePath) -> bool {
        self.filterable.contains(path)
    }
}

impl ValueKind {
    /// The value in this type; one that cannot be it stays as it is, and the target says so.
    fn of(self, value: Value) -> Value {
        match (self, &value) {
            (Self::Text, Value::Number(number)) => Value::String(number.to_string()),
            (Self::Text, Value::Bool(truth)) => Value::String(truth.to_string()),
            (Self::Integer, Value::String(text)) => text
                .trim()
                .parse::<i64>()
                .map_or(value, |number| Value::Number(Number::from(number))),
            (Self::Boolean, Value::String(text)) => text
                .trim()
                .to_ascii_lowercase()
                .parse()
                .map_or(value, Value::Bool),
            (Self::Any | Self::Text | Self::Integer | Self::Boolean, _) => value,
        }
    }
}

fn user_agent() -> String {
    concat!("hirewire/", env!("CARGO_PKG_VERSION")).into()
}

fn scim_json() -> String {
    "application/scim+json".into()
}

fn accept() -> String {
    "application/scim+json, application/json;q=0.9".into()
}

fn users() -> String {
    "/Users".into()
}

fn service_provider_config() -> String {
    "/ServiceProviderConfig".into()
}

fn paths(texts: &[&str]) -> Vec<AttributePath> {
    texts
        .iter()
        .filter_map(|text| AttributePath::parse(text).ok())
        .collect()
}

fn lookup() -> Vec<AttributePath> {
    paths(&["externalId", "userName", "emails.work"])
}

fn required() -> Vec<Vec<AttributePath>> {
    vec![paths(&["userName"])]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_preset_reads_under_its_own_name_and_maps_what_it_requires() {
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
                profile.missing(|p| mapped.contains(p) || *p == external_id),
                Vec::<String>::new()
            );
            assert!(profile.lookup.iter().all(|p| profile.is_filterable(p)));
        }
        assert_eq!(Profile::named("no such"), None);
    }

    #[test]
    fn a_profile_survives_its_canonical_text() {
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap();
            let text = serde_json::to_string(&profile).unwrap();
            let again: Profile = serde_json::from_str(&text).unwrap();
            assert_eq!(again, profile);
            assert_eq!(serde_json::to_string(&again).unwrap(), text);
        }
    }

    #[test]
    fn an_unknown_knob_is_refused() {
        assert!(Profile::read("name = 'x'\nupdat = 'put_partial'").is_err());
        assert!(Profile::read("name = 'x'\nrequired = [['a b']]").is_err());
    }

    #[test]
    fn workplace_wants_the_managers_number_and_dates_as_integers() {
        let profile = Profile::named("workplace").unwrap();
        let path = |text| AttributePath::parse(text).unwrap();
        let (at, value) = profile.shaped(&path("enterprise.manager.value"), json!("100012"));
        assert_eq!(
            (at, value),
            (path("enterprise.manager.managerId"), json!(100_012))
        );
        let at = path(
            "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User:startDate",
        );
        assert_eq!(
            profile.shaped(&at, json!("1700000000")).1,
            json!(1_700_000_000)
        );
        assert_eq!(
            profile.shaped(&path("title"), json!("x")),
            (path("title"), json!("x"))
        );
        assert_eq!(profile.missing(|p| p.is("externalId")), ["name.formatted"]);
        assert_eq!(
            profile.missing(|_| false),
            ["userName or externalId", "name.formatted"]
        );
    }
}
