//! The routes of the sandbox: SCIM, the page, and the requests of the page.

use std::io;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get};
use tower::ServiceExt as _;

use super::http_response::CloseConnection;
use super::profile::SandboxProfile;
use super::sandbox::{BASE_PATH, Sandbox};
use super::{access, control, handler};

/// The endpoints that Workplace also has without a base path.
const WORKPLACE_ROOT_ENDPOINTS: [&str; 5] = [
    "Users",
    "Groups",
    "Schemas",
    "ServiceProviderConfigs",
    "ResourceTypes",
];

impl Sandbox {
    /// The HTTP service of the sandbox, for an accept loop.
    ///
    /// # Errors
    ///
    /// An error of the service is a fault that closes the connection: the caller must close it
    /// without a response.
    pub fn service(
        &self,
    ) -> impl tower::Service<Request, Response = Response, Error = io::Error, Future: Send>
    + Clone
    + Send
    + 'static {
        let router = self.router();

        tower::service_fn(move |request: Request| {
            let router = router.clone();
            async move {
                let response = router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {});
                if response.extensions().get::<CloseConnection>().is_some() {
                    return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
                }
                Ok(response)
            }
        })
    }

    fn router(&self) -> Router {
        let faults = get(control::faults)
            .post(control::set_faults)
            .delete(control::clear_faults);
        let bearer = middleware::from_fn_with_state(self.clone(), access::check_bearer);
        let faults = Router::new()
            .route("/sandbox/faults", faults)
            .route("/sandbox/faults/{id}", delete(control::remove_fault))
            .route_layer(bearer);
        let control = Router::new()
            .route("/", get(control::page))
            .route("/sandbox/state", get(control::state))
            .merge(faults)
            .route_layer(middleware::from_fn(access::check_host));

        let host = middleware::from_fn_with_state(self.clone(), access::check_host_without_token);
        let scim = self.scim_router().route_layer(host);
        control.merge(scim).with_state(self.clone())
    }

    fn scim_router(&self) -> Router<Self> {
        let mut router = Router::new().route(&format!("{BASE_PATH}/{{*path}}"), scim(BASE_PATH));

        if self.profile() == SandboxProfile::Workplace {
            for endpoint in WORKPLACE_ROOT_ENDPOINTS {
                router = router
                    .route(&format!("/{endpoint}"), scim(""))
                    .route(&format!("/{endpoint}/{{*path}}"), scim(""));
            }
        }

        router
    }
}

fn scim(base: &'static str) -> MethodRouter<Sandbox> {
    any(move |State(sandbox): State<Sandbox>, request: Request| {
        handler::handle(sandbox, base, request)
    })
}
