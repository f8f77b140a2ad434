//! What an attribute is: the characteristics of RFC 7643 section 2.2, and how a name or path finds its attribute.
//!
//! The tables of [`super::attributes`] are written in these words. What is served at `/Schemas` is what is enforced:
//! reading, filters, PATCH and projection all ask the same tables.

use serde_json::{Value, json};

/// The type of an attribute's value (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Boolean,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

/// Who may write it, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

/// When an answer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    Always,
    Default,
    Never,
}

/// One attribute, or sub-attribute.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "RFC 7643 section 2.2 has these characteristics, each true or false"
)]
pub(super) struct Attribute {
    pub name: &'static str,
    pub kind: Kind,
    pub multi: bool,
    pub required: bool,
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub unique: bool,
    /// Workplace writes ids as numbers too; they are kept as text.
    pub or_number: bool,
    pub subs: &'static [Attribute],
    pub canonical: &'static [&'static str],
    pub references: &'static [&'static str],
}

impl Attribute {
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            multi: false,
            required: false,
            case_exact: matches!(kind, Kind::Reference | Kind::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
            or_number: false,
            subs: &[],
            canonical: &[],
            references: &[],
        }
    }

    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }

    pub const fn complex(name: &'static str, subs: &'static [Attribute]) -> Self {
        Self {
            subs,
            ..Self::new(name, Kind::Complex)
        }
    }

    pub const fn many(self) -> Self {
        Self {
            multi: true,
            ..self
        }
    }

    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    pub const fn case_exact(self) -> Self {
        Self {
            case_exact: true,
            ..self
        }
    }

    pub const fn read_only(self) -> Self {
        Self {
            mutability: Mutability::ReadOnly,
            ..self
        }
    }

    pub const fn immutable(self) -> Self {
        Self {
            mutability: Mutability::Immutable,
            ..self
        }
    }

    pub const fn write_only(self) -> Self {
        Self {
            mutability: Mutability::WriteOnly,
            returned: Returned::Never,
            ..self
        }
    }

    pub const fn always(self) -> Self {
        Self {
            returned: Returned::Always,
            ..self
        }
    }

    pub const fn unique(self) -> Self {
        Self {
            unique: true,
            ..self
        }
    }

    pub const fn or_number(self) -> Self {
        Self {
            or_number: true,
            ..self
        }
    }

    pub const fn canonical(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    pub const fn references(self, references: &'static [&'static str]) -> Self {
        Self { references, ..self }
    }

    /// The sub-attribute of this name.
    pub fn sub(&self, name: &str) -> Option<&'static Attribute> {
        find(self.subs, name)
    }

    /// As `/Schemas` describes it (RFC 7643 section 7).
    pub fn describe(&self) -> Value {
        let mut out = json!({
            "name": self.name,
            "type": match self.kind {
                Kind::Text => "string",
                Kind::Boolean => "boolean",
                Kind::Integer => "integer",
                Kind::DateTime => "dateTime",
                Kind::Binary => "binary",
                Kind::Reference => "reference",
                Kind::Complex => "complex",
            },
            "multiValued": self.multi,
            "description": format!("{} (RFC 7643)", self.name),
            "required": self.required,
            "caseExact": self.case_exact,
            "mutability": match self.mutability {
                Mutability::ReadWrite => "readWrite",
                Mutability::ReadOnly => "readOnly",
                Mutability::Immutable => "immutable",
                Mutability::WriteOnly => "writeOnly",
            },
            "returned": match self.returned {
                Returned::Always => "always",
                Returned::Default => "default",
                Returned::Never => "never",
            },
            "uniqueness": if self.unique { "server" } else { "none" },
        });
        if let Some(map) = out.as_object_mut() {
            if !self.subs.is_empty() {
                map.insert(
                    "subAttributes".to_owned(),
                    self.subs.iter().map(Attribute::describe).collect(),
                );
            }
            if !self.canonical.is_empty() {
                map.insert("canonicalValues".to_owned(), json!(self.canonical));
            }
            if !self.references.is_empty() {
                map.insert("referenceTypes".to_owned(), json!(self.references));
            }
        }
        out
    }
}

