//! Splits an expression into tokens, so that names can be checked and pointed at.
//!
//! In: the source text. Out: tokens with their byte ranges. The lexer accepts any text, because
//! minijinja refuses what is not an expression; only names, quoted texts and symbols matter here.

use std::ops::Range;

/// One token of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: TokenKind<'a>,
    /// The bytes of the token in the source.
    pub range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind<'a> {
    Name(&'a str),
    /// A quoted text without its quotes, with its escapes as written.
    Text(&'a str),
    Number,
    /// An operator, bracket or any other character.
    Symbol(&'a str),
}

/// The symbols of two characters.
const LONG_SYMBOLS: [&str; 6] = ["==", "!=", "<=", ">=", "//", "**"];

/// Splits the source; white space separates tokens and is left out.
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

fn next(rest: &str, first: char) -> (TokenKind<'_>, usize) {
    if first == '"' || first == '\'' {
        return quoted(rest, first);
    }

    if first.is_alphabetic() || first == '_' {
        let name = leading(rest, |c| c.is_alphanumeric() || c == '_');
        return (TokenKind::Name(name), name.len());
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
        return (TokenKind::Number, length);
    }

    let length = if LONG_SYMBOLS.iter().any(|symbol| rest.starts_with(symbol)) {
        2
    } else {
        first.len_utf8()
    };

    (
        TokenKind::Symbol(rest.get(..length).unwrap_or_default()),
        length,
    )
}

fn quoted(rest: &str, quote: char) -> (TokenKind<'_>, usize) {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return (
                TokenKind::Text(rest.get(1..index).unwrap_or_default()),
                index + 1,
            );
        }
        escaped = c == '\\' && !escaped;
    }
    (
        TokenKind::Text(rest.get(1..).unwrap_or_default()),
        rest.len(),
    )
}

/// The longest start of the text whose characters all belong.
fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_numbers_and_symbols_are_split_with_their_ranges() {
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
            Some(TokenKind::Text("open"))
        );
    }
}
