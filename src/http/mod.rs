//! TEMPORARY: replaced by the room that is being built.
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
/// A problem document.
pub struct Problem {
    status: StatusCode,
    detail: String,
}
impl Problem {
    /// x
    pub fn new(status: StatusCode) -> Self {
        Self { status, detail: String::new() }
    }
    /// x
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, self.detail).into_response()
    }
}
