//! `hirewire send`: posts a signed body as a source would, once or as load.
//!
//! One POST prints status and response. `--repeat` prints rate, latencies and the number of
//! accepted hooks.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use reqwest::Url;

use super::{
    Exit,
    body::{BodyEdit, BodyTemplate},
    config_file::{ConfigFile, find_source},
    exit::root_cause,
    load::{LoadReport, PostOutcome},
    output::Format,
    print,
    signing::Signer,
};
use crate::{
    config::{Config, Environment, SourceConfig},
    telemetry,
};

/// Post FILE or a sample to the service as source S would, signed with its secret.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hirewire send acme --sample hired
  hirewire send acme --sample hired --worker E-7 --set data.worker.title='Head of Sums'
  hirewire send acme hired.json
  hirewire send acme - < hired.json
  hirewire send acme --sample hired --repeat 1000 --concurrency 32   # 1000 people: E-1001, ...
  hirewire send acme hired.json --to https://hooks.acme.example/hooks/acme
  hirewire send acme --sample hired --print   # the request, for a sender of your own; sends nothing

Exit codes: 0 accepted, 1 refused, 3 the service does not answer, 4 some hooks were refused.")]
pub(super) struct Send {
    #[command(flatten)]
    config: ConfigFile,
    /// The source's name in the config.
    #[arg(value_name = "S")]
    source: String,
    /// The body, byte for byte; `-` reads stdin.
    #[arg(
        value_name = "FILE",
        required_unless_present = "sample",
        conflicts_with = "sample"
    )]
    file: Option<PathBuf>,
    /// A sample of the source's preset: hired, changed or terminated.
    #[arg(long, value_name = "NAME")]
    sample: Option<String>,
    /// The worker id in a sample. With --repeat, its number counts up.
    #[arg(long, value_name = "ID", default_value = "E-1001", requires = "sample")]
    worker: String,
    /// Put a value (JSON or text) into the body, at keys joined by dots. Can be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    edits: Vec<BodyEdit>,
    /// The content type. Default: that of the preset.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// The URL to post to. Default: the intake of the config.
    #[arg(long, value_name = "URL")]
    to: Option<Url>,
    /// Print the signed request, and do not send it.
    #[arg(long, conflicts_with_all = ["repeat", "concurrency", "output"])]
    print: bool,
    /// The number of POSTs.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    repeat: u64,
    /// The number of POSTs at a time.
    #[arg(
        long,
        value_name = "C",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    concurrency: u16,
    /// The output format.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Posts bodies to one URL.
struct Poster<'a> {
    http: reqwest::Client,
    to: Url,
    signer: Signer<'a>,
    body: BodyTemplate,
}

impl Send {
    pub(super) async fn run(self) -> Result<(), Exit> {
        let config = self.config.load(&Environment::of_process())?;
        let source = find_source(&config, &self.source)?;
        let to = match &self.to {
            Some(to) => to.clone(),
            None => hook_url(&config, source)?,
        };
        let body = match (&self.file, &self.sample) {
            (Some(file), _) => BodyTemplate::file(file, self.edits)?,
            (None, sample) => BodyTemplate::sample(
                &source.preset,
                sample.as_deref().unwrap_or("hired"),
                &self.worker,
                self.edits,
            )?,
        };

        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(std::time::Duration::from_mins(1))
            .build();
        let http = http
            .context("the HTTP client cannot be built")
            .map_err(Exit::failed)?;
        let signer = Signer::new(source, self.content_type.as_deref(), telemetry::now())?;
        let poster = Poster {
            http,
            to,
            signer,
            body,
        };

        if self.print {
            poster.print()
        } else if self.repeat == 1 {
            once(&poster, self.output).await
        } else {
            load(poster, self.repeat, self.concurrency, self.output).await
        }
    }
}

/// The hook URL of a source, as this machine reaches it.
fn hook_url(config: &Config, source: &SourceConfig) -> Result<Url, Exit> {
    let mut listen = config.intake.listen;
    if listen.ip().is_unspecified() {
        let loopback: IpAddr = if listen.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        listen.set_ip(loopback);
    }

    let text = match (listen.port(), &config.intake.public_url) {
        (0, Some(_)) => config.hook_url(&source.name),
        (0, None) => {
            return Err(Exit::usage(anyhow!(
                "[intake] listen has port 0: give the URL that `hirewire run` printed with --to"
            )));
        }
        (_, _) => format!("http://{listen}/hooks/{}", source.name),
    };
    Url::parse(&text)
        .with_context(|| format!("`{text}` is not a URL"))
        .map_err(Exit::usage)
}

