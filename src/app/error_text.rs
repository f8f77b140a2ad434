//! The text of an error with its causes, each cause once.

/// Joins an error and its causes with colons.
///
/// Some libraries repeat the cause in the error's own text; a cause that is already in the text is
/// left out.
pub(crate) fn error_text(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_repeated_cause_is_printed_once() {
        let error = anyhow!("refused").context("cannot connect: refused");
        assert_eq!(
            error_text(&error.context("no store")),
            "no store: cannot connect: refused"
        );
    }
}
