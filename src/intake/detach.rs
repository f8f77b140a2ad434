//! Work that a caller cannot cancel by going away.
//!
//! It runs where it is awaited, which costs no task; only when that is dropped midway does it go on in a task of its own.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Runs to its end, whoever goes away. Within a tokio runtime.
pub(super) struct DetachOnDrop<F: Future<Output = T> + Send + 'static, T: Send + 'static> {
    work: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = T> + Send + 'static, T: Send + 'static> DetachOnDrop<F, T> {
    /// Nothing happens until it is awaited once.
    pub(super) fn new(work: F) -> Self {
        Self {
            work: Some(Box::pin(work)),
        }
    }
}

impl<F: Future<Output = T> + Send + 'static, T: Send + 'static> Future for DetachOnDrop<F, T> {
    /// `None`: it panicked.
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
        // Without a runtime the process is ending, and nobody was told that anything is done.
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
    async fn it_ends_where_it_is_awaited() {
        assert_eq!(DetachOnDrop::new(async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn who_goes_away_cancels_nothing() {
        let go = Arc::new(Notify::new());
        let gate = Arc::clone(&go);
        let (done, told) = oneshot::channel();
        let mut work = DetachOnDrop::new(async move {
            gate.notified().await;
            done.send("done")
        });
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.notify_one();
        assert_eq!(told.await, Ok("done"));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_ends_it() {
        let broken = async { std::hint::black_box(None::<u8>).expect("nothing is there") };
        assert_eq!(DetachOnDrop::new(broken).await, None);
    }
}
