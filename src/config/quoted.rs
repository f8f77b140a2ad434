//! Where characters of a TOML text stand in the file, so that a caret can be put under the very ones.
//!
//! True for every kind of quotes, as long as nothing in the text is escaped; else the whole text is what is wrong.

use std::ops::Range;

use toml::{Spanned, de::DeValue};

/// The bytes of the file that a range of a text's characters stands for; the whole text, where escapes stand between.
pub(super) fn inside_text(
    file: &str,
    value: &Spanned<DeValue<'_>>,
    range: &Range<usize>,
) -> Range<usize> {
    let whole = value.span();
    let quoted = || {
        let text = value.get_ref().as_str()?;
        let raw = file.get(whole.clone())?;
        let quotes = ["'''", "\"\"\"", "'", "\""]
            .into_iter()
            .find(|quotes| raw.starts_with(quotes))?;
        let inner = raw.strip_prefix(quotes)?.strip_suffix(quotes)?;
        // TOML leaves out a line break right after three quotes.
        let newline = if quotes.len() < 3 {
            ""
        } else {
            ["\r\n", "\n"]
                .into_iter()
                .find(|n| inner.starts_with(n))
                .unwrap_or("")
        };
        let inner = inner.strip_prefix(newline)?;
        let start = whole.start + quotes.len() + newline.len();
        (inner == text && range.end <= text.len() && range.start < range.end)
            .then(|| start + range.start..start + range.end)
    };
    quoted().unwrap_or(whole.clone())
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn place(file: &str, range: Range<usize>) -> String {
        let table = DeTable::parse(file).unwrap();
        file[inside_text(file, &table.get_ref()["k"], &range)].to_owned()
    }

    #[test]
    fn a_range_of_a_text_is_found_in_the_file_whatever_its_quotes() {
        assert_eq!(place("k = 'a.b'", 2..3), "b");
        assert_eq!(place("k = \"a.b\"", 2..3), "b");
        assert_eq!(place("k = '''\na.b'''", 2..3), "b");
        assert_eq!(place("k = \"\"\"a.b\"\"\"", 2..3), "b");
        assert_eq!(
            place("k = \"a\\u002eb\"", 2..3),
            "\"a\\u002eb\"",
            "escapes: the whole text"
        );
        assert_eq!(
            place("k = 'a'", 1..1),
            "'a'",
            "an empty range is not to be seen"
        );
    }
}
