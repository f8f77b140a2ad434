//! How commands show what they found: a table for people, JSON for programs; and how they ask before they change something.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::anyhow;
use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use serde_json::Value;

use super::{Exit, output::Format, print};

/// A column: its name, and how a row's text is got.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// `-o`
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Output {
    /// How to show it; left out: a table on a terminal, JSON lines elsewhere.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

impl Output {
    /// What was asked for, or what suits where it goes.
    pub(super) fn format(self) -> Format {
        self.output.unwrap_or(if io::stdout().is_terminal() {
            Format::Table
        } else {
            Format::Jsonl
        })
    }

    /// Shows rows; `columns` are names with how each is got.
    pub(super) fn rows(
        self,
        rows: &[Value],
        columns: &[Column],
        nothing: &str,
    ) -> Result<(), Exit> {
        match self.format() {
            Format::Json => print(format_args!("{:#}", Value::Array(rows.to_vec()))),
            Format::Jsonl => rows.iter().try_for_each(print),
            Format::Table if rows.is_empty() => print(nothing),
            Format::Table => {
                let mut table = Table::new();
                table
                    .load_style(NOTHING)
                    .set_header(columns.iter().map(|(name, _)| *name));
                for row in rows {
                    table.add_row(columns.iter().map(|(_, cell)| cell(row)));
                }
                for line in table.lines() {
                    print(line.trim_end())?;
                }
                Ok(())
            }
        }
    }
}

/// What every verb that changes something takes.
#[derive(Clone, Debug, Args)]
pub(super) struct Consent {
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask. Needed where there is no terminal to ask on.
    #[arg(short, long)]
    yes: bool,
    /// Why; kept in the history.
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(super) reason: String,
}

impl Consent {
    /// Whether it is to be done; asks on a terminal.
    pub(super) fn given(&self, what: &str) -> Result<bool, Exit> {
        if self.dry_run {
            print(format_args!("would {what}"))?;
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            return Err(Exit::usage(anyhow!(
                "to {what} without a terminal takes --yes (or --dry-run)"
            )));
        }
        let _ = write!(io::stderr(), "{what}? [y/N] ");
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Exit::failed(error.into()))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// A member as text: nothing where it is absent or null.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
