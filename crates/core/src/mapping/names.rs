//! Checks every name in an expression against the vocabulary, when the mapping is compiled.
//!
//! In: an expression that minijinja accepts. Out: faults, each with its bytes and, if a known name
//! is near, a suggestion. It also refuses two operations that minijinja accepts but that do harm
//! where a value is absent: `~` and a comparison with `""`.

use std::collections::BTreeMap;

use super::{
    faults::ExpressionFault,
    tokens::{Token, TokenKind, tokens},
    vocabulary::{FILTERS, FUNCTIONS, KEYWORDS, Members, ROOTS, Shape, TESTS, WORKER},
};
use crate::suggest::nearest;

/// Whether the source contains the path `root.member`, outside of quotes.
pub(super) fn reads(source: &str, root: &str, member: &str) -> bool {
    let tokens = tokens(source);
    tokens.windows(3).any(|window| {
        let kinds = window.iter().map(|token| token.kind);
        kinds.eq([
            TokenKind::Name(root),
            TokenKind::Symbol("."),
            TokenKind::Name(member),
        ])
    })
}

/// The faults of the names in `source`; `tables` are those that `lookup` may name.
pub(super) fn check<T>(source: &str, tables: &BTreeMap<String, T>) -> Vec<ExpressionFault> {
    let tokens = tokens(source);
    let checker = NameChecker {
        tokens: &tokens,
        tables: tables.keys().map(String::as_str).collect(),
    };
    let mut found: Vec<ExpressionFault> = (0..tokens.len())
        .filter_map(|at| checker.check_token(at))
        .collect();
    found.dedup();
    found
}

struct NameChecker<'a> {
    tokens: &'a [Token<'a>],
    tables: Vec<&'a str>,
}

