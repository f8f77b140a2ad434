//! Text in the one form that is compared and written: NFC, without spaces around it.
//!
//! The same name has two spellings in Unicode: `ü` as one character, or as `u` with a mark
//! (Unicode Standard Annex 15). HR systems send both, and servers keep either. Pure.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// The text in NFC, trimmed.
pub fn normalized(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Whether both texts are the same in that form.
pub fn same_text(one: &str, other: &str) -> bool {
    one == other || normalized(one) == normalized(other)
}

/// Whether both texts are the same in that form and without case.
pub fn same_text_without_case(one: &str, other: &str) -> bool {
    one == other || normalized(one).to_lowercase() == normalized(other).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_text_are_the_same() {
        assert_eq!(normalized(" ju\u{308}rgen\t"), "j\u{fc}rgen");
        assert!(matches!(normalized("ada"), Cow::Borrowed("ada")));

        assert!(same_text("Zoe\u{308}", "Zo\u{eb} "));
        assert!(!same_text("Zo\u{eb}", "zo\u{eb}"));
        assert!(same_text_without_case("ZOE\u{308}", "zo\u{eb}"));
        assert!(!same_text_without_case("zoe", "zo\u{eb}"));
    }
}
