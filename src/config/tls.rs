//! `tls`, `ca_file`, `client_certificate` and `client_key` of a dependency.
//!
//! The default is to verify the certificate and the name of every dependency that is not on this
//! machine. `tls` opts out by name; each dependency reports what that means for it. The files are
//! read anew for each connection, so that they can be rotated.

use std::{
    fs,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use super::{
    diagnostics::{Diagnostic, SourceSpan},
    reader::WithSpan,
    secret::{SecretError, SecretSource},
    section::Section,
};

/// The proof that TLS must give, in the words of `PostgreSQL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TlsMode {
    /// A certificate of a known authority, with the name of the host.
    VerifyFull,
    /// A certificate of a known authority, for any name.
    VerifyCa,
    /// Encryption with anybody.
    Require,
    /// No encryption.
    Disable,
}

impl TlsMode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::VerifyFull => "verify-full",
            Self::VerifyCa => "verify-ca",
            Self::Require => "require",
            Self::Disable => "disable",
        }
    }
}

/// The TLS of a dependency, as the config has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    /// `None`: the default.
    pub(crate) mode: Option<TlsMode>,
    /// The certificates of a private authority.
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate that proves who Hirewire is.
    pub(crate) client: Option<ClientCertificate>,
}

/// A client certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// The contents of the files.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsPem {
    pub(crate) ca: Option<String>,
    /// The certificate and its key.
    pub(crate) client: Option<(String, SecretString)>,
}

impl TlsConfig {
    /// Reads the keys of a dependency's table.
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Self {
        let mode = section.choice("tls");
        let ca_file = pem_file(section, folder, "ca_file", "-----BEGIN CERTIFICATE-----");
        let certificate = pem_file(
            section,
            folder,
            "client_certificate",
            "-----BEGIN CERTIFICATE-----",
        );
        let key = pem_file(section, folder, "client_key", "PRIVATE KEY-----");

        for (given, other) in [
            ("client_certificate", "client_key"),
            ("client_key", "client_certificate"),
        ] {
            if section.is_given(given) && !section.is_given(other) {
                section.reader.mistake(
                    section.key_span(given),
                    format!("`{given}` without `{other}`"),
                    "a client certificate needs both",
                );
            }
        }

        let client = certificate
            .zip(key)
            .map(|(certificate, key)| ClientCertificate { certificate, key });
        Self {
            mode,
            ca_file,
            client,
        }
    }

    /// Reads the files anew.
    pub(crate) fn pem(&self) -> Result<TlsPem, SecretError> {
        let read = |path: &PathBuf| SecretSource::File(path.clone()).read();
        let text = |path: &PathBuf| read(path).map(|text| text.expose_secret().to_owned());

        let ca = self.ca_file.as_ref().map(text).transpose()?;
        let client = match &self.client {
            Some(client) => Some((text(&client.certificate)?, read(&client.key)?)),
            None => None,
        };
        Ok(TlsPem { ca, client })
    }

    /// The first given key that TLS alone gives a meaning.
    pub(super) fn key_without_effect(section: &Section<'_>) -> Option<&'static str> {
        ["ca_file", "client_certificate", "client_key"]
            .into_iter()
            .find(|key| section.is_given(key))
    }
}

/// A PEM file; one that cannot be used is reported.
fn pem_file(
    section: &Section<'_>,
    folder: &Path,
    key: &'static str,
    marker: &str,
) -> Option<PathBuf> {
    let WithSpan { value, span } = section.text(key)?;
    let path = folder.join(value);

    let problem = match fs::read_to_string(&path) {
        Ok(text) if text.contains(marker) => return Some(path),
        Ok(_) => format!("expected a PEM file with `{marker}`"),
        Err(error) => error.to_string(),
    };
    let title = format!("`{key}` {} cannot be used", path.display());
    section
        .reader
        .report(if section.reader.environment.is_offline() {
            Diagnostic::warning(span, title, problem)
        } else {
            Diagnostic::mistake(span, title, problem)
        });
    Some(path)
}

/// Whether the host is this machine, so that nobody is on the way to it.
pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            // An opaque host is not parsed: the scheme is not one of the web.
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    }
}

/// Reports TLS that is weaker than the default, which the config asked for by name.
pub(super) fn warn_of_weak(section: &Section<'_>, span: SourceSpan, what: &str) {
    section.reader.report(Diagnostic::warning(
        span,
        format!("{what} is not protected on its way"),
        "anybody in between can read and change it: set tls = \"verify-full\"",
    ));
}
