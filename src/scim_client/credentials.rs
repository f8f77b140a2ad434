//! The credentials of a connection, and the HTTP header that carries them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// How a connection authenticates at its target. The `Debug` text shows no secret.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// `Authorization: Bearer ...` (RFC 6750).
    Token(SecretString),
    /// `Authorization: Basic ...` (RFC 7617).
    Basic {
        /// The user name, without a colon.
        user: String,
        /// The password of that user.
        password: SecretString,
    },
    /// A header that only this target uses, such as an API key.
    Header {
        /// The header's name.
        name: HeaderName,
        /// The header's whole value.
        value: SecretString,
    },
}

impl Credentials {
    /// The header that carries the credentials, marked as sensitive.
    pub(super) fn header(&self) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
        let (name, text) = self.parts();
        let mut value = HeaderValue::from_str(text.expose_secret())?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// Whether both give the same header. The values are compared in constant time.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let ((name, value), (other_name, other_value)) = (self.parts(), other.parts());
        let equal = subtle::ConstantTimeEq::ct_eq(
            value.expose_secret().as_bytes(),
            other_value.expose_secret().as_bytes(),
        );
        name == other_name && bool::from(equal)
    }

    fn parts(&self) -> (HeaderName, SecretString) {
        match self {
            Self::Token(token) => (
                AUTHORIZATION,
                format!("Bearer {}", token.expose_secret().trim()).into(),
            ),
            Self::Basic { user, password } => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
                (AUTHORIZATION, format!("Basic {pair}").into())
            }
            Self::Header { name, value } => (name.clone(), value.clone()),
        }
    }
}
