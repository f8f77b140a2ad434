//! Reads the values of a [`Section`]: text, choices, flags, counts, lists.
//!
//! A value that cannot be read is reported to the reader, and the method returns `None`. A scalar
//! may also come from the environment variable of its key, which wins over the file.

use serde::de::{
    DeserializeOwned,
    value::{Error as ValueError, StrDeserializer},
};
use toml::de::{DeValue, ValueDeserializer};

use super::{diagnostics::SourceSpan, reader::WithSpan, section::Section, suggest::nearest};

impl Section<'_> {
    /// Text.
    pub(super) fn text(&self, key: &'static str) -> Option<WithSpan<String>> {
        let value = self.value(key);
        if let Some(text) = self.reader.override_of(&self.path, key) {
            return Some(text);
        }

        let value = value?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, &format!("`{key}` is text"));
            return None;
        };
        Some(WithSpan {
            value: text.to_owned(),
            span: SourceSpan::Text(value.span()),
        })
    }

    /// Text that `parse` accepts; `expected` describes it in the message.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<WithSpan<T>> {
        let text = self.text(key)?;
        let parsed = parse(&text.value);
        if parsed.is_none() {
            let title = format!("`{key}` cannot be {:?}", text.value);
            self.reader
                .mistake(text.span.clone(), title, format!("expected {expected}"));
        }

        parsed.map(|value| WithSpan {
            value,
            span: text.span,
        })
    }

    /// A word of an enum.
    pub(super) fn choice<T: DeserializeOwned>(&self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;

        match T::deserialize(StrDeserializer::<ValueError>::new(&text.value)) {
            Ok(value) => Some(value),
            Err(error) => {
                // serde: "unknown variant `x`, expected `a` or `b`". The title has the first half.
                let error = error.to_string();
                let label = match error.split_once(", expected ") {
                    Some((_, words)) => {
                        let known = words.split('`').skip(1).step_by(2);
                        let hint = nearest(&text.value, known)
                            .map(|near| format!("; did you mean \"{near}\"?"));
                        format!("expected {words}{}", hint.unwrap_or_default())
                    }
                    None => error,
                };
                let title = format!("`{key}` cannot be {:?}", text.value);
                self.reader.mistake(text.span, title, label);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        self.scalar(key, "true or false", as_flag)
    }

    /// A whole number above zero.
    pub(super) fn count(&self, key: &'static str) -> Option<usize> {
        let count: usize = self.scalar(key, "a whole number above zero", as_count)?;
        if count == 0 {
            self.reader.mistake(
                self.key_span(key),
                format!("`{key}` is zero"),
                "expected one or more",
            );
        }
        (count > 0).then_some(count)
    }

    /// A whole number, zero included.
    pub(super) fn whole_number(&self, key: &'static str) -> Option<usize> {
        self.scalar(key, "a whole number", as_count)
    }

    fn scalar<T: std::str::FromStr>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key);
        if let Some(text) = self.reader.override_of(&self.path, key) {
            let parsed = text.value.parse().ok();
            if parsed.is_none() {
                let title = format!("`{key}` cannot be {:?}", text.value);
                self.reader
                    .mistake(text.span, title, format!("expected {expected}"));
            }
            return parsed;
        }

        let value = value?;
        let parsed = parse(value.get_ref());
        if parsed.is_none() {
            self.wrong_type(value, &format!("expected {expected}"));
        }
        parsed
    }

    /// A value of any shape that `T` deserializes from.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &'static str) -> Option<WithSpan<T>> {
        let value = self.value(key)?;

        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => Some(WithSpan {
                value: read,
                span: SourceSpan::Text(value.span()),
            }),
            Err(error) => {
                let span = SourceSpan::Text(error.span().unwrap_or_else(|| value.span()));
                let title = format!("`{key}` of [{}] cannot be read", self.path);
                self.reader.mistake(span, title, error.message());
                None
            }
        }
    }

    /// A list of texts. An element that is no text is reported and left out.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<WithSpan<String>>> {
        let value = self.value(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(value, &format!("`{key}` is a list of texts"));
            return None;
        };

        let mut texts = Vec::new();
        for element in list {
            match element.get_ref().as_str() {
                Some(text) => texts.push(WithSpan {
                    value: text.to_owned(),
                    span: SourceSpan::Text(element.span()),
                }),
                None => self.wrong_type(element, &format!("`{key}` is a list of texts")),
            }
        }
        Some(texts)
    }
}

fn as_flag(value: &DeValue<'_>) -> Option<bool> {
    value.as_bool()
}

fn as_count(value: &DeValue<'_>) -> Option<usize> {
    value.as_integer()?.as_str().replace('_', "").parse().ok()
}
