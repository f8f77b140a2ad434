//! Counts failures in a row by name, such as those of one filter.
//!
//! Each process counts for itself. After a restart a filter that fails for good is tried again until it
//! counts as failing: two reads more, and no account is created meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

#[derive(Debug, Default)]
pub(super) struct FailureCounts(Mutex<BTreeMap<String, u32>>);

impl FailureCounts {
    /// Counts one more failure; how many there were in a row.
    pub(super) fn count(&self, name: String) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// Ends the row after a success.
    pub(super) fn forget(&self, name: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_ends_the_row_of_its_own_name() {
        let counts = FailureCounts::default();
        let name = |text: &str| text.to_owned();

        assert_eq!([1, 2], [(); 2].map(|()| counts.count(name("title"))));
        assert_eq!(counts.count(name("emails")), 1);
        counts.forget("title");
        assert_eq!(
            (counts.count(name("title")), counts.count(name("emails"))),
            (1, 2)
        );
    }
}
