//! PATCH of the fake server (RFC 7644 section 3.5.2).

use serde_json::{Map, Value, json};

use super::{
    path::{Path, all_hold, key_of, member},
    quirks::{Quirks, ValuePath},
    refusal::Refusal,
};

/// Multi-valued attributes of users and groups (RFC 7643 sections 4.1.2 and 4.2).
const MULTI_VALUED: [&str; 10] = [
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
];

/// Applies the operations of a PATCH to a copy of the resource.
pub fn apply(resource: &Value, body: &Value, quirks: &Quirks) -> Result<Value, Refusal> {
    let operations = member(body, "Operations")
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::bad("invalidSyntax", "a PATCH has Operations"))?;

    let mut changed = resource.clone();
    for operation in operations {
        let text = |name| member(operation, name).and_then(Value::as_str);
        let op = text("op").unwrap_or_default().to_lowercase();
        let value = member(operation, "value").cloned();
        match (op.as_str(), text("path"), value) {
            ("add" | "replace", None, Some(Value::Object(members))) => {
                for (name, value) in members {
                    merge(&mut changed, &name, value, op == "add", quirks)?;
                }
            }
            ("add" | "replace", Some(path), Some(value)) => {
                set(
                    &mut changed,
                    &parse(path, quirks)?,
                    value,
                    op == "add",
                    quirks,
                )?;
            }
            ("remove", Some(path), _) => remove(&mut changed, &parse(path, quirks)?, quirks)?,
            ("remove", None, _) => return Err(Refusal::bad("noTarget", "a remove has a path")),
            _ => return Err(Refusal::bad("invalidSyntax", "no such operation")),
        }
    }
    Ok(changed)
}

/// A member of an operation without a path: an attribute, or an extension with its attributes.
fn merge(
    resource: &mut Value,
    name: &str,
    value: Value,
    add: bool,
    quirks: &Quirks,
) -> Result<(), Refusal> {
    if let (true, Value::Object(members)) = (name.contains(':'), &value) {
        for (attribute, value) in members {
            let path = format!("{name}:{attribute}");
            set(resource, &parse(&path, quirks)?, value.clone(), add, quirks)?;
        }
        return Ok(());
    }
    set(resource, &parse(name, quirks)?, value, add, quirks)
}

fn parse(text: &str, quirks: &Quirks) -> Result<Path, Refusal> {
    let path = Path::parse(text).ok_or_else(|| Refusal::bad("invalidPath", text))?;
    let allowed = quirks.patch_paths.as_ref();
    if allowed.is_some_and(|allowed| !allowed.iter().any(|known| known.eq_ignore_ascii_case(text)))
    {
        return Err(Refusal::bad("invalidPath", text));
    }
    if path.filter.is_some()
        && quirks.value_path == ValuePath::Refuse
        && path.attribute != "members"
    {
        return Err(Refusal::new(
            quirks.value_path_status,
            Some("invalidPath"),
            text,
        ));
    }
    if ["id", "meta", "schemas"].contains(&path.attribute.as_str()) && path.urn.is_none() {
        return Err(Refusal::bad("mutability", text));
    }
    Ok(path)
}

/// The object that holds the attribute: the resource, or an extension of it.
fn container<'a>(resource: &'a mut Value, path: &Path) -> &'a mut Map<String, Value> {
    let members = resource.as_object_mut().expect("an object");
    let Some(urn) = &path.urn else {
        return members;
    };
    let key = key_of(members, urn);
    let extension = members.entry(key).or_insert_with(|| json!({}));
    if !extension.is_object() {
        *extension = json!({});
    }
    extension.as_object_mut().expect("an object")
}

