//! A token bucket: a number of requests per second, with a burst of one second's worth.
//!
//! It limits when a request may start, not how many run at the same time; the client's permits do
//! that. One limiter belongs to one connection.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

#[derive(Debug)]
pub(super) struct RateLimiter {
    /// Between two requests in the long run; zero: no limit.
    interval: Duration,
    /// When the bucket is full again, if no more is taken from it.
    full_at: Mutex<Option<Instant>>,
}

const BURST: Duration = Duration::from_secs(1);

impl RateLimiter {
    /// `rate` is in requests per second. A rate that is not a positive number means no limit.
    pub(super) fn new(rate: f64) -> Self {
        let interval = if rate > 0.0 {
            Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default()
        } else {
            Duration::ZERO
        };
        Self {
            interval,
            full_at: Mutex::new(None),
        }
    }

    /// Requests per second in the long run; 0: no limit.
    pub(super) fn rate(&self) -> f64 {
        if self.interval.is_zero() {
            0.0
        } else {
            1.0 / self.interval.as_secs_f64()
        }
    }

    /// Waits until a request may start. Returns false at once, and takes no token, if that would be
    /// at the deadline or later.
    pub(super) async fn acquire(&self, deadline: Instant) -> bool {
        let Some(start) = self.reserve(Instant::now(), deadline) else {
            return false;
        };
        sleep_until(start).await;
        true
    }

    /// Takes a token; when its request may start.
    fn reserve(&self, now: Instant, deadline: Instant) -> Option<Instant> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let after = full_at.unwrap_or(now).max(now) + self.interval;

        // The bucket holds at least one token, also at a rate below one per second.
        let start = after
            .checked_sub(BURST.max(self.interval))
            .unwrap_or(now)
            .max(now);
        if start >= deadline {
            return None;
        }

        *full_at = Some(after);
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_starts_at_once_and_further_requests_at_the_rate() {
        let (limiter, now) = (RateLimiter::new(4.0), Instant::now());
        let waits: Vec<u128> = (0..7)
            .map(|_| {
                let start = limiter.reserve(now, now + Duration::from_secs(9)).unwrap();
                (start - now).as_millis()
            })
            .collect();

        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750]);
        assert_eq!(
            limiter.reserve(now, now + Duration::from_secs(1)),
            None,
            "the request could start only at the deadline"
        );
        let later = now + Duration::from_secs(10);
        assert_eq!(limiter.reserve(later, later + BURST), Some(later));
    }

    #[test]
    fn the_first_request_starts_at_once_at_any_rate() {
        let now = Instant::now();
        let far = now + Duration::from_mins(1);

        let slow = RateLimiter::new(0.1);
        assert_eq!(slow.reserve(now, far), Some(now));
        assert_eq!(slow.reserve(now, far), Some(now + Duration::from_secs(10)));

        let unlimited = RateLimiter::new(0.0);
        assert!((0..1000).all(|_| unlimited.reserve(now, far) == Some(now)));
    }
}
