//! The circuit breaker of a connection: it opens when the target itself does not answer.
//!
//! It opens when requests for several people fail in a row, or when a probe confirms one failure.
//! While it is open, nothing is claimed. After a pause it admits one probe: a success closes it, a
//! failure doubles the pause. The caller reports successes and failures, and passes the time in.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many different people must fail in a row, with no success between them. At least 1.
    pub people: usize,
    /// How long it stays open the first time. Each failed probe doubles the pause.
    pub pause: Duration,
    /// The longest pause after any number of failed probes.
    pub max_pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            people: 5,
            pause: Duration::from_secs(10),
            max_pause: Duration::from_mins(5),
        }
    }
}

/// The state of a breaker, for the operators' API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests are sent.
    Closed,
    /// No request is sent until the pause ends.
    Open,
    /// One probe was admitted, and its result is not reported yet.
    HalfOpen,
}

/// The requests that a breaker allows its caller to send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Any request.
    Open,
    /// One probe, by this caller; every other caller waits for its result.
    Probe,
    /// Nothing.
    Closed {
        /// How long until the breaker may admit a probe.
        wait: Duration,
    },
}

/// The circuit breaker of one connection.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

/// A time in which the target does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When the breaker opened.
    pub since: Instant,
    /// When the next probe is admitted.
    pub next_probe: Instant,
}

#[derive(Debug)]
enum State {
    Closed {
        failing: BTreeSet<String>,
    },
    Open {
        outage: Outage,
        pause: Duration,
    },
    HalfOpen {
        outage_since: Instant,
        since: Instant,
        pause: Duration,
    },
}

impl State {
    const fn closed() -> Self {
        Self::Closed {
            failing: BTreeSet::new(),
        }
    }

