//! Who is told of requests: metrics, and a recorder for golden request logs.

use std::{fmt, time::Duration};

use super::Response;
use hirewire_core::plan::{Failure, Method, Request};

/// Hears of every request. The methods do nothing unless they are implemented.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request ended; `status` is `None` where no answer came. For metrics: no personal data.
    fn ended(&self, connection: &str, method: Method, status: Option<u16>, took: Duration) {
        let _ = (connection, method, status, took);
    }

    /// The same, whole, with bodies: for golden logs of tests only.
    fn exchanged(&self, exchange: &Exchange<'_>) {
        let _ = exchange;
    }
}

/// A request and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// As sent, less base URL and credentials.
    pub request: &'a Request,
    /// What came.
    pub result: &'a Result<Response, Failure>,
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
