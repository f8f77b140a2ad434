//! Examines a request: verifies its signature, then reads its body. Pure work on the CPU.
//!
//! A small body is examined where it arrived. A large one costs milliseconds, and anybody can send
//! it, so it is examined off the runtime's threads, and few of them at a time: the threads that
//! answer other requests never wait for it.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::request::Parts;

use super::{Intake, SourceEndpoint, refusal::Refusal};
use crate::telemetry;
use hirewire_core::{
    event::ContentDigest,
    source::{ParsedBody, SignatureError, Unverified},
};

/// A longer body is examined off the runtime's threads, in bytes.
const LARGE: usize = 64 * 1024;

/// A verified request, and what its body holds.
pub(super) struct Examined {
    /// Id of the secret that verified it.
    pub secret: Option<String>,
    /// The digest of the body.
    pub digest: ContentDigest,
    pub parsed: ParsedBody,
}

impl Intake {
    /// Examines a request.
    pub(super) async fn examine(
        &self,
        endpoint: &Arc<SourceEndpoint>,
        parts: &Arc<Parts>,
        body: &Bytes,
    ) -> Result<Examined, Refusal> {
        if body.len() <= LARGE {
            return self.examine_here(endpoint, parts, body);
        }

        let permit = Arc::clone(&self.shared.large_bodies).acquire_owned().await;
        let (intake, endpoint, parts, body) = (
            self.clone(),
            Arc::clone(endpoint),
            Arc::clone(parts),
            body.clone(),
        );
        let examined = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            intake.examine_here(&endpoint, &parts, &body)
        });
        examined
            .await
            .unwrap_or_else(|_| Err(Refusal::interrupted()))
    }

    fn examine_here(
        &self,
        endpoint: &SourceEndpoint,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Examined, Refusal> {
        let request = Unverified {
            method: parts.method.as_str(),
            headers: &parts.headers,
            body,
        };
        let verified = endpoint
            .scheme
            .verify(request, &endpoint.secrets, telemetry::now())
            .map_err(|error| self.explain(endpoint, request, error))?;

        let parsed = endpoint
            .preset
            .read(&verified, &parts.headers, &endpoint.origins);
        Ok(Examined {
            digest: ContentDigest::of(body),
            secret: verified.secret,
            parsed,
        })
    }

    /// Adds a hint for the log. It costs several MACs, so a flood of forged requests gets none.
    fn explain(
        &self,
        endpoint: &SourceEndpoint,
        request: Unverified<'_>,
        error: SignatureError,
    ) -> SignatureError {
        match self.shared.hints.admit(Instant::now()) {
            Some(_) => endpoint
                .scheme
                .explain(error, request, &endpoint.secrets, telemetry::now()),
            None => error,
        }
    }
}
