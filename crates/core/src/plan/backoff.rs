//! How long to wait: full-jitter, capped, exponential. Arithmetic only; chance is an argument.

use std::time::Duration;

/// The shape of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub base: Duration,
    /// The longest wait at all.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(2),
            cap: Duration::from_mins(15),
        }
    }
}

/// A `Retry-After` beyond this is taken for a mistake.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

impl Backoff {
    /// The wait after `attempts` failures in a row (1: the first), with `chance` in 0..1.
    ///
    /// The target's own `at_least` wins where it is longer than what was drawn, and then gets up to `base`
    /// on top, so that those who were told the same do not all come back at once.
    pub fn delay(&self, attempts: u32, chance: f64, at_least: Option<Duration>) -> Duration {
        let chance = if chance.is_finite() {
            chance.clamp(0.0, 1.0)
        } else {
            1.0
        };
        let doubled = 2_u32
            .checked_pow(attempts.saturating_sub(1))
            .and_then(|factor| self.base.checked_mul(factor));
        let drawn = doubled.unwrap_or(self.cap).min(self.cap).mul_f64(chance);
        match at_least.map(|asked| asked.min(LONGEST_RETRY_AFTER)) {
            Some(asked) if asked >= drawn => asked + self.base.mul_f64(chance),
            Some(_) | None => drawn,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let backoff = Backoff {
            base: 2 * SECOND,
            cap: 60 * SECOND,
        };
        let ceilings: Vec<u64> = (1..=7)
            .map(|n| backoff.delay(n, 1.0, None).as_secs())
            .collect();
        assert_eq!(ceilings, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.delay(3, 0.5, None), 4 * SECOND);
        assert_eq!(backoff.delay(u32::MAX, 1.0, None), 60 * SECOND);
        assert_eq!(backoff.delay(0, 1.0, None), 2 * SECOND);
    }

    #[test]
    fn the_targets_own_word_wins() {
        let backoff = Backoff {
            base: 2 * SECOND,
            cap: 60 * SECOND,
        };
        assert_eq!(backoff.delay(1, 0.5, Some(100 * SECOND)), 101 * SECOND);
        assert_eq!(backoff.delay(6, 1.0, Some(SECOND)), 60 * SECOND);
        assert_eq!(
            backoff.delay(1, 0.0, Some(Duration::MAX)),
            LONGEST_RETRY_AFTER
        );
    }

    proptest! {
        #[test]
        fn no_wait_is_beyond_the_cap_nor_shorter_than_asked(
            attempts in any::<u32>(), chance in any::<f64>(), asked in proptest::option::of(0_u64..200_000),
        ) {
            let backoff = Backoff::default();
            let asked = asked.map(Duration::from_secs);
            let delay = backoff.delay(attempts, chance, asked);
            prop_assert!(delay <= backoff.cap.max(LONGEST_RETRY_AFTER) + backoff.base);
            prop_assert!(asked.is_none_or(|asked| delay >= asked.min(LONGEST_RETRY_AFTER)));
        }
    }
}
