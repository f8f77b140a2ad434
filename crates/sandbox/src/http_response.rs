//! HTTP responses: SCIM responses and errors in the media type of the dialect, and those of faults.
//!
//! HTTP cannot express a connection that closes without a response. A response with the extension
//! [`CloseConnection`] stands for it; see [`super::Sandbox::service`].

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fault::RetryAfter;
use super::message::ScimResponse;
use super::profile::SandboxProfile;
use super::scim_error::ScimError;

/// Marks a response that the server must replace by closing the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloseConnection;

/// Renders a response of the service provider.
pub(crate) fn success(response: ScimResponse, profile: SandboxProfile) -> Response {
    let mut http_response = with_body(response.status, response.body.as_ref(), profile);

    if let Some(location) = response
        .location
        .and_then(|location| HeaderValue::try_from(location).ok())
    {
        http_response
            .headers_mut()
            .insert(header::LOCATION, location);
    }

    http_response
}

/// Renders an error.
pub(crate) fn error(error: &ScimError, profile: SandboxProfile) -> Response {
    let mut response = with_body(error.status, Some(&error.body(profile)), profile);

    // A 401 must name the authentication scheme (RFC 9110 section 15.5.2).
    if error.status == 401 {
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
        let media_type = match profile {
            SandboxProfile::Generic => "application/scim+json",
            SandboxProfile::Workplace => "application/json",
        };
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }

    response
}

/// The 404 of a web server or proxy that does not speak SCIM.
pub(crate) fn html_not_found() -> Response {
    let page = "<!doctype html><title>404</title><h1>Not Found</h1>\
        <p>The requested URL was not found on this server.";

    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );

    response
}

/// A closed connection. [`super::Sandbox::service`] turns it into an error; any other server sends
/// a body that ends with an error.
pub(crate) fn close_connection() -> Response {
    let failed_body =
        stream::once(async { Err::<Bytes, _>(std::io::Error::other("connection closed")) });

    let mut response = Response::new(Body::from_stream(failed_body));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(CloseConnection);

    response
}

/// The value of the header `Retry-After`; `None` if the date is out of range.
pub(crate) fn retry_after(retry_after: RetryAfter, now: Timestamp) -> Option<HeaderValue> {
    let text = match retry_after {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(seconds) => {
            let at = now
                .checked_add(SignedDuration::from_secs(i64::from(seconds)))
                .ok()?;
            at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
    };

    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_an_http_date() {
        let now: Timestamp = "1994-11-06T08:49:35Z".parse().unwrap();

        assert_eq!(retry_after(RetryAfter::Seconds(7), now).unwrap(), "7");
        assert_eq!(
            retry_after(RetryAfter::Date(2), now).unwrap(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
