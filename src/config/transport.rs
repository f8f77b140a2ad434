//! The way to a target: its base URL, TLS, and the proxy.
//!
//! `https` verifies certificate and name. Plain `http` to another machine is a mistake, unless
//! `tls = "disable"` says so by name. A proxy is used only if the config names one: a variable of
//! the environment, such as `HTTPS_PROXY`, never redirects credentials silently.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    ConfigFolder,
    diagnostics::SourceSpan,
    reader::WithSpan,
    secret::{SecretError, SecretSource},
    section::Section,
    tls::{TlsConfig, TlsMode, is_this_machine, warn_of_weak},
};

/// The way to a target.
pub(super) struct TargetTransport {
    pub(super) base_url: Url,
    pub(super) tls: TlsConfig,
    pub(super) proxy: Option<ProxyConfig>,
}

/// The proxy to a target. `Display` shows no password.
#[derive(Clone, Debug)]
pub(crate) enum ProxyConfig {
    /// A URL without a password.
    Url(Url),
    /// A URL with a password.
    Secret(SecretSource),
}

impl ProxyConfig {
    /// The URL. Reads the secret anew.
    pub(super) fn url(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Url(url) => Ok(url.as_str().into()),
            Self::Secret(source) => source.read(),
        }
    }
}

impl fmt::Display for ProxyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Secret(source) => write!(f, "the URL in {source}"),
        }
    }
}

/// Reads `base_url`, `tls`, `ca_file`, the client certificate and `proxy`.
pub(super) fn transport(section: &Section<'_>, folder: &ConfigFolder) -> Option<TargetTransport> {
    let tls = TlsConfig::read(section, folder.path());
    let proxy = proxy(section, folder);
    let base_url = base_url(section)?;
    check(section, &base_url, &tls);

    Some(TargetTransport {
        base_url: base_url.value,
        tls,
        proxy,
    })
}

fn base_url(section: &Section<'_>) -> Option<WithSpan<Url>> {
    const EXPECTED: &str = "the SCIM base URL, such as \"https://scim.example.com/scim/v2\"";
    section.require("base_url", EXPECTED);
    section.parsed("base_url", EXPECTED, |text| {
        let url = Url::parse(text).ok()?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
    })
}

/// Reports a plain `http` over a network, and keys that contradict the URL.
fn check(section: &Section<'_>, url: &WithSpan<Url>, tls: &TlsConfig) {
    let mistake = |key: &str, title: String, label: &str| {
        section.reader.mistake(section.key_span(key), title, label);
    };
    if let Some(mode @ (TlsMode::VerifyCa | TlsMode::Require)) = tls.mode {
        let title = format!("`tls` of a connection cannot be \"{}\"", mode.as_str());
        mistake("tls", title, "expected \"verify-full\" or \"disable\"");
        return;
    }

    let is_encrypted = url.value.scheme() == "https";
    match (is_encrypted, tls.mode) {
        (true, Some(TlsMode::Disable)) => {
            let title = "`tls = \"disable\"` with an `https` URL".to_owned();
            mistake("tls", title, "leave it out, or use http");
        }
        (false, Some(TlsMode::VerifyFull)) => {
            let title = "`tls = \"verify-full\"` with an `http` URL".to_owned();
            mistake("tls", title, "use https");
        }
        (false, _) if TlsConfig::key_without_effect(section).is_some() => {
            let key = TlsConfig::key_without_effect(section).unwrap_or_default();
            let title = format!("`{key}` verifies nothing: `http` is not encrypted");
            mistake(key, title, "use https");
        }
        (false, None) if !is_this_machine(&url.value) => {
            section.reader.mistake(
                url.span.clone(),
                "`base_url` is http: credentials and personal data travel unencrypted",
                "use https, or say so by name: tls = \"disable\"",
            );
        }
        (false, Some(TlsMode::Disable)) if !is_this_machine(&url.value) => {
            warn_of_weak(section, section.key_span("tls"), "the target (`http`)");
        }
        (true | false, _) => {}
    }
}

/// `proxy = "http://proxy:3128"`, or a secret with such a URL, if it holds a password.
fn proxy(section: &Section<'_>, folder: &ConfigFolder) -> Option<ProxyConfig> {
    const EXPECTED: &str = "a URL such as \"http://proxy.acme.example:3128\"; with a password: \
                            { env = \"NAME\" }";
    let is_table = section
        .value("proxy")
        .is_some_and(|value| value.get_ref().is_table());
    if !is_table {
        let url = section.parsed("proxy", EXPECTED, proxy_url)?;
        if url.value.password().is_none() {
            return Some(ProxyConfig::Url(url.value));
        }
        if let SourceSpan::Text(range) = url.span {
            section.reader.mistake(
                SourceSpan::Secret(range),
                "the URL holds a literal password",
                format!("expected {EXPECTED}"),
            );
            return None;
        }
        return Some(ProxyConfig::Secret(SecretSource::Literal(
            url.value.as_str().into(),
        )));
    }

    let source = section.secret("proxy", folder.path())?;
    let is_wrong = source
        .read()
        .is_ok_and(|text| proxy_url(text.expose_secret()).is_none());
    if is_wrong {
        section.reader.mistake(
            section.key_span("proxy"),
            "the secret is not the URL of a proxy",
            format!("expected {EXPECTED}"),
        );
    }
    Some(ProxyConfig::Secret(source))
}

fn proxy_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}
