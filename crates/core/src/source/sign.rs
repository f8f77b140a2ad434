//! Signs a body as its source would: for `hirewire sign`, `send` and the demo.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::{
    Algorithm, Grammar, InvalidSecret, Scheme, Secret, SignatureError, SignatureKind, Unverified,
    mac::KeyedMac,
};

/// The reason why a body cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The secret is not a key of the scheme.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// A name or value is not valid in an HTTP header.
    #[error("the header {0} has an invalid name or value")]
    Header(String),
    /// The scheme has only asymmetric signatures, which need the sender's private key.
    #[error("this scheme needs the sender's private key, which only the sender has")]
    PrivateKey,
    /// A signed part of the request is missing.
    #[error(transparent)]
    MissingPart(#[from] SignatureError),
}

impl Scheme {
    /// The headers that the source would send with this body at `now`.
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
        let rule = self.timestamp.as_ref();
        let time = rule.map(|rule| rule.format.write(now));
        if let (Some(name), Some(time)) = (rule.and_then(|rule| rule.header.as_ref()), &time) {
            insert(&mut headers, name, time)?;
        }

        let kind = self
            .signatures
            .iter()
            .find(|kind| kind.algorithm != Algorithm::Ed25519)
            .ok_or(SignError::PrivateKey)?;
        let request = Unverified {
            method: "POST",
            headers: &headers,
            body,
        };
        let parts = self.signed_parts(request, time.as_deref())?;
        let mac = KeyedMac::over(kind.algorithm, &secret.key(kind.key)?, &parts);
        let signature = mac.ok_or(SignError::PrivateKey)?.signature();

        let value = self.header_value(kind, &signature, time.as_deref().unwrap_or_default());
        insert(&mut headers, &self.header, &value)?;
        Ok(headers)
    }

    /// The value of the signature header.
    fn header_value(&self, kind: &SignatureKind, signature: &[u8], time: &str) -> String {
        let text = kind.encoding.encode(signature);
        let version = kind.version.as_deref().unwrap_or_default();
        match &self.grammar {
            Grammar::Bare => text,
            Grammar::Prefix(prefix) => format!("{prefix}{text}"),
            Grammar::Pairs { timestamp } => format!("{timestamp}={time},{version}={text}"),
            Grammar::Versions => format!("{version},{text}"),
        }
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), SignError> {
    let invalid = || SignError::Header(name.to_owned());
    let header = HeaderName::try_from(name).map_err(|_| invalid())?;
    headers.insert(header, HeaderValue::try_from(value).map_err(|_| invalid())?);
    Ok(())
}
