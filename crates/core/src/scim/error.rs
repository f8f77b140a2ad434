//! The body of an error response: RFC 7644 section 3.12, and the forms that servers send instead.
//!
//! The parser is lenient: the status may be a number or text, `schemas` may be missing or be AWS's
//! `schema`, and the body may be `{error: {message}}` (Microsoft Graph), plain text, HTML or empty.
//! [`ScimError::is_scim`] marks a real SCIM error: only such a 404 proves that an account does not
//! exist. The consequence of an error is decided in `plan::verdict`.

use serde_json::Value;

use super::{resource::member, urn::ERROR};

/// An error response, as far as its body could be parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScimError {
    /// The `status` of the body if it is 400 to 599, else the HTTP status.
    pub status: u16,
    /// `scimType` as the server writes it: `uniqueness`, `invalidFilter`, `noTarget` ...
    pub scim_type: Option<String>,
    /// The server's message, at most 300 characters, without HTML. It may quote personal data:
    /// it must not be logged.
    pub detail: Option<String>,
    /// Whether the body is a SCIM error message.
    pub is_scim: bool,
}

impl ScimError {
    /// Parses the body of a response with an error status.
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

    /// The error in the body of a success: some targets answer 200 to a request that failed. Only a
    /// body with the URN of an error counts. Its status is 400 if it states none of 400 to 599.
    pub fn in_success(body: &Value) -> Option<Self> {
        let is_error = ["schemas", "schema"]
            .iter()
            .filter_map(|name| member(body, name))
            .any(names_error_schema);

        is_error.then(|| Self::from_json(400, body))
    }

    /// Whether `scimType` equals this one, compared without case.
    pub fn has_scim_type(&self, scim_type: &str) -> bool {
        self.scim_type
            .as_deref()
            .is_some_and(|found| found.eq_ignore_ascii_case(scim_type))
    }

    fn from_json(http_status: u16, json: &Value) -> Self {
        let status = match member(json, "status") {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Number(number)) => number.as_u64().and_then(|n| u16::try_from(n).ok()),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
        };

        let is_scim = ["schemas", "schema"]
            .iter()
            .filter_map(|name| member(json, name))
            .any(names_error_schema)
            || (status == Some(http_status) && member(json, "detail").is_some());

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
                .unwrap_or(http_status),
            scim_type: text(json, "scimType").filter(|t| !t.is_empty()),
            detail: detail.and_then(|d| shortened(&d)),
            is_scim,
        }
    }
}

fn text(object: &Value, name: &str) -> Option<String> {
    member(object, name)
        .and_then(Value::as_str)
        .map(str::to_owned)
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
    // The title is the only useful part of an HTML page. ASCII lower case keeps byte offsets.
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

    #[allow(clippy::unnecessary_wraps, reason = "it keeps the cases short")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_error_of_the_rfc_form_is_parsed_whole() {
        let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409",
                       "scimType":"uniqueness","detail":"taken"}"#;
        assert_eq!(
            read(409, body),
            (409, some("uniqueness"), some("taken"), true)
        );
    }

    #[test]
    fn an_error_of_another_form_is_parsed_as_far_as_possible() {
        let aws = r#"{"schema":["urn:ietf:params:scim:api:messages:2.0:Error"],"schemas":null,
                      "detail":"d","status":429}"#;

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
