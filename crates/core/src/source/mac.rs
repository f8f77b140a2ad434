//! The MACs of a request: one for each key, over the signed parts, without a copy of the body.
//!
//! The cost of a request must not depend on how many signatures its header has: a keyed state takes
//! the body once, and each signature is compared with a copy of that state.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, Sha512};

use super::Algorithm;

/// An HMAC that has taken the signed parts.
pub(super) enum KeyedMac {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl KeyedMac {
    /// The MAC of the parts, one after the other; `None` for an algorithm that is no HMAC.
    pub(super) fn over(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Option<Self> {
        match algorithm {
            Algorithm::HmacSha256 => {
                let mut mac = Hmac::new_from_slice(key).ok()?;
                for part in parts {
                    mac.update(part);
                }
                Some(Self::Sha256(mac))
            }
            Algorithm::HmacSha512 => {
                let mut mac = Hmac::new_from_slice(key).ok()?;
                for part in parts {
                    mac.update(part);
                }
                Some(Self::Sha512(mac))
            }
            Algorithm::Ed25519 => None,
        }
    }

    /// Whether this is the signature; compares in constant time.
    pub(super) fn matches(&self, signature: &[u8]) -> bool {
        match self {
            Self::Sha256(mac) => mac.clone().verify_slice(signature).is_ok(),
            Self::Sha512(mac) => mac.clone().verify_slice(signature).is_ok(),
        }
    }

    /// The bytes of the signature.
    pub(super) fn signature(self) -> Vec<u8> {
        match self {
            Self::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}

impl Algorithm {
    /// The length of a signature, in bytes.
    pub(super) fn signature_length(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha512 | Self::Ed25519 => 64,
        }
    }
}

/// Whether the key verifies an ed25519 signature of the message.
pub(super) fn verifies_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key);
    key.verify(message, signature).is_ok()
}
