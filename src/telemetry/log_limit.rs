//! A limit on log lines that a stranger can cause: a flood of requests must not become a flood of
//! lines.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many lines are written at once.
const BURST: u32 = 10;
/// After this time one more line may be written.
const INTERVAL: Duration = Duration::from_secs(1);

/// Lets ten lines pass at once, and then one line a second.
#[derive(Debug)]
pub(crate) struct LogLimit(Mutex<State>);

#[derive(Debug)]
struct State {
    tokens: u32,
    /// When the last token was added.
    filled: Option<Instant>,
    suppressed: u64,
}

impl LogLimit {
    /// All lines may be written.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State {
            tokens: BURST,
            filled: None,
            suppressed: 0,
        }))
    }

    /// Whether a line may be written; how many were left out since the last one.
    pub(crate) fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = *state.filled.get_or_insert(now);
        let elapsed = now.saturating_duration_since(filled);
        let intervals = elapsed.as_secs() / INTERVAL.as_secs().max(1);

        if intervals > 0 {
            let added = u32::try_from(intervals).unwrap_or(u32::MAX);
            state.tokens = state.tokens.saturating_add(added).min(BURST);
            state.filled = Some(now);
        }
        if state.tokens == 0 {
            state.suppressed += 1;
            return None;
        }
        state.tokens -= 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_writes_ten_lines_and_then_one_a_second_with_the_number_left_out() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        let written: Vec<_> = (0..1000).filter_map(|_| limit.admit(start)).collect();
        assert_eq!(written, [0; 10]);

        let later = start + INTERVAL;
        assert_eq!([limit.admit(later), limit.admit(later)], [Some(990), None]);
        assert_eq!(limit.admit(later + Duration::from_mins(1)), Some(1));
    }
}
