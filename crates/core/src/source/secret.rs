//! A source's secrets: several at once while rotating, each with a window in which it is good.
//!
//! How the text of a secret becomes a key is a property of the scheme, never guessed from its prefix: `whsec_` means
//! "base64 follows" in Standard Webhooks and "use the whole text" in the Stripe style.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Encoding;

/// How the text of a secret becomes a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// The bytes of the text as it stands.
    #[default]
    Text,
    /// Base64.
    Base64,
    /// Hexadecimal.
    Hex,
    /// Standard Webhooks: base64, after `whsec_` where that is there.
    Whsec,
    /// Standard Webhooks: an ed25519 public key, base64 after `whpk_`.
    Whpk,
}

/// A secret with the window in which it is good.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The operator's name of it, told when it verified something.
    pub id: Option<String>,
    /// The text.
    pub text: SecretString,
    /// Good from then on.
    pub not_before: Option<Timestamp>,
    /// No longer good then.
    pub not_after: Option<Timestamp>,
}

/// A secret that cannot be a key of the scheme. Says nothing of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// It is empty.
    #[error("the secret is empty")]
    Empty,
    /// It is not of the form that the scheme asks for.
    #[error("the secret is not {}", form_name(*.0))]
    NotOfForm(KeyForm),
}

fn form_name(form: KeyForm) -> &'static str {
    match form {
        KeyForm::Text => "text",
        KeyForm::Base64 => "base64",
        KeyForm::Hex => "hexadecimal",
        KeyForm::Whsec => "of the form whsec_<base64>",
        KeyForm::Whpk => "of the form whpk_<base64>",
    }
}

impl Secret {
    /// A secret that is always good.
    pub fn new(text: impl Into<SecretString>) -> Self {
        Self {
            id: None,
            text: text.into(),
            not_before: None,
            not_after: None,
        }
    }

    /// Whether it is good at that time.
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|from| now >= from)
            && self.not_after.is_none_or(|until| now < until)
    }

    /// The key in that form.
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
