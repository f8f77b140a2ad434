//! The attributes of an item, as a partial worker document.
//!
//! Only the attributes that the preset names are taken. An attribute whose text is invalid makes
//! the item unreadable, except a date below `dates`: it is for mappings only and is left out.

use serde_json::{Map, Value};

use super::{
    dates,
    item::{Item, text_of},
    phone::e164,
    rules::{AttributeRule, ItemRules, PhoneRule},
};
use crate::event::{Change, Contact, MAX_TEXT, WorkerChanges};

/// The attributes that the item states. `unnormalized_phones` counts numbers without E.164 form.
pub(super) fn worker(
    rules: &ItemRules,
    item: &Item<'_>,
    unnormalized_phones: &mut usize,
) -> Result<WorkerChanges, String> {
    let mut document = Value::Object(Map::new());
    for (path, rule) in &rules.attributes {
        match attribute(item, rule) {
            Change::Keep => {}
            Change::Clear => set(&mut document, path, Value::Null),
            Change::Set(text) if path.starts_with("dates.") => {
                if let Some(date) = dates::date(&text) {
                    set(&mut document, path, Value::String(date.to_string()));
                }
            }
            Change::Set(text) => {
                check(&text, path)?;
                set(&mut document, path, Value::String(text));
            }
        }
    }

    let mut worker: WorkerChanges = serde_path_to_error::deserialize(document)
        .map_err(|error| format!("the attribute {} has an invalid value", error.path()))?;
    worker.phones = phones(rules, item, unnormalized_phones);
    for phone in worker.phones.set().into_iter().flatten() {
        let texts = [&phone.value, &phone.r#type];
        texts
            .into_iter()
            .flatten()
            .try_for_each(|text| check(text, "phones"))?;
    }
    Ok(worker)
}

/// Whether the text can be one of an attribute. The error does not quote it.
fn check(text: &str, attribute: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        return Err(format!(
            "the attribute {attribute} is longer than {MAX_TEXT} bytes"
        ));
    }
    if text.contains('\0') {
        return Err(format!("the attribute {attribute} has a NUL character"));
    }
    Ok(())
}

fn attribute(item: &Item<'_>, rule: &AttributeRule) -> Change<String> {
    match item.first_text(&rule.from) {
        Change::Set(text)
            if rule
                .except
                .iter()
                .any(|exception| exception.eq_ignore_ascii_case(&text)) =>
        {
            Change::Keep
        }
        change @ (Change::Set(_) | Change::Clear | Change::Keep) => change,
    }
}

/// Sets the member at a dotted path.
fn set(document: &mut Value, path: &str, value: Value) {
    let (name, rest) = path
        .split_once('.')
        .map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Value::Object(members) = document else {
        return;
    };
    let member = members
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));

    match rest {
        Some(rest) => set(member, rest, value),
        None => *member = value,
    }
}

/// The telephone numbers of the item; `Keep` if it states none of the fields.
fn phones(
    rules: &ItemRules,
    item: &Item<'_>,
    unnormalized_phones: &mut usize,
) -> Change<Vec<Contact>> {
    let mut numbers = Vec::new();
    let mut is_stated = false;
    for rule in &rules.phones {
        match rule {
            PhoneRule::One { r#type, at } => match item.text(at) {
                Change::Keep => {}
                Change::Clear => is_stated = true,
                Change::Set(number) => {
                    is_stated = true;
                    numbers.push((Some(r#type.clone()), number));
                }
            },
            PhoneRule::Each {
                each,
                value,
                type_at,
            } => {
                let Some(Value::Array(elements)) = item.value.pointer(each) else {
                    continue;
                };
                is_stated = true;
                numbers.extend(elements.iter().filter_map(|element| {
                    Some((text_at(element, type_at), text_at(element, value)?))
                }));
            }
        }
    }

    if !is_stated {
        return Change::Keep;
    }
    Change::Set(
        numbers
            .into_iter()
            .map(|(r#type, number)| contact(r#type, &number, unnormalized_phones))
            .collect(),
    )
}

fn text_at(element: &Value, pointer: &str) -> Option<String> {
    text_of(element.pointer(pointer)?).set().cloned()
}

fn contact(r#type: Option<String>, number: &str, unnormalized_phones: &mut usize) -> Contact {
    let value = e164(number).unwrap_or_else(|| {
        *unnormalized_phones += 1;
        number.to_owned()
    });
    Contact {
        r#type,
        value: Some(value),
        primary: None,
    }
}
