//! A connection's [`MappingDocument`]: the profile's mapping, the connection's rules on top,
//! policies.
//!
//! The document is compiled once here, so that a fault in an expression gets a caret under its own
//! characters in the file.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    quoted::inside_text,
    rules,
    section::Section,
};
use hirewire_core::{
    event::SourceId,
    mapping::{
        AccountAdoption, GroupName, GroupRule, GroupsPolicy, LifecyclePolicy, Mapping,
        MappingDocument, MappingFault,
    },
    scim::{AttributePath, Profile},
};

/// Reads everything that decides the desired state of an account. `None`: the reason is reported.
pub(super) fn document(
    section: &Section<'_>,
    profile: Profile,
    sources: &[SourceId],
) -> Option<MappingDocument> {
    let mut document = MappingDocument::of_profile(profile);
    document.sources = sources.iter().map(ToString::to_string).collect();

    rules::own_rules(section, &mut document);
    external_id(section, &mut document);
    document.when = section.text("when").map(|when| when.value);
    document.out_of_scope = section.choice("out_of_scope").unwrap_or_default();
    document.r#match = match texts(section, "match") {
        Some(own) => own,
        None => keys_with_a_rule(&document),
    };
    document.protect = texts(section, "protect").unwrap_or_default();
    document.adopt = adopt(section);
    document.lifecycle = lifecycle(section);
    document.groups = section.sections("groups").into_iter().map(group).collect();
    document.groups_policy = groups_policy(section);
    document.tables = section
        .read("tables")
        .map(|tables| tables.value)
        .unwrap_or_default();

    for (_, table) in section.named_sections("tables") {
        rules::warn_of_connection_keys(&table);
    }

    compile(section, document)
}

/// Compiles the document, and reports its faults at their own characters.
fn compile(section: &Section<'_>, document: MappingDocument) -> Option<MappingDocument> {
    match Mapping::compile(document) {
        Ok(mapping) => {
            for fault in mapping.warnings() {
                let title = format!(
                    "`{}` of [{}] is probably not as intended",
                    fault.at.join("."),
                    section.path
                );
                section.reader.report(Diagnostic::warning(
                    span_of(section, &fault),
                    title,
                    fault.problem,
                ));
            }
            Some(mapping.document().clone())
        }
        Err(faults) => {
            for fault in faults {
                let title = format!(
                    "`{}` of [{}] cannot be used",
                    fault.at.join("."),
                    section.path
                );
                section
                    .reader
                    .mistake(span_of(section, &fault), title, fault.problem);
            }
            None
        }
    }
}

fn texts(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let texts = section.texts(key)?;
    Some(texts.into_iter().map(|text| text.value).collect())
}

/// The match keys of the profile that the mapping has a value for.
fn keys_with_a_rule(document: &MappingDocument) -> Vec<String> {
    let keys = document.r#match.iter();
    let has_value = |key: &&String| {
        AttributePath::parse(key)
            .is_ok_and(|path| path.is_core_attribute("externalId") || document.has_rule(&path))
    };
    keys.filter(has_value).cloned().collect()
}

/// `external_id = "..."`, or `{ expr, on }`: `on` also writes it to accounts that exist.
fn external_id(section: &Section<'_>, document: &mut MappingDocument) {
    if document.sources.len() > 1 {
        // Two sources can give the same id to two workers.
        document.external_id = "worker.source + \"/\" + worker.id".into();
    }

    let expr = if section
        .value("external_id")
        .is_some_and(|value| value.get_ref().is_table())
    {
        let Some(table) = section.section("external_id") else {
            return;
        };
        table.require("expr", "an expression, such as \"worker.id\"");
        document.external_id_on = table.choice("on").unwrap_or(document.external_id_on);
        let expr = table.text("expr");
        table.finish();
        expr
    } else {
        section.text("external_id")
    };

    if let Some(expr) = expr {
        document.external_id = expr.value;
    }
}

