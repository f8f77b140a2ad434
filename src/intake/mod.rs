//! `POST /hooks/{source}`: verify the raw bytes, read them, publish, and only when that is confirmed answer 200.
//!
//! It needs the queue and nothing else. Our own trouble is 503 with `Retry-After`, never a 4xx (which HR systems do not
//! send again) and never a 200 for what is not durable.

mod batcher;
#[cfg(test)]
mod batcher_tests;
mod detach;
mod endpoint;
#[cfg(test)]
mod fake_queue_tests;
mod handler;
#[cfg(test)]
mod intake_tests;

pub use endpoint::{IntakeSettings, SourceEndpoint};

use std::sync::{Arc, PoisonError, RwLock};

use axum::{Router, extract::State, routing::post};
use tokio::sync::Semaphore;

use crate::queue::Queue;
use batcher::Batcher;

/// The intake: what it knows of the sources can be replaced while it runs.
#[derive(Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

struct Inner {
    current: RwLock<Arc<Current>>,
    instance: String,
    queue: Arc<dyn Queue>,
    batcher: Batcher,
    observer: Arc<dyn crate::observer::Observer>,
}

/// The settings of this moment; a request keeps those it began with.
struct Current {
    settings: IntakeSettings,
    places: Arc<Semaphore>,
}

impl Current {
    fn new(settings: IntakeSettings) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(settings.in_flight)),
            settings,
        })
    }
}

impl Intake {
    /// An intake that publishes to `queue` and tells `observer` of every request. Within a tokio runtime.
    pub fn new(
        settings: IntakeSettings,
        queue: Arc<dyn Queue>,
        observer: Arc<dyn crate::observer::Observer>,
    ) -> Self {
        let instance = settings.instance.clone();
        let batcher = Batcher::new(
            Arc::clone(&queue),
            instance.clone(),
            Arc::clone(&observer),
            settings.gather,
        );
        let current = RwLock::new(Current::new(settings));
        Self {
            inner: Arc::new(Inner {
                current,
                instance,
                queue,
                batcher,
                observer,
            }),
        }
    }

    /// Takes other settings from the next request on. (Instance and gathering stay as it began.)
    pub fn replace(&self, settings: IntakeSettings) {
        *self
            .inner
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Current::new(settings);
    }

    /// `POST /hooks/{source}`; everything else is 404 or 405. The health routes are the caller's to merge.
    pub fn router(&self) -> Router {
        Router::new()
            .route(
                "/hooks/{source}",
                post(handler::hook)
                    .fallback(|State(intake): Here| async { handler::wrong_method(intake) }),
            )
            .fallback(|State(intake): Here| async { handler::unknown_path(intake) })
            .with_state(self.clone())
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(
            &self
                .inner
                .current
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

type Here = State<Intake>;
