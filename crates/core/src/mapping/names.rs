//! Checks every name an expression uses against the vocabulary, before anybody is mapped by it.
//!
//! In: an expression that the language can read. Out: what is wrong, each with its bytes and, where one is near, the
//! name that was probably meant. It also refuses what reads well and does harm where something is absent.

use std::{collections::BTreeMap, ops::Range};

use super::{
    tokens::{Kind, Token, tokens},
    vocabulary::{FILTERS, FUNCTIONS, KEYWORDS, Members, ROOTS, Shape, TESTS},
};
use crate::suggest::nearest;

/// Something wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Its bytes, where it can be told.
    pub range: Option<Range<usize>>,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// Whether the source reads `root.member` anywhere.
pub(super) fn reads(source: &str, root: &str, member: &str) -> bool {
    let tokens = tokens(source);
    tokens.windows(3).any(|window| {
        let kinds = window.iter().map(|token| token.kind);
        kinds.eq([Kind::Name(root), Kind::Sign("."), Kind::Name(member)])
    })
}

/// Everything wrong with the names in `source`; `tables` are those that `lookup` may name.
pub(super) fn check<T>(source: &str, tables: &BTreeMap<String, T>) -> Vec<Problem> {
    let tokens = tokens(source);
    let checker = Checker {
        tokens: &tokens,
        tables: tables.keys().map(String::as_str).collect(),
    };
    let mut found: Vec<Problem> = (0..tokens.len())
        .filter_map(|at| checker.token(at))
        .collect();
    found.dedup();
    found
}

struct Checker<'a> {
    tokens: &'a [Token<'a>],
    tables: Vec<&'a str>,
}

