//! The mistakes and warnings of one config, each with file, line, caret and what was expected.
//!
//! A diagnostic has a span in the text, or names an environment variable. Literal secrets are
//! redacted in the output, so that it can be pasted into a ticket.

use std::{fmt, ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// The weight of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The config cannot be used.
    Mistake,
    /// The config can be used, but is probably not as intended.
    Warning,
}

/// The part of the config that a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceSpan {
    /// A byte range of the file.
    Text(Range<usize>),
    /// A byte range of the file that holds a secret. It is never shown.
    Secret(Range<usize>),
    /// The environment variable of that name.
    Variable(String),
    /// The file as a whole.
    File,
}

/// One finding about a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// Decides whether the config can be used.
    pub(crate) severity: Severity,
    /// Where the caret goes.
    pub(crate) span: SourceSpan,
    /// The finding, in one line.
    pub(crate) title: String,
    /// The expected form, printed at the caret; may be empty.
    pub(crate) label: String,
    /// The next step for the operator.
    pub(crate) help: Option<String>,
    /// The file of the span, if it is not the config itself.
    pub(crate) file: Option<Arc<ForeignFile>>,
}

/// A file that the config names, such as an own profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignFile {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Diagnostic {
    /// A finding that keeps the config from being used.
    pub(crate) fn mistake(
        span: SourceSpan,
        title: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Mistake,
            span,
            title: title.into(),
            label: label.into(),
            help: None,
            file: None,
        }
    }

    /// A finding that does not keep the config from being used.
    pub(crate) fn warning(
        span: SourceSpan,
        title: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::mistake(span, title, label)
        }
    }

    /// States that the span is in a file that the config names.
    #[must_use]
    pub(super) fn in_file(mut self, file: Arc<ForeignFile>) -> Self {
        self.file = Some(file);
        self
    }

    pub(super) fn is_mistake(&self) -> bool {
        self.severity == Severity::Mistake
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Every diagnostic of one config, in the order of the file; variables come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    text: String,
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(super) fn new(file: impl Into<String>, text: &str, mut all: Vec<Diagnostic>) -> Self {
        all.sort_by_key(|diagnostic| match &diagnostic.span {
            SourceSpan::File => (0, 0),
            SourceSpan::Text(range) | SourceSpan::Secret(range) if diagnostic.file.is_some() => {
                (2, range.start)
            }
            SourceSpan::Text(range) | SourceSpan::Secret(range) => (1, range.start),
            SourceSpan::Variable(_) => (3, 0),
        });
        let text = redact(text, &all);
        Self {
            file: file.into(),
            text,
            all,
        }
    }

    /// Other diagnostics about the same text.
    pub(super) fn others(&self, all: Vec<Diagnostic>) -> Self {
        Self::new(self.file.clone(), &self.text, all)
    }

    /// Adds a diagnostic about the file as a whole.
    pub(super) fn with(mut self, diagnostic: Diagnostic) -> Self {
        self.all.insert(0, diagnostic);
        self
    }

    /// Every diagnostic, in the order of the file.
    pub(crate) fn all(&self) -> &[Diagnostic] {
        &self.all
    }

    /// True if there is neither a mistake nor a warning.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The number of mistakes.
    pub(crate) fn mistakes(&self) -> usize {
        self.all
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Mistake)
            .count()
    }

    /// Line and column of the caret, in characters from 1; `None` without a span in the file.
    pub(crate) fn position(&self, diagnostic: &Diagnostic) -> Option<(usize, usize)> {
        let start = match &diagnostic.span {
            SourceSpan::Text(range) | SourceSpan::Secret(range) => range.start,
            SourceSpan::Variable(_) | SourceSpan::File => return None,
        };
        let text = diagnostic
            .file
            .as_ref()
            .map_or(&self.text, |file| &file.text);
        let before = text.get(..start)?;
        let line = before.rsplit('\n').next().unwrap_or_default();
        Some((before.matches('\n').count() + 1, line.chars().count() + 1))
    }

    /// The diagnostics as text, each with its line and a caret.
    pub fn render(&self, renderer: &Renderer) -> String {
        let each = self
            .all
            .iter()
            .map(|diagnostic| renderer.render(&[self.group(diagnostic)]));
        each.collect::<Vec<_>>().join("\n\n")
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Mistake => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&diagnostic.title);
        let label = Some(diagnostic.label.as_str()).filter(|label| !label.is_empty());
        let (file, text) = match &diagnostic.file {
            Some(foreign) => (foreign.name.as_str(), foreign.text.as_str()),
            None => (self.file.as_str(), self.text.as_str()),
        };

        let mut group = match &diagnostic.span {
            SourceSpan::Text(range) | SourceSpan::Secret(range) => {
                let annotation = AnnotationKind::Primary.span(range.clone()).label(label);
                title.element(Snippet::source(text).path(file).annotation(annotation))
            }
            SourceSpan::Variable(name) => title.element(annotate_snippets::Origin::path(format!(
                "environment: {name}"
            ))),
            SourceSpan::File => title.element(annotate_snippets::Origin::path(file)),
        };
        if let (SourceSpan::Variable(_) | SourceSpan::File, Some(label)) = (&diagnostic.span, label)
        {
            group = group.element(Level::NOTE.message(label));
        }
        match &diagnostic.help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        }
    }
}