impl Poster<'_> {
    /// Makes and signs the body with this number.
    fn signed(&self, number: u64) -> Result<(HeaderMap, Vec<u8>), Exit> {
        let now = telemetry::now();
        let event_id = telemetry::new_id();
        let body = self.body.make(number, &event_id, now)?;
        let headers = self.signer.headers(&body, now, &event_id)?;
        Ok((headers, body))
    }

    /// Prints the request as HTTP/1.1 text.
    fn print(&self) -> Result<(), Exit> {
        let (headers, body) = self.signed(0)?;

        let query = self.to.query().map(|query| format!("?{query}"));
        let path = self.to.path();
        print(format_args!(
            "POST {path}{} HTTP/1.1",
            query.unwrap_or_default()
        ))?;
        print(format_args!("host: {}", self.to.authority()))?;
        for (name, value) in &headers {
            print(format_args!(
                "{name}: {}",
                String::from_utf8_lossy(value.as_bytes())
            ))?;
        }
        print(format_args!("content-length: {}\n", body.len()))?;
        print(String::from_utf8_lossy(&body))
    }

    async fn post(&self, number: u64) -> Result<Result<reqwest::Response, reqwest::Error>, Exit> {
        let (headers, body) = self.signed(number)?;

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
    let response = poster.post(0).await?.map_err(|error| {
        let cause = root_cause(&error);
        Exit::unreachable(anyhow!(
            "{} does not answer: {cause}; start the service with `hirewire run`, or name its URL \
             with --to",
            poster.to
        ))
    })?;

    let status = response.status();
    let took = begun.elapsed();
    let hook = response
        .headers()
        .get("hirewire-hook-id")
        .and_then(|id| id.to_str().ok())
        .map(ToOwned::to_owned);
    let text = response.text().await.unwrap_or_default();

    match output {
        Format::Table => {
            print(format_args!("{status}  {} ms", took.as_millis()))?;
            print(text.trim_end())?;
        }
        Format::Json | Format::Jsonl => {
            let answer = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
            output.print(&serde_json::json!({
                "status": status.as_u16(),
                "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "hook": hook,
                "answer": answer,
            }))?;
        }
    }

    if status.is_success() {
        Ok(())
    } else {
        Err(Exit::failed(anyhow!(
            "{} answered {status}{}",
            poster.to,
            advice(status)
        )))
    }
}

/// The next step after a status that is no success.
fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => {
            ": the service has another secret for this source, or its clock differs from this one"
        }
        StatusCode::NOT_FOUND => ": the service has no source of this name",
        StatusCode::UNPROCESSABLE_ENTITY => ": fix the body; `errors` above names each member",
        StatusCode::SERVICE_UNAVAILABLE => ": the service cannot accept hooks now; try again later",
        _ => "",
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
    let mut outcomes = stream::iter(0..repeat)
        .map(|number| measured(Arc::clone(&poster), number))
        .buffer_unordered(usize::from(concurrency));

    let mut report = LoadReport::default();
    while let Some(outcome) = outcomes.next().await {
        report.add(outcome?);
    }
    report.took(begun.elapsed());

    let summary = report.summary();
    match output {
        Format::Table => print(&summary)?,
        Format::Json | Format::Jsonl => output.print(&summary)?,
    }
    summary.exit(poster.to.as_str())
}

async fn measured(poster: Arc<Poster<'_>>, number: u64) -> Result<PostOutcome, Exit> {
    let begun = Instant::now();

    Ok(match poster.post(number).await? {
        Ok(response) => {
            let status = response.status().as_u16();
            // The HTTP client reuses a connection only once the response is read.
            let _ = response.bytes().await;
            PostOutcome::Answered {
                status,
                took: begun.elapsed(),
            }
        }
        Err(_) => PostOutcome::Unanswered,
    })
}
