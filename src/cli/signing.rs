//! What `sign` and `send` share: a body from a file, stdin or a sample, and the headers that its source would send.

use std::{
    io::{self, Read as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use jiff::Timestamp;

use super::Exit;
use crate::config::SourceConfig;
use hirewire_core::source::Secret;

/// Reads a file, or stdin for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().read_to_end(&mut body).map(|_| ())
    } else {
        std::fs::read(path).map(|bytes| body = bytes)
    };
    read.with_context(|| format!("{} cannot be read", path.display()))
        .map_err(Exit::usage)?;
    Ok(body)
}

/// Signs as that source.
pub(super) struct Signer<'a> {
    source: &'a SourceConfig,
    secret: Secret,
    content_type: HeaderValue,
}

impl<'a> Signer<'a> {
    /// Takes the first of the source's secrets that is good now.
    pub(super) fn new(
        source: &'a SourceConfig,
        content_type: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Exit> {
        let secrets = source
            .secrets()
            .map_err(|error| Exit::usage(error.into()))?;
        let secret = secrets
            .into_iter()
            .find(|secret| secret.is_valid_at(now))
            .ok_or_else(|| Exit::usage(anyhow!("no secret of `{}` is good now", source.name)))?;
        let usual = source
            .preset
            .content_types
            .first()
            .map_or("application/json", String::as_str);
        let content_type = content_type.unwrap_or(usual);
        let content_type = HeaderValue::try_from(content_type)
            .map_err(|_| Exit::usage(anyhow!("`{content_type}` is no content type")))?;
        Ok(Self {
            source,
            secret,
            content_type,
        })
    }

    /// The headers with this body, the content type among them.
    pub(super) fn headers(
        &self,
        body: &[u8],
        now: Timestamp,
        event_id: &str,
    ) -> Result<HeaderMap, Exit> {
        let signed = self.source.scheme.sign(body, &self.secret, now, event_id);
        let mut headers = signed
            .with_context(|| format!("`{}` cannot sign this", self.source.name))
            .map_err(Exit::failed)?;
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        Ok(headers)
    }
}
