//! TLS to `PostgreSQL`: `sslmode` and the files of the URL (libpq's words, which sqlx reads).
//!
//! A store that is not on this machine is verified in full, unless `tls` or the URL opts out by
//! name. sqlx's own default (`prefer`) would send the password to anybody.

use url::Url;

use super::{
    diagnostics::SourceSpan,
    section::Section,
    tls::{TlsConfig, TlsMode, is_this_machine, warn_of_weak},
};

/// Adds `sslmode`, `sslrootcert`, `sslcert` and `sslkey` to the URL.
pub(super) fn add_to(url: &mut Url, tls: &TlsConfig) {
    let mode = match tls.mode {
        Some(mode) => Some(mode.as_str()),
        None if mode_of(url).is_some() => None,
        None if tls.ca_file.is_some() || !is_local(url) => Some(TlsMode::VerifyFull.as_str()),
        None => None,
    };

    let mut pairs = Vec::new();
    pairs.extend(mode.map(|mode| ("sslmode", mode.to_owned())));
    let ca_file = tls.ca_file.as_ref();
    pairs.extend(ca_file.map(|path| ("sslrootcert", path.display().to_string())));
    if let Some(client) = &tls.client {
        pairs.push(("sslcert", client.certificate.display().to_string()));
        pairs.push(("sslkey", client.key.display().to_string()));
    }
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

/// Reports TLS that verifies nothing, and keys without an effect.
pub(super) fn check(section: &Section<'_>, url: &Url, tls: &TlsConfig) {
    if url.scheme() == "sqlite" {
        let given = tls
            .mode
            .map(|_| "tls")
            .or(TlsConfig::key_without_effect(section));
        if let Some(key) = given {
            section.reader.mistake(
                section.key_span(key),
                format!("`{key}` has no effect: SQLite is a file"),
                "leave it out",
            );
        }
        return;
    }

    let stated = mode_of(url);
    if let (Some(stated), Some(_)) = (&stated, tls.mode) {
        section.reader.mistake(
            section.key_span("tls"),
            format!("`tls`, and `sslmode={stated}` in the URL"),
            "expected one of the two",
        );
        return;
    }

    let mode = tls.mode.map(|mode| mode.as_str().to_owned()).or(stated);
    let Some(mode) = mode.filter(|mode| mode != TlsMode::VerifyFull.as_str()) else {
        return;
    };
    let span = || {
        let key = if tls.mode.is_some() { "tls" } else { "url" };
        section.key_span(key)
    };
    if mode != TlsMode::VerifyCa.as_str() && tls.ca_file.is_some() {
        section.reader.mistake(
            span(),
            format!("`ca_file` verifies nothing with `sslmode={mode}`"),
            "expected verify-full",
        );
    } else if !is_local(url) {
        warn(section, span(), &mode);
    }
}

fn warn(section: &Section<'_>, span: SourceSpan, mode: &str) {
    let what = format!("the store (`sslmode={mode}`)");
    warn_of_weak(section, span, &what);
}

/// `sslmode` of the URL, or libpq's other spelling of it.
fn mode_of(url: &Url) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == "sslmode" || key == "ssl-mode")
        .map(|(_, mode)| mode.into_owned())
}

/// A socket in the file system (`?host=/run/postgresql`) is on this machine too.
fn is_local(url: &Url) -> bool {
    let host = url.query_pairs().find(|(key, _)| key == "host");
    match host {
        Some((_, host)) => {
            host.starts_with('/')
                || host == "localhost"
                || host
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        None => is_this_machine(url),
    }
}
