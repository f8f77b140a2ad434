//! The faults that are switched on, and which of them befalls a request.
//!
//! Whoever is about to do something asks for the one kind of fault that would spoil it; a fault is counted when it
//! has an effect, not when a request merely could have met it.

use serde::Serialize;

use super::fault::{Effect, Fault};

/// A fault and its count so far.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Active {
    /// Names it until it is switched off.
    pub id: u64,
    /// As text, in the grammar of the flag.
    pub text: String,
    pub fault: Fault,
    /// How many times it had its effect.
    pub fired: u32,
    /// How many requests it let pass.
    #[serde(skip)]
    passed: u32,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    active: Vec<Active>,
    made: u64,
}

impl Faults {
    pub fn active(&self) -> &[Active] {
        &self.active
    }

    pub fn add(&mut self, fault: Fault) {
        self.made += 1;
        self.active.push(Active {
            id: self.made,
            text: fault.to_string(),
            fault,
            fired: 0,
            passed: 0,
        });
    }

    pub fn replace(&mut self, faults: Vec<Fault>) {
        self.active.clear();
        for fault in faults {
            self.add(fault);
        }
    }

    /// Switches one off; false if it is not on.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() < before
    }

    /// The first fault that befalls this request and of which `pick` makes something; it counts as used.
    pub fn take<T>(
        &mut self,
        method: &str,
        path: &str,
        mut pick: impl FnMut(&Effect) -> Option<T>,
    ) -> Option<T> {
        let mut taken = None;
        for active in &mut self.active {
            let fault = &active.fault;
            let befalls = fault
                .method
                .as_deref()
                .is_none_or(|wanted| wanted == method)
                && fault
                    .path
                    .as_deref()
                    .is_none_or(|wanted| path.starts_with(wanted));
            if !befalls {
                continue;
            }
            let Some(picked) = pick(&fault.effect) else {
                continue;
            };
            if active.passed < fault.after {
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
    fn a_fault_befalls_the_requests_it_names_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.replace(
            Fault::parse_list("down,slow=2:ms=7:method=POST:path=/Users:after=1").unwrap(),
        );
        let mut post = |path: &str, method: &str| faults.take(method, path, slow);
        assert_eq!(post("/Users", "GET"), None);
        assert_eq!(post("/Groups", "POST"), None);
        assert_eq!(post("/Users", "POST"), None, "one passes first");
        assert_eq!(post("/Users", "POST"), Some(7));
        assert_eq!(post("/Users/1", "POST"), Some(7));
        assert_eq!(post("/Users", "POST"), None);
        assert_eq!(
            faults.active().len(),
            1,
            "what is used up is off; what was not asked for stays"
        );
    }
}
