//! The address of the broker or the database: a URL that is a secret, or a URL in parts.
//!
//! `url = { env = "..." }`, or `url = "amqps://host/vhost"` with `user` and `password` beside it. A
//! password inside the text of `url` is a literal secret and is refused.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    broker_tls,
    diagnostics::{Diagnostic, SourceSpan},
    secret::{SecretError, SecretSource},
    section::Section,
    store_tls,
    tls::TlsConfig,
};

/// The URL of a dependency, with the credentials for it.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    url: UrlSource,
    user: Option<String>,
    password: Option<SecretSource>,
    pub(crate) tls: TlsConfig,
}

#[derive(Clone, Debug)]
enum UrlSource {
    Secret(SecretSource),
    Text(String),
}

/// The URL cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The URL or its password cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The text is not a URL. The message leaves the text out: it may hold a password.
    #[error("the secret is not a URL of the form {0}")]
    NotAUrl(String),
}

impl Address {
    /// The URL with user and password; a `PostgreSQL` URL also with its TLS. Reads the secrets anew.
    pub(crate) fn url(&self) -> Result<SecretString, AddressError> {
        let text = self.text()?;
        let is_postgres = text.expose_secret().starts_with("postgres");
        if self.user.is_none() && self.password.is_none() && !is_postgres {
            return Ok(text);
        }

        let invalid = || AddressError::NotAUrl("scheme://host".into());
        let mut url = Url::parse(text.expose_secret()).map_err(|_| invalid())?;
        if let Some(user) = &self.user {
            url.set_username(user).map_err(|()| invalid())?;
        }
        if let Some(password) = &self.password {
            url.set_password(Some(password.read()?.expose_secret()))
                .map_err(|()| invalid())?;
        }
        if is_postgres {
            store_tls::add_to(&mut url, &self.tls);
        }

        Ok(String::from(url).into())
    }

    /// The URL as the config or its secret has it.
    fn text(&self) -> Result<SecretString, SecretError> {
        match &self.url {
            UrlSource::Secret(source) => source.read(),
            UrlSource::Text(text) => Ok(text.as_str().into()),
        }
    }
}

/// The URLs that a section accepts.
pub(super) struct AcceptedUrls {
    pub(super) schemes: &'static [&'static str],
    /// Describes them in a message.
    pub(super) form: &'static str,
}

/// Reads `url`, `user`, `password` and the keys of TLS.
pub(super) fn address(
    section: &Section<'_>,
    folder: &Path,
    expected: &AcceptedUrls,
) -> Option<Address> {
    section.require("url", expected.form);
    let user = section.text("user").map(|user| user.value);
    let password = section.secret("password", folder);
    let tls = TlsConfig::read(section, folder);

    let is_text = section
        .value("url")
        .is_none_or(|value| value.get_ref().is_str());
    let url = if is_text {
        let url = section.text("url")?;
        let usable = check(section, &url.value, url.span.clone(), expected);
        usable.then_some(UrlSource::Text(url.value))?
    } else {
        let source = section.secret("url", folder)?;
        if let Ok(text) = source.read() {
            let span = section
                .value("url")
                .map_or(SourceSpan::File, |value| SourceSpan::Text(value.span()));
            if !fits(text.expose_secret(), expected) {
                section.reader.mistake(
                    span,
                    "the secret is not such a URL",
                    format!("expected {}", expected.form),
                );
            }
        }
        UrlSource::Secret(source)
    };

    let address = Address {
        url,
        user,
        password,
        tls,
    };
    if let Some(url) = address
        .text()
        .ok()
        .and_then(|text| Url::parse(text.expose_secret()).ok())
    {
        match url.scheme() {
            "amqp" | "amqps" => broker_tls::check(section, &url, &address.tls),
            _ => store_tls::check(section, &url, &address.tls),
        }
    }
    Some(address)
}

fn fits(text: &str, expected: &AcceptedUrls) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, rest)| expected.schemes.contains(&scheme) && !rest.is_empty())
}

fn check(section: &Section<'_>, text: &str, span: SourceSpan, expected: &AcceptedUrls) -> bool {
    let has_password = text
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'));
    let has_password = has_password.is_some_and(|(login, _)| login.contains(':'));
    if has_password && !section.reader.environment.takes_literal_secrets() {
        // A password in an environment variable is fine: only the file must not hold one.
        if let SourceSpan::Text(range) = span {
            let help = "put the URL into an environment variable: url = { env = \"NAME\" }";
            let diagnostic = Diagnostic::mistake(
                SourceSpan::Secret(range),
                "the URL holds a literal password",
                "expected a URL without a password",
            );
            section.reader.report(diagnostic.help(help));
            return false;
        }
    }

    if fits(text, expected) {
        return true;
    }
    section.reader.mistake(
        span,
        "`url` is not such a URL",
        format!("expected {}", expected.form),
    );
    false
}
