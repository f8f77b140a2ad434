//! A connection's [`MappingDocument`]: the profile's default mapping with the connection's on top, and all policies.
//!
//! It is compiled once here, so that a fault in an expression is shown in the file, with a caret under the very
//! characters.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    diagnostics::{Diagnostic, Place},
    quoted::inside_text,
    reader::Section,
};
use crate::{
    event::SourceId,
    mapping::{
        AccountAdoption, AttributeRule, GroupName, GroupRule, GroupsPolicy, LifecyclePolicy, Mapping, MappingDocument,
        MappingFault, WhenEmpty, WhenWritten,
    },
    scim::{AttributePath, Profile},
};

/// Reads everything that decides how an account should look; `None` if something was told.
pub(super) fn document(section: &Section<'_>, profile: Profile, sources: &[SourceId]) -> Option<MappingDocument> {
    let (external_id, external_id_on) = external_id(section, sources);
    let mapping = mapping(section, &profile);
    let groups = section.sections("groups").into_iter().filter_map(group).collect();
    let matched = section.texts("match").map(|keys| keys.into_iter().map(|key| key.value).collect());
    let texts = |key| section.texts(key).unwrap_or_default().into_iter().map(|text| text.value);
    let document = MappingDocument {
        mapping,
        when: section.text("when").map(|when| when.value),
        out_of_scope: section.choice("out_of_scope").unwrap_or_default(),
        r#match: matched.unwrap_or_else(|| profile.lookup.iter().map(|path| path.as_str().to_owned()).collect()),
        external_id,
        external_id_on,
        protect: texts("protect").collect(),
        adopt: adopt(section),
        lifecycle: lifecycle(section),
        groups,
        groups_policy: groups_policy(section),
        sources: sources.iter().map(ToString::to_string).collect(),
        profile,
    };
    match Mapping::compile(document) {
        Ok(mapping) => Some(mapping.document().clone()),
        Err(faults) => {
            for fault in &faults {
                tell(section, fault);
            }
            None
        }
    }
}

/// The profile's rules, and the connection's in their place.
fn mapping(section: &Section<'_>, profile: &Profile) -> BTreeMap<String, AttributeRule> {
    let usual = profile.mapping.iter().filter_map(|(path, rule)| Some((path.clone(), default_rule(rule)?)));
    let mut mapping: BTreeMap<String, AttributeRule> = usual.collect();
    let Some(own) = section.section("mapping") else { return mapping };
    own.takes_any_key();
    let mut seen: Vec<AttributePath> = Vec::new();
    for (key, value) in own.table {
        let text: &str = key.get_ref();
        if let Ok(path) = AttributePath::parse(text) {
            mapping.retain(|usual, _| AttributePath::parse(usual).is_ok_and(|usual| usual != path));
            if seen.contains(&path) {
                let place = Place::Text(key.span());
                section.reader.mistake(place, format!("`{text}` is mapped twice"), format!("this is {path} again"));
            }
            seen.push(path);
        }
        if let Some(rule) = rule(&own, text, key, value) {
            mapping.insert(text.to_owned(), rule);
        }
    }
    mapping
}

fn default_rule(rule: &Value) -> Option<AttributeRule> {
    match rule {
        Value::String(expr) => Some(expression(expr)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::from_value(rule.clone()).ok()
        }
    }
}

fn expression(expr: &str) -> AttributeRule {
    AttributeRule { expr: Some(expr.to_owned()), value: None, on: WhenWritten::default(), empty: WhenEmpty::default() }
}

fn rule<'a>(
    section: &Section<'a>,
    path: &str,
    key: &Spanned<toml::de::DeString<'a>>,
    value: &'a Spanned<DeValue<'a>>,
) -> Option<AttributeRule> {
    if let Some(text) = value.get_ref().as_str() {
        return Some(expression(text));
    }
    let Some(table) = value.get_ref().as_table() else {
        let label = "expected an expression in quotes, or { value = ... } for a constant";
        section.reader.mistake(Place::Text(value.span()), format!("`{path}` is no rule"), label);
        return None;
    };
    let is_path = |key: &str| !["expr", "value", "on", "empty"].contains(&key);
    if table.iter().next().is_some_and(|(sub, rule)| is_path(sub.get_ref()) && !rule.get_ref().is_array()) {
        let sub = table.keys().next().map(|sub| sub.get_ref().as_ref()).unwrap_or_default();
        let label = format!("a path with a dot is quoted: \"{path}.{sub}\" = ...");
        section.reader.mistake(Place::Text(key.span()), format!("`{path}` is no rule"), label);
        return None;
    }
    let rule = section.below(path, Place::Text(key.span()), value)?;
    let expr = rule.text("expr").map(|expr| expr.value);
    let constant = rule.read::<Value>("value").map(|value| value.value);
    let (on, empty) = (rule.choice("on").unwrap_or_default(), rule.choice("empty").unwrap_or_default());
    if expr.is_some() == constant.is_some() {
        let label = "expected exactly one of `expr` and `value`";
        rule.reader.mistake(rule.place.clone(), format!("`{path}` is no rule"), label);
    }
    rule.finish();
    Some(AttributeRule { expr, value: constant, on, empty })
}

