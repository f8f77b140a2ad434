//! What proves to a target who we are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// Credentials; their `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// `Authorization: Bearer ...`
    Token(SecretString),
    /// `Authorization: Basic ...`
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A header of the target's own.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value.
        value: SecretString,
    },
}

impl Credentials {
    /// The header that carries them, marked as sensitive.
    pub(super) fn header(&self) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
        let (name, text) = self.parts();
        let mut value = HeaderValue::from_str(text.expose_secret())?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// Whether both are the same, so that re-reading a secret can tell that nothing changed.
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
