//! A token bucket: requests per second, with a burst of one second's worth.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// When the bucket is full again.
    full_at: Mutex<Option<Instant>>,
}

const BURST: Duration = Duration::from_secs(1);

impl Pace {
    /// `rate` requests a second; a rate that is no positive number means no limit.
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

    /// Waits for a turn; false, at once, if none comes before the deadline.
    pub(super) async fn turn(&self, deadline: Instant) -> bool {
        let Some(at) = self.reserve(Instant::now(), deadline) else {
            return false;
        };
        sleep_until(at).await;
        true
    }

    fn reserve(&self, now: Instant, deadline: Instant) -> Option<Instant> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let after = full_at.unwrap_or(now).max(now) + self.interval;
        // At least one request fits the bucket, also below one a second.
        let at = after
            .checked_sub(BURST.max(self.interval))
            .unwrap_or(now)
            .max(now);
        if at >= deadline {
            return None;
        }
        *full_at = Some(after);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let (pace, start) = (Pace::new(4.0), Instant::now());
        let waits: Vec<u128> = (0..7)
            .map(|_| {
                (pace.reserve(start, start + Duration::from_secs(9)).unwrap() - start).as_millis()
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750]);
        assert_eq!(
            pace.reserve(start, start + Duration::from_secs(1)),
            None,
            "its turn is at the deadline"
        );
        let later = start + Duration::from_secs(10);
        assert_eq!(pace.reserve(later, later + BURST), Some(later));
    }

    #[test]
    fn slow_and_unlimited_paces_have_a_first_turn_at_once() {
        let start = Instant::now();
        let slow = Pace::new(0.1);
        let far = start + Duration::from_mins(1);
        assert_eq!(slow.reserve(start, far), Some(start));
        assert_eq!(
            slow.reserve(start, far),
            Some(start + Duration::from_secs(10))
        );
        let free = Pace::new(0.0);
        assert!((0..1000).all(|_| free.reserve(start, far) == Some(start)));
    }
}
