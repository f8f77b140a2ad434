//! Maps a range inside a TOML string to the bytes of the file, for a caret under exactly those.
//!
//! It works for every kind of quotes. A string with an escape maps to its full span.

use std::ops::Range;

use toml::{Spanned, de::DeValue};

/// The bytes of the file at a range of a string's text; the string's full span if it has an escape.
pub(super) fn inside_text(
    file: &str,
    value: &Spanned<DeValue<'_>>,
    range: &Range<usize>,
) -> Range<usize> {
    let full = value.span();
    let exact = || {
        let text = value.get_ref().as_str()?;
        let raw = file.get(full.clone())?;
        let quotes = ["'''", "\"\"\"", "'", "\""]
            .into_iter()
            .find(|quotes| raw.starts_with(quotes))?;
        let inner = raw.strip_prefix(quotes)?.strip_suffix(quotes)?;

        // TOML drops a line break right after three quotes.
        let newline = if quotes.len() < 3 {
            ""
        } else {
            ["\r\n", "\n"]
                .into_iter()
                .find(|n| inner.starts_with(n))
                .unwrap_or("")
        };
        let inner = inner.strip_prefix(newline)?;

        let start = full.start + quotes.len() + newline.len();
        (inner == text && range.end <= text.len() && range.start < range.end)
            .then(|| start + range.start..start + range.end)
    };
    exact().unwrap_or(full.clone())
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn text_at(file: &str, range: Range<usize>) -> String {
        let table = DeTable::parse(file).unwrap();
        file[inside_text(file, &table.get_ref()["k"], &range)].to_owned()
    }

    #[test]
    fn a_range_of_a_string_is_found_in_the_file_for_every_kind_of_quotes() {
        assert_eq!(text_at("k = 'a.b'", 2..3), "b");

        assert_eq!(text_at("k = \"a.b\"", 2..3), "b");
        assert_eq!(text_at("k = '''\na.b'''", 2..3), "b");
        assert_eq!(text_at("k = \"\"\"a.b\"\"\"", 2..3), "b");
        assert_eq!(
            text_at("k = \"a\\u002eb\"", 2..3),
            "\"a\\u002eb\"",
            "an escape: the full string"
        );
        assert_eq!(
            text_at("k = 'a'", 1..1),
            "'a'",
            "an empty range has no caret"
        );
    }
}
