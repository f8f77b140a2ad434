//! `hirewire send`: post a signed body as a source would, once or as load.
//!
//! Once: prints the status and the answer. With `--repeat`: the rate, the latencies, and how many were accepted.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use reqwest::Url;

use super::{
    Exit,
    config_file::{ConfigFile, source},
    load::{Load, Sent},
    output::Format,
    print,
    sample::{Body, Setting},
    signing::Signer,
};
use crate::{
    config::{Config, Environment, SourceConfig},
    telemetry,
};

/// Post FILE, or a sample, to this service as source S would, signed with its secret.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire send acme --sample hired
  hirewire send acme --sample hired --worker E-7 --set data.worker.title='Head of Sums'
  hirewire send acme hired.json
  hirewire send acme - < hired.json
  hirewire send acme --sample hired --repeat 1000 --concurrency 32   # as many people: E-1001, E-1002, ...
  hirewire send acme hired.json --to https://hooks.acme.example/hooks/acme

Exit codes: 0 accepted, 1 refused, 3 nobody answers, 4 some were not accepted.")]
pub(super) struct Send {
    #[command(flatten)]
    config: ConfigFile,
    /// The source, as the config names it.
    #[arg(value_name = "S")]
    source: String,
    /// The body, byte for byte; `-`: stdin.
    #[arg(
        value_name = "FILE",
        required_unless_present = "sample",
        conflicts_with = "sample"
    )]
    file: Option<PathBuf>,
    /// A sample body of the source's preset: hired, changed, terminated.
    #[arg(long, value_name = "NAME")]
    sample: Option<String>,
    /// Whom a sample is about; with --repeat the number at its end counts up.
    #[arg(long, value_name = "ID", default_value = "E-1001", requires = "sample")]
    worker: String,
    /// Put a value into the JSON body: keys joined by dots, then JSON or text. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    settings: Vec<Setting>,
    /// The content type; left out: the preset's.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Where to; left out: the intake of the config.
    #[arg(long, value_name = "URL")]
    to: Option<Url>,
    /// How many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    repeat: u64,
    /// How many at a time.
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// How to print what came of it.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Everything that one post needs.
struct Poster<'a> {
    http: reqwest::Client,
    to: Url,
    signer: Signer<'a>,
    body: Body,
}

impl Send {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let config = self.config.load(&Environment::of_process())?;
        let source = source(&config, &self.source)?;
        let to = match &self.to {
            Some(to) => to.clone(),
            None => hook_url(&config, source)?,
        };
        let body = match (&self.file, &self.sample) {
            (Some(file), _) => Body::file(file, self.settings)?,
            (None, sample) => Body::sample(
                &source.preset,
                sample.as_deref().unwrap_or("hired"),
                &self.worker,
                self.settings,
            )?,
        };
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_mins(1))
            .build();
        let http = http.context("no HTTP client").map_err(Exit::failed)?;
        let signer = Signer::new(source, self.content_type.as_deref(), telemetry::now())?;
        let poster = Poster {
            http,
            to,
            signer,
            body,
        };
        if self.repeat == 1 {
            once(&poster, self.output).await
        } else {
            load(poster, self.repeat, self.concurrency, self.output).await
        }
    }
}

/// The intake's address as this machine reaches it.
fn hook_url(config: &Config, source: &SourceConfig) -> Result<Url, Exit> {
    let mut listen = config.intake.listen;
    if listen.ip().is_unspecified() {
        let here = if listen.is_ipv4() {
            SocketAddr::from(([127, 0, 0, 1], 0))
        } else {
            SocketAddr::from(([0u16; 8], 0))
        };
        listen.set_ip(if listen.is_ipv4() {
            here.ip()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let text = match (listen.port(), &config.intake.public_url) {
        (0, Some(_)) => config.hook_url(&source.name),
        (0, None) => {
            return Err(Exit::usage(anyhow!(
                "the intake listens on a free port: say where with --to URL"
            )));
        }
        (_, _) => format!("http://{listen}/hooks/{}", source.name),
    };
    Url::parse(&text)
        .with_context(|| format!("`{text}` is no URL"))
        .map_err(Exit::usage)
}

impl Poster<'_> {
    async fn post(&self, number: u64) -> Result<Result<reqwest::Response, reqwest::Error>, Exit> {
        let now = telemetry::now();
        let event_id = telemetry::new_id();
        let body = self.body.make(number, &event_id, now)?;
        let headers = self.signer.headers(&body, now, &event_id)?;
        Ok(self
            .http
            .post(self.to.clone())
            .headers(headers)
            .body(body)
            .send()
            .await)
    }
}

async fn once(poster: &Poster<'_>, output: Format) -> Result<(), Exit> {
    let begun = Instant::now();
    let answer = poster.post(0).await?.map_err(|error| {
        Exit::unreachable(
            anyhow::Error::new(error.without_url())
                .context(format!("{} does not answer", poster.to)),
        )
    })?;
    let status = answer.status();
    let took = begun.elapsed();
    let hook = answer
        .headers()
        .get("hirewire-hook-id")
        .and_then(|id| id.to_str().ok())
        .map(ToOwned::to_owned);
    let text = answer.text().await.unwrap_or_default();
    match output {
        Format::Table => {
            print(format_args!("{status}  {} ms", took.as_millis()))?;
            print(text.trim_end())?;
        }
        Format::Json | Format::Jsonl => {
            let answer = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
            output.print(&serde_json::json!({
                "status": status.as_u16(), "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "hook": hook, "answer": answer,
            }))?;
        }
    }
    if status.is_success() {
        Ok(())
    } else {
        Err(Exit::failed(anyhow!("{} answered {status}", poster.to)))
    }
}

async fn load(
    poster: Poster<'_>,
    repeat: u64,
    concurrency: u16,
    output: Format,
) -> Result<(), Exit> {
    let poster = Arc::new(poster);
    let begun = Instant::now();
    let one = |number| {
        let poster = Arc::clone(&poster);
        async move {
            let begun = Instant::now();
            let sent = match poster.post(number).await? {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    // The connection is used again only when the answer was read.
                    let _ = answer.bytes().await;
                    Sent::Answered {
                        status,
                        took: begun.elapsed(),
                    }
                }
                Err(_) => Sent::Unanswered,
            };
            Ok::<_, Exit>(sent)
        }
    };
    let mut load = Load::default();
    let mut answers = stream::iter(0..repeat)
        .map(one)
        .buffer_unordered(usize::from(concurrency));
    while let Some(sent) = answers.next().await {
        load.add(sent?);
    }
    load.took(begun.elapsed());
    let summary = load.summary();
    match output {
        Format::Table => print(&summary)?,
        Format::Json | Format::Jsonl => output.print(&summary)?,
    }
    summary.exit(poster.to.as_str())
}
