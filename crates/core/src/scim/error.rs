//! What a target says when it refuses: RFC 7644 section 3.12, and what servers send instead of it.
//!
//! Read leniently: status as number or text, no `schemas`, AWS's `schema`, Graph-style `{error: {message}}`,
//! plain text, HTML, nothing at all. [`ScimError::is_scim`] tells whether it was a real SCIM error: only such
//! a 404 may prove that a user is gone.

use serde_json::Value;

use super::{ERROR, resource::member};

/// A refusal, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScimError {
    /// The status: the body's, else that of the answer.
    pub status: u16,
    /// `uniqueness`, `invalidFilter`, `noTarget` ... as the target wrote it.
    pub scim_type: Option<String>,
    /// What it says, cut to 300 characters; no HTML. It may quote a value of the person: never for a log.
    pub detail: Option<String>,
    /// Whether the body is a SCIM error.
    pub is_scim: bool,
}

impl ScimError {
    /// Reads the body of an answer with an error status.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let bare = Self {
            status,
            ..Self::default()
        };
        match serde_json::from_slice::<Value>(body) {
            Ok(json @ Value::Object(_)) => Self::from_json(status, &json),
            Ok(Value::String(text)) => Self {
                detail: shortened(&text),
                ..bare
            },
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => bare,
            Err(_) => Self {
                detail: from_text(body),
                ..bare
            },
        }
    }

    /// Whether `scimType` is this one, whatever its case.
    pub fn is_type(&self, scim_type: &str) -> bool {
        self.scim_type
            .as_deref()
            .is_some_and(|found| found.eq_ignore_ascii_case(scim_type))
    }

    fn from_json(answered: u16, json: &Value) -> Self {
        let status = match member(json, "status") {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Number(number)) => number.as_u64().and_then(|n| u16::try_from(n).ok()),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
        };
        let is_scim = ["schemas", "schema"]
            .iter()
            .filter_map(|name| member(json, name))
            .any(names_error_schema)
            || (status == Some(answered) && member(json, "detail").is_some());
        let text = |object: &Value, name| {
            member(object, name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let nested = member(json, "error");
        let detail = text(json, "detail")
            .or_else(|| nested.and_then(|error| text(error, "message")))
            .or_else(|| nested.and_then(Value::as_str).map(str::to_owned))
            .or_else(|| text(json, "message"))
            .or_else(|| text(json, "error_description"))
            .or_else(|| {
                member(json, "Errors")
                    .and_then(|e| e.get(0))
                    .and_then(|e| text(e, "description"))
            });
        Self {
            status: status
                .filter(|s| (400..600).contains(s))
                .unwrap_or(answered),
            scim_type: text(json, "scimType").filter(|t| !t.is_empty()),
            detail: detail.and_then(|d| shortened(&d)),
            is_scim,
        }
    }
}

fn names_error_schema(schemas: &Value) -> bool {
    let is = |value: &Value| {
        value
            .as_str()
            .is_some_and(|urn| urn.eq_ignore_ascii_case(ERROR))
    };
    is(schemas) || schemas.as_array().is_some_and(|all| all.iter().any(is))
}

fn from_text(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if !text.trim_start().starts_with('<') {
        return shortened(&text);
    }
    // Of an HTML page only the title says anything. ASCII folding keeps byte offsets.
    let folded = text.to_ascii_lowercase();
    let from = folded.find("<title>")? + "<title>".len();
    let to = folded.get(from..)?.find("</title>")? + from;
    shortened(text.get(from..to)?)
}

fn shortened(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> (u16, Option<String>, Option<String>, bool) {
        let error = ScimError::read(status, body.as_bytes());
        (error.status, error.scim_type, error.detail, error.is_scim)
    }

    #[allow(clippy::unnecessary_wraps, reason = "cases read better")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_rfcs_form_is_read_whole() {
        let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"taken"}"#;
        assert_eq!(
            read(409, body),
            (409, some("uniqueness"), some("taken"), true)
        );
    }

    #[test]
    fn what_servers_send_instead_is_read_as_far_as_it_goes() {
        let aws = r#"{"schema":["urn:ietf:params:scim:api:messages:2.0:Error"],"schemas":null,"detail":"d","status":429}"#;
        assert_eq!(read(429, aws), (429, None, some("d"), true));
        let graph = r#"{"error":{"message":"Missing Email field","code":1}}"#;
        assert_eq!(
            read(400, graph),
            (400, None, some("Missing Email field"), false)
        );
        assert_eq!(
            read(400, r#"{"request_id":"1","message":"bad"}"#),
            (400, None, some("bad"), false)
        );
        assert_eq!(
            read(404, "<html><TITLE>Not\n Found</title>…"),
            (404, None, some("Not Found"), false)
        );
        assert_eq!(
            read(502, "upstream down"),
            (502, None, some("upstream down"), false)
        );
        assert_eq!(read(500, ""), (500, None, None, false));
        assert_eq!(
            read(404, r#"{"detail":"no","status":"404"}"#),
            (404, None, some("no"), true)
        );
        assert_eq!(read(403, "[1]"), (403, None, None, false));
    }
}
