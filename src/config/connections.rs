//! `[connections.NAME]`: a SCIM application whose accounts Hirewire keeps.
//!
//! A base URL and one credential are enough; every other key has a default. Everything that decides
//! the desired state of an account is in one [`MappingDocument`], which `mapping.rs` builds.

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    ConfigFolder,
    contradictions::RuleSpans,
    diagnostics::SourceSpan,
    dialect, mapping,
    secret::{SecretError, SecretSource},
    section::Section,
    sources::SourceConfig,
    suggest::one_of,
    tls::TlsConfig,
    transport::{self, ProxyConfig},
    units,
};
use crate::{
    observer::Observer,
    scim_client::{BreakerSettings, ClientSettings, Credentials, Transport},
    worker::Mode,
};
use hirewire_core::{event::SourceId, mapping::MappingDocument};

/// A SCIM application.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// The name of its table.
    pub(crate) name: String,
    /// The SCIM base URL (RFC 7644 section 1.3), without query and user name.
    pub(crate) base_url: Url,
    /// TLS to the target.
    pub(crate) tls: TlsConfig,
    /// The proxy to the target.
    pub(crate) proxy: Option<ProxyConfig>,
    /// The credentials for the target.
    pub(crate) credentials: CredentialsConfig,
    /// `observe` records what would be sent; `apply` sends it.
    pub(crate) mode: Mode,
    /// The sources whose people get accounts here. Empty only if the config has no source.
    pub(crate) sources: Vec<SourceId>,
    /// The load that the target may get.
    pub(crate) limits: Limits,
    document: MappingDocument,
    /// Where the rules of the mapping are in the file.
    pub(super) spans: RuleSpans,
}

/// The load that a target may get, and its time limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// The most requests per second.
    pub(crate) rate: f64,
    /// The most requests at a time.
    pub(crate) concurrency: usize,
    /// The time limit of one request.
    pub(crate) timeout: Duration,
    /// The longest time until the target shows a write whose response was lost.
    pub(crate) propagation_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (timeout, propagation_delay) = (Duration::from_secs(30), Duration::from_mins(1));
        Self {
            rate: 25.0,
            concurrency: 4,
            timeout,
            propagation_delay,
        }
    }
}

/// The credentials for a target. Secrets are named, not held.
#[derive(Clone, Debug)]
pub(crate) enum CredentialsConfig {
    /// `Authorization: Bearer`.
    Token(SecretSource),
    /// `Authorization: Basic`.
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// A header that the target defines.
    Header {
        /// The header's name.
        name: HeaderName,
        /// The header's value.
        value: SecretSource,
    },
}

impl CredentialsConfig {
    /// Reads the secrets anew.
    pub(crate) fn read(&self) -> Result<Credentials, SecretError> {
        Ok(match self {
            Self::Token(token) => Credentials::Token(token.read()?),
            Self::Basic { user, password } => Credentials::Basic {
                user: user.clone(),
                password: password.read()?,
            },
            Self::Header { name, value } => Credentials::Header {
                name: name.clone(),
                value: value.read()?,
            },
        })
    }
}

impl ConnectionConfig {
    /// The settings of this connection's SCIM client. Reads the secrets anew.
    pub(crate) fn client_settings(
        &self,
        observer: Arc<dyn Observer>,
    ) -> Result<ClientSettings, SecretError> {
        Ok(ClientSettings {
            connection: self.name.clone(),
            base_url: self.base_url.clone(),
            credentials: self.credentials.read()?,
            profile: self.document.profile.clone(),
            timeout: self.limits.timeout,
            rate: self.limits.rate,
            concurrency: self.limits.concurrency,
            breaker: BreakerSettings::default(),
            transport: self.transport()?,
            observer,
        })
    }

    /// TLS and proxy of this connection's SCIM client. Reads files and secrets anew.
    fn transport(&self) -> Result<Transport, SecretError> {
        let pem = self.tls.pem()?;
        let proxy = self.proxy.as_ref().map(ProxyConfig::url).transpose()?;
        Ok(Transport {
            ca_pem: pem.ca,
            client_pem: pem
                .client
                .map(|(certificate, key)| join_pem(&certificate, &key)),
            proxy,
        })
    }

    /// The mapping that the service publishes for this connection.
    pub fn document(&self) -> MappingDocument {
        self.document.clone()
    }
}

/// A client certificate with its key, as one PEM text.
fn join_pem(certificate: &str, key: &SecretString) -> SecretString {
    format!("{certificate}\n{}", key.expose_secret()).into()
}

/// Reads one connection. `None`: it cannot be used, and the reason is reported.
pub(super) fn connection(
    name: &str,
    section: &Section<'_>,
    sources: &[(String, Option<SourceConfig>)],
    folder: &ConfigFolder,
) -> Option<ConnectionConfig> {
    let name_is_valid = is_valid_name(name, section);
    let profile = dialect::profile(section, folder);
    let transport = transport::transport(section, folder);
    let credentials = credentials(section, folder);
    let mode = mode(section);
    let source_ids = source_ids(section, sources);
    let limits = limits(section);
    section.refuse("guard");
    section.refuse("on_insufficient_scope");

    let document = mapping::document(section, profile?, source_ids.as_deref().unwrap_or_default());
    if !name_is_valid {
        return None;
    }

    let (transport, credentials, sources) = (transport?, credentials?, source_ids?);
    let document = document?;
    Some(ConnectionConfig {
        name: name.to_owned(),
        base_url: transport.base_url,
        tls: transport.tls,
        proxy: transport.proxy,
        credentials,
        mode,
        sources,
        limits,
        spans: RuleSpans::read(section, &document),
        document,
    })
}

