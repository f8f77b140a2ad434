//! The schemas that a target publishes (RFC 7643 section 7), and what they contradict in a path.
//!
//! In: the documents of `/Schemas`, read leniently. Out: why a path cannot work at this target, in
//! words. A schema without attributes and an attribute without details contradict nothing: many
//! targets publish a part of what they accept.

use std::borrow::Cow;

use serde_json::Value;

use super::{AttributePath, resource::member, urn::CORE_USER};
use crate::suggest::nearest;

/// More attributes of one schema are not read.
const MAX_ATTRIBUTES: usize = 500;

/// A longer name is no name.
const MAX_NAME: usize = 200;

/// How many names a message lists.
const MAX_LISTED: usize = 30;

/// The schemas of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSchemas {
    schemas: Vec<TargetSchema>,
    /// Whether these are all schemas of the target.
    complete: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct TargetSchema {
    urn: String,
    attributes: Vec<TargetAttribute>,
}

/// An attribute as its schema describes it. What the schema leaves out is `None` or empty.
#[derive(Clone, Debug, PartialEq)]
struct TargetAttribute {
    name: String,
    /// In lower case: `string`, `complex`.
    kind: Option<String>,
    multi_valued: Option<bool>,
    /// In lower case: `readonly`, `immutable`.
    mutability: Option<String>,
    canonical: Vec<String>,
    sub_attributes: Vec<TargetAttribute>,
}

impl TargetSchemas {
    /// Reads the documents of schemas; `None` if none of them is a schema. `complete`: the target
    /// has no other schema.
    pub fn read(documents: &[Value], complete: bool) -> Option<Self> {
        let schemas: Vec<TargetSchema> = documents.iter().filter_map(TargetSchema::read).collect();
        (!schemas.is_empty()).then_some(Self { schemas, complete })
    }

    /// Whether the attributes of the core schema of users are known.
    pub fn describe_users(&self) -> bool {
        self.schema(CORE_USER)
            .is_some_and(|schema| !schema.attributes.is_empty())
    }

    /// Why a value at this path is not as the schemas describe it; `None`: they do not contradict
    /// it. `updates`: whether the value also changes users that exist.
    pub fn contradiction(&self, path: &AttributePath, updates: bool) -> Option<String> {
        let attributes = match self.attributes(path.urn()) {
            Ok(attributes) => attributes?,
            Err(problem) => return Some(problem),
        };
        let Some(attribute) = find(attributes, path.attribute()) else {
            let place = match path.urn() {
                None => Cow::Borrowed("the target's schema of users"),
                Some(urn) => Cow::Owned(format!("the target's schema `{urn}`")),
            };
            let hint = hint("", path.attribute(), attributes);
            return Some(format!("{place} has no `{}`; {hint}", path.attribute()));
        };

        let sub = path.sub_attribute();
        let sub = sub.and_then(|sub| find(&attribute.sub_attributes, sub));
        attribute
            .misfit(path)
            .or_else(|| attribute.unwritable(path, updates))
            .or_else(|| sub?.unwritable(path, updates))
    }

    /// Why this constant is not of the type that the schemas give the path.
    pub fn wrong_type(&self, path: &AttributePath, constant: &Value) -> Option<String> {
        let attribute = find(self.attributes(path.urn()).ok()??, path.attribute())?;
        let whole_list = attribute.multi_valued != Some(false)
            && path.selector().is_none()
            && path.sub_attribute().is_none();
        let described = match path.sub_attribute() {
            Some(sub) => find(&attribute.sub_attributes, sub)?,
            None => attribute,
        };

        let kind = described.kind.as_deref()?;
        let fits = match kind {
            "boolean" => constant.is_boolean(),
            "integer" => constant.is_i64() || constant.is_u64(),
            "decimal" => constant.is_number(),
            "string" | "datetime" | "reference" | "binary" => constant.is_string(),
            "complex" => constant.is_object(),
            _ => true,
        };
        let fits = fits || (whole_list && constant.is_array());
        (!fits).then(|| format!("`{path}` is of type {kind} at the target"))
    }

    /// The attributes of a schema; `None`: they are not known. An error: the target has no such
    /// schema.
    fn attributes(&self, urn: Option<&str>) -> Result<Option<&[TargetAttribute]>, String> {
        let known = |attributes: &'_ [TargetAttribute]| !attributes.is_empty();
        let core = self.schema(CORE_USER);
        let Some(urn) = urn else {
            let attributes = core.map(|schema| schema.attributes.as_slice());
            return Ok(attributes.filter(|attributes| known(attributes)));
        };

        if let Some(schema) = self.schema(urn) {
            let attributes = schema.attributes.as_slice();
            return Ok(Some(attributes).filter(|attributes| known(attributes)));
        }
        // Some targets describe an extension as one attribute of the core schema.
        if let Some(extension) = core.and_then(|core| find(&core.attributes, urn)) {
            let attributes = extension.sub_attributes.as_slice();
            return Ok(Some(attributes).filter(|attributes| known(attributes)));
        }
        if !self.complete {
            return Ok(None);
        }

        let urns = self.schemas.iter().map(|schema| schema.urn.as_str());
        let hint = match nearest(urn, urns.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it lists {}", listed(urns)),
        };
        Err(format!("the target lists no schema `{urn}`; {hint}"))
    }