/// Replaces each byte of a secret with `*`: the other spans stay valid.
fn redact(text: &str, all: &[Diagnostic]) -> String {
    let secrets: Vec<&Range<usize>> = all
        .iter()
        .filter(|diagnostic| diagnostic.file.is_none())
        .filter_map(|diagnostic| match &diagnostic.span {
            SourceSpan::Secret(range) => Some(range),
            SourceSpan::Text(_) | SourceSpan::Variable(_) | SourceSpan::File => None,
        })
        .collect();

    let mut redacted = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if character != '\n' && secrets.iter().any(|range| range.contains(&at)) {
            redacted.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            redacted.push(character);
        }
    }
    redacted
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_file_line_caret_and_help() {
        let text = "instance = \"a\"\nlistne = \"x\"\n";
        let wrong = Diagnostic::mistake(
            SourceSpan::Text(15..21),
            "unknown key `listne`",
            "did you mean `listen`?",
        )
        .help("see docs/config.md");
        let shown = Diagnostics::new("hirewire.toml", text, vec![wrong]).to_string();

        for part in [
            "error: unknown key `listne`",
            "hirewire.toml:2:1",
            "^^^^^^ did you mean",
            "help: see docs",
        ] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
    }

    #[test]
    fn a_literal_secret_is_redacted_even_beside_another_mistake() {
        let text = "token = \"s3cr\u{e9}t\" # é\nx = 1\n";
        let all = vec![
            Diagnostic::mistake(SourceSpan::Secret(8..17), "a literal secret", ""),
            Diagnostic::mistake(SourceSpan::Text(0..5), "something else", ""),
        ];
        let shown = Diagnostics::new("f", text, all).to_string();
        assert!(!shown.contains("s3cr"), "{shown}");
        assert!(shown.contains("token = *********"), "{shown}");
    }

    #[test]
    fn diagnostics_follow_the_order_of_the_file_with_variables_last() {
        let all = vec![
            Diagnostic::warning(
                SourceSpan::Variable("HIREWIRE__X".into()),
                "third",
                "no such key",
            ),
            Diagnostic::mistake(SourceSpan::Text(2..3), "second", ""),
            Diagnostic::mistake(SourceSpan::Text(0..1), "first", ""),
        ];
        let found = Diagnostics::new("f", "a b", all);
        let titles: Vec<_> = found
            .all()
            .iter()
            .map(|diagnostic| diagnostic.title.as_str())
            .collect();

        assert_eq!(titles, ["first", "second", "third"]);
        assert_eq!(found.mistakes(), 2);
        assert!(found.to_string().contains("HIREWIRE__X"), "{found}");
    }
}
