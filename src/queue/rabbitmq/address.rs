//! Parses the broker's URL. Errors do not repeat it, because it holds a password.

use lapin::uri::AMQPUri;
use secrecy::{ExposeSecret as _, SecretString};

/// Seconds between heartbeats, unless the URL says otherwise. A broker that does not answer is
/// noticed after twice that time.
const HEARTBEAT: u16 = 10;

/// The address of `amqp://` or `amqps://` URLs.
pub(super) fn parse_address(url: &SecretString) -> Result<AMQPUri, String> {
    let mut address: AMQPUri = url.expose_secret().parse().map_err(|_| unreadable())?;
    let parsed = url::Url::parse(url.expose_secret()).map_err(|_| unreadable())?;

    match parsed.host() {
        // lapin cannot read an IPv6 address in brackets, and would connect to localhost instead.
        Some(url::Host::Ipv6(host)) => address.authority.host = host.to_string(),
        Some(url::Host::Domain(_) | url::Host::Ipv4(_)) => {}
        None => return Err(unreadable()),
    }
    address.query.heartbeat.get_or_insert(HEARTBEAT);
    Ok(address)
}

fn unreadable() -> String {
    "the broker's URL cannot be read; it looks like amqp://user:password@host:5672/%2f".to_owned()
}
