//! The secrets of a source: several during a rotation, each with a validity window.
//!
//! The scheme defines how the text of a secret becomes a key; it is never guessed from a prefix.
//! `whsec_` means "base64 follows" in Standard Webhooks, and "use the whole text" in the Stripe
//! style. No error quotes a secret.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Encoding;

/// The form of a secret: it defines how the text becomes a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// The key is the bytes of the text.
    #[default]
    Text,
    /// The key is base64.
    Base64,
    /// The key is hexadecimal.
    Hex,
    /// Standard Webhooks: base64, with or without the prefix `whsec_`.
    Whsec,
    /// Standard Webhooks: an ed25519 public key, base64 with the prefix `whpk_`.
    Whpk,
}

/// A secret with its validity window.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The operator's name of the secret; a verified request reports it.
    pub id: Option<String>,
    /// The text as the vendor shows it.
    pub text: SecretString,
    /// The start of the window, inclusive; `None`: no start.
    pub not_before: Option<Timestamp>,
    /// The end of the window, exclusive; `None`: no end.
    pub not_after: Option<Timestamp>,
}

/// A secret that cannot be a key of the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// The key has no bytes.
    #[error("the secret is empty")]
    Empty,
    /// The text does not have the form that the scheme requires.
    #[error("the secret is not of the form {}", .0.name())]
    NotOfForm(KeyForm),
}

impl KeyForm {
    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "plain text",
            Self::Base64 => "base64",
            Self::Hex => "hexadecimal",
            Self::Whsec => "whsec_<base64>",
            Self::Whpk => "whpk_<base64>",
        }
    }
}

impl Secret {
    /// A secret that is valid at any time.
    pub fn new(text: impl Into<SecretString>) -> Self {
        Self {
            id: None,
            text: text.into(),
            not_before: None,
            not_after: None,
        }
    }

    /// Whether the time is in the validity window.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|from| now >= from)
            && self.not_after.is_none_or(|until| now < until)
    }

    /// The key of the secret, whose text has that form.
    pub fn key(&self, form: KeyForm) -> Result<Vec<u8>, InvalidSecret> {
        let text = self.text.expose_secret();
        let key = match form {
            KeyForm::Text => Some(text.as_bytes().to_vec()),
            KeyForm::Base64 => Encoding::Base64.decode(text),
            KeyForm::Hex => Encoding::Hex.decode(text),
            KeyForm::Whsec if text.starts_with("whpk_") || text.starts_with("whsk_") => None,
            KeyForm::Whsec => Encoding::Base64.decode(text.strip_prefix("whsec_").unwrap_or(text)),
            KeyForm::Whpk => text
                .strip_prefix("whpk_")
                .and_then(|text| Encoding::Base64.decode(text)),
        };

        match key {
            None => Err(InvalidSecret::NotOfForm(form)),
            Some(key) if key.is_empty() => Err(InvalidSecret::Empty),
            Some(key) => Ok(key),
        }
    }
}
