//! The hint about a signature that does not match: which setting of the source would match it.
//!
//! It helps a newcomer and costs a MAC for each form of the key, so the caller asks for it only
//! where the error is logged, and never for a large body.

use jiff::Timestamp;

use super::{
    Encoding, KeyForm, Scheme, Secret, SignatureError, Unverified, mac::KeyedMac,
    verify::text_header,
};

/// No hint is searched for a longer body, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How many secrets are tried.
const MAX_SECRETS: usize = 4;

const ENCODINGS: [Encoding; 3] = [Encoding::Hex, Encoding::Base64, Encoding::Base64Url];
const KEY_FORMS: [KeyForm; 4] = [KeyForm::Text, KeyForm::Base64, KeyForm::Whsec, KeyForm::Hex];

impl Scheme {
    /// Adds a hint to a mismatch: another encoding or form of the key, or the body alone.
    #[must_use]
    pub fn explain(
        &self,
        error: SignatureError,
        request: Unverified<'_>,
        secrets: &[Secret],
        now: Timestamp,
    ) -> SignatureError {
        let is_mismatch = error == SignatureError::Mismatch { hint: None };
        if !is_mismatch || request.body.len() > MAX_BODY {
            return error;
        }
        SignatureError::Mismatch {
            hint: self.hint(request, secrets, now),
        }
    }

    fn hint(&self, request: Unverified<'_>, secrets: &[Secret], now: Timestamp) -> Option<String> {
        let header = text_header(request.headers, &self.header).ok()?;
        let time = self.time_text(request.headers, header).ok()?;
        let signed = self.signed_parts(request, time).ok()?;
        let presented = self.presented_signatures(header).next()?;
        let decoded = ENCODINGS.map(|encoding| (encoding, encoding.decode(presented.text)));
        let valid = secrets.iter().filter(|secret| secret.is_valid_at(now));
        let valid: Vec<_> = valid.take(MAX_SECRETS).collect();

        for kind in &self.signatures {
            for form in KEY_FORMS {
                for key in valid.iter().filter_map(|secret| secret.key(form).ok()) {
                    let fits = |parts: &[&[u8]]| {
                        let mac = KeyedMac::over(kind.algorithm, &key, parts)?;
                        let fitting = decoded.iter().find(|(_, signature)| {
                            signature.as_deref().is_some_and(|bytes| mac.matches(bytes))
                        });
                        fitting.map(|(encoding, _)| *encoding)
                    };

                    if let Some(encoding) = fits(&signed) {
                        return Some(format!(
                            "it matches if the signature is {} and the secret is {}",
                            encoding.name(),
                            form.name()
                        ));
                    }
                    if fits(&[request.body]).is_some() {
                        return Some("it matches if only the body is signed".to_owned());
                    }
                }
            }
        }
        None
    }
}
