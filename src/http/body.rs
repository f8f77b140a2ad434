//! Reading a request's body whole, with a limit counted while reading and a deadline for all of it.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// It did not come in time.
    #[error("the body did not come in time")]
    TimedOut,
    /// The client broke off, or its chunks are malformed.
    #[error("the body broke off")]
    Broken,
}

/// The raw bytes of the body: at most `limit` of them, within `timeout`.
pub async fn read_body(body: Body, limit: usize, timeout: Duration) -> Result<Bytes, BodyError> {
    // What is announced is believed only when it is too much.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    tokio::time::timeout(timeout, collect(body, limit))
        .await
        .unwrap_or(Err(BodyError::TimedOut))
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if first.len() + whole.len() + data.len() > limit {
            return Err(BodyError::TooLarge);
        }
        // Most bodies come in one piece, which is then not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const PATIENT: Duration = Duration::from_mins(1);

    fn chunks(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(
            chunks
                .iter()
                .map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk.as_bytes()))),
        ))
    }

    #[tokio::test]
    async fn chunks_are_counted_as_they_come() {
        assert_eq!(
            read_body(chunks(&["ab", "cd", "ef"]), 6, PATIENT).await,
            Ok(Bytes::from("abcdef"))
        );
        assert_eq!(
            read_body(chunks(&["ab", "cd", "efg"]), 6, PATIENT).await,
            Err(BodyError::TooLarge)
        );
        assert_eq!(
            read_body(Body::from("abcdefg"), 6, PATIENT).await,
            Err(BodyError::TooLarge)
        );
        assert_eq!(read_body(Body::empty(), 6, PATIENT).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(
            read_body(never, 6, Duration::from_millis(5)).await,
            Err(BodyError::TimedOut)
        );
    }
}
