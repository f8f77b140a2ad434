//! TLS to the broker: `amqps://` verifies certificate and name, `amqp://` is not encrypted.
//!
//! The broker's password and every event pass through this connection. Plain AMQP to another
//! machine is a mistake, unless `tls = "disable"` says so by name.

use url::Url;

use super::{
    section::Section,
    tls::{TlsConfig, TlsMode, is_this_machine, warn_of_weak},
};

/// Reports plain AMQP over a network, and keys that contradict the URL.
pub(super) fn check(section: &Section<'_>, url: &Url, tls: &TlsConfig) {
    let mistake = |key: &str, title: String, label: &str| {
        section.reader.mistake(section.key_span(key), title, label);
    };
    if let Some(mode @ (TlsMode::VerifyCa | TlsMode::Require)) = tls.mode {
        let title = format!("`tls` of a broker cannot be \"{}\"", mode.as_str());
        mistake("tls", title, "expected \"verify-full\" or \"disable\"");
        return;
    }

    let is_encrypted = url.scheme() == "amqps";
    match (is_encrypted, tls.mode) {
        (true, Some(TlsMode::Disable)) => {
            let title = "`tls = \"disable\"` with an `amqps://` URL".to_owned();
            mistake("tls", title, "leave it out, or use amqp://");
        }
        (false, Some(TlsMode::VerifyFull)) => {
            let title = "`tls = \"verify-full\"` with an `amqp://` URL".to_owned();
            mistake("tls", title, "use amqps://");
        }
        (false, _) if TlsConfig::key_without_effect(section).is_some() => {
            let key = TlsConfig::key_without_effect(section).unwrap_or_default();
            let title = format!("`{key}` verifies nothing: `amqp://` is not encrypted");
            mistake(key, title, "use amqps://");
        }
        (false, None) if !is_this_machine(url) => {
            let title = "`amqp://` to another machine: the password and every event travel \
                         unencrypted";
            let label = "use amqps://, or say so by name: tls = \"disable\"";
            mistake("url", title.to_owned(), label);
        }
        (false, Some(TlsMode::Disable)) if !is_this_machine(url) => {
            warn_of_weak(section, section.key_span("tls"), "the broker (`amqp://`)");
        }
        (true | false, _) => {}
    }
}
