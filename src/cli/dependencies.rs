//! Tries each dependency of a config: queue, store, connections. Writes nothing.

use std::{error::Error as _, fs::OpenOptions, path::Path};

use futures_util::future::join_all;

use super::{
    dependency_report::{DependencyReport, DependencyState},
    targets::check_connection,
};
use crate::{
    config::{Config, Diagnostics, QueueConfig},
    queue::{self, BrokerProblem},
    store::{Store, StoreError},
    telemetry,
};

/// Tries all dependencies at the same time. Also returns a warning for each rule that the schemas of
/// its target contradict.
pub(super) async fn check(config: &Config) -> (Vec<DependencyReport>, Diagnostics) {
    let connections = join_all(config.connections.values().map(check_connection));
    let (queue, store, connections) =
        tokio::join!(check_queue(config), check_store(config), connections);
    let (connections, schemas): (Vec<_>, Vec<_>) = connections.into_iter().unzip();

    let reports = check_data_dir(config)
        .into_iter()
        .chain(queue)
        .chain([store])
        .chain(connections);
    let published: Vec<_> = config.connections.values().zip(schemas).collect();
    let published: Vec<_> = published
        .into_iter()
        .filter_map(|(connection, schemas)| Some((connection, schemas?)))
        .collect();
    (reports.collect(), config.contradictions(&published))
}

/// Whether the service could write to `data_dir`; `None`: it can. Writes nothing that stays.
fn check_data_dir(config: &Config) -> Option<DependencyReport> {
    let folder = &config.data_dir;
    // The service creates a folder that is missing: then the nearest one above must be writable.
    let existing = folder.ancestors().find(|folder| folder.exists());
    let existing = existing
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));

    let probe = existing.join(format!(".hirewire-check-{}", telemetry::new_id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&probe);
    if written.is_ok() {
        // The file is empty, and nothing depends on it.
        let _ = std::fs::remove_file(&probe);
        return None;
    }

    let error = written.err()?;
    let detail = format!(
        "{} cannot be written to: {error}. The queue, the store and the operators' socket are there",
        folder.display()
    );
    Some(DependencyReport::new(
        "data_dir",
        (DependencyState::Refused, detail),
    ))
}

/// Logs in to the broker and tries its permissions. The embedded queue is not a dependency.
async fn check_queue(config: &Config) -> Option<DependencyReport> {
    let QueueConfig::Rabbit(address) = &config.queue else {
        return None;
    };

    let result = match config.broker_settings(address) {
        Ok(settings) => match queue::check_broker(&settings).await {
            Ok(detail) => (DependencyState::Good, detail),
            Err(BrokerProblem::Refused(problem)) => (DependencyState::Refused, problem),
            Err(BrokerProblem::Unreachable(problem)) => (DependencyState::Unreachable, problem),
        },
        Err(error) => (DependencyState::Refused, format!("[queue] {error}")),
    };
    Some(DependencyReport::new("queue", result))
}

/// Reads the version of the store's schema.
async fn check_store(config: &Config) -> DependencyReport {
    let settings = match config.store_settings() {
        Ok(settings) => settings,
        Err(error) => {
            return DependencyReport::new("store", (DependencyState::Refused, error.to_string()));
        }
    };

    let result = match Store::migration_status(&settings).await {
        Ok(status) if status.current > status.latest => (
            DependencyState::Refused,
            "a newer hirewire has updated its schema: run that version".to_owned(),
        ),
        Ok(status) => {
            let schema = if status.pending.is_empty() {
                "its schema is up to date".to_owned()
            } else {
                format!(
                    "`hirewire run` will update its schema: {}",
                    status.pending.join(", ")
                )
            };
            let encryption = status.encryption.map(|used| format!("; {used}"));
            let detail = format!("{schema}{}", encryption.unwrap_or_default());
            (DependencyState::Good, detail)
        }
        Err(error @ StoreError::Unreachable(_)) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            (DependencyState::Unreachable, format!("{error}: {reason}"))
        }
        Err(error @ (StoreError::Refused(_) | StoreError::Incompatible(_))) => {
            (DependencyState::Refused, error.to_string())
        }
    };
    DependencyReport::new("store", result)
}
