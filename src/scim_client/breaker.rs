//! The breaker of a connection: it opens when calls for several *different* people fail in a row.
//!
//! One person's trouble never opens it. While it is open nothing is claimed; after a while one probe may go,
//! and its success closes it. Time is an argument.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many different people in a row.
    pub people: usize,
    /// How long it stays open the first time; doubled each time the probe fails.
    pub pause: Duration,
    /// At most so long.
    pub longest: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            people: 5,
            pause: Duration::from_secs(10),
            longest: Duration::from_mins(5),
        }
    }
}

/// What a breaker's state is called, in metrics and pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All is well.
    Closed,
    /// Nothing is sent.
    Open,
    /// A probe is out.
    HalfOpen,
}

/// Whether something may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Go,
    /// Only a probe, by whoever was told this; the others wait.
    Probe,
    /// Not before so long.
    Wait(Duration),
}

/// A breaker.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
enum Inner {
    Closed { failing: BTreeSet<String> },
    Open { until: Instant, pause: Duration },
    HalfOpen { since: Instant, pause: Duration },
}

impl Breaker {
    /// A closed one.
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            inner: Mutex::new(Inner::Closed {
                failing: BTreeSet::new(),
            }),
        }
    }

    /// Whether something may be sent now.
    pub fn gate(&self, now: Instant) -> Gate {
        self.with(|inner| match inner {
            Inner::Closed { .. } => Gate::Go,
            Inner::Open { until, .. } if now < *until => Gate::Wait(*until - now),
            // A probe that never came back gives way to another.
            Inner::HalfOpen { since, pause } if now < *since + *pause => {
                Gate::Wait(*since + *pause - now)
            }
            Inner::Open { pause, .. } | Inner::HalfOpen { pause, .. } => {
                *inner = Inner::HalfOpen {
                    since: now,
                    pause: *pause,
                };
                Gate::Probe
            }
        })
    }

    /// The target answered as a target should (a refusal of one person is such an answer). Closes a breaker
    /// whose probe is out; what was sent before it opened and ends well now does not.
    pub fn succeeded(&self) {
        self.with(|inner| match inner {
            Inner::Closed { failing } => failing.clear(),
            Inner::HalfOpen { .. } => {
                *inner = Inner::Closed {
                    failing: BTreeSet::new(),
                }
            }
            Inner::Open { .. } => {}
        });
    }

    /// A call for this person failed as [`is_target_fault`](hirewire_core::plan::Failure::is_target_fault) says;
    /// whether it opened the breaker.
    pub fn failed(&self, person: &str, now: Instant) -> bool {
        self.with(|inner| match inner {
            Inner::Closed { failing } => {
                failing.insert(person.to_owned());
                let opens = failing.len() >= self.settings.people.max(1);
                if opens {
                    *inner = Inner::Open {
                        until: now + self.settings.pause,
                        pause: self.settings.pause,
                    };
                }
                opens
            }
            Inner::HalfOpen { pause, .. } => {
                let pause = (*pause * 2).min(self.settings.longest);
                *inner = Inner::Open {
                    until: now + pause,
                    pause,
                };
                true
            }
            Inner::Open { .. } => false,
        })
    }

    /// What its state is called.
    pub fn state(&self) -> BreakerState {
        self.with(|inner| match inner {
            Inner::Closed { .. } => BreakerState::Closed,
            Inner::Open { .. } => BreakerState::Open,
            Inner::HalfOpen { .. } => BreakerState::HalfOpen,
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings {
            people: 3,
            pause: 10 * SECOND,
            longest: 30 * SECOND,
        })
    }

    #[test]
    fn one_persons_trouble_never_opens_it() {
        let (breaker, now) = (breaker(), Instant::now());
        assert!((0..100).all(|_| !breaker.failed("ada", now)));
        assert!(!breaker.failed("bob", now));
        breaker.succeeded();
        assert!(!breaker.failed("cy", now) && !breaker.failed("ada", now));
        assert_eq!(breaker.gate(now), Gate::Go);
        assert!(breaker.failed("bob", now));
        assert_eq!(
            (breaker.state(), breaker.gate(now)),
            (BreakerState::Open, Gate::Wait(10 * SECOND))
        );
    }

    #[test]
    fn one_probe_at_a_time_closes_it_or_opens_it_for_longer() {
        let (breaker, start) = (breaker(), Instant::now());
        for person in ["ada", "bob", "cy"] {
            breaker.failed(person, start);
        }
        breaker.succeeded();
        assert_eq!(
            breaker.state(),
            BreakerState::Open,
            "a straggler's success is no probe"
        );
        let later = start + 10 * SECOND;
        assert_eq!(breaker.gate(later), Gate::Probe);
        assert_eq!(breaker.gate(later), Gate::Wait(10 * SECOND));
        assert!(breaker.failed("probe", later));
        assert_eq!(breaker.gate(later), Gate::Wait(20 * SECOND));
        assert_eq!(breaker.gate(later + 20 * SECOND), Gate::Probe);
        assert!(breaker.failed("probe", later));
        assert_eq!(
            breaker.gate(later),
            Gate::Wait(30 * SECOND),
            "never beyond the longest"
        );
        assert_eq!(breaker.gate(later + 30 * SECOND), Gate::Probe);
        assert_eq!(
            breaker.gate(later + 60 * SECOND),
            Gate::Probe,
            "a probe that was lost gives way"
        );
        breaker.succeeded();
        assert_eq!(
            (breaker.state(), breaker.gate(later)),
            (BreakerState::Closed, Gate::Go)
        );
    }
}
