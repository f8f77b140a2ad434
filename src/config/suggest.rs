//! "Did you mean": the label under a mistyped name.

pub(super) use hirewire_core::suggest::nearest;

/// Names the known word that is nearest to `typed`, or lists all known words.
pub(super) fn one_of<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(typed, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_the_near_word_or_lists_all() {
        let known = ["listen", "public_url"];
        assert_eq!(one_of("Listne", known), "did you mean \"listen\"?");
        assert_eq!(one_of("guard", known), "expected one of listen, public_url");
    }
}
