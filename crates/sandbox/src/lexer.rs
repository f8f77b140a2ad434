//! The words of a filter: RFC 7644 section 3.4.2.2, read by hand.
//!
//! A word is an attribute path, an operator or a literal; brackets stand alone; a string is a JSON string, escapes
//! and all. What a word means is up to [`super::filter`], which sees them in order.

use serde_json::Value;

use super::refusal::{Refusal, Result};

/// One token of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    OpenSquare,
    CloseSquare,
    /// A path, an operator, `true`, `false`, `null` or a number.
    Word(String),
    /// A JSON string, decoded.
    Text(String),
}

/// Cuts a filter into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '[' => Some(Token::OpenSquare),
            ']' => Some(Token::CloseSquare),
            _ => None,
        };
        let used = if let Some(token) = single {
            out.push(token);
            1
        } else if first == '"' {
            let (string, used) = json_string(rest)?;
            out.push(Token::Text(string));
            used
        } else {
            let used = rest
                .find(|c: char| c.is_whitespace() || "()[]\"".contains(c))
                .unwrap_or(rest.len());
            out.push(Token::Word(rest.get(..used).unwrap_or_default().to_owned()));
            used
        };
        rest = rest.get(used..).unwrap_or_default().trim_start();
    }
    Ok(out)
}

/// The string that `text` begins with, and its length in bytes with both quotes.
fn json_string(text: &str) -> Result<(String, usize)> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let used = at + 1;
                return match serde_json::from_str::<Value>(text.get(..used).unwrap_or_default()) {
                    Ok(Value::String(string)) => Ok((string, used)),
                    _ => Err(Refusal::invalid_filter(
                        "a string in the filter is no JSON string",
                    )),
                };
            }
            _ => {}
        }
    }
    Err(Refusal::invalid_filter("a string in the filter has no end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_brackets_inside_a_string_are_part_of_it() {
        let got = tokens(r#"emails[value eq "a\"b]("]"#).unwrap();
        assert_eq!(
            got,
            [
                Token::Word("emails".into()),
                Token::OpenSquare,
                Token::Word("value".into()),
                Token::Word("eq".into()),
                Token::Text("a\"b](".into()),
                Token::CloseSquare
            ]
        );
    }

    #[test]
    fn a_string_without_an_end_is_refused() {
        assert!(tokens(r#"userName eq "a"#).is_err());
        assert!(tokens(r#"userName eq "\x""#).is_err());
    }
}