impl NameChecker<'_> {
    fn kind(&self, at: usize) -> Option<TokenKind<'_>> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn before(&self, at: usize, steps: usize) -> Option<TokenKind<'_>> {
        self.kind(at.checked_sub(steps)?)
    }

    fn is_symbol(&self, at: usize, symbol: &str) -> bool {
        self.kind(at) == Some(TokenKind::Symbol(symbol))
    }

    fn fault(&self, at: usize, problem: String) -> ExpressionFault {
        ExpressionFault {
            range: self.tokens.get(at).map(|token| token.range.clone()),
            problem,
        }
    }

    /// The fault of the token at `at`, if it has one.
    fn check_token(&self, at: usize) -> Option<ExpressionFault> {
        let problem = match self.kind(at)? {
            TokenKind::Name(name) => return self.check_name(at, name),
            TokenKind::Symbol("~") => {
                "`~` would write an absent value as the text `None`: use `a + b` (absent if one of \
                 them is) or `concat(a, b)` (leaves out absent values)"
            }
            TokenKind::Symbol("==" | "!=") if self.compares_with_empty(at) => {
                "an absent value does not equal \"\": write `not x` or `x is absent` to ask for no \
                 value, and `x` alone to ask for one"
            }
            TokenKind::Symbol(_) | TokenKind::Text(_) | TokenKind::Number => return None,
        };

        Some(self.fault(at, problem.into()))
    }

    fn compares_with_empty(&self, at: usize) -> bool {
        [self.before(at, 1), self.kind(at + 1)].contains(&Some(TokenKind::Text("")))
    }

    fn check_name(&self, at: usize, name: &str) -> Option<ExpressionFault> {
        let called = self.is_symbol(at + 1, "(");

        match (self.before(at, 1), self.before(at, 2)) {
            // A member is checked together with the path that it belongs to.
            (Some(TokenKind::Symbol(".")), _) => None,
            (Some(TokenKind::Symbol("|")), _) => self
                .check_listed(at, name, "filter", &FILTERS)
                .or_else(|| self.check_attribute_argument(at, name)),
            (Some(TokenKind::Name("is")), _) if name != "not" => {
                self.check_listed(at, name, "test", &TESTS)
            }
            (Some(TokenKind::Name("not")), Some(TokenKind::Name("is"))) => {
                self.check_listed(at, name, "test", &TESTS)
            }
            _ if KEYWORDS.contains(&name) => None,
            _ if self.is_symbol(at + 1, "=") => self.check_attribute_argument(at, name),
            _ if called => self
                .check_listed(at, name, "function", &FUNCTIONS)
                .or_else(|| self.check_table(at, name)),
            _ => self.check_root(at, name),
        }
    }

    fn check_listed(
        &self,
        at: usize,
        name: &str,
        what: &str,
        known: &[&str],
    ) -> Option<ExpressionFault> {
        if known.contains(&name) {
            return None;
        }

        let hint = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known are: {}", known.join(" ")),
        };

        Some(self.fault(at, format!("`{name}` is not a known {what}; {hint}")))
    }

    /// `lookup("sites", ...)`: the table must be configured.
    fn check_table(&self, at: usize, name: &str) -> Option<ExpressionFault> {
        let Some(TokenKind::Text(table)) = self.kind(at + 2) else {
            return None;
        };
        if name != "lookup" || self.tables.contains(&table) {
            return None;
        }

        let hint = match nearest(table, self.tables.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if self.tables.is_empty() => "no table is configured".to_owned(),
            None => format!("known are: {}", self.tables.join(" ")),
        };

        Some(self.fault(
            at + 2,
            format!("`{table}` is not a configured table; {hint}"),
        ))
    }

    /// `selectattr("type", ...)`, `map(attribute="value")`: a member of the elements of some list.
    fn check_attribute_argument(&self, at: usize, name: &str) -> Option<ExpressionFault> {
        if !["selectattr", "rejectattr", "attribute"].contains(&name) {
            return None;
        }

        let Some(TokenKind::Text(path)) = self.kind(at + 2) else {
            return None;
        };

        let names = ROOTS.iter().chain(WORKER);
        let known = names.flat_map(|(_, shape)| match shape {
            Shape::List(members) => *members,
            Shape::Text | Shape::Boolean | Shape::Object(_) | Shape::Free => &[],
        });
        let mut known: Vec<&str> = known.map(|(name, _)| *name).collect();
        known.sort_unstable();
        known.dedup();

        let first = path.split('.').next().unwrap_or(path);
        self.check_listed(at + 2, first, "member of list elements", &known)
    }

    /// A path that starts with the name at `at`.
    fn check_root(&self, at: usize, name: &str) -> Option<ExpressionFault> {
        if let Some((_, shape)) = ROOTS.iter().find(|(known, _)| *known == name) {
            return self.check_path(at + 1, name.to_owned(), *shape);
        }

        let before = self.before(at, 1);
        let hint = if FUNCTIONS.contains(&name) {
            format!("it is a function: write `{name}(...)`")
        } else if matches!(before, Some(TokenKind::Symbol("{" | ","))) {
            format!("text is written in quotes: `\"{name}\"`")
        } else {
            suggestion("", name, ROOTS)
        };

        Some(self.fault(at, format!("`{name}` is not known; {hint}")))
    }

    /// Follows the steps of a path from the token at `at`, as far as the vocabulary goes.
    fn check_path(
        &self,
        mut at: usize,
        mut path: String,
        mut shape: Shape,
    ) -> Option<ExpressionFault> {
        while let Some(step) = self.path_step(at) {
            if self.is_symbol(step.next, "(") {
                let problem =
                    "values have no methods: write `lower(worker.title)` or `worker.title | lower`";
                return Some(self.fault(step.key_at, problem.into()));
            }

            shape = match self.shape_after(shape, &step, &path) {
                Ok(shape) => shape?,
                Err(fault) => return Some(fault),
            };
            path = match step.key {
                Some(key) => format!("{path}.{key}"),
                None => format!("{path}[0]"),
            };
            at = step.next;
        }

        None
    }

    /// The step that starts at the token at `at`; `None`: the path ends before it.
    fn path_step(&self, at: usize) -> Option<PathStep<'_>> {
        let (key, key_at, next) = match (self.kind(at)?, self.kind(at + 1)) {
            (TokenKind::Symbol("."), Some(TokenKind::Name(name))) => (Some(name), at + 1, at + 2),
            (TokenKind::Symbol("["), Some(TokenKind::Text(name)))
                if self.is_symbol(at + 2, "]") =>
            {
                (Some(name), at + 1, at + 3)
            }
            (TokenKind::Symbol("["), Some(_)) => (None, at, self.after_bracket(at)?),
            (
                TokenKind::Name(_) | TokenKind::Text(_) | TokenKind::Number | TokenKind::Symbol(_),
                _,
            ) => return None,
        };

        Some(PathStep {
            key,
            key_at,
            next,
            is_slice: (at..next).any(|at| self.is_symbol(at, ":")),
        })
    }

    /// The shape of the value after a step; `None`: the vocabulary does not describe it.
    fn shape_after(
        &self,
        shape: Shape,
        step: &PathStep<'_>,
        path: &str,
    ) -> Result<Option<Shape>, ExpressionFault> {
        match (shape, step.key) {
            (Shape::Object(members), Some(key)) => {
                let member = members.iter().find(|(known, _)| *known == key);
                member
                    .map(|(_, shape)| Some(*shape))
                    .ok_or_else(|| self.unknown_member(step.key_at, path, key, members))
            }
            (Shape::List(members), None) if step.is_slice => Ok(Some(Shape::List(members))),
            (Shape::List(members), None) => Ok(Some(Shape::Object(members))),
            (Shape::List(_), Some(_)) => {
                let problem =
                    format!("`{path}` is a list: write `{path}[0]` for its first element");
                Err(self.fault(step.key_at, problem))
            }
            (Shape::Text | Shape::Boolean, Some(_)) => {
                let problem = format!("`{path}` is one value and has no members");
                Err(self.fault(step.key_at, problem))
            }
            (Shape::Object(_) | Shape::Text | Shape::Boolean, None) | (Shape::Free, _) => Ok(None),
        }
    }

    fn unknown_member(
        &self,
        at: usize,
        path: &str,
        key: &str,
        members: Members,
    ) -> ExpressionFault {
        if path == "person" && key == "key" {
            return self.fault(at, "`person.key`: not in this version".into());
        }

        let hint = suggestion(&format!("{path}."), key, members);
        self.fault(at, format!("`{path}.{key}` is not known; {hint}"))
    }

    /// The token after the bracket that closes the one at `open`.
    fn after_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;

        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::Symbol("[" | "(" | "{") => depth += 1,
                TokenKind::Symbol("]" | ")" | "}") => depth = depth.checked_sub(1)?,
                TokenKind::Symbol(_)
                | TokenKind::Name(_)
                | TokenKind::Text(_)
                | TokenKind::Number => {}
            }
            if depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }
}

/// One step of a path: `.name`, `["name"]`, `[0]` or `[1:]`.
struct PathStep<'a> {
    /// The member; `None`: an index or a slice.
    key: Option<&'a str>,
    /// The token of the member, or the bracket.
    key_at: usize,
    /// The token after the step.
    next: usize,
    is_slice: bool,
}

/// A hint for an unknown name: the known name that was probably meant, or all known names.
fn suggestion(prefix: &str, name: &str, members: Members) -> String {
    if let Some(meant) = nearest(name, members.iter().map(|(known, _)| *known)) {
        return format!("did you mean `{prefix}{meant}`?");
    }

    // `worker.given` was probably meant as `worker.name.given`.
    let deeper = members.iter().find_map(|(outer, shape)| match shape {
        Shape::Object(inner) => inner
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(known, _)| format!("{prefix}{outer}.{known}")),
        Shape::Text | Shape::Boolean | Shape::List(_) | Shape::Free => None,
    });

    match deeper {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!(
            "known are: {}",
            members
                .iter()
                .map(|(known, _)| *known)
                .collect::<Vec<_>>()
                .join(" ")
        ),
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
