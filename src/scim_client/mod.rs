//! The SCIM client of one connection: the only place that speaks HTTP to a target.
//!
//! It sends what `plan` made, finds accounts by match keys and checks every hit itself, and tells a
//! [`Failure`](hirewire_core::plan::Failure) for everything that is not success. It never retries and never decides:
//! that is `plan::decide`. Credentials go to the base URL's host only; logs hold method, path and status.

mod breaker;
mod credentials;
mod groups;
mod lookup;
mod rate_limiter;
mod retry_after;
mod send;

#[cfg(test)]
mod odd_answers_tests;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::Semaphore;
use url::Url;

pub use breaker::{Breaker, BreakerSettings, BreakerState, Gate};
pub use credentials::Credentials;
pub use lookup::{Found, Hit};
pub use send::Response;

use hirewire_core::scim::Profile;
use rate_limiter::Pace;

/// What a client is made from.
#[derive(Debug)]
pub struct ClientSettings {
    /// The connection's name, for logs.
    pub connection: String,
    /// The SCIM base URL, with its version segment if it has one.
    pub base_url: Url,
    /// What proves who we are.
    pub credentials: Credentials,
    /// The dialect.
    pub profile: Profile,
    /// The total deadline of a request: waiting for its turn, connecting, answer and body.
    pub timeout: Duration,
    /// How many requests a second; a burst of one second's worth is allowed.
    pub rate: f64,
    /// How many requests at a time.
    pub concurrency: usize,
    /// When the breaker opens.
    pub breaker: BreakerSettings,
    /// Who is told of requests.
    pub observer: Arc<dyn Observer>,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The base URL has no host, or is neither http nor https.
    #[error("the base URL must be http(s)://host/...")]
    BaseUrl,
    /// A header of the profile is no header.
    #[error("`{0}` is no header")]
    Header(String),
    /// The HTTP client cannot be made (no certificate roots, say).
    #[error("the HTTP client cannot be made")]
    Http(#[source] reqwest::Error),
}

/// The client of one connection.
#[derive(Debug)]
pub struct Client {
    connection: String,
    base: String,
    http: reqwest::Client,
    credentials: RwLock<Credentials>,
    profile: Profile,
    timeout: Duration,
    pace: Pace,
    turns: Semaphore,
    breaker: Breaker,
    observer: Arc<dyn Observer>,
}

impl Client {
    /// Makes a client; nothing is sent.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let url = &settings.base_url;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
            return Err(ClientError::BaseUrl);
        }
        let http = send::http_client(&settings.profile, settings.timeout)?;
        Ok(Self {
            connection: settings.connection,
            base: url.as_str().trim_end_matches('/').to_owned(),
            http,
            credentials: RwLock::new(settings.credentials),
            profile: settings.profile,
            timeout: settings.timeout,
            pace: Pace::new(settings.rate),
            turns: Semaphore::new(settings.concurrency.max(1)),
            breaker: Breaker::new(settings.breaker),
            observer: settings.observer,
        })
    }

    /// The dialect.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The total deadline of a request.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The connection's breaker; whoever settles an account tells it what came of it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Takes other credentials from the next request on; whether they differ from those before.
    pub fn set_credentials(&self, credentials: Credentials) -> bool {
        let mut current = self
            .credentials
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let differs = !current.same_as(&credentials);
        *current = credentials;
        differs
    }
}
