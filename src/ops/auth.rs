//! Who somebody is, and what they may do: a token over TCP, the Unix user over the socket.
//!
//! Tokens are 256 random bits and kept as their SHA-256; they are compared in constant time, all of them, always.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Ops, Refusal};

/// What somebody may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpsRole {
    /// Look.
    Viewer,
    /// Replay, pause, resume.
    Operator,
    /// Publish mappings.
    Admin,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Their name: the token's, or `local:<user>`.
    pub name: String,
    /// What they may do.
    pub role: OpsRole,
}

/// A token by which somebody comes in over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpsToken {
    /// Whose it is.
    pub name: String,
    /// What they may do.
    pub role: OpsRole,
    /// SHA-256 of the token's text.
    pub hash: [u8; 32],
}

/// By which way somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Over TCP: a token decides.
    Tcp,
    /// Over the socket (0600), or in the command's own process.
    Local,
}

/// The header in which a local command names its Unix user.
pub const ACTOR_HEADER: &str = "hirewire-actor";

/// What a route asks for.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) ops: Ops,
    pub(super) door: Transport,
    pub(super) role: OpsRole,
}

/// Lets through whoever has the role, and tells the handler who it is.
pub(super) async fn check(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    let actor = match guard.door {
        Transport::Local => Some(local(request.headers())),
        Transport::Tcp => by_token(&guard.ops.parts().tokens, request.headers()),
    };
    match actor {
        None => Refusal::unauthorized().into_response(),
        Some(actor) if actor.role < guard.role => Refusal::forbidden(guard.role).into_response(),
        Some(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
    }
}

fn local(headers: &HeaderMap) -> Actor {
    let user = headers
        .get(ACTOR_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("unknown");
    Actor {
        name: format!("local:{user}"),
        role: OpsRole::Admin,
    }
}

fn by_token(tokens: &[OpsToken], headers: &HeaderMap) -> Option<Actor> {
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
    fn a_token_is_known_by_its_hash_alone() {
        let hash = Sha256::digest(b"secret").into();
        let tokens = [OpsToken {
            name: "ada".into(),
            role: OpsRole::Operator,
            hash,
        }];
        let actor = by_token(&tokens, &headers("Bearer secret")).unwrap();
        assert_eq!(
            (actor.name.as_str(), actor.role),
            ("ada", OpsRole::Operator)
        );
        for wrong in ["Bearer other", "Bearer ", "Basic secret", "secret"] {
            assert_eq!(by_token(&tokens, &headers(wrong)), None, "{wrong}");
        }
        assert!(OpsRole::Viewer < OpsRole::Operator && OpsRole::Operator < OpsRole::Admin);
    }
}
