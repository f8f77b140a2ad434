//! Escapes what a terminal would obey: control characters, and those that change the direction of
//! text. Names come from HR systems and targets, and must not repaint an operator's screen.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes such characters as `\u001b`, which is valid in JSON as well. A line feed stays.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_hidden(c) && c != '\n')
}

/// As [`escaped`], for a value within a line: a line feed is escaped too.
pub(super) fn escaped_value(text: &str) -> Cow<'_, str> {
    escape(text, is_hidden)
}

fn escape(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }

    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and the characters of the
/// bidirectional algorithm that are not letters (Unicode UAX #9, section 2).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_character_that_it_would_obey() {
        assert_eq!(escaped("\u{1b}[2JAda\r"), "\\u001b[2JAda\\u000d");
        assert_eq!(escaped("a\u{9b}b\u{7f}"), "a\\u009bb\\u007f");
        assert_eq!(escaped("E-1\u{202e}1-E\u{2066}"), "E-1\\u202e1-E\\u2066");
        assert_eq!(escaped("{\n  \"a\": 1\n}"), "{\n  \"a\": 1\n}");
        assert_eq!(
            escaped_value("Ada\nstatus active"),
            "Ada\\u000astatus active"
        );
        assert_eq!(escaped_value("Zoë 漢字 עברית 👩‍💻"), "Zoë 漢字 עברית 👩‍💻");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let document = serde_json::json!({ "a\u{202e}": "b\u{9b}\n\u{1b}" });
        for text in [document.to_string(), format!("{document:#}")] {
            let read: serde_json::Value = serde_json::from_str(&escaped(&text)).expect("JSON");
            assert_eq!(read, document);
        }
    }
}
