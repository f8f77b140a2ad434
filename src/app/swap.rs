//! A router that can be replaced while it serves: empty until what it needs is there, another one after a reload.

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower::ServiceExt as _;

use crate::http::Problem;

/// The router of this moment.
#[derive(Clone, Default)]
pub(super) struct Swap(Arc<RwLock<Option<Router>>>);

impl Swap {
    /// Serves this one from the next request on.
    pub(super) fn set(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(router);
    }

    /// Whatever is set at the moment of each request.
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(forward).with_state(self.clone())
    }
}

async fn forward(State(swap): State<Swap>, request: Request) -> Response {
    let router = swap
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
            .detail("the store is not reached yet")
            .retry_after(std::time::Duration::from_secs(2))
            .into_response(),
    }
}
