//! How long to wait before the next attempt: capped exponential backoff with jitter.
//!
//! In: the number of failures in a row, a chance in 0..1 and, where the other side sent one, its
//! `Retry-After`. Out: a duration. The module neither sleeps nor draws random numbers; every retry
//! of the project takes its waits from here.

use std::time::Duration;

/// A `Retry-After` above this limit is treated as a mistake and cut to it.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The parameters of an exponential backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure. Each further failure doubles it.
    pub base: Duration,
    /// The longest wait after any number of failures.
    pub cap: Duration,
    /// Which part of the wait is random.
    pub jitter: Jitter,
}

/// Which part of a wait is random, so that many callers do not retry at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// All of it: the wait lies between zero and the ceiling.
    Full,
    /// Half of it: the wait lies between half the ceiling and the ceiling.
    Equal,
}

impl Backoff {
    /// For an account whose request to the target failed: 2 s, doubled up to 15 minutes.
    pub const ACCOUNT: Self = Self {
        base: Duration::from_secs(2),
        cap: Duration::from_mins(15),
        jitter: Jitter::Full,
    };

    /// For the queue or the store while it cannot be reached: 200 ms, doubled up to 5 s.
    pub const DEPENDENCY: Self = Self {
        base: Duration::from_millis(200),
        cap: Duration::from_secs(5),
        jitter: Jitter::Equal,
    };

    /// The wait after `failures` failures in a row (1: the first), with `chance` in 0..1.
    pub fn delay(&self, failures: u32, chance: f64) -> Duration {
        let doubled = 2_u32
            .checked_pow(failures.saturating_sub(1))
            .and_then(|factor| self.base.checked_mul(factor));
        let ceiling = doubled.unwrap_or(self.cap).min(self.cap);

        let share = match self.jitter {
            Jitter::Full => valid(chance),
            Jitter::Equal => f64::midpoint(1.0, valid(chance)),
        };
        ceiling.mul_f64(share)
    }

    /// The wait after `failures` failures in a row when the other side asked for at least
    /// `retry_after`, which is cut to 24 hours.
    ///
    /// If the request is longer than the backoff, a random part of `base` is added to it, so that
    /// callers with the same `Retry-After` do not all come back at once.
    pub fn delay_at_least(
        &self,
        failures: u32,
        chance: f64,
        retry_after: Option<Duration>,
    ) -> Duration {
        let delay = self.delay(failures, chance);

        match retry_after.map(|asked| asked.min(MAX_RETRY_AFTER)) {
            Some(asked) if asked >= delay => asked + self.base.mul_f64(valid(chance)),
            Some(_) | None => delay,
        }
    }
}

/// A caller's failures in a row, and the wait that follows each of them.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    backoff: Backoff,
    failures: u32,
}

impl Retry {
    /// A caller that has not failed yet.
    pub const fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            failures: 0,
        }
    }

    /// Counts one more failure and returns the wait before the next attempt; `chance` is in 0..1.
    pub fn next_delay(&mut self, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.backoff.delay(self.failures, chance)
    }

    /// Forgets the failures after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The chance within 0..=1. A value that is not finite gives the longest wait.
fn valid(chance: f64) -> f64 {
    if chance.is_finite() {
        chance.clamp(0.0, 1.0)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TO_A_MINUTE: Backoff = Backoff {
        base: Duration::from_secs(2),
        cap: Duration::from_mins(1),
        jitter: Jitter::Full,
    };

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let ceilings: Vec<u64> = (1..=7)
            .map(|n| TO_A_MINUTE.delay(n, 1.0).as_secs())
            .collect();

        assert_eq!(ceilings, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(TO_A_MINUTE.delay(3, 0.5), 4 * SECOND);
        assert_eq!(TO_A_MINUTE.delay(u32::MAX, 1.0), 60 * SECOND);
        assert_eq!(TO_A_MINUTE.delay(0, 1.0), 2 * SECOND);
    }

    #[test]
    fn equal_jitter_never_waits_less_than_half_the_ceiling() {
        let backoff = Backoff::DEPENDENCY;
        let delays = [0.0, 0.5, 1.0].map(|chance| backoff.delay(1, chance).as_millis());

        assert_eq!(delays, [100, 150, 200]);
        assert_eq!(backoff.delay(9, 0.0), backoff.cap / 2);
    }

    #[test]
    fn a_longer_retry_after_overrides_the_backoff() {
        let delay = |failures, chance, retry_after| {
            TO_A_MINUTE.delay_at_least(failures, chance, Some(retry_after))
        };

        assert_eq!(delay(1, 0.5, 100 * SECOND), 101 * SECOND);
        assert_eq!(delay(6, 1.0, SECOND), 60 * SECOND);
        assert_eq!(delay(1, 0.0, Duration::MAX), MAX_RETRY_AFTER);
    }

    #[test]
    fn a_retry_counts_its_failures_until_a_reset() {
        let mut retry = Retry::new(TO_A_MINUTE);
        let delays = [(); 3].map(|()| retry.next_delay(1.0).as_secs());
        assert_eq!(delays, [2, 4, 8]);

        retry.reset();
        assert_eq!(retry.next_delay(1.0), 2 * SECOND);
    }

    proptest! {
        #[test]
        fn a_delay_is_within_the_cap_and_at_least_the_retry_after(
            failures in any::<u32>(),
            chance in any::<f64>(),
            asked in proptest::option::of(0_u64..200_000),
        ) {
            let backoff = Backoff::ACCOUNT;
            let asked = asked.map(Duration::from_secs);
            let delay = backoff.delay_at_least(failures, chance, asked);

            prop_assert!(delay <= backoff.cap.max(MAX_RETRY_AFTER) + backoff.base);
            prop_assert!(asked.is_none_or(|asked| delay >= asked.min(MAX_RETRY_AFTER)));
            prop_assert!(backoff.delay(failures, chance) <= backoff.cap);
        }
    }
}
