//! Health: `/livez`, `/readyz` and `/readyz/{intake|worker|ops}`, from named checks that the roles register.
//!
//! A check is asked at each request and must answer at once; what it looks at is kept up to date elsewhere.

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

/// A part of the service that can run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessRole {
    /// Receives hooks.
    Intake,
    /// Records and settles.
    Worker,
    /// API and console.
    Ops,
}

impl ProcessRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Intake, Self::Worker, Self::Ops];

    /// Its word.
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

/// How much a listener tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The names of what is not ready: for listeners that the internet reaches.
    Names,
    /// Also why.
    Reasons,
}

type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The checks of the roles that run here.
#[derive(Clone, Default)]
pub struct Health {
    roles: BTreeSet<ProcessRole>,
    checks: Vec<(ProcessRole, &'static str, Check)>,
}

impl Health {
    /// With no role at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the role runs here.
    #[must_use]
    pub fn role(mut self, role: ProcessRole) -> Self {
        self.roles.insert(role);
        self
    }

    /// Adds a check of a role that runs here: ready, or why not.
    #[must_use]
    pub fn check(
        mut self,
        role: ProcessRole,
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.roles.insert(role);
        self.checks.push((role, name, Arc::new(check)));
        self
    }

    /// The three routes, as a listener shows them.
    pub fn router(&self, detail: Detail) -> Router {
        let (all, one) = (self.clone(), self.clone());
        Router::new()
            .route("/livez", get(|| async { Json(json!({ "live": true })) }))
            .route(
                "/readyz",
                get(move || async move { all.answer(&all.roles, detail) }),
            )
            .route(
                "/readyz/{role}",
                get(move |Path(name): Path<String>| async move { one.answer_role(&name, detail) }),
            )
    }

    fn answer_role(&self, name: &str, detail: Detail) -> Response {
        match self.roles.iter().find(|role| role.as_str() == name) {
            Some(role) => self.answer(&BTreeSet::from([*role]), detail),
            None => Problem::new(StatusCode::NOT_FOUND)
                .detail("no such role runs here")
                .into_response(),
        }
    }

    fn answer(&self, roles: &BTreeSet<ProcessRole>, detail: Detail) -> Response {
        let failing: Vec<Value> = self
            .checks
            .iter()
            .filter(|(role, ..)| roles.contains(role))
            .filter_map(|(role, name, check)| {
                check()
                    .err()
                    .map(|reason| told(*role, name, &reason, detail))
            })
            .collect();
        let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        let status = if failing.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let document = json!({ "ready": failing.is_empty(), "roles": names, "not_ready": failing });
        (status, Json(document)).into_response()
    }
}

fn told(role: ProcessRole, name: &str, reason: &str, detail: Detail) -> Value {
    match detail {
        Detail::Names => json!({ "role": role.as_str(), "check": name }),
        Detail::Reasons => json!({ "role": role.as_str(), "check": name, "reason": reason }),
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
    async fn what_is_not_ready_is_named_and_only_in_its_role() {
        let health = Health::new().check(ProcessRole::Intake, "queue", || Ok(())).check(
            ProcessRole::Worker,
            "store",
            || Err("postgres.internal refuses".into()),
        );
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
