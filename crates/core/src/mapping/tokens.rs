//! An expression cut into tokens, to check names and point at them: the first step of compiling one.
//!
//! In: the source text. Out: tokens with their byte ranges. Lenient, because the language itself refuses what cannot
//! be read; here only names, quoted texts and signs matter.

use std::ops::Range;

/// One token and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub kind: Kind<'a>,
    /// Its bytes in the source.
    pub range: Range<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A name or keyword.
    Name(&'a str),
    /// A quoted text, without its quotes, escapes as written.
    Text(&'a str),
    /// A number.
    Number,
    /// An operator or bracket.
    Sign(&'a str),
}

const LONG_SIGNS: [&str; 6] = ["==", "!=", "<=", ">=", "//", "**"];

/// Cuts the source.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = next(rest, first);
        found.push(Token {
            kind,
            range: at..at + length,
        });
        at += length;
    }
    found
}

fn next(rest: &str, first: char) -> (Kind<'_>, usize) {
    if first == '"' || first == '\'' {
        return quoted(rest, first);
    }
    if first.is_alphabetic() || first == '_' {
        let name = leading(rest, |c| c.is_alphanumeric() || c == '_');
        return (Kind::Name(name), name.len());
    }
    if first.is_ascii_digit() {
        // `1.5` is one number; `x[0].y` is not.
        let digits = leading(rest, |c| c.is_ascii_digit() || c == '_');
        let fraction = rest
            .get(digits.len()..)
            .and_then(|after| after.strip_prefix('.'))
            .unwrap_or_default();
        let decimals = leading(fraction, |c| c.is_ascii_digit());
        let length = if decimals.is_empty() {
            digits.len()
        } else {
            digits.len() + 1 + decimals.len()
        };
        return (Kind::Number, length);
    }
    let length = if LONG_SIGNS.iter().any(|sign| rest.starts_with(sign)) {
        2
    } else {
        first.len_utf8()
    };
    (Kind::Sign(rest.get(..length).unwrap_or_default()), length)
}

fn quoted(rest: &str, quote: char) -> (Kind<'_>, usize) {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return (
                Kind::Text(rest.get(1..index).unwrap_or_default()),
                index + 1,
            );
        }
        escaped = c == '\\' && !escaped;
    }
    (Kind::Text(rest.get(1..).unwrap_or_default()), rest.len())
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_numbers_and_signs_are_told_apart_with_their_places() {
        let source = r"worker.phones[0].value != 'it\'s' and 1.5 ~ ü";
        let read: Vec<_> = tokens(source)
            .into_iter()
            .map(|token| source[token.range].to_owned())
            .collect();
        let expected = [
            "worker", ".", "phones", "[", "0", "]", ".", "value", "!=", r"'it\'s'", "and", "1.5",
            "~", "ü",
        ];
        assert_eq!(read, expected);
        assert_eq!(
            tokens(r#""open"#).last().map(|token| token.kind),
            Some(Kind::Text("open"))
        );
    }
}
