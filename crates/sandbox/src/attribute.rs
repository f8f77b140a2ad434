//! The characteristics of an attribute (RFC 7643 section 2.2) and their form at `/Schemas` (section
//! 7).
//!
//! The tables in [`super::catalogue`] consist of these types. The resource parser, filters, PATCH
//! and projections read the same tables, so `/Schemas` describes exactly what the sandbox enforces.

use serde_json::{Value, json};

/// The type of an attribute's value (RFC 7643 section 2.3). The sandbox has no decimal attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttributeType {
    String,
    Boolean,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

/// When a client may write an attribute (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

/// When a response contains an attribute (RFC 7643 section 7). `request` is not in use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    Always,
    Default,
    Never,
}

/// One attribute, or one sub-attribute of a complex attribute.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "RFC 7643 section 2.2 defines these characteristics as true or false"
)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) value_type: AttributeType,
    pub(crate) multi_valued: bool,
    pub(crate) required: bool,
    pub(crate) case_exact: bool,
    pub(crate) mutability: Mutability,
    pub(crate) returned: Returned,
    /// `uniqueness` is `server` if true, else `none`.
    pub(crate) unique: bool,
    /// A number is accepted and stored as a string: Workplace also writes ids as numbers.
    pub(crate) accepts_number: bool,
    pub(crate) sub_attributes: &'static [Attribute],
    pub(crate) canonical_values: &'static [&'static str],
    pub(crate) reference_types: &'static [&'static str],
}

impl Attribute {
    /// A single-valued, optional, writable attribute that responses return by default.
    pub(crate) const fn new(name: &'static str, value_type: AttributeType) -> Self {
        Self {
            name,
            value_type,
            multi_valued: false,
            required: false,
            case_exact: matches!(value_type, AttributeType::Reference | AttributeType::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
            accepts_number: false,
            sub_attributes: &[],
            canonical_values: &[],
            reference_types: &[],
        }
    }

    pub(crate) const fn string(name: &'static str) -> Self {
        Self::new(name, AttributeType::String)
    }

    pub(crate) const fn complex(name: &'static str, sub_attributes: &'static [Attribute]) -> Self {
        Self {
            sub_attributes,
            ..Self::new(name, AttributeType::Complex)
        }
    }

    pub(crate) const fn multi_valued(self) -> Self {
        Self {
            multi_valued: true,
            ..self
        }
    }

    pub(crate) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    pub(crate) const fn case_exact(self) -> Self {
        Self {
            case_exact: true,
            ..self
        }
    }

    pub(crate) const fn read_only(self) -> Self {
        Self {
            mutability: Mutability::ReadOnly,
            ..self
        }
    }

    pub(crate) const fn immutable(self) -> Self {
        Self {
            mutability: Mutability::Immutable,
            ..self
        }
    }

    /// A write-only attribute is never returned either (RFC 7643 section 7, `mutability`).
    pub(crate) const fn write_only(self) -> Self {
        Self {
            mutability: Mutability::WriteOnly,
            returned: Returned::Never,
            ..self
        }
    }

    pub(crate) const fn always_returned(self) -> Self {
        Self {
            returned: Returned::Always,
            ..self
        }
    }

    pub(crate) const fn unique(self) -> Self {
        Self {
            unique: true,
            ..self
        }
    }

    pub(crate) const fn accepts_number(self) -> Self {
        Self {
            accepts_number: true,
            ..self
        }
    }

    pub(crate) const fn canonical_values(self, canonical_values: &'static [&'static str]) -> Self {
        Self {
            canonical_values,
            ..self
        }
    }

    pub(crate) const fn reference_types(self, reference_types: &'static [&'static str]) -> Self {
        Self {
            reference_types,
            ..self
        }
    }

    /// Finds a sub-attribute by its name, in any case.
    pub(crate) fn sub_attribute(&self, name: &str) -> Option<&'static Attribute> {
        find_attribute(self.sub_attributes, name)
    }

    /// The text in the form in which it is compared: lower case, unless the attribute is
    /// `caseExact`.
    pub(crate) fn fold_case(&self, text: &str) -> String {
        if self.case_exact {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    }

    /// The attribute as `/Schemas` describes it (RFC 7643 section 7).
    pub(crate) fn describe(&self) -> Value {
        let mut description = json!({
            "name": self.name,
            "type": self.value_type.scim_name(),
            "multiValued": self.multi_valued,
            "description": format!("{} (RFC 7643)", self.name),
            "required": self.required,
            "caseExact": self.case_exact,
            "mutability": self.mutability.scim_name(),
            "returned": self.returned.scim_name(),
            "uniqueness": if self.unique { "server" } else { "none" },
        });

        if let Some(map) = description.as_object_mut() {
            if !self.sub_attributes.is_empty() {
                let described = self
                    .sub_attributes
                    .iter()
                    .map(Attribute::describe)
                    .collect();
                map.insert("subAttributes".to_owned(), described);
            }
            if !self.canonical_values.is_empty() {
                map.insert("canonicalValues".to_owned(), json!(self.canonical_values));
            }
            if !self.reference_types.is_empty() {
                map.insert("referenceTypes".to_owned(), json!(self.reference_types));
            }
        }

        description
    }
}

impl AttributeType {
    fn scim_name(self) -> &'static str {
        match self {
            AttributeType::String => "string",
            AttributeType::Boolean => "boolean",
            AttributeType::Integer => "integer",
            AttributeType::DateTime => "dateTime",
            AttributeType::Binary => "binary",
            AttributeType::Reference => "reference",
            AttributeType::Complex => "complex",
        }
    }
}

impl Mutability {
    fn scim_name(self) -> &'static str {
        match self {
            Mutability::ReadWrite => "readWrite",
            Mutability::ReadOnly => "readOnly",
            Mutability::Immutable => "immutable",
            Mutability::WriteOnly => "writeOnly",
        }
    }
}

impl Returned {
    fn scim_name(self) -> &'static str {
        match self {
            Returned::Always => "always",
            Returned::Default => "default",
            Returned::Never => "never",
        }
    }
}

/// Finds an attribute by its name, in any case (RFC 7643 section 2.1).
pub(crate) fn find_attribute(
    attributes: &'static [Attribute],
    name: &str,
) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// Whether a value is assigned: null, the empty string and empty lists and objects are not
/// (RFC 7643 section 2.5).
pub(crate) fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
