//! Reads the whole body of a request, within a limit in bytes and a deadline.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadBodyError {
    /// The body is longer than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// The body did not arrive before the deadline.
    #[error("the body did not arrive in time")]
    TimedOut,
    /// The client closed the connection, or its chunks are malformed.
    #[error("the body is incomplete")]
    Incomplete,
}

/// Reads at most `limit` bytes within `timeout`.
pub(crate) async fn read_body(
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, ReadBodyError> {
    // A `Content-Length` over the limit is refused before a byte is read. One below it proves
    // nothing, so the bytes are counted all the same.
    if body.size_hint().lower() > limit as u64 {
        return Err(ReadBodyError::TooLarge);
    }

    tokio::time::timeout(timeout, collect(body, limit))
        .await
        .unwrap_or(Err(ReadBodyError::TimedOut))
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, ReadBodyError> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();

    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ReadBodyError::Incomplete)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + whole.len() + data.len() > limit {
            return Err(ReadBodyError::TooLarge);
        }

        // Most bodies arrive in one frame, which is then not copied.
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

    const LONG: Duration = Duration::from_mins(1);

    fn chunks(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(
            chunks
                .iter()
                .map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk.as_bytes()))),
        ))
    }

    #[tokio::test]
    async fn the_limit_counts_the_bytes_of_all_chunks() {
        assert_eq!(
            read_body(chunks(&["ab", "cd", "ef"]), 6, LONG).await,
            Ok(Bytes::from("abcdef"))
        );
        assert_eq!(
            read_body(chunks(&["ab", "cd", "efg"]), 6, LONG).await,
            Err(ReadBodyError::TooLarge)
        );
        assert_eq!(
            read_body(Body::from("abcdefg"), 6, LONG).await,
            Err(ReadBodyError::TooLarge)
        );
        assert_eq!(read_body(Body::empty(), 6, LONG).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_times_out() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(
            read_body(never, 6, Duration::from_millis(5)).await,
            Err(ReadBodyError::TimedOut)
        );
    }
}
