//! The text encoding of a signature or key: hexadecimal or base64.
//!
//! A presented signature is decoded and its bytes are compared, so that case and padding do not
//! matter and the compared length is fixed.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The text encoding of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal; decoded in any case, encoded in lower case.
    #[default]
    Hex,
    /// Base64 (RFC 4648 section 4); decoded with or without padding, encoded with it.
    Base64,
    /// Base64 for URLs (RFC 4648 section 5); padding as in [`Encoding::Base64`].
    Base64Url,
}

impl Encoding {
    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hexadecimal",
            Self::Base64 => "base64",
            Self::Base64Url => "URL-safe base64",
        }
    }

    /// The bytes of the text; `None` if the text does not have this encoding.
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => decode_hex(text),
            Self::Base64 => BASE64.decode(text).ok(),
            Self::Base64Url => BASE64_URL.decode(text).ok(),
        }
    }

    /// The text of the bytes.
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => encode_hex(bytes),
            Self::Base64 => BASE64.encode(bytes),
            Self::Base64Url => BASE64_URL.encode(bytes),
        }
    }
}

fn encode_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_padding_do_not_matter() {
        assert_eq!(Encoding::Hex.decode("00fF"), Some(vec![0, 255]));
        assert_eq!(
            Encoding::Base64.decode("+/8="),
            Encoding::Base64.decode("+/8")
        );
        assert_eq!(
            Encoding::Base64Url.decode("-_8"),
            Encoding::Base64.decode("+/8=")
        );
    }

    #[test]
    fn a_text_of_another_encoding_is_rejected() {
        for wrong in ["abc", "zz", "+f", "é"] {
            assert_eq!(Encoding::Hex.decode(wrong), None, "{wrong}");
        }
        assert_eq!(Encoding::Base64.decode("-_8="), None);
    }
}
