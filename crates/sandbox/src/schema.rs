//! Schemas and resource types (RFC 7643 sections 6 and 7), and the resolution of attribute names.
//!
//! Input: a name in attribute notation, `[URN:]attribute[.subAttribute]` (RFC 7644 section 3.10).
//! Output: the attribute that it names, or the extension if it is the URN of an extension alone.

use serde_json::{Map, Value};

use super::attribute::{Attribute, AttributeType, find_attribute};

/// A schema: its URN, its name and its attributes.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) attributes: &'static [Attribute],
}

/// A resource type (RFC 7643 section 6).
#[derive(Debug)]
pub(crate) struct ResourceType {
    pub(crate) name: &'static str,
    /// The path below the base URL, with its slash: `/Users`.
    pub(crate) endpoint: &'static str,
    pub(crate) core_schema: &'static Schema,
    pub(crate) extensions: &'static [&'static Schema],
    /// Other URNs that this dialect accepts in `schemas` in place of the core schema.
    pub(crate) accepted_urns: &'static [&'static str],
}

/// The attributes of every resource (RFC 7643 section 3.1), and `schemas`.
const COMMON_ATTRIBUTES: &[Attribute] = &[
    Attribute::new("schemas", AttributeType::Reference)
        .multi_valued()
        .always_returned(),
    Attribute::string("id")
        .case_exact()
        .read_only()
        .always_returned()
        .unique(),
    Attribute::string("externalId").case_exact(),
    Attribute::complex(
        "meta",
        &[
            Attribute::string("resourceType").case_exact().read_only(),
            Attribute::new("created", AttributeType::DateTime).read_only(),
            Attribute::new("lastModified", AttributeType::DateTime).read_only(),
            Attribute::new("location", AttributeType::Reference).read_only(),
        ],
    )
    .read_only(),
];

/// The path to one attribute or sub-attribute of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributePath {
    /// The extension that defines the attribute; `None` for the core schema.
    pub(crate) extension: Option<&'static Schema>,
    pub(crate) attribute: &'static Attribute,
    pub(crate) sub_attribute: Option<&'static Attribute>,
}

/// The result of name resolution.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ResolvedName {
    /// The name is the URN of an extension alone.
    Extension(&'static Schema),
    Attribute(AttributePath),
}

impl AttributePath {
    /// The sub-attribute if the path has one, else the attribute.
    pub(crate) fn leaf(&self) -> &'static Attribute {
        self.sub_attribute.unwrap_or(self.attribute)
    }

    /// The value of the attribute, before the sub-attribute is selected.
    pub(crate) fn attribute_value<'m>(
        &self,
        resource: &'m Map<String, Value>,
    ) -> Option<&'m Value> {
        let container = match self.extension {
            None => resource,
            Some(schema) => resource.get(schema.id)?.as_object()?,
        };

        container.get(self.attribute.name)
    }
}

impl ResourceType {
    /// Finds a top-level attribute of the core schema or of the common attributes.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find_attribute(self.core_schema.attributes, name)
            .or_else(|| find_attribute(COMMON_ATTRIBUTES, name))
    }

    /// Finds an extension by its URN, in any case.
    pub(crate) fn extension(&self, urn: &str) -> Option<&'static Schema> {
        self.extensions
            .iter()
            .copied()
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// Resolves a name in attribute notation; `None` if this resource type does not have it.
    pub(crate) fn resolve(&self, name: &str) -> Option<ResolvedName> {
        for schema in self.extensions.iter().copied() {
            let Some(rest) = strip_urn(name, schema.id) else {
                continue;
            };
            if rest.is_empty() {
                return Some(ResolvedName::Extension(schema));
            }
            return self
                .path_in(Some(schema), rest)
                .map(ResolvedName::Attribute);
        }

        let name = strip_urn(name, self.core_schema.id).unwrap_or(name);
        self.path_in(None, name).map(ResolvedName::Attribute)
    }

    /// Resolves a name that must be an attribute, not the URN of an extension.
    pub(crate) fn attribute_path(&self, name: &str) -> Option<AttributePath> {
        match self.resolve(name)? {
            ResolvedName::Attribute(path) => Some(path),
            ResolvedName::Extension(_) => None,
        }
    }

    fn path_in(&self, extension: Option<&'static Schema>, name: &str) -> Option<AttributePath> {
        let (name, sub_name) = match name.split_once('.') {
            None => (name, None),
            Some((name, sub_name)) => (name, Some(sub_name)),
        };

        let attribute = match extension {
            None => self.attribute(name)?,
            Some(schema) => find_attribute(schema.attributes, name)?,
        };
        let sub_attribute = match sub_name {
            None => None,
            Some(name) => Some(attribute.sub_attribute(name)?),
        };

        Some(AttributePath {
            extension,
            attribute,
            sub_attribute,
        })
    }
}

/// The text after `URN:`; empty if the name is the URN alone, `None` if it does not begin with it.
fn strip_urn<'t>(name: &'t str, urn: &str) -> Option<&'t str> {
    let head = name.get(..urn.len())?;
    if !head.eq_ignore_ascii_case(urn) {
        return None;
    }

    let rest = name.get(urn.len()..)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix(':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::GENERIC;

    #[test]
    fn names_resolve_in_any_case_with_and_without_their_urn() {
        let user = GENERIC.user;

        let path = user
            .attribute_path("urn:ietf:params:scim:schemas:core:2.0:User:NAME.givenname")
            .unwrap();
        assert_eq!(
            (path.attribute.name, path.leaf().name),
            ("name", "givenName")
        );
        assert!(path.extension.is_none());

        let path = user
            .attribute_path(
                "URN:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            )
            .unwrap();
        assert_eq!(
            (path.attribute.name, path.leaf().name),
            ("manager", "value")
        );

        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert!(matches!(
            user.resolve(extension),
            Some(ResolvedName::Extension(schema)) if schema.id == extension
        ));

        for unknown in [
            "nope",
            "name.nope",
            "department",
            "urn:example:User:title",
            "",
        ] {
            assert!(user.resolve(unknown).is_none(), "{unknown}");
        }
    }
}
