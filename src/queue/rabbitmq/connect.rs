//! Opens a connection to the broker, with the TLS of the settings.

use lapin::{
    Connection, ConnectionProperties,
    runtime::default_runtime,
    tcp::{OwnedIdentity, OwnedTLSConfig},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{RabbitSettings, address::parse_address, call::call};

/// TLS to the broker of an `amqps://` URL: certificate and name are always verified.
#[derive(Clone, Debug, Default)]
pub struct BrokerTls {
    /// PEM certificates of a private authority, beside those of the operating system.
    pub ca_pem: Option<String>,
    /// A client certificate and its key, as PEM texts.
    pub client: Option<(String, SecretString)>,
}

impl BrokerTls {
    fn to_lapin(&self) -> OwnedTLSConfig {
        OwnedTLSConfig {
            cert_chain: self.ca_pem.clone(),
            identity: self
                .client
                .as_ref()
                .map(|(certificate, key)| OwnedIdentity::PKCS8 {
                    pem: certificate.as_bytes().to_vec(),
                    key: key.expose_secret().as_bytes().to_vec(),
                }),
        }
    }
}

/// Connects under that name, which the broker's pages show.
pub(super) async fn connect(settings: &RabbitSettings, name: String) -> Result<Connection, String> {
    let address = parse_address(&settings.url)?;
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let runtime = default_runtime().map_err(|error| error.to_string())?;

    let tls = settings.tls.to_lapin();
    let connecting = Connection::connect_uri_with_config(address, properties, tls, runtime);
    call("connecting", connecting).await
}
