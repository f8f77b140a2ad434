//! The lexer of filters (RFC 7644 section 3.4.2.2): text in, tokens out.
//!
//! A word is an attribute path, an operator or a literal; [`super::filter`] decides which.
//! Parentheses and brackets are tokens of their own. A string is a JSON string with its escapes.

use std::fmt;

use serde_json::Value;

use super::scim_error::{ScimError, ScimResult};

/// One token of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    /// An attribute path, an operator, `true`, `false`, `null` or a number.
    Word(String),
    /// The content of a JSON string, without quotes and escapes.
    String(String),
}

impl fmt::Display for Token {
    /// The token as an error message quotes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::OpenParenthesis => f.write_str("`(`"),
            Token::CloseParenthesis => f.write_str("`)`"),
            Token::OpenBracket => f.write_str("`[`"),
            Token::CloseBracket => f.write_str("`]`"),
            Token::Word(word) => write!(f, "`{word}`"),
            Token::String(text) => write!(f, "\"{text}\""),
        }
    }
}

/// Splits a filter into tokens.
pub(crate) fn tokenize(filter: &str) -> ScimResult<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = filter.trim_start();

    while let Some(first) = rest.chars().next() {
        let punctuation = match first {
            '(' => Some(Token::OpenParenthesis),
            ')' => Some(Token::CloseParenthesis),
            '[' => Some(Token::OpenBracket),
            ']' => Some(Token::CloseBracket),
            _ => None,
        };

        let length = if let Some(token) = punctuation {
            tokens.push(token);
            1
        } else if first == '"' {
            let (string, length) = json_string(rest)?;
            tokens.push(Token::String(string));
            length
        } else {
            let length = rest
                .find(|c: char| c.is_whitespace() || "()[]\"".contains(c))
                .unwrap_or(rest.len());
            tokens.push(Token::Word(
                rest.get(..length).unwrap_or_default().to_owned(),
            ));
            length
        };

        rest = rest.get(length..).unwrap_or_default().trim_start();
    }

    Ok(tokens)
}

/// Decodes the string at the start of `text`; also returns its length in bytes, with both quotes.
fn json_string(text: &str) -> ScimResult<(String, usize)> {
    let mut escaped = false;

    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let length = at + 1;
                let literal = text.get(..length).unwrap_or_default();
                return match serde_json::from_str::<Value>(literal) {
                    Ok(Value::String(string)) => Ok((string, length)),
                    _ => Err(ScimError::invalid_filter(
                        "a string in the filter is not a JSON string",
                    )),
                };
            }
            _ => {}
        }
    }

    Err(ScimError::invalid_filter(
        "a string in the filter has no closing quote",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_brackets_inside_a_string_belong_to_the_string() {
        let tokens = tokenize(r#"emails[value eq "a\"b]("]"#).unwrap();

        assert_eq!(
            tokens,
            [
                Token::Word("emails".into()),
                Token::OpenBracket,
                Token::Word("value".into()),
                Token::Word("eq".into()),
                Token::String("a\"b](".into()),
                Token::CloseBracket
            ]
        );
    }

    #[test]
    fn an_unterminated_or_invalid_string_is_rejected() {
        assert!(tokenize(r#"userName eq "a"#).is_err());
        assert!(tokenize(r#"userName eq "\x""#).is_err());
    }
}