    fn schema(&self, urn: &str) -> Option<&TargetSchema> {
        let mut schemas = self.schemas.iter();
        schemas.find(|schema| schema.urn.eq_ignore_ascii_case(urn))
    }
}

impl TargetSchema {
    fn read(document: &Value) -> Option<Self> {
        let urn = usable_name(member(document, "id")?)?;
        let attributes = member(document, "attributes");
        // A resource of another kind has an id, too.
        if attributes.is_none() && !urn.contains(':') {
            return None;
        }
        Some(Self {
            urn,
            attributes: read_attributes(attributes, TargetAttribute::read),
        })
    }
}

impl TargetAttribute {
    fn read(document: &Value) -> Option<Self> {
        let sub_attributes = member(document, "subAttributes");
        Some(Self {
            sub_attributes: read_attributes(sub_attributes, Self::read_simple),
            ..Self::read_simple(document)?
        })
    }

    /// Reads the attribute without its sub-attributes: there is no third level.
    fn read_simple(document: &Value) -> Option<Self> {
        let word = |name| {
            let text = member(document, name).and_then(Value::as_str);
            text.map(str::to_ascii_lowercase)
        };
        let canonical = member(document, "canonicalValues").and_then(Value::as_array);
        let canonical = canonical.into_iter().flatten().take(MAX_ATTRIBUTES);

        Some(Self {
            name: usable_name(member(document, "name")?)?,
            kind: word("type"),
            multi_valued: member(document, "multiValued").and_then(Value::as_bool),
            mutability: word("mutability"),
            canonical: canonical.filter_map(usable_name).collect(),
            sub_attributes: Vec::new(),
        })
    }

    /// Why the rest of the path is no part of this attribute.
    fn misfit(&self, path: &AttributePath) -> Option<String> {
        let name = &self.name;
        if path.selector().is_some() && self.multi_valued == Some(false) {
            return Some(format!("`{name}` is one value at the target, not a list"));
        }
        if let Some(sub) = path.sub_attribute() {
            let is_simple = self.kind.as_deref().is_some_and(|kind| kind != "complex");
            if self.sub_attributes.is_empty() {
                return is_simple
                    .then(|| format!("`{name}` is one value at the target and has no members"));
            }
            if find(&self.sub_attributes, sub).is_none() {
                let hint = hint(&format!("{name}."), sub, &self.sub_attributes);
                return Some(format!("`{name}` has no `{sub}` at the target; {hint}"));
            }
        }

        let selector = path.selector()?;
        if self.sub_attributes.is_empty() {
            return None;
        }
        let Some(selecting) = find(&self.sub_attributes, &selector.attribute) else {
            return Some(format!(
                "the elements of `{name}` have no `{}` at the target: name `{name}` in `typeless` \
                 of its [dialect]",
                selector.attribute
            ));
        };
        selecting.mistyped(selector.value.as_str()?)
    }

    /// A value beside the canonical ones is allowed: they are suggestions (RFC 7643 section 7). One
    /// that is nearly a canonical value is a slip.
    fn mistyped(&self, value: &str) -> Option<String> {
        let canonical = || self.canonical.iter().map(String::as_str);
        if canonical().any(|known| known.eq_ignore_ascii_case(value)) {
            return None;
        }
        let near = nearest(value, canonical())?;
        Some(format!(
            "`{value}` is no canonical {} at the target; did you mean `{near}`?",
            self.name
        ))
    }

    /// Why a written value has no effect (RFC 7643 section 7, `mutability`).
    fn unwritable(&self, path: &AttributePath, updates: bool) -> Option<String> {
        match self.mutability.as_deref()? {
            "readonly" => Some(format!(
                "`{path}` is readOnly at the target: it ignores or refuses a value"
            )),
            "immutable" if updates => Some(format!(
                "`{path}` is immutable at the target: set `on = \"create\"`"
            )),
            _ => None,
        }
    }
}

fn read_attributes(
    list: Option<&Value>,
    read: fn(&Value) -> Option<TargetAttribute>,
) -> Vec<TargetAttribute> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.take(MAX_ATTRIBUTES).filter_map(read).collect()
}

/// A name or URN that a message can show.
fn usable_name(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    let usable = !name.is_empty() && name.len() <= MAX_NAME;
    let shown = name.bytes().all(|b| b.is_ascii_graphic() && b != b'`');
    (usable && shown).then(|| name.to_owned())
}

fn find<'a>(attributes: &'a [TargetAttribute], name: &str) -> Option<&'a TargetAttribute> {
    let mut attributes = attributes.iter();
    attributes.find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

fn hint(prefix: &str, name: &str, attributes: &[TargetAttribute]) -> String {
    let names = attributes.iter().map(|attribute| attribute.name.as_str());
    match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{prefix}{near}`?"),
        None => format!("it has {}", listed(names)),
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.take(MAX_LISTED + 1).collect();
    if names.len() > MAX_LISTED {
        names.truncate(MAX_LISTED);
        names.push("...");
    }
    names.join(" ")
}

#[cfg(test)]
#[path = "target_schemas_tests.rs"]
mod tests;
