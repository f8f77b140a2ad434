//! Authentication and roles: a token over TCP, the Unix user over the socket (`SO_PEERCRED`).
//!
//! A token is 256 random bits, and the config keeps its SHA-256. Every token is compared, each in
//! constant time. In: the request. Out: its [`Actor`] for the handler, or 401 or 403.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{ApiError, Ops, Shared, unix_user::actor_of};
use crate::http::Peer;

/// The role of an actor. Each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpsRole {
    /// Reads.
    Viewer,
    /// Replays dead letters, pauses and resumes connections, states operators' events.
    Operator,
    /// Publishes mappings.
    Admin,
}

impl OpsRole {
    /// The name in the config and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// The sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Actor {
    /// The name of the token, or the Unix user: `local:ada (uid 1000)`.
    pub(super) name: String,
    role: OpsRole,
}

/// A token for requests over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpsToken {
    /// The name of its owner, for logs and history.
    pub(crate) name: String,
    pub(crate) role: OpsRole,
    /// SHA-256 of the token's text.
    pub(crate) hash: [u8; 32],
}

/// The transport of a request; it decides how the actor is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// TCP: by token.
    Tcp,
    /// The socket (file mode 0600), or the process of the command itself: an admin.
    Local,
}

/// The check before a route.
#[derive(Clone, Debug)]
pub(super) struct RouteGuard {
    pub(super) ops: Ops,
    pub(super) transport: Transport,
    /// The least role that the route needs.
    pub(super) role: OpsRole,
}

/// Passes a request on if its actor has the role, and adds the [`Actor`] for the handler.
pub(super) async fn check(
    State(guard): State<RouteGuard>,
    mut request: Request,
    next: Next,
) -> Response {
    let actor = match guard.transport {
        Transport::Local => Some(local_actor(&request)),
        Transport::Tcp => token_actor(&guard.ops.parts().tokens, request.headers()),
    };

    let refusal = match &actor {
        None => Some(ApiError::unauthorized()),
        Some(actor) if actor.role < guard.role => Some(ApiError::forbidden(guard.role)),
        // PostgreSQL has no NUL in a text, so it could not even be asked for.
        Some(_) if request.uri().to_string().contains("%00") => {
            Some(ApiError::bad_request("no name has a NUL character"))
        }
        Some(_) => None,
    };
    if let Some(refusal) = refusal {
        let response = refusal.into_response();
        log_refused(&guard, &request, actor.as_ref(), response.status());
        return response;
    }

    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    next.run(request).await
}

/// Counts a refused request, and logs it unless there is a flood of them.
fn log_refused(guard: &RouteGuard, request: &Request, actor: Option<&Actor>, status: StatusCode) {
    let Shared { parts, refused, .. } = &*guard.ops.shared;
    parts.metrics.api_refused(status.as_u16());
    let Some(suppressed) = refused.admit(Instant::now()) else {
        return;
    };

    let client = request
        .extensions()
        .get::<Peer>()
        .map(|peer| parts.trusted_proxies.client(*peer, request.headers()));
    tracing::warn!(
        peer = client.as_ref().map(tracing::field::display),
        actor = actor.map(|actor| actor.name.as_str()),
        method = request.method().as_str(),
        path = request.uri().path(),
        status = status.as_u16(),
        suppressed,
        "an API request is refused"
    );
}

/// The Unix user as the kernel names it: the file mode of the socket decides who may connect.
fn local_actor(request: &Request) -> Actor {
    Actor {
        name: actor_of(request.extensions().get::<Peer>()),
        role: OpsRole::Admin,
    }
}

fn token_actor(tokens: &[OpsToken], headers: &HeaderMap) -> Option<Actor> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let token = text
        .strip_prefix("Bearer ")
        .or_else(|| text.strip_prefix("bearer "))?
        .trim();
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();

    let mut found = None;
    for known in tokens {
        if bool::from(known.hash.ct_eq(&hash)) {
            found = Some(Actor {
                name: known.name.clone(),
                role: known.role,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_found_by_its_hash_alone() {
        let hash = Sha256::digest(b"secret").into();
        let tokens = [OpsToken {
            name: "ada".into(),
            role: OpsRole::Operator,
            hash,
        }];

        let actor = token_actor(&tokens, &headers("Bearer secret")).unwrap();
        assert_eq!(
            (actor.name.as_str(), actor.role),
            ("ada", OpsRole::Operator)
        );

        for wrong in ["Bearer other", "Bearer ", "Basic secret", "secret"] {
            assert_eq!(token_actor(&tokens, &headers(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn each_role_includes_the_ones_before_it() {
        assert!(OpsRole::Viewer < OpsRole::Operator && OpsRole::Operator < OpsRole::Admin);
    }
}
