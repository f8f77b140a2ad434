//! Health routes: `/livez`, `/readyz` and `/readyz/{intake|worker|ops}`.
//!
//! Each role registers named checks. A request runs the checks of the roles it asks for; a check
//! only reads a state that another task keeps up to date, so it answers at once. `/livez` runs no
//! check: it answers as long as the process accepts connections.

use std::{collections::BTreeSet, fmt, sync::Arc};

use axum::{
    Json, Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::{Value, json};

use super::Problem;

/// A role that a process may run, alone or with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ProcessRole {
    /// Receives hooks and publishes them to the queue.
    Intake,
    /// Stores the events of the queue and reconciles accounts.
    Worker,
    /// Serves the operators' API.
    Ops,
}

impl ProcessRole {
    pub const ALL: [Self; 3] = [Self::Intake, Self::Worker, Self::Ops];

    /// The role's name in the health routes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Worker => "worker",
            Self::Ops => "ops",
        }
    }
}

impl fmt::Display for ProcessRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much of a failed check the answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Role and name of the check: for a listener that the internet can reach.
    Names,
    /// The reason as well.
    Reasons,
}

type CheckFn = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

#[derive(Clone)]
struct Check {
    role: ProcessRole,
    name: &'static str,
    run: CheckFn,
}

/// The roles that run in this process, and their checks.
#[derive(Clone, Default)]
pub(crate) struct Health {
    roles: BTreeSet<ProcessRole>,
    checks: Vec<Check>,
}

impl Health {
    /// No role and no check.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check and its role. `check` returns the reason if the role is not ready; it must not
    /// block.
    #[must_use]
    pub fn check(
        mut self,
        role: ProcessRole,
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.roles.insert(role);
        self.checks.push(Check {
            role,
            name,
            run: Arc::new(check),
        });
        self
    }

    /// The health routes of one listener.
    pub fn router(&self, detail: Detail) -> Router {
        let (all, one) = (self.clone(), self.clone());
        Router::new()
            .route("/livez", get(|| async { Json(json!({ "live": true })) }))
            .route(
                "/readyz",
                get(move || async move { all.respond(&all.roles, detail) }),
            )
            .route(
                "/readyz/{role}",
                get(move |Path(name): Path<String>| async move { one.respond_role(&name, detail) }),
            )
    }

    fn respond_role(&self, name: &str, detail: Detail) -> Response {
        match self.roles.iter().find(|role| role.as_str() == name) {
            Some(role) => self.respond(&BTreeSet::from([*role]), detail),
            None => Problem::new(StatusCode::NOT_FOUND)
                .detail("no such role runs here")
                .into_response(),
        }
    }

    /// 200 if every check of these roles passes, else 503 with the checks that failed.
    fn respond(&self, roles: &BTreeSet<ProcessRole>, detail: Detail) -> Response {
        let failed: Vec<Value> = self
            .checks
            .iter()
            .filter(|check| roles.contains(&check.role))
            .filter_map(|check| {
                let reason = (check.run)().err()?;
                Some(failed_check(check, &reason, detail))
            })
            .collect();

        let status = if failed.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        let document = json!({ "ready": failed.is_empty(), "roles": names, "not_ready": failed });
        (status, Json(document)).into_response()
    }
}

fn failed_check(check: &Check, reason: &str, detail: Detail) -> Value {
    let (role, name) = (check.role.as_str(), check.name);
    match detail {
        Detail::Names => json!({ "role": role, "check": name }),
        Detail::Reasons => json!({ "role": role, "check": name, "reason": reason }),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(health: &Health, detail: Detail, path: &str) -> (u16, Value) {
        let request = http::Request::get(path)
            .body(Body::empty())
            .expect("a request");

        let response = health
            .router(detail)
            .oneshot(request)
            .await
            .expect("an answer");

        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .expect("a body");
        (status, serde_json::from_slice(&body).expect("json"))
    }

    #[tokio::test]
    async fn a_failed_check_is_named_and_makes_only_its_role_unready() {
        let health = Health::new()
            .check(ProcessRole::Intake, "queue", || Ok(()))
            .check(ProcessRole::Worker, "store", || {
                Err("postgres.internal refuses".into())
            });

        assert_eq!(get(&health, Detail::Names, "/livez").await.0, 200);
        assert_eq!(get(&health, Detail::Names, "/readyz/intake").await.0, 200);
        assert_eq!(get(&health, Detail::Names, "/readyz/ops").await.0, 404);

        let (status, document) = get(&health, Detail::Names, "/readyz").await;
        assert_eq!(
            (status, &document["not_ready"]),
            (503, &json!([{"role": "worker", "check": "store"}]))
        );

        let (_, document) = get(&health, Detail::Reasons, "/readyz/worker").await;
        assert_eq!(
            document["not_ready"][0]["reason"],
            "postgres.internal refuses"
        );
    }
}
