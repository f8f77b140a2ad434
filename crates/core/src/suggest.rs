//! Finds the known word that a mistyped word was probably meant to be.
//!
//! The config uses it for keys and names, the mapping for words in expressions.

/// The candidate with the fewest edits from `typed`, ignoring case.
///
/// An edit inserts, deletes or replaces a letter, or swaps two adjacent letters (optimal string
/// alignment). At most a third of the letters may differ, and never more than three; `None` if no
/// candidate is that near.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let limit = (typed.chars().count() / 3).clamp(1, 3);

    candidates
        .into_iter()
        .map(|word| (strsim::osa_distance(&typed, &word.to_lowercase()), word))
        .filter(|(edits, _)| *edits <= limit)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["listen", "public_url", "trusted_proxies"];
        assert_eq!(nearest("listen", known), Some("listen"));
        assert_eq!(nearest("Listne", known), Some("listen"));
        assert_eq!(nearest("lsten", known), Some("listen"));
        assert_eq!(nearest("publicurl", known), Some("public_url"));
        assert_eq!(nearest("guard", known), None);
        assert_eq!(nearest("x", ["y"]), Some("y"));
        assert_eq!(
            nearest("kitten", ["sitting"]),
            None,
            "three edits of six letters"
        );
        assert_eq!(nearest("ab", ["ba"]), Some("ba"), "a swap is one edit");
    }
}
