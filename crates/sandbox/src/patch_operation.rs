//! One PATCH operation as the client states it: the `op`, and the target of the `path` (RFC 7644
//! section 3.5.2).

use super::attribute::Attribute;
use super::filter::Filter;
use super::schema::{AttributePath, ResolvedName, ResourceType, Schema};
use super::scim_error::{ScimError, ScimResult};

/// The member `op` of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchOp {
    Add,
    Remove,
    Replace,
}

/// The target of a `path`.
#[derive(Debug)]
pub(crate) enum PatchTarget {
    /// The path is the URN of an extension: all attributes of the extension.
    Extension(&'static Schema),
    Attribute(AttributeTarget),
}

/// An attribute, possibly narrowed to a sub-attribute and to the values that a filter selects.
#[derive(Debug)]
pub(crate) struct AttributeTarget {
    pub(crate) extension: Option<&'static Schema>,
    pub(crate) attribute: &'static Attribute,
    pub(crate) filter: Option<Filter>,
    pub(crate) sub_attribute: Option<&'static Attribute>,
}

impl PatchOp {
    /// Parses `op` in any case: some clients send `Add` and `Replace`.
    pub(crate) fn parse(op: &str) -> Option<Self> {
        match op.to_ascii_lowercase().as_str() {
            "add" => Some(PatchOp::Add),
            "remove" => Some(PatchOp::Remove),
            "replace" => Some(PatchOp::Replace),
            _ => None,
        }
    }
}

impl PatchTarget {
    /// Parses `attribute[filter].subAttribute`, in which filter and sub-attribute are optional.
    pub(crate) fn parse(path: &str, resource_type: &'static ResourceType) -> ScimResult<Self> {
        let Some((name, tail)) = path.split_once('[') else {
            return match resource_type.resolve(path) {
                None => Err(invalid_path(path, "does not name a known attribute")),
                Some(ResolvedName::Extension(schema)) => Ok(Self::Extension(schema)),
                Some(ResolvedName::Attribute(resolved)) => Ok(Self::Attribute(resolved.into())),
            };
        };

        let (filter, rest) = tail
            .rsplit_once(']')
            .ok_or_else(|| invalid_path(path, "has a bracket that is not closed"))?;
        let (extension, attribute) = filtered_attribute(path, name, resource_type)?;
        let sub_attribute = match rest.strip_prefix('.') {
            None if rest.is_empty() => None,
            None => {
                return Err(invalid_path(
                    path,
                    "has text after its filter that is not a sub-attribute",
                ));
            }
            Some(name) => Some(
                attribute
                    .sub_attribute(name)
                    .ok_or_else(|| invalid_path(path, "names an unknown sub-attribute"))?,
            ),
        };

        Ok(Self::Attribute(AttributeTarget {
            extension,
            attribute,
            filter: Some(Filter::parse_value_filter(filter, attribute)?),
            sub_attribute,
        }))
    }
}

impl From<AttributePath> for AttributeTarget {
    fn from(path: AttributePath) -> Self {
        Self {
            extension: path.extension,
            attribute: path.attribute,
            filter: None,
            sub_attribute: path.sub_attribute,
        }
    }
}

/// The attribute before a filter: it must be complex and multi-valued.
fn filtered_attribute(
    path: &str,
    name: &str,
    resource_type: &ResourceType,
) -> ScimResult<(Option<&'static Schema>, &'static Attribute)> {
    let no_values = "has a filter on an attribute without values to select";

    match resource_type.resolve(name) {
        Some(ResolvedName::Attribute(resolved)) if resolved.sub_attribute.is_none() => {
            let attribute = resolved.attribute;
            if attribute.multi_valued && !attribute.sub_attributes.is_empty() {
                Ok((resolved.extension, attribute))
            } else {
                Err(invalid_path(path, no_values))
            }
        }
        Some(ResolvedName::Extension(_)) => Err(invalid_path(path, no_values)),
        Some(ResolvedName::Attribute(_)) | None => {
            Err(invalid_path(path, "does not name a known attribute"))
        }
    }
}

fn invalid_path(path: &str, problem: &str) -> ScimError {
    ScimError::invalid_path(format!("`{path}` {problem}"))
}
