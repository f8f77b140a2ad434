//! Responses: answers, refusals and the broken ones, as HTTP.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::SandboxProfile;
use super::fault::RetryAfter;
use super::refusal::Refusal;
use super::service::Answer;

/// Marks a response in whose place the connection is to be closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct HangUp;

/// An answer of the service.
pub(super) fn answered(answer: Answer, profile: SandboxProfile) -> Response {
    let mut response = with_body(answer.status, answer.body.as_ref(), profile);
    if let Some(location) = answer
        .location
        .and_then(|location| HeaderValue::try_from(location).ok())
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A refusal, in the dialect's form.
pub(super) fn refused(refusal: &Refusal, profile: SandboxProfile) -> Response {
    let mut response = with_body(refusal.status, Some(&refusal.body(profile)), profile);
    if refusal.status == 401 {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"sandbox\""),
        );
    }
    response
}

fn with_body(status: u16, body: Option<&Value>, profile: SandboxProfile) -> Response {
    let mut response =
        Response::new(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if body.is_some() {
        let kind = match profile {
            SandboxProfile::Generic => "application/scim+json",
            SandboxProfile::Workplace => "application/json",
        };
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

/// What a wrong URL or a proxy says.
pub(super) fn html_not_found() -> Response {
    let page = "<!doctype html><title>404</title><h1>Not Found</h1><p>The requested URL was not found on this server.";
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    response
}

/// No answer: a response that the sandbox's listener never sends, and that breaks off under any other.
pub(super) fn hang_up() -> Response {
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("hung up")) });
    let mut response = Response::new(Body::from_stream(broken));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(HangUp);
    response
}

/// The header, in either form.
pub(super) fn retry_after(retry_after: RetryAfter, now: Timestamp) -> Option<HeaderValue> {
    let text = match retry_after {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(seconds) => {
            let then = now
                .checked_add(SignedDuration::from_secs(i64::from(seconds)))
                .ok()?;
            then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_has_two_forms() {
        let at: Timestamp = "1994-11-06T08:49:35Z".parse().unwrap();
        assert_eq!(retry_after(RetryAfter::Seconds(7), at).unwrap(), "7");
        assert_eq!(
            retry_after(RetryAfter::Date(2), at).unwrap(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
