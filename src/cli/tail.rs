//! `hirewire tail`: live, one line a hook and one an account.

use clap::Args;

use super::{Exit, api::Reach, output::Format, print, shown::Output};
use crate::ops::TailEvent;

/// Follow what goes on: each hook with its verdict and events, each account with what came of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Hooks that another process's intake refused are in its log and metrics.

Examples:
  hirewire tail
  hirewire tail -o jsonl | jq 'select(.status == 401)'")]
pub(super) struct Tail {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

impl Tail {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let api = self.reach.running()?;
        let format = self.output.format();
        api.lines("/api/v1/tail", |line| {
            match (format, serde_json::from_str::<TailEvent>(line)) {
                (Format::Table, Ok(line)) => print(told(&line)),
                (Format::Json | Format::Jsonl, _) | (Format::Table, Err(_)) => print(line),
            }
        })
        .await
    }
}

/// A line as a person reads it.
pub(super) fn told(line: &TailEvent) -> String {
    match line {
        TailEvent::Hook {
            at,
            source,
            status,
            verdict,
            events,
            ms,
            ..
        } => {
            let events = if events.is_empty() {
                "-".to_owned()
            } else {
                events.join(", ")
            };
            format!(
                "{}  {source}  {status}  {verdict} -> {events}  {ms:.1} ms",
                clock(*at)
            )
        }
        TailEvent::Account {
            at,
            connection,
            worker,
            outcome,
            detail,
            requests,
            ms,
        } => {
            let requests = if requests.is_empty() {
                "nothing sent".to_owned()
            } else {
                requests.join(", ")
            };
            let detail = if detail.is_empty() {
                String::new()
            } else {
                format!(" ({detail})")
            };
            format!(
                "{}  {worker} on {connection}: {outcome}{detail}; {requests}  {ms:.1} ms",
                clock(*at)
            )
        }
    }
}

fn clock(at: jiff::Timestamp) -> String {
    at.strftime("%H:%M:%S%.3f").to_string()
}