/// `external_id = "..."`, or `{ expr, on }` to keep it on accounts that exist.
fn external_id(section: &Section<'_>, sources: &[SourceId]) -> (String, WhenWritten) {
    let usual = if sources.len() > 1 { "worker.source ~ ':' ~ worker.id" } else { "worker.id" };
    let Some(value) = section.value("external_id") else { return (usual.to_owned(), WhenWritten::Create) };
    let (expr, on, place) = if value.get_ref().is_table() {
        let Some(table) = section.section("external_id") else { return (usual.to_owned(), WhenWritten::Create) };
        table.require("expr", "an expression, such as \"worker.id\"");
        let read = (table.text("expr"), table.choice("on").unwrap_or(WhenWritten::Create));
        table.finish();
        (read.0.as_ref().map(|expr| expr.value.clone()), read.1, Place::Text(value.span()))
    } else {
        let text = section.text("external_id");
        (text.map(|text| text.value), WhenWritten::Create, Place::Text(value.span()))
    };
    let expr = expr.unwrap_or_else(|| usual.to_owned());
    if sources.len() > 1 && !["source", "person"].iter().any(|word| expr.contains(word)) {
        let label = "two sources may give two people the same id";
        let help = "name the source in it: \"worker.source ~ ':' ~ worker.id\"";
        section.reader.tell(Diagnostic::warning(place, "`external_id` does not name the source", label).help(help));
    }
    (expr, on)
}

fn adopt(section: &Section<'_>) -> AccountAdoption {
    let adopt = section.section_or_empty("adopt");
    let usual = AccountAdoption::default();
    let read = AccountAdoption {
        r#match: adopt.choice("match").unwrap_or(usual.r#match),
        update: adopt.choice("update").unwrap_or(usual.update),
        take_external_id: adopt.flag("take_external_id").unwrap_or(usual.take_external_id),
        activate: adopt.flag("activate").unwrap_or(usual.activate),
    };
    adopt.finish();
    read
}

fn lifecycle(section: &Section<'_>) -> LifecyclePolicy {
    let lifecycle = section.section_or_empty("lifecycle");
    let usual = LifecyclePolicy::default();
    let text = |key, usual: String| lifecycle.text(key).map_or(usual, |text| text.value);
    let read = LifecyclePolicy {
        create: text("create", usual.create),
        activate: text("activate", usual.activate),
        deactivate: text("deactivate", usual.deactivate),
        leave: text("leave", usual.leave),
        record_deleted: text("record_deleted", usual.record_deleted),
        delete_after: text("delete_after", usual.delete_after),
    };
    lifecycle.finish();
    read
}

fn groups_policy(section: &Section<'_>) -> GroupsPolicy {
    let policy = section.section_or_empty("groups_policy");
    let usual = GroupsPolicy::default();
    let read = GroupsPolicy {
        create_missing: policy.flag("create_missing").unwrap_or(usual.create_missing),
        remove: policy.choice("remove").unwrap_or(usual.remove),
    };
    policy.finish();
    read
}

fn group(section: Section<'_>) -> Option<GroupRule> {
    let name = section.value("name").and_then(|value| {
        if value.get_ref().is_table() {
            let name = section.section("name")?;
            name.require("expr", "an expression that gives the group's name");
            let expr = name.text("expr");
            name.finish();
            return Some(GroupName::Expression { expr: expr?.value });
        }
        Some(GroupName::Text(section.text("name")?.value))
    });
    let id = section.text("id").map(|id| id.value);
    let when = section.text("when").map(|when| when.value);
    let both = section.value("name").is_some() == section.value("id").is_some();
    if both {
        let label = "expected exactly one of `name` and `id`";
        section.reader.mistake(section.place.clone(), "this group cannot be told", label);
    }
    section.finish();
    (!both).then_some(GroupRule { name, id, when })
}

/// Shows a fault in the file; one in the profile's default mapping at the connection itself.
fn tell(section: &Section<'_>, fault: &MappingFault) {
    let at = fault.at.join(".");
    let Some(found) = find(section.table, &fault.at) else {
        let title = format!("{at} of [{}] cannot be used", section.path);
        return section.reader.mistake(section.key_place("profile"), title, fault.problem.clone());
    };
    let range = match found {
        Found::Value(value) => match &fault.range {
            Some(range) if value.get_ref().is_str() => inside_text(section.reader.text, value, range),
            Some(_) | None => value.span(),
        },
        Found::Key(range) => range,
    };
    section.reader.mistake(
        Place::Text(range),
        format!("{at} of [{}] cannot be used", section.path),
        fault.problem.clone(),
    );
}

enum Found<'a> {
    Value(&'a Spanned<DeValue<'a>>),
    Key(std::ops::Range<usize>),
}

/// The value at these keys; where the file writes a text for a table with `expr`, the text. A path that stops at a
/// mapping's key stands for the key.
fn find<'a>(table: &'a DeTable<'a>, at: &[String]) -> Option<Found<'a>> {
    let (first, rest) = at.split_first()?;
    let (key, mut value) = table.get_key_value(first.as_str())?;
    let mut last = key.span();
    let mut keys = rest.iter();
    for key in keys.by_ref() {
        let below = value.get_ref();
        let next = if let Some(table) = below.as_table() {
            table.get_key_value(key.as_str()).map(|(key, value)| (key.span(), value))
        } else if let Some(list) = below.as_array() {
            let element = key.parse::<usize>().ok().and_then(|at| list.get(at));
            element.map(|element| (element.span(), element))
        } else {
            return Some(Found::Value(value));
        };
        match next {
            Some((span, next)) => (last, value) = (span, next),
            // The file leaves it out: the default of the profile, or of this program, is what cannot be used.
            None if value.get_ref().is_table() && key == "expr" => break,
            None => return None,
        }
    }
    let is_attribute = first == "mapping" && at.len() == 2;
    Some(if is_attribute { Found::Key(last) } else { Found::Value(value) })
}
