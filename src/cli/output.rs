//! `-o`: prints results as a table for people, or as JSON for programs.

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};
use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;
use serde_json::Value;

use super::{Exit, escape::escaped_value, print};

/// The format of a command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines and tables for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document per line.
    Jsonl,
}

impl Format {
    /// Prints a document as JSON. A command prints tables by itself.
    pub(super) fn print(self, document: &impl Serialize) -> Result<(), Exit> {
        let text = match self {
            Self::Table | Self::Json => serde_json::to_string_pretty(document),
            Self::Jsonl => serde_json::to_string(document),
        };
        print(text.map_err(|error| Exit::failed(error.into()))?)
    }
}

/// `-o` of a command whose default depends on stdout.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct OutputOptions {
    /// The output format. Default: a table on a terminal, JSON lines elsewhere.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

impl OutputOptions {
    pub(super) fn format(self) -> Format {
        self.output.unwrap_or(if io::stdout().is_terminal() {
            Format::Table
        } else {
            Format::Jsonl
        })
    }

    /// Prints rows. `if_empty` takes the place of a table without rows.
    pub(super) fn rows(
        self,
        rows: &[Value],
        columns: &[Column],
        if_empty: &str,
    ) -> Result<(), Exit> {
        match self.format() {
            Format::Json => print(format_args!("{:#}", Value::Array(rows.to_vec()))),
            Format::Jsonl => rows.iter().try_for_each(print),
            Format::Table if rows.is_empty() => print(if_empty),
            Format::Table => print_table(rows, columns),
        }
    }
}

impl OutputOptions {
    /// Prints how many there are, below a table; `nouns` is one and several of them.
    pub(super) fn total(
        self,
        shown: usize,
        found: &Value,
        (one, several): (&str, &str),
    ) -> Result<(), Exit> {
        let total = found.pointer("/total").and_then(Value::as_u64);
        let total = total
            .and_then(|total| usize::try_from(total).ok())
            .unwrap_or(shown);
        if self.format() != Format::Table || total == 0 {
            return Ok(());
        }

        let noun = if total == 1 { one } else { several };
        if shown < total {
            print(format_args!(
                "{shown} of {total} {noun}; --most N shows more"
            ))
        } else {
            print(format_args!("{total} {noun}"))
        }
    }
}

/// A column of a table: its heading, and the text of its cell in a row.
pub(super) type Column = (&'static str, fn(&Value) -> String);

fn print_table(rows: &[Value], columns: &[Column]) -> Result<(), Exit> {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(columns.iter().map(|(heading, _)| *heading));
    for row in rows {
        table.add_row(columns.iter().map(|(_, cell)| cell(row)));
    }

    for line in table.lines() {
        print(line.trim_end())?;
    }
    Ok(())
}

/// The text of a member within a line; empty if the member is absent or null.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => escaped_value(text).into_owned(),
        Some(other) => other.to_string(),
    }
}

/// The elements of an array member; none if there is no such array.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A number with its noun: `1 account`, `2 accounts`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
