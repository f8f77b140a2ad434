//! The attributes that a preset takes from an item, as a partial worker document. What it does not name is not taken.

use serde_json::{Map, Value};

use super::{
    field_path::{Item, text_of},
    read_item,
    rules::{ItemRules, Phone, Take},
};
use crate::event::{Change, Contact, WorkerChanges};

/// What the item says of its worker.
pub(super) fn worker(
    rules: &ItemRules,
    item: &Item<'_>,
    odd_phones: &mut usize,
) -> Result<WorkerChanges, String> {
    let mut document = Value::Object(Map::new());
    for (path, take) in &rules.attributes {
        match taken(item, take) {
            Change::Keep => {}
            Change::Clear => put(&mut document, path, Value::Null),
            // No date here moves a status: one that cannot be read is left out.
            Change::Set(text) if path.starts_with("dates.") => {
                if let Some(date) = read_item::date(&text) {
                    put(&mut document, path, Value::String(date.to_string()));
                }
            }
            Change::Set(text) => put(&mut document, path, Value::String(text)),
        }
    }
    let mut worker: WorkerChanges = serde_path_to_error::deserialize(document)
        .map_err(|error| format!("{} cannot be taken", error.path()))?;
    worker.phones = phones(rules, item, odd_phones);
    Ok(worker)
}

fn taken(item: &Item<'_>, take: &Take) -> Change<String> {
    match item.first(&take.from) {
        Change::Set(text)
            if take
                .except
                .iter()
                .any(|other| other.eq_ignore_ascii_case(&text)) =>
        {
            Change::Keep
        }
        change @ (Change::Set(_) | Change::Clear | Change::Keep) => change,
    }
}

/// Sets a member by its dotted path.
fn put(document: &mut Value, path: &str, value: Value) {
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
        Some(rest) => put(member, rest, value),
        None => *member = value,
    }
}

fn phones(rules: &ItemRules, item: &Item<'_>, odd: &mut usize) -> Change<Vec<Contact>> {
    let mut found = Vec::new();
    let mut is_said = false;
    for phone in &rules.phones {
        match phone {
            Phone::One { r#type, at } => match item.text(at) {
                Change::Keep => {}
                Change::Clear => is_said = true,
                Change::Set(number) => {
                    is_said = true;
                    found.push((Some(r#type.clone()), number));
                }
            },
            Phone::Each {
                each,
                value,
                type_at,
            } => {
                let Some(Value::Array(elements)) = item.value.pointer(each) else {
                    continue;
                };
                is_said = true;
                let text = |element: &Value, pointer: &str| {
                    element
                        .pointer(pointer)
                        .and_then(|value| text_of(value).set().cloned())
                };
                found.extend(
                    elements.iter().filter_map(|element| {
                        Some((text(element, type_at), text(element, value)?))
                    }),
                );
            }
        }
    }
    if !is_said {
        return Change::Keep;
    }
    Change::Set(
        found
            .into_iter()
            .map(|(r#type, number)| contact(r#type, &number, odd))
            .collect(),
    )
}

fn contact(r#type: Option<String>, number: &str, odd: &mut usize) -> Contact {
    let value = e164(number).unwrap_or_else(|| {
        *odd += 1;
        number.to_owned()
    });
    Contact {
        r#type,
        value: Some(value),
        primary: None,
    }
}

/// The number as E.164 (`+` and at most 15 digits), where it is written with its country.
pub(super) fn e164(number: &str) -> Option<String> {
    // "(0)" is the trunk prefix that is not dialled from abroad.
    let plain: String = number
        .replace("(0)", "")
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')'))
        .collect();
    let digits = plain
        .strip_prefix('+')
        .or_else(|| plain.strip_prefix("00"))?;
    let is_number = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    is_number.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_its_country_becomes_e_164_and_another_stays() {
        assert_eq!(
            e164("+49 (0)30 / 123-4567"),
            Some("+49301234567".to_owned())
        );
        assert_eq!(e164("0044 20.7946.0958"), Some("+442079460958".to_owned()));
        for odd in ["518-555-1212", "+1", "+49 30 x12", "", "+0123456789"] {
            assert_eq!(e164(odd), None, "{odd}");
        }
    }
}