    fn open(since: Instant, now: Instant, pause: Duration) -> Self {
        Self::Open {
            outage: Outage {
                since,
                next_probe: now + pause,
            },
            pause,
        }
    }
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: Mutex::new(State::closed()),
        }
    }

    /// Decides what may be sent at `now`. After the pause of an open breaker, the first caller gets
    /// the probe.
    pub fn admit(&self, now: Instant) -> Admission {
        self.with_state(|state| match state {
            State::Closed { .. } => Admission::Open,
            State::Open { outage, .. } if now < outage.next_probe => Admission::Closed {
                wait: outage.next_probe - now,
            },
            // A probe whose result never comes is replaced by another after the same pause.
            State::HalfOpen { since, pause, .. } if now < *since + *pause => Admission::Closed {
                wait: *since + *pause - now,
            },
            State::Open {
                outage:
                    Outage {
                        since: outage_since,
                        ..
                    },
                pause,
            }
            | State::HalfOpen {
                outage_since,
                pause,
                ..
            } => {
                *state = State::HalfOpen {
                    outage_since: *outage_since,
                    since: now,
                    pause: *pause,
                };
                Admission::Probe
            }
        })
    }

    /// Reports a request that the target answered as expected. The refusal of one person is such an
    /// answer too.
    ///
    /// It closes a half-open breaker. It does not close an open one: that request was sent before
    /// the breaker opened.
    pub fn succeeded(&self) {
        self.with_state(|state| match state {
            State::Closed { failing } => failing.clear(),
            State::HalfOpen { .. } => *state = State::closed(),
            State::Open { .. } => {}
        });
    }

    /// Reports a request for `person` that failed by the target's fault
    /// ([`is_target_fault`](hirewire_core::plan::Failure::is_target_fault)). Returns whether this
    /// failure opened the breaker.
    pub fn failed(&self, person: &str, now: Instant) -> bool {
        self.with_state(|state| match state {
            State::Closed { failing } => {
                failing.insert(person.to_owned());

                let opens = failing.len() >= self.settings.people.max(1);
                if opens {
                    *state = State::open(now, now, self.settings.pause);
                }
                opens
            }
            State::HalfOpen {
                outage_since,
                pause,
                ..
            } => {
                let pause = (*pause * 2).min(self.settings.max_pause);
                *state = State::open(*outage_since, now, pause);
                true
            }
            State::Open { .. } => false,
        })
    }

    /// Opens a closed breaker: a probe failed right after a request. Returns whether it was closed.
    pub fn open(&self, now: Instant) -> bool {
        self.with_state(|state| match state {
            State::Closed { .. } => {
                *state = State::open(now, now, self.settings.pause);
                true
            }
            State::Open { .. } | State::HalfOpen { .. } => false,
        })
    }

    /// Reports that the target answered a probe, while an account's own requests are still to show
    /// whether it works: if they fail, the next pause is short again.
    pub fn answered(&self) {
        self.with_state(|state| match state {
            State::HalfOpen { pause, .. } => *pause = self.settings.pause,
            State::Closed { .. } | State::Open { .. } => {}
        });
    }

    /// Ends the pause of an open breaker: the next caller gets the probe.
    pub fn retry_now(&self, now: Instant) {
        self.with_state(|state| match state {
            State::Open { outage, .. } => outage.next_probe = outage.next_probe.min(now),
            State::Closed { .. } | State::HalfOpen { .. } => {}
        });
    }

    /// The outage; `None`: the breaker is closed.
    pub fn outage(&self) -> Option<Outage> {
        self.with_state(|state| match state {
            State::Closed { .. } => None,
            State::Open { outage, .. } => Some(*outage),
            State::HalfOpen {
                outage_since,
                since,
                ..
            } => Some(Outage {
                since: *outage_since,
                next_probe: *since,
            }),
        })
    }

    /// The longest pause, as in [`BreakerSettings::max_pause`].
    pub fn max_pause(&self) -> Duration {
        self.settings.max_pause
    }

    /// The current state, without a change: an open breaker whose pause has ended is still open.
    pub fn state(&self) -> BreakerState {
        self.with_state(|state| match state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        })
    }

    fn with_state<T>(&self, use_state: impl FnOnce(&mut State) -> T) -> T {
        use_state(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
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
            max_pause: 30 * SECOND,
        })
    }

    fn closed_for(wait: Duration) -> Admission {
        Admission::Closed { wait }
    }

    #[test]
    fn failures_of_one_person_never_open_the_breaker() {
        let (breaker, now) = (breaker(), Instant::now());

        assert!((0..100).all(|_| !breaker.failed("ada", now)));
        assert!(!breaker.failed("bob", now));
        breaker.succeeded();
        assert!(!breaker.failed("cy", now) && !breaker.failed("ada", now));
        assert_eq!(breaker.admit(now), Admission::Open);

        assert!(breaker.failed("bob", now));
        assert_eq!(
            (breaker.state(), breaker.admit(now)),
            (BreakerState::Open, closed_for(10 * SECOND))
        );
    }

    #[test]
    fn one_probe_at_a_time_closes_the_breaker_or_doubles_its_pause() {
        let (breaker, start) = (breaker(), Instant::now());
        for person in ["ada", "bob", "cy"] {
            breaker.failed(person, start);
        }
        breaker.succeeded();
        assert_eq!(
            breaker.state(),
            BreakerState::Open,
            "the success of a request sent earlier is no probe"
        );

        let later = start + 10 * SECOND;
        assert_eq!(breaker.admit(later), Admission::Probe);
        assert_eq!(breaker.admit(later), closed_for(10 * SECOND));
        assert!(breaker.failed("probe", later));
        assert_eq!(breaker.admit(later), closed_for(20 * SECOND));
        assert_eq!(breaker.admit(later + 20 * SECOND), Admission::Probe);

        assert!(breaker.failed("probe", later));
        assert_eq!(
            breaker.admit(later),
            closed_for(30 * SECOND),
            "the pause never exceeds max_pause"
        );
        assert_eq!(breaker.admit(later + 30 * SECOND), Admission::Probe);
        assert_eq!(
            breaker.admit(later + 60 * SECOND),
            Admission::Probe,
            "a lost probe is replaced"
        );

        breaker.succeeded();
        assert_eq!(
            (breaker.state(), breaker.admit(later)),
            (BreakerState::Closed, Admission::Open)
        );
        assert_eq!(breaker.outage(), None);
    }

    #[test]
    fn a_confirmed_failure_opens_the_breaker_at_once_and_an_operator_ends_the_pause() {
        let (breaker, start) = (breaker(), Instant::now());
        assert!(breaker.open(start) && !breaker.open(start));

        let outage = Outage {
            since: start,
            next_probe: start + 10 * SECOND,
        };
        assert_eq!(breaker.outage(), Some(outage));

        let later = start + SECOND;
        assert_eq!(breaker.admit(later), closed_for(9 * SECOND));
        breaker.retry_now(later);
        assert_eq!(breaker.admit(later), Admission::Probe);

        breaker.failed("probe", later);
        let again = breaker.outage().unwrap();
        assert_eq!(
            (again.since, again.next_probe),
            (start, later + 20 * SECOND)
        );
    }

    #[test]
    fn a_target_that_answers_probes_is_never_paused_for_long() {
        let (breaker, start) = (breaker(), Instant::now());
        breaker.open(start);

        let mut now = start;
        for _ in 0..5 {
            now += 20 * SECOND;
            assert_eq!(breaker.admit(now), Admission::Probe);
            breaker.answered();
            breaker.failed("ada", now);
            assert_eq!(breaker.admit(now), closed_for(20 * SECOND));
        }
    }
}
