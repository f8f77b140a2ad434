//! Signing as a source would: for `hirewire sign`, `send` and the demo.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use sha2::{Sha256, Sha512};

use super::{Algorithm, Grammar, InvalidSecret, Scheme, Secret, SignatureError, Unverified};

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The secret is not a key of this scheme.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// A header that is signed cannot be written.
    #[error("the header {0} cannot be written")]
    Header(String),
    /// The scheme signs only with a private key that is the sender's alone.
    #[error("this scheme is signed with the sender's private key")]
    PrivateKey,
    /// A part that is signed is not there.
    #[error(transparent)]
    Part(#[from] SignatureError),
}

impl Scheme {
    /// The headers that the source would send with this body.
    pub fn sign(
        &self,
        body: &[u8],
        secret: &Secret,
        now: Timestamp,
        event_id: &str,
    ) -> Result<HeaderMap, SignError> {
        let mut headers = HeaderMap::new();
        if let Some(name) = &self.event_id {
            insert(&mut headers, name, event_id)?;
        }
        let time = self.timestamp.as_ref().map(|rule| rule.format.write(now));
        if let (Some(name), Some(time)) = (
            self.timestamp
                .as_ref()
                .and_then(|rule| rule.header.as_ref()),
            &time,
        ) {
            insert(&mut headers, name, time)?;
        }
        let kind = self
            .signatures
            .iter()
            .find(|kind| kind.algorithm != Algorithm::Ed25519)
            .ok_or(SignError::PrivateKey)?;
        let signed = self.signed_bytes(
            Unverified {
                method: "POST",
                headers: &headers,
                body,
            },
            time.as_deref(),
        )?;
        let key = secret.key(kind.key)?;
        let invalid = |_| SignError::Secret(InvalidSecret::Empty);
        let signature = match kind.algorithm {
            Algorithm::HmacSha256 => Hmac::<Sha256>::new_from_slice(&key)
                .map_err(invalid)?
                .chain_update(&signed)
                .finalize()
                .into_bytes()
                .to_vec(),
            Algorithm::HmacSha512 => Hmac::<Sha512>::new_from_slice(&key)
                .map_err(invalid)?
                .chain_update(&signed)
                .finalize()
                .into_bytes()
                .to_vec(),
            Algorithm::Ed25519 => return Err(SignError::PrivateKey),
        };
        let text = kind.encoding.encode(&signature);
        let version = kind.version.as_deref().unwrap_or_default();
        let value = match &self.grammar {
            Grammar::Bare => text,
            Grammar::Prefix(prefix) => format!("{prefix}{text}"),
            Grammar::Pairs { timestamp } => {
                format!(
                    "{timestamp}={},{version}={text}",
                    time.as_deref().unwrap_or_default()
                )
            }
            Grammar::Versions => format!("{version},{text}"),
        };
        insert(&mut headers, &self.header, &value)?;
        Ok(headers)
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), SignError> {
    let invalid = || SignError::Header(name.to_owned());
    let header = HeaderName::try_from(name).map_err(|_| invalid())?;
    headers.insert(header, HeaderValue::try_from(value).map_err(|_| invalid())?);
    Ok(())
}
