//! The address of the broker or the database: a URL, whole as a secret, or in parts.
//!
//! `url = { env = "..." }`, or `url = "amqps://host/vhost"` with `user` and `password` beside it. A password written
//! into the URL's text is a literal secret, and refused.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    reader::Section,
    secret::{SecretError, SecretSource},
};

/// Where a dependency is, and how to prove who we are.
#[derive(Clone, Debug)]
pub struct Address {
    whole: Whole,
    user: Option<String>,
    password: Option<SecretSource>,
    /// `sslrootcert` of `PostgreSQL`.
    root_certificate: Option<String>,
}

#[derive(Clone, Debug)]
enum Whole {
    Secret(SecretSource),
    Text(String),
}

/// An address that cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// A secret of it is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What is there is no such URL. The text is not shown: it may hold a password.
    #[error("it is no URL of the form {0}")]
    NotAUrl(String),
}

impl Address {
    /// The URL with user and password, as it is now.
    pub fn url(&self) -> Result<SecretString, AddressError> {
        let text = match &self.whole {
            Whole::Secret(source) => source.read()?,
            Whole::Text(text) => text.as_str().into(),
        };
        if self.user.is_none() && self.password.is_none() && self.root_certificate.is_none() {
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
        if let Some(path) = &self.root_certificate {
            url.query_pairs_mut().append_pair("sslrootcert", path);
        }
        Ok(String::from(url).into())
    }

    /// An address that needs no secret.
    pub fn plain(url: impl Into<String>) -> Self {
        Self {
            whole: Whole::Text(url.into()),
            user: None,
            password: None,
            root_certificate: None,
        }
    }
}

/// Which URLs a section takes.
pub(super) struct Expected {
    /// Their schemes.
    pub schemes: &'static [&'static str],
    /// For people.
    pub form: &'static str,
}

/// Reads `url`, `user`, `password`, `ca_file`.
pub(super) fn address(
    section: &Section<'_>,
    folder: &Path,
    expected: &Expected,
) -> Option<Address> {
    section.require("url", expected.form);
    let user = section.text("user").map(|user| user.value);
    let password = section.secret("password", folder);
    let ca_file = section.text("ca_file");
    let root_certificate = ca_file.map(|path| folder.join(path.value).display().to_string());
    let is_text = section
        .value("url")
        .is_none_or(|value| value.get_ref().is_str());
    let whole = if is_text {
        let url = section.text("url")?;
        check(section, &url.value, url.place.clone(), expected).then_some(Whole::Text(url.value))?
    } else {
        let source = section.secret("url", folder)?;
        if let Ok(text) = source.read() {
            let place = section
                .value("url")
                .map_or(SourceSpan::File, |value| SourceSpan::Text(value.span()));
            if !fits(text.expose_secret(), expected) {
                section.reader.mistake(
                    place,
                    "the secret is no such URL",
                    format!("expected {}", expected.form),
                );
            }
        }
        Whole::Secret(source)
    };
    Some(Address {
        whole,
        user,
        password,
        root_certificate,
    })
}

fn fits(text: &str, expected: &Expected) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, rest)| expected.schemes.contains(&scheme) && !rest.is_empty())
}

fn check(section: &Section<'_>, text: &str, place: SourceSpan, expected: &Expected) -> bool {
    let has_password = text
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'));
    let has_password = has_password.is_some_and(|(login, _)| login.contains(':'));
    if has_password && !section.reader.environment.takes_literal_secrets() {
        // From a variable it is as secret as any other; in the file it is not.
        if let SourceSpan::Text(range) = place {
            let help = "put the whole URL into the environment: url = { env = \"NAME\" }";
            let diagnostic = Diagnostic::mistake(
                SourceSpan::Secret(range),
                "the URL holds a literal password",
                "expected none here",
            );
            section.reader.tell(diagnostic.help(help));
            return false;
        }
    }
    if fits(text, expected) {
        return true;
    }
    section.reader.mistake(
        place,
        "`url` is no such URL",
        format!("expected {}", expected.form),
    );
    false
}
