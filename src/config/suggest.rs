//! Did you mean: the known name that is nearest to a mistyped one.

/// The nearest of the known names, if it is near enough to be meant.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    let most = (typed.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (distance(&typed, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// For a caret under a mistyped name: the nearest of the known ones, or all of them.
pub(super) fn one_of<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(typed, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("expected one of {}", known.join(", ")),
    }
}

/// How many letters must be put in, taken out, changed or swapped with their dependency.
fn distance(a: &str, b: &str) -> usize {
    let target: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=target.len()).collect();
    let mut above: Vec<usize> = Vec::new();
    let mut previous = None;
    for (i, letter) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, other) in target.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut least = (at(&row, j) + usize::from(letter != *other))
                .min(at(&row, j + 1) + 1)
                .min(at(&next, j) + 1);
            let swapped = j
                .checked_sub(1)
                .filter(|before| previous == Some(*other) && target.get(*before) == Some(&letter));
            if let Some(before) = swapped {
                least = least.min(at(&above, before) + 1);
            }
            next.push(least);
        }
        above = std::mem::replace(&mut row, next);
        previous = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (a, b, expected) in [
            ("listen", "listen", 0),
            ("listne", "listen", 1),
            ("lsten", "listen", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["listen", "public_url", "trusted_proxies"];
        assert_eq!(nearest("Listne", known), Some("listen"));
        assert_eq!(nearest("publicurl", known), Some("public_url"));
        assert_eq!(nearest("guard", known), None);
        assert_eq!(nearest("x", ["y"]), Some("y"));
    }
}
