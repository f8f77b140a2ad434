//! The SCIM client of one connection: the only module that speaks HTTP to a target.
//!
//! In: the requests of a plan, and match keys. Out: a [`Response`], a [`Lookup`], or a
//! [`Failure`](hirewire_core::plan::Failure) for everything that is not a success. It neither
//! retries nor decides what follows from a failure: `plan::decide` does. Credentials go only to the
//! origin of the base URL; logs hold method, path and status.

mod breaker;
mod credentials;
mod discovery;
mod failure_counts;
mod groups;
mod key_value;
mod lookup;
mod rate_limiter;
mod response;
mod retry_after;
mod search;
mod send;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::Semaphore;
use url::Url;

pub use breaker::{Admission, Breaker, BreakerSettings, BreakerState, Outage};
pub use credentials::Credentials;
pub use groups::GroupReading;
pub use lookup::{FoundUser, Lookup, RefusedKey};
pub use response::Response;
pub(crate) use response::no_id;

use crate::observer::Observer;
use failure_counts::FailureCounts;
use hirewire_core::scim::Profile;
use rate_limiter::RateLimiter;

/// The settings of a client.
#[derive(Debug)]
pub struct ClientSettings {
    /// The connection's name, for logs and the observer.
    pub connection: String,
    /// The SCIM base URL, including the version segment where the target has one.
    pub base_url: Url,
    /// How the connection authenticates.
    pub credentials: Credentials,
    /// The dialect of the target.
    pub profile: Profile,
    /// The deadline of a whole request: wait for a permit and the rate limit, connection, answer
    /// and body.
    pub timeout: Duration,
    /// Requests per second, with a burst of one second's worth. Not positive: no limit.
    pub rate: f64,
    /// How many requests are sent at the same time. At least 1.
    pub concurrency: usize,
    /// When the breaker opens.
    pub breaker: BreakerSettings,
    /// TLS and proxy.
    pub transport: Transport,
    /// Receives a report of each request.
    pub observer: Arc<dyn Observer>,
}

/// The way to a target. The `Debug` text shows no secret.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// PEM certificates of a private authority, beside those of the operating system.
    pub ca_pem: Option<String>,
    /// A client certificate and its key, as one PEM text.
    pub client_pem: Option<SecretString>,
    /// The URL of the proxy; `None`: no proxy, even if the environment names one.
    pub proxy: Option<SecretString>,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The base URL has no host, has a query, or is neither http nor https.
    #[error("the base URL must be http(s)://host/...")]
    BaseUrl,
    /// The name or value of a header of the profile breaks the rules of RFC 9110 section 5.
    #[error("`{0}` is no header")]
    Header(String),
    /// A certificate, a key or the URL of the proxy cannot be read.
    #[error("{0} cannot be used")]
    Transport(&'static str, #[source] reqwest::Error),
    /// The HTTP client cannot be made, for example without root certificates.
    #[error("the HTTP client cannot be made")]
    Http(#[source] reqwest::Error),
}

/// The most requests per second that people may cause.
const MAX_PEOPLE_RATE: f64 = 10.0;

/// The SCIM client of one connection.
#[derive(Debug)]
pub struct Client {
    connection: String,
    base: String,
    http: reqwest::Client,
    credentials: Arc<RwLock<Credentials>>,
    profile: Profile,
    timeout: Duration,
    rate_limiter: Arc<RateLimiter>,
    /// A smaller pace before that of the connection; `None`: the client may use all of it.
    own_pace: Option<RateLimiter>,
    permits: Semaphore,
    breaker: Breaker,
    /// Failures in a row of each filter.
    filter_failures: FailureCounts,
    observer: Arc<dyn Observer>,
}

impl Client {
    /// Makes a client and sends nothing.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let url = &settings.base_url;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
            return Err(ClientError::BaseUrl);
        }

        let http = send::http_client(&settings.profile, settings.timeout, &settings.transport)?;
        Ok(Self {
            connection: settings.connection,
            base: url.as_str().trim_end_matches('/').to_owned(),
            http,
            credentials: Arc::new(RwLock::new(settings.credentials)),
            profile: settings.profile,
            timeout: settings.timeout,
            rate_limiter: Arc::new(RateLimiter::new(settings.rate)),
            own_pace: None,
            permits: Semaphore::new(settings.concurrency.max(1)),
            breaker: Breaker::new(settings.breaker),
            filter_failures: FailureCounts::default(),
            observer: settings.observer,
        })
    }

    /// A client for the reads that people ask for, such as previews: one request at a time, and a
    /// quarter of the connection's pace, so that however many they are, accounts have the rest. It
    /// has the same credentials and a breaker of its own, which nobody asks.
    #[must_use]
    pub fn for_people(&self) -> Self {
        let rate = self.rate_limiter.rate();
        let pace = if rate > 0.0 {
            rate / 4.0
        } else {
            MAX_PEOPLE_RATE
        };

        Self {
            connection: self.connection.clone(),
            base: self.base.clone(),
            http: self.http.clone(),
            credentials: Arc::clone(&self.credentials),
            profile: self.profile.clone(),
            timeout: self.timeout,
            rate_limiter: Arc::clone(&self.rate_limiter),
            own_pace: Some(RateLimiter::new(pace.min(MAX_PEOPLE_RATE))),
            permits: Semaphore::new(1),
            breaker: Breaker::new(BreakerSettings::default()),
            filter_failures: FailureCounts::default(),
            observer: Arc::clone(&self.observer),
        }
    }

    /// The dialect that the client was made with.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The deadline of a whole request, as in [`ClientSettings::timeout`].
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The connection's breaker. The client does not consult it: the dispatcher does before a
    /// claim, and a reconcile reports its successes and failures to it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Uses these credentials from the next request on. Returns whether they differ from those
    /// before.
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
