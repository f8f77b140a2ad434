//! Signs a body as a source does, for `sign` and `send`.

use anyhow::{Context as _, anyhow};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use jiff::Timestamp;

use super::Exit;
use crate::config::SourceConfig;
use hirewire_core::source::Secret;

/// Signs bodies with one secret of a source.
pub(super) struct Signer<'a> {
    source: &'a SourceConfig,
    secret: Secret,
    content_type: HeaderValue,
}

impl<'a> Signer<'a> {
    /// Takes the first secret of the source that is valid now.
    pub(super) fn new(
        source: &'a SourceConfig,
        content_type: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Exit> {
        let secrets = source
            .secrets()
            .map_err(|error| Exit::usage(error.into()))?;
        let secret = secrets.into_iter().find(|secret| secret.is_valid_at(now));
        let secret = secret.ok_or_else(|| {
            Exit::usage(anyhow!(
                "the source `{}` has no secret that is valid now: check not_before and not_after",
                source.name
            ))
        })?;

        let default = source.preset.content_types.first();
        let default = default.map_or("application/json", String::as_str);
        let content_type = content_type.unwrap_or(default);
        let content_type = HeaderValue::try_from(content_type)
            .map_err(|_| Exit::usage(anyhow!("`{content_type}` is not a content type")))?;

        Ok(Self {
            source,
            secret,
            content_type,
        })
    }

    /// The headers to send with this body, with the content type.
    pub(super) fn headers(
        &self,
        body: &[u8],
        now: Timestamp,
        event_id: &str,
    ) -> Result<HeaderMap, Exit> {
        let signed = self.source.scheme.sign(body, &self.secret, now, event_id);
        let mut headers = signed
            .with_context(|| format!("the body cannot be signed as `{}`", self.source.name))
            .map_err(Exit::failed)?;
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        Ok(headers)
    }
}
