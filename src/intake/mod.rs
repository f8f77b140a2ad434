//! `POST /hooks/{source}`: verifies the raw bytes, reads them, publishes them, and answers 200 only
//! after the confirm.
//!
//! It needs the queue and no other dependency. Trouble on our side is answered 503 with
//! `Retry-After`: after a 4xx most HR systems do not send the hook again. A hook that is not
//! durable is never answered 200.

mod batcher;
mod detach;
mod endpoint;
mod examine;
mod handler;
mod hook_request;
mod refusal;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use endpoint::IntakeSettings;
pub use endpoint::SourceEndpoint;

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Router,
    extract::{Request, State},
    routing::post,
};
use tokio::sync::Semaphore;

use crate::{http::BodyBudget, observer::Observer, queue::Queue, telemetry::LogLimit};
use batcher::Batcher;

/// The state of the routes.
type IntakeState = State<Intake>;

/// The intake of one process. Clones share their state.
#[derive(Clone)]
pub(crate) struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    active: RwLock<Arc<ActiveSettings>>,
    instance: String,
    queue: Arc<dyn Queue>,
    batcher: Batcher,
    observer: Arc<dyn Observer>,
    body_budget: BodyBudget,
    /// A permit for each large body that is examined.
    large_bodies: Arc<Semaphore>,
    /// Limits the lines about refused hooks, and the hints in them.
    refused: LogLimit,
    unknown: LogLimit,
    hints: LogLimit,
}

/// How many large bodies are examined at a time: half of the cores.
fn large_bodies() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).max(1)
}

/// The current settings. A request uses those of its start until its end.
struct ActiveSettings {
    settings: IntakeSettings,
    /// A permit for each request in flight.
    permits: Arc<Semaphore>,
}

impl ActiveSettings {
    fn new(settings: IntakeSettings) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(settings.in_flight)),
            settings,
        })
    }
}

impl Intake {
    /// An intake that publishes to `queue` and reports each request to `observer`. Must be called
    /// within a Tokio runtime.
    pub fn new(
        settings: IntakeSettings,
        queue: Arc<dyn Queue>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let instance = settings.instance.clone();
        let batcher = Batcher::new(
            Arc::clone(&queue),
            instance.clone(),
            Arc::clone(&observer),
            settings.max_batch_delay,
        );

        Self {
            shared: Arc::new(Shared {
                body_budget: BodyBudget::new(settings.body_budget),
                large_bodies: Arc::new(Semaphore::new(large_bodies())),
                refused: LogLimit::new(),
                unknown: LogLimit::new(),
                hints: LogLimit::new(),
                active: RwLock::new(ActiveSettings::new(settings)),
                instance,
                queue,
                batcher,
                observer,
            }),
        }
    }

    /// Uses other settings from the next request on, except for the instance and the batch delay.
    pub fn replace(&self, settings: IntakeSettings) {
        *self
            .shared
            .active
            .write()
            .unwrap_or_else(PoisonError::into_inner) = ActiveSettings::new(settings);
    }

    /// The route of the hooks. Any other path is answered 404, any other method 405; the caller
    /// merges the health routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route(
                "/hooks/{source}",
                post(handler::post_hook).fallback(
                    |State(intake): IntakeState, request: Request| async move {
                        handler::method_not_allowed(intake, &request)
                    },
                ),
            )
            .fallback(|State(intake): IntakeState, request: Request| async move {
                handler::unknown_path(intake, &request)
            })
            .with_state(self.clone())
    }

    fn active(&self) -> Arc<ActiveSettings> {
        Arc::clone(
            &self
                .shared
                .active
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}
