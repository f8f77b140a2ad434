//! `[connections.NAME.mapping]`: the connection's own rules, and the rules of the profile that they
//! replace or take out.

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    section::Section,
    suggest::nearest,
};
use hirewire_core::{
    mapping::{AttributeRule, MappingDocument},
    scim::AttributePath,
};

/// The keys of a connection's table. TOML reads such a key below the header of another table as a
/// part of that table: the connection would silently be without it.
const CONNECTION_KEYS: [&str; 26] = [
    "adopt",
    "base_url",
    "basic",
    "ca_file",
    "client_certificate",
    "client_key",
    "dialect",
    "external_id",
    "groups",
    "groups_policy",
    "header",
    "lifecycle",
    "limits",
    "mapping",
    "match",
    "mode",
    "oauth2",
    "out_of_scope",
    "profile",
    "protect",
    "proxy",
    "sources",
    "tables",
    "tls",
    "token",
    "when",
];

/// Reports a key of the connection that stands in another of its tables; returns whether it is one.
pub(super) fn is_connection_key(section: &Section<'_>, key: &Spanned<DeString<'_>>) -> bool {
    let text: &str = key.get_ref();
    if !CONNECTION_KEYS.contains(&text) {
        return false;
    }

    let connection = section
        .path
        .split('.')
        .take(2)
        .collect::<Vec<_>>()
        .join(".");
    let title = format!(
        "`{text}` is a key of [{connection}], not of [{}]",
        section.path
    );
    let label = format!(
        "TOML gives a key to the last table before it: move it up, above [{}]",
        section.path
    );
    section
        .reader
        .mistake(SourceSpan::Text(key.span()), title, label);
    true
}

/// Warns of a key of the connection in a table whose keys are free, such as a table of `lookup`.
pub(super) fn warn_of_connection_keys(section: &Section<'_>) {
    for key in section.table.keys() {
        let text: &str = key.get_ref();
        if CONNECTION_KEYS.contains(&text) {
            let title = format!("`{text}` is read as a key of [{}]", section.path);
            let label = "a key of the connection stands above its first table";
            section.reader.report(Diagnostic::warning(
                SourceSpan::Text(key.span()),
                title,
                label,
            ));
        }
    }
}

/// One line of the table.
struct Line<'a> {
    key: &'a Spanned<DeString<'a>>,
    value: &'a Spanned<DeValue<'a>>,
    /// `None`: the key is not a path, which the mapping reports when it is compiled.
    path: Option<AttributePath>,
}

/// Replaces rules of the profile with those of the connection.
pub(super) fn own_rules(section: &Section<'_>, document: &mut MappingDocument) {
    let Some(own) = section.section("mapping") else {
        return;
    };
    own.accept_any_key();
    let lines = lines(&own);

    // First the profile's rules go, so that own rules that overlap each other are a mistake.
    for line in &lines {
        take_out(&own, line, document);
    }
    for line in &lines {
        let text: &str = line.key.get_ref();
        if is_false(line) {
            continue;
        }
        if let Some(rule) = rule(&own, text, line.key, line.value) {
            document.set_rule(text, rule);
        }
    }
}

fn lines<'a>(own: &Section<'a>) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();

    for (key, value) in own.table {
        if is_connection_key(own, key) {
            continue;
        }
        let text: &str = key.get_ref();
        let path = AttributePath::parse(text).ok();
        let is_known = |known: &Line<'_>| path.is_some() && known.path == path;
        if let (true, Some(path)) = (lines.iter().any(is_known), &path) {
            own.reader.mistake(
                SourceSpan::Text(key.span()),
                format!("`{text}` is mapped twice"),
                format!("this is {path} again"),
            );
        }
        lines.push(Line { key, value, path });
    }
    lines
}

/// `title = false` takes the profile's rule out, and sets nothing in its place.
fn is_false(line: &Line<'_>) -> bool {
    line.value.get_ref().as_bool() == Some(false)
}

fn take_out(own: &Section<'_>, line: &Line<'_>, document: &mut MappingDocument) {
    let Some(path) = &line.path else {
        return;
    };
    let known: Vec<String> = document.mapping.keys().cloned().collect();
    let had_one = document.take_out(path);
    if had_one || !is_false(line) {
        return;
    }

    let text: &str = line.key.get_ref();
    let label = match nearest(text, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it maps {}", known.join(", ")),
    };
    let title = format!(
        "the profile {} maps no `{text}` that could be taken out",
        document.profile.name
    );
    own.reader
        .mistake(SourceSpan::Text(line.key.span()), title, label);
}

fn rule<'a>(
    section: &Section<'a>,
    path: &str,
    key: &Spanned<DeString<'a>>,
    value: &'a Spanned<DeValue<'a>>,
) -> Option<AttributeRule> {
    if let Some(text) = value.get_ref().as_str() {
        return Some(AttributeRule::expression(text));
    }
    let Some(table) = value.get_ref().as_table() else {
        let label = "expected an expression in quotes, { value = ... } for a constant, or false to take \
                     the profile's rule out";
        section.reader.mistake(
            SourceSpan::Text(value.span()),
            format!("`{path}` is not a rule"),
            label,
        );
        return None;
    };

    if let Some(sub) = unquoted_path(table) {
        let label = format!("a path with a dot needs quotes: \"{path}.{sub}\" = ...");
        section.reader.mistake(
            SourceSpan::Text(key.span()),
            format!("`{path}` is not a rule"),
            label,
        );
        return None;
    }

    let rule = section.subsection(path, SourceSpan::Text(key.span()), value)?;
    let expr = rule.text("expr").map(|expr| expr.value);
    if let Some(date) = rule
        .value("value")
        .filter(|value| value.get_ref().is_datetime())
    {
        rule.wrong_type(
            date,
            "a constant is text, a number, true or false; put dates in quotes",
        );
    }

    let constant = rule.read::<Value>("value").map(|value| value.value);
    let (on, empty) = (
        rule.choice("on").unwrap_or_default(),
        rule.choice("empty").unwrap_or_default(),
    );
    rule.finish();

    Some(AttributeRule {
        expr,
        value: constant,
        on,
        empty,
    })
}

/// The part after the dot, if TOML read a path without quotes (`name.givenName`) as a table.
fn unquoted_path<'a>(table: &'a DeTable<'a>) -> Option<&'a str> {
    let (key, value) = table.iter().next()?;
    let key: &str = key.get_ref();
    let is_path = !["expr", "value", "on", "empty"].contains(&key);
    (is_path && !value.get_ref().is_array()).then_some(key)
}
