//! Work that a caller cannot cancel by dropping its future.
//!
//! The work runs in the caller's task, which costs no spawn. Only if the future is dropped before
//! the end does the work move to a task of its own.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// A future that runs to its end even if it is dropped. Must be used within a Tokio runtime.
pub(super) struct DetachOnDrop<F: Future<Output = T> + Send + 'static, T: Send + 'static> {
    /// `None` after the end.
    work: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = T> + Send + 'static, T: Send + 'static> DetachOnDrop<F, T> {
    pub(super) fn new(work: F) -> Self {
        Self {
            work: Some(Box::pin(work)),
        }
    }
}

impl<F: Future<Output = T> + Send + 'static, T: Send + 'static> Future for DetachOnDrop<F, T> {
    /// `None` if the work panicked.
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(mut work) = self.work.take() else {
            return Poll::Ready(None);
        };

        let polled =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.as_mut().poll(context)));
        match polled {
            Ok(Poll::Ready(outcome)) => Poll::Ready(Some(outcome)),
            Ok(Poll::Pending) => {
                self.work = Some(work);
                Poll::Pending
            }
            Err(_) => Poll::Ready(None),
        }
    }
}

impl<F: Future<Output = T> + Send + 'static, T: Send + 'static> Drop for DetachOnDrop<F, T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending. The client has no answer, so it sends again.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn awaited_work_returns_its_output() {
        assert_eq!(DetachOnDrop::new(async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn dropped_work_runs_to_its_end() {
        let start = Arc::new(Notify::new());
        let started = Arc::clone(&start);
        let (done, received) = oneshot::channel();
        let mut work = DetachOnDrop::new(async move {
            started.notified().await;
            done.send("done")
        });

        assert!((&mut work).now_or_never().is_none());
        drop(work);
        start.notify_one();
        assert_eq!(received.await, Ok("done"));
    }

    #[tokio::test]
    async fn work_that_panics_returns_none() {
        let broken = async { std::hint::black_box(None::<u8>).expect("a value") };
        assert_eq!(DetachOnDrop::new(broken).await, None);
    }
}
