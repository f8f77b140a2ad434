//! `[connections.NAME]`: a SCIM application whose accounts follow the people.
//!
//! Name, base URL and a credential are enough; everything else has the profile's or a cautious default. What decides
//! how an account should look is one [`MappingDocument`], which `mapping.rs` puts together.

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use url::{Host, Url};

use super::{
    ConfigFolder,
    diagnostics::{Diagnostic, SourceSpan},
    mapping,
    reader::{Located, Section},
    secret::{SecretError, SecretSource},
    sources::SourceConfig,
    suggest::one_of,
    units,
};
use crate::{
    observer::Observer,
    scim_client::{BreakerSettings, ClientSettings, Credentials},
    worker::Mode,
};
use hirewire_core::{event::SourceId, mapping::MappingDocument, scim::Profile};

/// A SCIM application.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Its table's name.
    pub name: String,
    /// The SCIM base URL.
    pub base_url: Url,
    /// What proves who we are.
    pub credentials: CredentialsConfig,
    /// Whether changes are sent.
    pub mode: Mode,
    /// The sources whose people get accounts here; never empty, unless the config has no source.
    pub sources: Vec<SourceId>,
    /// How hard the target may be asked.
    pub limits: Limits,
    document: MappingDocument,
}

/// How hard a target may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests a second.
    pub rate: f64,
    /// Requests at a time.
    pub concurrency: usize,
    /// The deadline of a request.
    pub timeout: Duration,
    /// How long a write whose answer was lost may still take to show.
    pub propagation_delay: Duration,
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

/// What proves who we are, by name.
#[derive(Clone, Debug)]
pub enum CredentialsConfig {
    /// `Authorization: Bearer`.
    Token(SecretSource),
    /// `Authorization: Basic`.
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// A header of the target's own.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value.
        value: SecretSource,
    },
}

impl CredentialsConfig {
    /// The credentials as they are now.
    pub fn read(&self) -> Result<Credentials, SecretError> {
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
    /// What its SCIM client is made from, with the credentials as they are now.
    pub fn client_settings(
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
            observer,
        })
    }

    /// What this connection publishes.
    pub fn document(&self) -> MappingDocument {
        self.document.clone()
    }
}

/// Reads one connection; `None` if it cannot be used, and then something was told.
pub(super) fn connection(
    name: &str,
    section: &Section<'_>,
    sources: &[(String, Option<SourceConfig>)],
    folder: &ConfigFolder,
) -> Option<ConnectionConfig> {
    let named = name_is_good(name, section);
    let profile = profile(section);
    let base_url = base_url(section);
    let credentials = credentials(section, folder);
    let mode = mode(section);
    let fed_by = fed_by(section, sources);
    let limits = limits(section);
    section.refuse("guard");
    section.refuse("on_insufficient_scope");
    let document = mapping::document(section, profile?, fed_by.as_deref().unwrap_or_default());
    if !named {
        return None;
    }
    let (base_url, credentials, sources) = (base_url?, credentials?, fed_by?);
    Some(ConnectionConfig {
        name: name.to_owned(),
        base_url,
        credentials,
        mode,
        sources,
        limits,
        document: document?,
    })
}

fn name_is_good(name: &str, section: &Section<'_>) -> bool {
    let good = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if !good {
        let label = "expected 1 to 64 lower-case letters, digits, - or _";
        section.reader.mistake(
            section.place.clone(),
            format!("`{name}` is no name for a connection"),
            label,
        );
    }
    good
}

fn profile(section: &Section<'_>) -> Option<Profile> {
    let name = section.text("profile").unwrap_or_else(|| Located {
        value: "generic".to_owned(),
        place: section.place.clone(),
    });
    let profile = Profile::named(&name.value);
    if profile.is_none() {
        let label = one_of(&name.value, Profile::names());
        section
            .reader
            .mistake(name.place, format!("`{}` is no profile", name.value), label);
    }
    profile
}

fn base_url(section: &Section<'_>) -> Option<Url> {
    const EXPECTED: &str = "the SCIM base URL, such as \"https://scim.example.com/scim/v2\"";
    section.require("base_url", EXPECTED);
    let url = section.parsed("base_url", EXPECTED, |text| {
        let url = Url::parse(text).ok()?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
    })?;
    let local = match url.value.host() {
        Some(Host::Domain(name)) => name == "localhost" || !name.contains('.'),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.value.scheme() == "http" && !local {
        let label = "credentials and personal data travel in the clear: use https";
        section
            .reader
            .tell(Diagnostic::warning(url.place, "`base_url` is http", label));
    }
    Some(url.value)
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
            section.place.clone(),
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

/// Which sources feed it: by table name in the config, by id everywhere else.
fn fed_by(
    section: &Section<'_>,
    sources: &[(String, Option<SourceConfig>)],
) -> Option<Vec<SourceId>> {
    let names: Vec<&str> = sources.iter().map(|(name, _)| name.as_str()).collect();
    let Some(wanted) = section.texts("sources") else {
        if sources.len() > 1 && section.value("sources").is_none() {
            section.require(
                "sources",
                &format!(
                    "which of {} feed it, as there are several",
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
            "no source: nobody would get an account",
            "name one",
        );
    }
    for name in wanted {
        match sources.iter().find(|(known, _)| *known == name.value) {
            Some((_, Some(source))) => ids.push(source.id.clone()),
            // That source has mistakes of its own, told there.
            Some((_, None)) => complete = false,
            None => {
                let label = if names.is_empty() {
                    "this config has no [sources.*]".to_owned()
                } else {
                    one_of(&name.value, names.iter().copied())
                };
                section.reader.mistake(
                    name.place,
                    format!("`{}` is no source of this config", name.value),
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
    let usual = Limits::default();
    let duration = |key| limits.parsed(key, units::DURATION, units::duration);
    let timeout = duration("timeout").filter(|timeout| {
        let good = !timeout.value.is_zero();
        if !good {
            limits.reader.mistake(
                timeout.place.clone(),
                "`timeout` is zero",
                "no request would be answered in time",
            );
        }
        good
    });
    let read = Limits {
        rate: limits
            .parsed("rate", units::RATE, units::rate)
            .map_or(usual.rate, |rate| rate.value),
        concurrency: limits.count("concurrency").unwrap_or(usual.concurrency),
        timeout: timeout.map_or(usual.timeout, |timeout| timeout.value),
        propagation_delay: duration("propagation_delay")
            .map_or(usual.propagation_delay, |propagation_delay| {
                propagation_delay.value
            }),
    };
    limits.finish();
    read
}
