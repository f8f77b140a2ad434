//! `hirewire tail`: prints each hook and each reconciled account of a running service, live.

use clap::Args;

use super::{
    Exit,
    api_options::ApiOptions,
    escape::escaped_value,
    output::{Format, OutputOptions},
    print,
};
use crate::ops::TailEvent;

/// Follow a running service: each hook with its verdict and events, each account with its outcome.
#[derive(Debug, Args)]
#[command(after_help = "\
If another process runs the intake, look for refused hooks in its log and metrics.

Examples:
  hirewire tail
  hirewire tail -o jsonl | jq 'select(.status == 401)'")]
pub(super) struct Tail {
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    api: ApiOptions,
}

impl Tail {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let api = self.api.connect_to_service()?;
        let format = self.output.format();
        api.lines("/api/v1/tail", |line| {
            match (format, serde_json::from_str::<TailEvent>(line)) {
                (Format::Table, Ok(line)) => print(escaped_value(&formatted(&line))),
                (Format::Json | Format::Jsonl, _) | (Format::Table, Err(_)) => print(line),
            }
        })
        .await
    }
}

/// A line for people.
fn formatted(line: &TailEvent) -> String {
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
                "no event".to_owned()
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
                "no request sent".to_owned()
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
