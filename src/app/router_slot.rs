//! A router that can be replaced while it serves.
//!
//! It answers 503 until it is filled: the operators' API needs the store. A reload fills it again.

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower::ServiceExt as _;

use crate::http::Problem;

/// Holds the current router, if any.
#[derive(Clone, Default)]
pub(super) struct RouterSlot(Arc<RwLock<Option<Router>>>);

impl RouterSlot {
    /// Serves this router from the next request on.
    pub(super) fn set(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(router);
    }

    /// A router that forwards each request to the current one.
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(forward).with_state(self.clone())
    }
}

async fn forward(State(slot): State<RouterSlot>, request: Request) -> Response {
    let router = slot
        .0
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();

    match router {
        Some(router) => router
            .oneshot(request)
            .await
            .unwrap_or_else(|never: Infallible| match never {}),
        None => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail("the service does not reach its store yet; try again in a few seconds")
            .retry_after(Duration::from_secs(2))
            .into_response(),
    }
}
