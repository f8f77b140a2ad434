//! JSON values as results of expressions: what counts as absent, and what is text.

use serde_json::Value;

use crate::scim::normalized;

/// The value without its absent parts: null, blank text, empty lists and objects. Text is in NFC,
/// without spaces around it. `None`: nothing remains.
pub(super) fn present(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::Array(elements) => {
            let elements: Vec<Value> = elements.into_iter().filter_map(present).collect();
            (!elements.is_empty()).then_some(Value::Array(elements))
        }
        Value::Object(members) => {
            let members: serde_json::Map<String, Value> = members
                .into_iter()
                .filter_map(|(name, value)| Some((name, present(value)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        Value::String(text) => Some(Value::String(normalized(&text).into_owned())),
        value @ (Value::Bool(_) | Value::Number(_)) => Some(value),
    }
}

/// A text, number or boolean as text; `None`: the value is null, a list or an object.
pub(super) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_parts_are_removed_and_other_parts_stay() {
        let list = json!(["", null, "a", [], {}]);
        assert_eq!(present(list), Some(json!(["a"])));

        let object = json!({ "a": null, "b": false, "c": 0 });
        assert_eq!(present(object), Some(json!({ "b": false, "c": 0 })));

        assert_eq!(present(json!([null, " "])), None);
    }

    #[test]
    fn text_is_trimmed_and_in_nfc() {
        let value = json!({ "a": [" Mu\u{308}ller "] });
        assert_eq!(present(value), Some(json!({ "a": ["M\u{fc}ller"] })));
    }
}