fn adopt(section: &Section<'_>) -> AccountAdoption {
    let adopt = section.section_or_empty("adopt");
    let default = AccountAdoption::default();
    let read = AccountAdoption {
        r#match: adopt.choice("match").unwrap_or(default.r#match),
        update: adopt.choice("update").unwrap_or(default.update),
        take_external_id: adopt
            .flag("take_external_id")
            .unwrap_or(default.take_external_id),
        activate: adopt.flag("activate").unwrap_or(default.activate),
    };
    adopt.finish();
    read
}

fn lifecycle(section: &Section<'_>) -> LifecyclePolicy {
    let lifecycle = section.section_or_empty("lifecycle");
    let default = LifecyclePolicy::default();
    let text = |key, default: String| lifecycle.text(key).map_or(default, |text| text.value);
    let read = LifecyclePolicy {
        create: text("create", default.create),
        activate: text("activate", default.activate),
        deactivate: text("deactivate", default.deactivate),
        leave: text("leave", default.leave),
        record_deleted: text("record_deleted", default.record_deleted),
        delete_after: text("delete_after", default.delete_after),
    };
    lifecycle.finish();

    read
}

fn groups_policy(section: &Section<'_>) -> GroupsPolicy {
    let policy = section.section_or_empty("groups_policy");
    let default = GroupsPolicy::default();
    let read = GroupsPolicy {
        create_missing: policy
            .flag("create_missing")
            .unwrap_or(default.create_missing),
        remove: policy.choice("remove").unwrap_or(default.remove),
    };
    policy.finish();
    read
}

fn group(section: Section<'_>) -> GroupRule {
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
    section.finish();
    GroupRule { name, id, when }
}

/// The span of a fault. A fault in the profile's own mapping gets the span of `profile`.
pub(super) fn span_of(section: &Section<'_>, fault: &MappingFault) -> SourceSpan {
    match (find(section.table, &fault.at), &fault.range) {
        (Some(TomlNode::Value(value)), Some(range)) if value.get_ref().is_str() => {
            SourceSpan::Text(inside_text(section.reader.text, value, range))
        }
        (Some(TomlNode::Value(value)), _) => SourceSpan::Text(value.span()),
        (Some(TomlNode::Key(range)), _) => SourceSpan::Text(range),
        (None, _) => section.key_span("profile"),
    }
}

enum TomlNode<'a> {
    Value(&'a Spanned<DeValue<'a>>),
    Key(std::ops::Range<usize>),
}

/// The node at a path of keys.
///
/// A rule that the file writes as text has no `expr` below it: the text is the node. A path that
/// ends at a key of `mapping` gives the key.
fn find<'a>(table: &'a DeTable<'a>, at: &[String]) -> Option<TomlNode<'a>> {
    let (first, rest) = at.split_first()?;
    let (key, mut value) = table.get_key_value(first.as_str())?;
    let mut last = key.span();

    let mut keys = rest.iter();
    for key in keys.by_ref() {
        let below = value.get_ref();
        let next = if let Some(table) = below.as_table() {
            table
                .get_key_value(key.as_str())
                .map(|(key, value)| (key.span(), value))
        } else if let Some(list) = below.as_array() {
            let element = key.parse::<usize>().ok().and_then(|at| list.get(at));
            element.map(|element| (element.span(), element))
        } else {
            return Some(TomlNode::Value(value));
        };
        match next {
            Some((span, next)) => (last, value) = (span, next),
            // The file has no such key: the fault is in a default.
            None if value.get_ref().is_table() && key == "expr" => break,
            None => return None,
        }
    }

    if first == "mapping" && at.len() == 2 {
        return Some(TomlNode::Key(last));
    }
    // `external_id` may be text or a table with `expr`.
    Some(TomlNode::Value(
        value.get_ref().get("expr").unwrap_or(value),
    ))
}
