//! The faults that are on, and the selection of the fault that affects a request.
//!
//! Each step of a request asks for the kind of fault that can change that step. A fault counts only
//! the requests on which it takes effect, not all requests that match its method and path.

use serde::Serialize;

use super::fault::{Effect, Fault};

/// A fault that is on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ActiveFault {
    /// Identifies the fault until it is switched off.
    pub(crate) id: u64,
    /// The fault in the text notation.
    pub(crate) text: String,
    pub(crate) fault: Fault,
    /// The number of effects so far.
    pub(crate) fired: u32,
    /// The number of requests that passed so far, up to `fault.after`.
    #[serde(skip)]
    passed: u32,
}

#[derive(Debug, Default)]
pub(crate) struct ActiveFaults {
    active: Vec<ActiveFault>,
    last_id: u64,
}

impl ActiveFaults {
    pub(crate) fn active(&self) -> &[ActiveFault] {
        &self.active
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.last_id += 1;

        self.active.push(ActiveFault {
            id: self.last_id,
            text: fault.to_string(),
            fault,
            fired: 0,
            passed: 0,
        });
    }

    pub(crate) fn replace(&mut self, faults: Vec<Fault>) {
        self.active.clear();

        for fault in faults {
            self.add(fault);
        }
    }

    /// Switches one fault off; false if no fault has this id.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() < before
    }

    /// Returns the first fault that affects this request and that `pick` accepts, and counts its
    /// effect.
    ///
    /// A fault that reaches its count is switched off.
    pub(crate) fn take<T>(
        &mut self,
        method: &str,
        path: &str,
        mut pick: impl FnMut(&Effect) -> Option<T>,
    ) -> Option<T> {
        let mut taken = None;

        for active in &mut self.active {
            if !active.fault.affects(method, path) {
                continue;
            }
            let Some(picked) = pick(&active.fault.effect) else {
                continue;
            };

            if active.passed < active.fault.after {
                active.passed += 1;
                continue;
            }

            active.fired += 1;
            taken = Some(picked);
            break;
        }

        if taken.is_some() {
            self.active
                .retain(|active| active.fault.count.is_none_or(|count| active.fired < count));
        }

        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(effect: &Effect) -> Option<u64> {
        if let Effect::Slow(ms) = effect {
            Some(*ms)
        } else {
            None
        }
    }

    #[test]
    fn a_fault_affects_matching_requests_until_its_count_is_reached() {
        let mut faults = ActiveFaults::default();
        faults.replace(
            Fault::parse_list("down,slow=2:ms=7:method=POST:path=/Users:after=1").unwrap(),
        );
        let mut take = |method: &str, path: &str| faults.take(method, path, slow);

        assert_eq!(take("GET", "/Users"), None);
        assert_eq!(take("POST", "/Groups"), None);
        assert_eq!(take("POST", "/Users"), None, "the first one passes");
        assert_eq!(take("POST", "/Users"), Some(7));
        assert_eq!(take("POST", "/Users/1"), Some(7));
        assert_eq!(take("POST", "/Users"), None);

        assert_eq!(
            faults.active().len(),
            1,
            "`slow` reached its count; `down` was never asked for"
        );
    }
}
