//! The filters that the client sends: `eq` comparisons joined by `and` (RFC 7644 section 3.4.2.2).
//!
//! draft-zollner-scim-interop-profile allows no other operators. Values are written as JSON
//! literals, and the whole filter is percent-encoded for the query of a URL. The file does not
//! evaluate filters.

use std::fmt::{self, Write};

use serde_json::Value;

use super::AttributePath;

/// A filter whose comparisons must all hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(String);

impl Filter {
    /// The filter `path eq value`. A path with a selector becomes a value path:
    /// `emails[type eq "work" and value eq "a@b"]`.
    pub fn eq(path: &AttributePath, value: &Value) -> Self {
        let Some(selector) = path.selector() else {
            return Self(format!("{path} eq {value}"));
        };
        let attribute = path.whole_attribute();
        let sub = path.sub_attribute().unwrap_or("value");
        Self(format!(
            "{attribute}[{} eq {} and {sub} eq {value}]",
            selector.attribute, selector.value
        ))
    }

    /// The conjunction of two filters.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self(format!("{} and {}", self.0, other.0))
    }

    /// The filter, percent-encoded as the value of a query parameter.
    pub fn encoded(&self) -> String {
        percent_encode(&self.0)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Encodes every byte except the unreserved characters of RFC 3986 section 2.3 as `%XX`. The result
/// is valid as a path segment and as a query value.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // A write to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn eq(path: &str, value: &str) -> Filter {
        Filter::eq(&AttributePath::parse(path).unwrap(), &json!(value))
    }

    #[test]
    fn a_value_is_escaped_as_json_and_then_percent_encoded() {
        let filter = eq("userName", "a\"b\\c+d e");
        assert_eq!(filter.to_string(), r#"userName eq "a\"b\\c+d e""#);
        assert_eq!(
            filter.encoded(),
            "userName%20eq%20%22a%5C%22b%5C%5Cc%2Bd%20e%22"
        );
        assert_eq!(percent_encode("a/b c~é"), "a%2Fb%20c~%C3%A9");
    }

    #[test]
    fn an_independent_parser_reads_each_filter_back_with_its_value() {
        for value in [
            "ada",
            "O'Neil",
            "a\"b",
            "\\",
            "ü\n\t",
            "x\" or userName pr or \"",
            ") and (",
        ] {
            for path in ["userName", "enterprise.employeeNumber"] {
                let text = eq(path, value).to_string();
                let read: scim_v2::filter::Filter = text.parse().unwrap();
                let scim_v2::filter::Filter::Attr(scim_v2::filter::AttrExp::Comparison(
                    _,
                    op,
                    found,
                )) = read
                else {
                    panic!("{text} is not a single comparison");
                };
                assert_eq!(op, scim_v2::filter::CompareOp::Eq);
                assert_eq!(found, value.into());
            }
            let text = eq("emails.work", value)
                .and(&eq("userName", value))
                .to_string();
            assert!(text.parse::<scim_v2::filter::Filter>().is_ok(), "{text}");
        }
    }
}
