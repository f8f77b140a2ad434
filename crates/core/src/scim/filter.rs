//! Filters as a client sends them: `eq`, joined by `and` (RFC 7644 section 3.4.2.2; the interop draft allows no more).
//!
//! Values are JSON literals; the whole filter is then percent-encoded for a query.

use std::fmt::{self, Write};

use serde_json::Value;

use super::AttributePath;

/// A filter of comparisons that must all hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(String);

impl Filter {
    /// `path eq value`. A selected element's sub-attribute becomes a value path:
    /// `emails[type eq "work" and value eq "a@b"]`.
    pub fn eq(path: &AttributePath, value: &Value) -> Self {
        let Some(selector) = path.selector() else {
            return Self(format!("{path} eq {value}"));
        };
        let (attribute, sub) = (path.whole_attribute(), path.sub().unwrap_or("value"));
        Self(format!(
            "{attribute}[{} eq {} and {sub} eq {value}]",
            selector.attribute, selector.value
        ))
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self(format!("{} and {}", self.0, other.0))
    }

    /// The filter, percent-encoded for use as a query value.
    pub fn encoded(&self) -> String {
        percent_encode(&self.0)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything but RFC 3986's unreserved characters becomes `%XX`: safe as a path segment and as a query value.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
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
    fn values_are_escaped_as_json_and_then_for_the_query() {
        let filter = eq("userName", "a\"b\\c+d e");
        assert_eq!(filter.to_string(), r#"userName eq "a\"b\\c+d e""#);
        assert_eq!(
            filter.encoded(),
            "userName%20eq%20%22a%5C%22b%5C%5Cc%2Bd%20e%22"
        );
        assert_eq!(percent_encode("a/b c~é"), "a%2Fb%20c~%C3%A9");
    }

    #[test]
    fn every_filter_reads_back_with_its_value_in_an_independent_reader() {
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
                    panic!("{text} is not one comparison");
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
