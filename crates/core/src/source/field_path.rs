//! The path of a field in a request, as a preset writes it.
//!
//! `/a/b` is a JSON pointer (RFC 6901) into the item, `header:Name` a header of the request, and
//! `field:Name` a field of the item; field names compare without case, spaces and punctuation
//! (`First Name` equals `firstName`). `item.rs` looks the paths up.

use serde::Deserialize;

/// The path of one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum FieldPath {
    /// A JSON pointer into the item.
    Pointer(String),
    /// A header of the request.
    Header(String),
    /// A field of the item, by its normalized name.
    Field(String),
}

impl TryFrom<String> for FieldPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("field", name)) if !normalize_name(name).is_empty() => {
                Ok(Self::Field(normalize_name(name)))
            }
            _ if text.starts_with('/') => Ok(Self::Pointer(text)),
            _ => Err(format!(
                "`{text}` is not a field path (expected a JSON pointer, header:Name or field:Name)"
            )),
        }
    }
}

impl FieldPath {
    /// Whether the field is in the body and not in a header.
    pub(super) fn is_in_body(&self) -> bool {
        match self {
            Self::Pointer(_) | Self::Field(_) => true,
            Self::Header(_) => false,
        }
    }
}

impl FieldPath {
    /// The normalized name of a field; `None` for a pointer or a header.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Pointer(_) | Self::Header(_) => None,
        }
    }
}

/// The paths of one value, in order of preference: the first field with a text applies. A preset
/// writes one text or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMany")]
pub(super) struct FieldPaths(pub(super) Vec<FieldPath>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(FieldPath),
    Many(Vec<FieldPath>),
}

impl From<OneOrMany> for FieldPaths {
    fn from(paths: OneOrMany) -> Self {
        Self(match paths {
            OneOrMany::One(path) => vec![path],
            OneOrMany::Many(paths) => paths,
        })
    }
}

impl FieldPaths {
    /// The normalized names of the fields among the paths.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(FieldPath::field)
    }

    /// The names of the headers among the paths.
    pub(super) fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|path| match path {
            FieldPath::Header(name) => Some(name.as_str()),
            FieldPath::Pointer(_) | FieldPath::Field(_) => None,
        })
    }
}

/// The letters and digits of a field's name, in lower case.
pub(super) fn normalize_name(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_known_form_is_not_a_field_path() {
        for wrong in ["a", "", "header:", "field:#", "head:x"] {
            assert!(FieldPath::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
