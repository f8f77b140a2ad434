//! Reads the whole body of a request, within a limit in bytes, a budget of all bodies, and a deadline.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::budget::{BodyBudget, BudgetPermit};

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadBodyError {
    /// The body is longer than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// The bodies of all requests take as much memory as they may.
    #[error("the bodies of all requests take too much memory")]
    OverBudget,
    /// The body did not arrive before the deadline.
    #[error("the body did not arrive in time")]
    TimedOut,
    /// The client closed the connection, or its chunks are malformed.
    #[error("the body is incomplete")]
    Incomplete,
}

/// The bounds of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits<'a> {
    /// The most bytes of this body.
    pub bytes: usize,
    /// How long it may take to arrive.
    pub timeout: Duration,
    /// The memory of all bodies.
    pub budget: &'a BodyBudget,
}

/// Reads a body. Its memory counts for the budget until the permit is dropped.
pub(crate) async fn read_body(
    body: Body,
    limits: BodyLimits<'_>,
) -> Result<(Bytes, BudgetPermit), ReadBodyError> {
    // A `Content-Length` over the limit is refused before a byte is read. One below it proves
    // nothing, so the bytes are counted all the same.
    if body.size_hint().lower() > limits.bytes as u64 {
        return Err(ReadBodyError::TooLarge);
    }

    tokio::time::timeout(limits.timeout, collect(body, limits))
        .await
        .unwrap_or(Err(ReadBodyError::TimedOut))
}

async fn collect(
    mut body: Body,
    limits: BodyLimits<'_>,
) -> Result<(Bytes, BudgetPermit), ReadBodyError> {
    let announced = body.size_hint().exact();
    let announced = announced.and_then(|bytes| usize::try_from(bytes).ok());
    let announced = announced.unwrap_or(limits.bytes);
    let mut permit = BudgetPermit::default();
    let mut first = Bytes::new();
    let mut whole = Vec::new();

    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ReadBodyError::Incomplete)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = first.len() + whole.len() + data.len();
        if length > limits.bytes {
            return Err(ReadBodyError::TooLarge);
        }

        // Most bodies arrive in one frame, which is then not copied.
        let is_only = first.is_empty() && whole.is_empty();
        let capacity = if is_only || whole.capacity() >= length {
            length.max(whole.capacity())
        } else {
            // An announced length proves nothing, so the space doubles towards it.
            (2 * length).min(announced).max(length)
        };
        if !limits.budget.reserve(&mut permit, capacity) {
            return Err(ReadBodyError::OverBudget);
        }

        if is_only {
            first = data;
        } else {
            whole.reserve_exact(capacity - whole.len());
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }

    let body = if whole.is_empty() {
        first
    } else {
        Bytes::from(whole)
    };
    Ok((body, permit))
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

    async fn read(body: Body, bytes: usize, timeout: Duration) -> Result<Bytes, ReadBodyError> {
        let limits = BodyLimits {
            bytes,
            timeout,
            budget: &BodyBudget::new(1024 * 1024),
        };
        read_body(body, limits).await.map(|(body, _)| body)
    }

    #[tokio::test]
    async fn all_bodies_share_a_budget_and_small_ones_need_none() {
        let budget = BodyBudget::new(100_000);
        let read = async |length: usize| {
            let frames = vec![b'x'; length];
            let frames = frames.chunks(7000).map(<[u8]>::to_vec).collect::<Vec<_>>();
            let frames = frames.into_iter().map(Ok::<_, Infallible>);
            let limits = BodyLimits {
                bytes: 1024 * 1024,
                timeout: LONG,
                budget: &budget,
            };
            let read = read_body(Body::from_stream(stream::iter(frames)), limits).await;
            read.map(|(body, permit)| (body.len(), permit))
        };

        let first = read(60_000).await.expect("within the budget");
        assert_eq!(first.0, 60_000);
        assert_eq!(read(60_000).await.err(), Some(ReadBodyError::OverBudget));
        assert_eq!(read(8000).await.expect("a small body").0, 8000);
        drop(first);
        assert_eq!(read(60_000).await.expect("given back").0, 60_000);
    }

    #[tokio::test]
    async fn the_limit_counts_the_bytes_of_all_chunks() {
        assert_eq!(
            read(chunks(&["ab", "cd", "ef"]), 6, LONG).await,
            Ok(Bytes::from("abcdef"))
        );
        assert_eq!(
            read(chunks(&["ab", "cd", "efg"]), 6, LONG).await,
            Err(ReadBodyError::TooLarge)
        );
        assert_eq!(
            read(Body::from("abcdefg"), 6, LONG).await,
            Err(ReadBodyError::TooLarge)
        );
        assert_eq!(read(Body::empty(), 6, LONG).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_times_out() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(
            read(never, 6, Duration::from_millis(5)).await,
            Err(ReadBodyError::TimedOut)
        );
    }
}