impl Checker<'_> {
    fn kind(&self, at: usize) -> Option<Kind<'_>> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn before(&self, at: usize, steps: usize) -> Option<Kind<'_>> {
        self.kind(at.checked_sub(steps)?)
    }

    fn is_sign(&self, at: usize, sign: &str) -> bool {
        self.kind(at) == Some(Kind::Sign(sign))
    }

    fn problem(&self, at: usize, problem: String) -> Problem {
        Problem {
            range: self.tokens.get(at).map(|token| token.range.clone()),
            problem,
        }
    }

    fn token(&self, at: usize) -> Option<Problem> {
        match self.kind(at)? {
            Kind::Name(name) => self.name(at, name),
            Kind::Sign("~") => Some(
                self.problem(
                    at,
                    "`~` would write what is absent as the text `None`: use `a + b` (absent if either is) or \
                 `concat(a, b)` (leaves out what is absent)"
                        .into(),
                ),
            ),
            Kind::Sign("==" | "!=") if self.compares_with_empty(at) => Some(
                self.problem(
                    at,
                    "what is absent is not equal to \"\": write `not x` or `x is absent` for nothing there, `x` alone \
                 for something there"
                        .into(),
                ),
            ),
            Kind::Sign(_) | Kind::Text(_) | Kind::Number => None,
        }
    }

    fn compares_with_empty(&self, at: usize) -> bool {
        [self.before(at, 1), self.kind(at + 1)].contains(&Some(Kind::Text("")))
    }

    fn name(&self, at: usize, name: &str) -> Option<Problem> {
        let called = self.is_sign(at + 1, "(");
        match (self.before(at, 1), self.before(at, 2)) {
            (Some(Kind::Sign(".")), _) => None, // seen with what it hangs on
            (Some(Kind::Sign("|")), _) => self
                .listed(at, name, "filter", &FILTERS)
                .or_else(|| self.named_member(at, name)),
            (Some(Kind::Name("is")), _) if name != "not" => self.listed(at, name, "test", &TESTS),
            (Some(Kind::Name("not")), Some(Kind::Name("is"))) => {
                self.listed(at, name, "test", &TESTS)
            }
            _ if KEYWORDS.contains(&name) => None,
            _ if self.is_sign(at + 1, "=") => self.named_member(at, name),
            _ if called => self
                .listed(at, name, "function", &FUNCTIONS)
                .or_else(|| self.table(at, name)),
            _ => self.root(at, name),
        }
    }

    fn listed(&self, at: usize, name: &str, what: &str, known: &[&str]) -> Option<Problem> {
        if known.contains(&name) {
            return None;
        }
        let hint = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are: {}", known.join(" ")),
        };
        Some(self.problem(at, format!("`{name}` is no {what} here; {hint}")))
    }

    /// `lookup("sites", ...)`: the table must be there.
    fn table(&self, at: usize, name: &str) -> Option<Problem> {
        let Some(Kind::Text(table)) = self.kind(at + 2) else {
            return None;
        };
        if name != "lookup" || self.tables.contains(&table) {
            return None;
        }
        let hint = match nearest(table, self.tables.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if self.tables.is_empty() => "no table is configured".to_owned(),
            None => format!("there are: {}", self.tables.join(" ")),
        };
        Some(self.problem(at + 2, format!("`{table}` is no lookup table; {hint}")))
    }

    /// `selectattr("type", ...)`, `map(attribute="value")`: a member of some list's elements.
    fn named_member(&self, at: usize, name: &str) -> Option<Problem> {
        if !["selectattr", "rejectattr", "attribute"].contains(&name) {
            return None;
        }
        let Some(Kind::Text(path)) = self.kind(at + 2) else {
            return None;
        };
        let known =
            ROOTS
                .iter()
                .chain(super::vocabulary::WORKER)
                .flat_map(|(_, shape)| match shape {
                    Shape::List(members) => *members,
                    Shape::Text | Shape::Flag | Shape::Object(_) | Shape::Free => &[],
                });
        let mut known: Vec<&str> = known.map(|(name, _)| *name).collect();
        known.sort_unstable();
        known.dedup();
        let first = path.split('.').next().unwrap_or(path);
        self.listed(at + 2, first, "member of a list's elements", &known)
    }

    fn root(&self, at: usize, name: &str) -> Option<Problem> {
        if let Some((_, shape)) = ROOTS.iter().find(|(known, _)| *known == name) {
            return self.path(at + 1, name.to_owned(), *shape);
        }
        let meant = if FUNCTIONS.contains(&name) {
            format!("it is a function: write `{name}(...)`")
        } else if self.before(at, 1) == Some(Kind::Sign("{"))
            || self.before(at, 1) == Some(Kind::Sign(","))
        {
            format!("text is written in quotes: `\"{name}\"`")
        } else {
            did_you_mean("", name, ROOTS)
        };
        Some(self.problem(at, format!("`{name}` is not known; {meant}")))
    }

    /// Follows `.name` and `[...]` from the token at `at`, as far as the vocabulary goes.
    fn path(&self, mut at: usize, mut path: String, mut shape: Shape) -> Option<Problem> {
        loop {
            let (key, key_at, next) = match (self.kind(at)?, self.kind(at + 1)) {
                (Kind::Sign("."), Some(Kind::Name(name))) => (Some(name), at + 1, at + 2),
                (Kind::Sign("["), Some(Kind::Text(name))) if self.is_sign(at + 2, "]") => {
                    (Some(name), at + 1, at + 3)
                }
                (Kind::Sign("["), Some(_)) => (None, at, self.after_bracket(at)?),
                (Kind::Name(_) | Kind::Text(_) | Kind::Number | Kind::Sign(_), _) => return None,
            };
            if self.is_sign(next, "(") {
                let problem =
                    "values have no methods: write `lower(worker.title)` or `worker.title | lower`";
                return Some(self.problem(key_at, problem.into()));
            }
            shape = match (shape, key) {
                (Shape::Object(members), Some(key)) => {
                    match members.iter().find(|(known, _)| *known == key) {
                        Some((_, inner)) => *inner,
                        None => return Some(self.unknown_member(key_at, &path, key, members)),
                    }
                }
                (Shape::List(members), None) if !self.is_slice(at, next) => Shape::Object(members),
                (Shape::List(members), None) => Shape::List(members),
                (Shape::List(_), Some(_)) => {
                    return Some(self.problem(
                        key_at,
                        format!("`{path}` is a list: write `{path}[0]` for its first"),
                    ));
                }
                (Shape::Text | Shape::Flag, Some(_)) => {
                    return Some(
                        self.problem(key_at, format!("`{path}` is one value and has no members")),
                    );
                }
                (Shape::Object(_) | Shape::Text | Shape::Flag, None) | (Shape::Free, _) => {
                    return None;
                }
            };
            path = key.map_or_else(|| format!("{path}[0]"), |key| format!("{path}.{key}"));
            at = next;
        }
    }

    fn unknown_member(&self, at: usize, path: &str, key: &str, members: Members) -> Problem {
        if path == "person" && key == "key" {
            return self.problem(at, "`person.key`: not in this version".into());
        }
        self.problem(
            at,
            format!(
                "`{path}.{key}` is not known; {}",
                did_you_mean(&format!("{path}."), key, members)
            ),
        )
    }

    /// The token after the bracket that closes the one at `open`.
    fn after_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                Kind::Sign("[" | "(" | "{") => depth += 1,
                Kind::Sign("]" | ")" | "}") => depth = depth.checked_sub(1)?,
                Kind::Sign(_) | Kind::Name(_) | Kind::Text(_) | Kind::Number => {}
            }
            if depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }

    fn is_slice(&self, open: usize, end: usize) -> bool {
        (open..end).any(|at| self.is_sign(at, ":"))
    }
}