fn set(
    resource: &mut Value,
    path: &Path,
    value: Value,
    add: bool,
    quirks: &Quirks,
) -> Result<(), Refusal> {
    if value.is_null() {
        return remove(resource, path, quirks);
    }
    let members = container(resource, path);
    let key = key_of(members, &path.attribute);
    let slot = members.entry(key).or_insert(Value::Null);

    if let Some(filter) = &path.filter {
        let elements = slot
            .as_array_mut()
            .map(|all| all.iter_mut())
            .into_iter()
            .flatten();
        let mut found = false;
        for element in elements.filter(|element| all_hold(filter, element)) {
            found = true;
            assign(element, path.sub.as_deref(), value.clone());
        }
        return if found {
            Ok(())
        } else {
            Err(Refusal::bad("noTarget", "no element matches"))
        };
    }

    let is_list = MULTI_VALUED
        .iter()
        .any(|name| name.eq_ignore_ascii_case(&path.attribute));
    match (&path.sub, is_list) {
        (Some(sub), true) => {
            for element in slot.as_array_mut().into_iter().flatten() {
                assign(element, Some(sub), value.clone());
            }
        }
        (Some(_), false) => {
            if !slot.is_object() {
                *slot = json!({});
            }
            assign(slot, path.sub.as_deref(), value);
        }
        (None, true) => {
            let new = match value {
                Value::Array(new) => new,
                one => vec![one],
            };
            let mut elements = if add {
                slot.as_array().cloned().unwrap_or_default()
            } else {
                Vec::new()
            };
            for element in new {
                let same = |known: &Value| {
                    *known == element
                        || (path.attribute == "members"
                            && member(known, "value") == member(&element, "value"))
                };
                if !elements.iter().any(same) {
                    elements.push(element);
                }
            }
            *slot = Value::Array(elements);
        }
        (None, false) => match (slot, value) {
            (Value::Object(known), Value::Object(new)) => known.extend(new),
            (slot, value) => *slot = value,
        },
    }
    Ok(())
}

/// Sets the element, or a sub-attribute of it. An object is merged into the element.
fn assign(element: &mut Value, sub: Option<&str>, value: Value) {
    match (element, sub, value) {
        (Value::Object(members), Some(sub), value) => {
            let key = key_of(members, sub);
            members.insert(key, value);
        }
        (Value::Object(members), None, Value::Object(new)) => members.extend(new),
        (element, _, value) => *element = value,
    }
}

fn remove(resource: &mut Value, path: &Path, quirks: &Quirks) -> Result<(), Refusal> {
    let members = container(resource, path);
    let key = key_of(members, &path.attribute);
    let Some(slot) = members.get_mut(&key) else {
        return no_match(path, quirks);
    };

    match (slot, &path.filter, &path.sub) {
        (Value::Array(elements), Some(filter), None) => {
            let before = elements.len();
            elements.retain(|element| !all_hold(filter, element));
            if elements.len() == before {
                return no_match(path, quirks);
            }
            if elements.is_empty() {
                members.remove(&key);
            }
        }
        (Value::Array(elements), filter, Some(sub)) => {
            let mut found = false;
            for element in elements.iter_mut() {
                if filter
                    .as_ref()
                    .is_none_or(|filter| all_hold(filter, element))
                {
                    found = true;
                    if let Some(parts) = element.as_object_mut() {
                        let key = key_of(parts, sub);
                        parts.remove(&key);
                    }
                }
            }
            if !found {
                return no_match(path, quirks);
            }
        }
        (Value::Object(parts), None, Some(sub)) => {
            let key = key_of(parts, sub);
            parts.remove(&key);
        }
        (_, None, None) => {
            members.remove(&key);
        }
        _ => return no_match(path, quirks),
    }
    Ok(())
}

/// A removal that finds nothing is a success, but for servers that say `noTarget`.
fn no_match(path: &Path, quirks: &Quirks) -> Result<(), Refusal> {
    if path.filter.is_some() && quirks.value_path == ValuePath::NoTarget {
        return Err(Refusal::bad("noTarget", "no element matches"));
    }
    Ok(())
}
