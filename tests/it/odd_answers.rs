//! Odd answers of a target, as data: laid before the sandbox, which keeps its own rules.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    extract::Request,
    http::{Response, StatusCode},
};
use tower::{Service, ServiceExt as _};

/// An answer to every request of a kind.
#[derive(Clone, Debug)]
pub struct OddAnswer {
    /// `*`: any method.
    pub method: &'static str,
    /// Below the base URL: `/Users`, `/Users/*`, `*`.
    pub path: &'static str,
    /// A part of the query; empty: any query, or none.
    pub query: &'static str,
    pub status: u16,
    pub body: &'static str,
    /// Whether the request takes effect all the same.
    pub applies: bool,
}

impl OddAnswer {
    /// An answer without a body, to a request that takes no effect.
    pub fn new(method: &'static str, path: &'static str, status: u16) -> Self {
        Self {
            method,
            path,
            query: "",
            status,
            body: "",
            applies: false,
        }
    }

    pub fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub fn applied(self) -> Self {
        Self {
            applies: true,
            ..self
        }
    }

    fn matches(&self, request: &Request) -> bool {
        let path = request.uri().path().trim_start_matches("/scim/v2");
        let query = request.uri().query().unwrap_or_default();
        let is_path = match self.path.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == self.path,
        };
        let is_method = self.method == "*" || request.method().as_str() == self.method;
        is_method && is_path && query.contains(self.query)
    }
}

/// The odd answers in force; the first that matches is given.
#[derive(Clone, Debug, Default)]
pub struct OddAnswers(Arc<Mutex<Vec<OddAnswer>>>);

impl OddAnswers {
    pub fn set(&self, answers: impl IntoIterator<Item = OddAnswer>) {
        *self.0.lock().expect("no panic") = answers.into_iter().collect();
    }

    fn find(&self, request: &Request) -> Option<OddAnswer> {
        let answers = self.0.lock().expect("no panic");
        answers
            .iter()
            .find(|answer| answer.matches(request))
            .cloned()
    }
}

impl OddAnswers {
    /// Answers oddly, or lets `target` answer.
    pub async fn answer<S>(&self, request: Request, target: S) -> io::Result<Response<Body>>
    where
        S: Service<Request, Response = Response<Body>, Error = io::Error>,
    {
        let Some(answer) = self.find(&request) else {
            return target.oneshot(request).await;
        };
        if answer.applies {
            target.oneshot(request).await?;
        }

        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
        Ok(response)
    }
}