fn did_you_mean(prefix: &str, name: &str, members: Members) -> String {
    if let Some(meant) = nearest(name, members.iter().map(|(known, _)| *known)) {
        return format!("did you mean `{prefix}{meant}`?");
    }
    // `worker.given` is `worker.name.given`.
    let deeper = members.iter().find_map(|(outer, shape)| match shape {
        Shape::Object(inner) => inner
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(known, _)| format!("{prefix}{outer}.{known}")),
        Shape::Text | Shape::Flag | Shape::List(_) | Shape::Free => None,
    });
    match deeper {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!(
            "there are: {}",
            members
                .iter()
                .map(|(known, _)| *known)
                .collect::<Vec<_>>()
                .join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str) -> Vec<(String, String)> {
        let tables = BTreeMap::from([("sites".to_owned(), 0)]);
        let found = check(source, &tables).into_iter();
        found
            .map(|found| {
                (
                    source[found.range.expect("a place")].to_owned(),
                    found.problem,
                )
            })
            .collect()
    }

    #[test]
    fn every_name_that_is_known_passes() {
        for source in [
            "worker.name.preferred_given or worker.name.given",
            r#"[worker.title, worker.department.name] | select | join(" ")"#,
            "worker.phones[0].value",
            "worker.phones[:2][0].value",
            r#"worker["title"]"#,
            r#"(worker.phones | selectattr("type", "equalto", "work") | map(attribute="value") | first)"#,
            "worker.extensions.badge.of.any.name",
            "employment.start and employments[0].department.id",
            r#"person.status == "active" and worker.title is not absent"#,
            r#"worker.type in ["employee"] and "x" not in worker.title"#,
            r#"lookup("sites", worker.location.id, "HQ")"#,
            r#"lookup({"d1": "R&D"}, worker.department.id)"#,
            "'a' if worker.title is defined else none",
        ] {
            assert_eq!(problems(source), [], "{source}");
        }
    }

    #[test]
    fn a_wrong_name_is_pointed_at_and_the_right_one_named() {
        for (source, wrong, hint) in [
            ("worker.titel", "titel", "did you mean `worker.title`?"),
            (
                "worker.name.givn",
                "givn",
                "did you mean `worker.name.given`?",
            ),
            ("worker.given", "given", "did you mean `worker.name.given`?"),
            (
                r#"worker["titel"]"#,
                "\"titel\"",
                "did you mean `worker.title`?",
            ),
            ("wroker.title", "wroker", "did you mean `worker`?"),
            ("worker.phones.value", "value", "`worker.phones[0]`"),
            (
                "worker.phones[0].valu",
                "valu",
                "did you mean `worker.phones[0].value`?",
            ),
            (
                "worker.title[:3] + worker.tilte[0]",
                "tilte",
                "did you mean `worker.title`?",
            ),
            ("worker.title.name", "name", "has no members"),
            ("worker.title.lower()", "lower", "`worker.title | lower`"),
            ("worker.title | lowr", "lowr", "did you mean `lower`?"),
            ("lowre(worker.title)", "lowre", "did you mean `lower`?"),
            ("worker.title is absnt", "absnt", "did you mean `absent`?"),
            ("lower", "lower", "it is a function"),
            ("employee", "employee", "there are: worker"),
            ("person.key", "key", "not in this version"),
            (
                r#"lookup("site", worker.type)"#,
                "\"site\"",
                "did you mean `sites`?",
            ),
            (
                r#"worker.phones | selectattr("typ")"#,
                "\"typ\"",
                "did you mean `type`?",
            ),
            ("worker.title ~ 'x'", "~", "concat(a, b)"),
            ("worker.title != ''", "!=", "is absent"),
        ] {
            let found = problems(source);
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            assert_eq!(found[0].0, wrong, "{source}");
            assert!(found[0].1.contains(hint), "{source}: {}", found[0].1);
        }
    }

    #[test]
    fn whether_a_source_reads_a_name_is_seen_outside_of_quotes_only() {
        assert!(reads("worker . source + '/'", "worker", "source"));
        assert!(!reads("'worker.source' + worker.id", "worker", "source"));
    }
}