/// A schema: a URN and its attributes.
#[derive(Debug)]
pub(super) struct Schema {
    pub id: &'static str,
    pub name: &'static str,
    pub attributes: &'static [Attribute],
}

/// A kind of resource: its endpoint, its schema, its extensions.
#[derive(Debug)]
pub(super) struct ResourceType {
    pub name: &'static str,
    pub endpoint: &'static str,
    pub core: &'static Schema,
    pub extensions: &'static [&'static Schema],
    /// Other URNs that this dialect takes in `schemas` without a murmur.
    pub tolerated: &'static [&'static str],
}

/// What a name such as `emails.value` or `urn:...:User:manager.value` stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// The extension that has the attribute; `None` for the core schema.
    pub extension: Option<&'static Schema>,
    /// `None`: the name is that of the extension itself.
    pub attribute: Option<&'static Attribute>,
    pub sub: Option<&'static Attribute>,
}

impl ResourceType {
    /// The top-level attribute of this name, common ones included.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.core.attributes, name).or_else(|| find(super::attributes::COMMON, name))
    }

    /// The extension with this URN.
    pub fn extension(&self, urn: &str) -> Option<&'static Schema> {
        self.extensions
            .iter()
            .copied()
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// Resolves `[URN:]attribute[.sub]` (RFC 7644 section 3.10); `None` if it names nothing here.
    pub fn resolve(&self, text: &str) -> Option<Named> {
        for schema in self.extensions.iter().copied().chain([self.core]) {
            let Some(rest) = strip_urn(text, schema.id) else {
                continue;
            };
            let extension = (!std::ptr::eq(schema, self.core)).then_some(schema);
            if rest.is_empty() {
                return extension.map(|schema| Named {
                    extension: Some(schema),
                    attribute: None,
                    sub: None,
                });
            }
            let lookup = |name: &str| match extension {
                Some(schema) => find(schema.attributes, name),
                None => self.attribute(name),
            };
            return dotted(rest, lookup).map(|(attribute, sub)| Named {
                extension,
                attribute: Some(attribute),
                sub,
            });
        }
        let (attribute, sub) = dotted(text, |name| self.attribute(name))?;
        Some(Named {
            extension: None,
            attribute: Some(attribute),
            sub,
        })
    }
}

fn dotted(
    text: &str,
    lookup: impl Fn(&str) -> Option<&'static Attribute>,
) -> Option<(&'static Attribute, Option<&'static Attribute>)> {
    match text.split_once('.') {
        None => Some((lookup(text)?, None)),
        Some((name, sub)) => {
            let attribute = lookup(name)?;
            Some((attribute, Some(attribute.sub(sub)?)))
        }
    }
}

/// What follows the URN: empty for the URN alone, else what comes after its colon.
fn strip_urn<'t>(text: &'t str, urn: &str) -> Option<&'t str> {
    let head = text.get(..urn.len())?;
    if !head.eq_ignore_ascii_case(urn) {
        return None;
    }
    let rest = text.get(urn.len()..)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix(':')
    }
}

/// Attribute names are case-insensitive (RFC 7643 section 2.1).
pub(super) fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::super::attributes::GENERIC;

    #[test]
    fn names_resolve_in_any_case_with_and_without_their_urn() {
        let user = GENERIC.user;
        let named = user
            .resolve("urn:ietf:params:scim:schemas:core:2.0:User:NAME.givenname")
            .unwrap();
        assert_eq!(
            (
                named.attribute.unwrap().name,
                named.sub.unwrap().name,
                named.extension.is_none()
            ),
            ("name", "givenName", true)
        );
        let named = user
            .resolve("URN:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value")
            .unwrap();
        assert_eq!(
            (named.attribute.unwrap().name, named.sub.unwrap().name),
            ("manager", "value")
        );
        let named = user
            .resolve("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
            .unwrap();
        assert!(named.attribute.is_none() && named.extension.is_some());
        for wrong in [
            "nope",
            "name.nope",
            "department",
            "urn:example:User:title",
            "",
        ] {
            assert!(user.resolve(wrong).is_none(), "{wrong}");
        }
    }
}
