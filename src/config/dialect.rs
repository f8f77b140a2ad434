//! The dialect of a connection: a profile by name or from a file, and the knobs that
//! `[connections.NAME.dialect]` lays over it.
//!
//! The same reader takes both forms: a file of an own profile has the same knobs at its root, with
//! `name`, `title` and `[mapping]` beside them. `docs/dialects.md` explains each knob.

use std::{collections::BTreeMap, path::Path};

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::{
    ConfigFolder, diagnostics::SourceSpan, foreign_file, reader::WithSpan, rules, section::Section,
    suggest::one_of,
};
use hirewire_core::scim::{AttributeOverride, AttributePath, GroupDialect, Profile};

/// Reads `profile` and `dialect` of a connection.
pub(super) fn profile(section: &Section<'_>, folder: &ConfigFolder) -> Option<Profile> {
    let profile = named_or_own(section, folder);

    let dialect = section.section_or_empty("dialect");
    let mut profile = profile.or_else(|| {
        // The knobs are checked although the profile cannot be used.
        lay_over(Profile::named("generic")?, &dialect);
        None
    });
    if let Some(profile) = &mut profile {
        *profile = lay_over(profile.clone(), &dialect);
    }
    dialect.finish();
    profile
}

fn named_or_own(section: &Section<'_>, folder: &ConfigFolder) -> Option<Profile> {
    let Some(name) = section.text("profile") else {
        return Profile::named("generic");
    };
    if foreign_file::is_path(&name.value) {
        return foreign_file::read(section, folder, &name, own_profile);
    }

    let profile = Profile::named(&name.value);
    if profile.is_none() {
        let label = format!(
            "{}; a profile of your own is a file: \"./own.toml\"",
            one_of(&name.value, Profile::names())
        );
        let title = format!("`{}` is not a profile", name.value);
        section.reader.mistake(name.span, title, label);
    }
    profile
}

/// Reads the file of an own profile.
fn own_profile(path: &Path, root: Section<'_>) -> Profile {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    let stem = stem.unwrap_or_default().into_owned();

    let mut profile = Profile {
        name: stem,
        ..Profile::default()
    };
    if let Some(name) = root.text("name") {
        profile.name = name.value;
    }
    if let Some(title) = root.text("title") {
        profile.title = title.value;
    }
    let mut profile = lay_over(profile, &root);
    if let Some(mapping) = root.read::<BTreeMap<String, Value>>("mapping") {
        profile.mapping = mapping.value;
    }
    root.finish();
    profile
}

/// Lays the knobs of a table over a profile. A knob that cannot be read is reported and keeps its
/// value.
fn lay_over(mut profile: Profile, table: &Section<'_>) -> Profile {
    http_knobs(&mut profile, table);

    // A profile that changes users in one way changes access in the same way.
    let in_one_way = profile.deactivate == profile.update;
    set(&mut profile.update, table.choice("update"));
    if in_one_way {
        profile.deactivate = profile.update;
    }
    set(&mut profile.deactivate, table.choice("deactivate"));
    set(&mut profile.null, table.choice("null"));
    set(&mut profile.etag, table.flag("etag"));
    set(
        &mut profile.max_operations,
        table.whole_number("max_operations"),
    );

    for (list, key) in [
        (&mut profile.leave_out_of_create, "leave_out_of_create"),
        (&mut profile.lookup, "lookup"),
        (&mut profile.filterable, "filterable"),
        (&mut profile.single_valued, "single_valued"),
        (&mut profile.whole_lists, "whole_lists"),
        (&mut profile.typeless, "typeless"),
    ] {
        set(list, paths(table, key));
    }
    set(
        &mut profile.required,
        table
            .read::<Vec<Vec<AttributePath>>>("required")
            .map(|required| required.value),
    );
    if let Some(own) = table.read::<BTreeMap<AttributePath, AttributeOverride>>("attributes") {
        profile.attributes.extend(own.value);
    }

    profile.groups = groups(profile.groups.take(), table);
    profile
}

fn http_knobs(profile: &mut Profile, table: &Section<'_>) {
    const DISCOVERY: &str = "a path that begins with `/`, or \"\" if the target has none";

    for (text, key) in [
        (&mut profile.user_agent, "user_agent"),
        (&mut profile.content_type, "content_type"),
        (&mut profile.accept, "accept"),
    ] {
        let header = table.parsed(key, "the value of a header", |text| {
            HeaderValue::from_str(text).ok().map(|_| text.to_owned())
        });
        set(text, header.map(|header| header.value));
    }
    set(&mut profile.users, path(table, "users"));

    for (text, key) in [
        (
            &mut profile.service_provider_config,
            "service_provider_config",
        ),
        (&mut profile.schemas, "schemas"),
    ] {
        let read = table.parsed(key, DISCOVERY, |text| {
            (text.is_empty() || text.starts_with('/')).then(|| text.to_owned())
        });
        set(text, read.map(|read| read.value));
    }

    let Some(headers) = table.section("headers") else {
        return;
    };
    headers.accept_any_key();
    for (name, value) in headers.table {
        if rules::is_connection_key(&headers, name) {
            continue;
        }
        let span = SourceSpan::Text(name.span());
        let text = value.get_ref().as_str();
        let valid = HeaderName::try_from(name.get_ref().as_ref())
            .ok()
            .zip(text.and_then(|text| HeaderValue::from_str(text).ok()));
        match (valid, text) {
            (Some(_), Some(text)) => {
                let name = name.get_ref().to_string();
                profile.headers.insert(name, text.to_owned());
            }
            (None, _) | (_, None) => headers.reader.mistake(
                span,
                format!("`{}` is not a header", name.get_ref()),
                "expected a header's name and its value: X-Api-Version = \"2\"",
            ),
        }
    }
}

/// `groups = false` turns groups off; a table changes their dialect.
fn groups(profile: Option<GroupDialect>, table: &Section<'_>) -> Option<GroupDialect> {
    let Some(value) = table.value("groups") else {
        return profile;
    };
    if let Some(on) = value.get_ref().as_bool() {
        return on.then(|| profile.unwrap_or_default());
    }
    let Some(own) = table.section("groups") else {
        return profile;
    };

    let mut groups = profile.unwrap_or_default();
    set(&mut groups.path, path(&own, "path"));
    set(&mut groups.chunk, own.count("chunk"));
    set(&mut groups.check, own.choice("check"));
    set(&mut groups.remove, own.choice("remove"));
    own.finish();
    Some(groups)
}

fn set<T>(knob: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *knob = given;
    }
}

fn path(table: &Section<'_>, key: &'static str) -> Option<String> {
    let path = table.parsed(
        key,
        "a path below the base URL that begins with `/`",
        |text| (text.len() > 1 && text.starts_with('/')).then(|| text.to_owned()),
    );
    path.map(|path| path.value)
}

/// A list of attribute paths. A path that cannot be read is reported at its element.
fn paths(table: &Section<'_>, key: &'static str) -> Option<Vec<AttributePath>> {
    let texts = table.texts(key)?;

    let read = |WithSpan { value, span }: WithSpan<String>| match AttributePath::parse(&value) {
        Ok(path) => Some(path),
        Err(invalid) => {
            let title = format!("`{value}` is not an attribute path");
            table.reader.mistake(span, title, invalid.problem);
            None
        }
    };
    Some(texts.into_iter().filter_map(read).collect())
}