fn is_valid_name(name: &str, section: &Section<'_>) -> bool {
    let valid = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if !valid {
        let label = "expected 1 to 64 lower-case letters, digits, - or _";
        section.reader.mistake(
            section.span.clone(),
            format!("`{name}` is not a name for a connection"),
            label,
        );
    }

    valid
}

fn credentials(section: &Section<'_>, folder: &ConfigFolder) -> Option<CredentialsConfig> {
    const KINDS: [&str; 3] = ["token", "basic", "header"];
    section.refuse("oauth2");
    let given: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| section.value(kind).is_some())
        .collect();

    let token = section
        .secret("token", folder.path())
        .map(CredentialsConfig::Token);
    let basic = section.section("basic").and_then(|basic| {
        basic.require("user", "the user name");
        basic.require("password", super::secret::SECRET);
        let (user, password) = (basic.text("user"), basic.secret("password", folder.path()));
        basic.finish();
        Some(CredentialsConfig::Basic {
            user: user?.value,
            password: password?,
        })
    });

    let header = section.section("header").and_then(|header| {
        header.require("name", "the header's name");
        header.require("value", super::secret::SECRET);
        let name = header.parsed("name", "the name of a header", |text| {
            HeaderName::try_from(text).ok()
        });
        let value = header.secret("value", folder.path());
        header.finish();
        Some(CredentialsConfig::Header {
            name: name?.value,
            value: value?,
        })
    });

    if given.len() != 1 && section.value("oauth2").is_none() {
        let found = if given.is_empty() {
            "none".to_owned()
        } else {
            given.join(" and ")
        };
        let label = format!(
            "expected exactly one of {}; found {found}",
            KINDS.join(", ")
        );
        section.reader.mistake(
            section.span.clone(),
            format!("[{}] needs one credential", section.path),
            label,
        );
        return None;
    }
    token.or(basic).or(header)
}

fn mode(section: &Section<'_>) -> Mode {
    let approve_is_planned = section
        .value("mode")
        .filter(|value| value.get_ref().as_str() == Some("approve"));
    let Some(value) = approve_is_planned else {
        return section.choice("mode").unwrap_or_default();
    };
    section.reader.mistake(
        SourceSpan::Text(value.span()),
        "mode \"approve\": not in this version",
        "expected \"observe\" or \"apply\"",
    );
    Mode::Observe
}

/// The ids of the sources in `sources`, where the config names them by table.
fn source_ids(
    section: &Section<'_>,
    sources: &[(String, Option<SourceConfig>)],
) -> Option<Vec<SourceId>> {
    let names: Vec<&str> = sources.iter().map(|(name, _)| name.as_str()).collect();
    let Some(wanted) = section.texts("sources") else {
        if sources.len() > 1 && section.value("sources").is_none() {
            section.require(
                "sources",
                &format!(
                    "the sources whose people get accounts here; this config has {}",
                    names.join(", ")
                ),
            );
        }
        return Some(
            sources
                .iter()
                .filter_map(|(_, source)| source.as_ref())
                .map(|source| source.id.clone())
                .collect(),
        );
    };

    let mut ids = Vec::new();
    let mut complete = !wanted.is_empty();
    if !complete {
        section.reader.mistake(
            section.key_span("sources"),
            "`sources` is empty: nobody would get an account",
            "expected at least one source",
        );
    }
    for name in wanted {
        match sources.iter().find(|(known, _)| *known == name.value) {
            Some((_, Some(source))) => ids.push(source.id.clone()),
            // That source has mistakes, which are reported at its table.
            Some((_, None)) => complete = false,
            None => {
                let label = if names.is_empty() {
                    "this config has no [sources.*]".to_owned()
                } else {
                    one_of(&name.value, names.iter().copied())
                };
                section.reader.mistake(
                    name.span,
                    format!("`{}` is not a source of this config", name.value),
                    label,
                );
                complete = false;
            }
        }
    }

    ids.sort();
    ids.dedup();
    complete.then_some(ids)
}

fn limits(section: &Section<'_>) -> Limits {
    let limits = section.section_or_empty("limits");
    let default = Limits::default();
    let duration = |key| limits.parsed(key, units::DURATION, units::duration);
    let timeout = duration("timeout").filter(|timeout| {
        let usable = !timeout.value.is_zero();
        if !usable {
            limits.reader.mistake(
                timeout.span.clone(),
                "`timeout` is zero",
                "every request would time out",
            );
        }
        usable
    });

    let read = Limits {
        rate: limits
            .parsed("rate", units::RATE, units::rate)
            .map_or(default.rate, |rate| rate.value),
        concurrency: limits.count("concurrency").unwrap_or(default.concurrency),
        timeout: timeout.map_or(default.timeout, |timeout| timeout.value),
        propagation_delay: duration("propagation_delay")
            .map_or(default.propagation_delay, |delay| delay.value),
    };

    limits.finish();
    read
}
