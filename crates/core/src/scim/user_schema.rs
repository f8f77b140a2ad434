//! The attributes of a user in the core schema and in the enterprise extension (RFC 7643 sections
//! 4.1 and 4.3): a mapping that names another one has a mistake.
//!
//! Extensions of other URNs are open: only the target knows them.

use super::{AttributePath, path_syntax::TYPED, urn::ENTERPRISE_USER};
use crate::suggest::nearest;

/// Attributes and their sub-attributes; an attribute without them is simple.
type Attributes = [(&'static str, &'static [&'static str])];

const ELEMENT: &[&str] = &["value", "display", "type", "primary", "$ref"];

const CORE: &Attributes = &[
    ("userName", &[]),
    (
        "name",
        &[
            "formatted",
            "familyName",
            "givenName",
            "middleName",
            "honorificPrefix",
            "honorificSuffix",
        ],
    ),
    ("displayName", &[]),
    ("nickName", &[]),
    ("profileUrl", &[]),
    ("title", &[]),
    ("userType", &[]),
    ("preferredLanguage", &[]),
    ("locale", &[]),
    ("timezone", &[]),
    ("active", &[]),
    ("password", &[]),
    ("externalId", &[]),
    ("emails", ELEMENT),
    ("phoneNumbers", ELEMENT),
    ("ims", ELEMENT),
    ("photos", ELEMENT),
    (
        "addresses",
        &[
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
            "type",
            "primary",
        ],
    ),
    ("groups", ELEMENT),
    ("entitlements", ELEMENT),
    ("roles", ELEMENT),
    ("x509Certificates", ELEMENT),
    ("id", &[]),
    ("meta", &[]),
    ("schemas", &[]),
];

const ENTERPRISE: &Attributes = &[
    ("employeeNumber", &[]),
    ("costCenter", &[]),
    ("organization", &[]),
    ("division", &[]),
    ("department", &[]),
    ("manager", &["value", "$ref", "displayName"]),
];

/// Says why the path names no attribute of the RFC, with a suggestion; `None`: it names one, or its
/// schema is not known here.
pub(crate) fn unknown_attribute(path: &AttributePath) -> Option<String> {
    let (attributes, prefix) = match path.urn() {
        None => (CORE, ""),
        Some(urn) if urn.eq_ignore_ascii_case(ENTERPRISE_USER) => (ENTERPRISE, "enterprise."),
        Some(_) => return None,
    };

    let name = path.attribute();
    let known = attributes
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((known, subs)) = known else {
        let names = attributes.iter().map(|(known, _)| *known);
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{prefix}{near}`?"),
            None => format!("known are: {}", names.collect::<Vec<_>>().join(" ")),
        };
        return Some(format!(
            "`{prefix}{name}` is not an attribute of a SCIM user; {hint} An attribute that only \
             this target has belongs to `attributes` of its dialect"
        ));
    };

    let sub = path.sub_attribute()?;
    if subs.iter().any(|known| known.eq_ignore_ascii_case(sub)) {
        return None;
    }
    if subs.is_empty() {
        return Some(format!("`{prefix}{known}` is one value and has no members"));
    }
    let types = TYPED
        .iter()
        .find(|(attribute, _)| attribute == known)
        .map_or(&[][..], |(_, types)| *types);
    let near = nearest(sub, subs.iter().chain(types).copied());
    let hint = match near {
        Some(near) => format!("did you mean `{prefix}{known}.{near}`?"),
        None => format!("known are: {}", subs.join(" ")),
    };
    Some(format!(
        "`{prefix}{known}` has no `{sub}` in the RFC; {hint} A member that only this target has \
         belongs to `attributes` of its dialect"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(path: &str) -> Option<String> {
        unknown_attribute(&AttributePath::parse(path).unwrap())
    }

    #[test]
    fn a_name_of_the_rfc_or_of_another_extension_is_known() {
        for path in [
            "userName",
            "NICKNAME",
            "name.givenName",
            "name",
            "emails.work",
            "emails",
            "roles",
            "addresses.home.postalCode",
            "enterprise.manager.value",
            "enterprise.department",
            "urn:x:ext:2.0:User:anything.atAll",
        ] {
            assert_eq!(problem(path), None, "{path}");
        }
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion() {
        for (path, hint) in [
            ("when", "`when` is not an attribute of a SCIM user"),
            ("dispalyName", "did you mean `displayName`?"),
            ("name.giveName", "did you mean `name.givenName`?"),
            ("emails.wrok", "did you mean `emails.work`?"),
            (
                "emails[type eq \"work\"].vlaue",
                "did you mean `emails.value`?",
            ),
            ("title.x", "`title` is one value"),
            (
                "enterprise.deparment",
                "did you mean `enterprise.department`?",
            ),
            ("enterprise.manager.managerId", "known are: value"),
        ] {
            let problem = problem(path).unwrap_or_default();
            assert!(problem.contains(hint), "{path}: {problem}");
        }
    }
}
