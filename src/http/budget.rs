//! The memory that the bodies of requests may take together.
//!
//! A body comes from anybody until its signature is verified. The first [`FREE`] bytes of each body
//! cost nothing, so that strangers cannot keep out a hook of the usual size; the limit on
//! requests in flight bounds these. All further bytes come out of one budget.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bytes of each body that are not counted.
pub(super) const FREE: usize = 16 * 1024;

/// A budget of bytes. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget(Arc<Semaphore>);

/// The reserved bytes of one body; they are free again when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct BudgetPermit {
    permit: Option<OwnedSemaphorePermit>,
}

impl BodyBudget {
    /// A budget of so many bytes for all bodies together, beside the free bytes of each.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Reserves what a body of `length` bytes needs beyond what `permit` has; `false`: the budget
    /// has not so many left.
    pub(super) fn reserve(&self, permit: &mut BudgetPermit, length: usize) -> bool {
        let reserved = permit
            .permit
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = length.saturating_sub(FREE).saturating_sub(reserved);
        let Ok(missing @ 1..) = u32::try_from(missing) else {
            return missing == 0;
        };

        let Ok(more) = Arc::clone(&self.0).try_acquire_many_owned(missing) else {
            return false;
        };
        match &mut permit.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_are_free_and_the_others_are_given_back() {
        let budget = BodyBudget::new(100);
        let (mut one, mut two) = (BudgetPermit::default(), BudgetPermit::default());

        assert!(budget.reserve(&mut one, FREE + 60) && budget.reserve(&mut one, FREE + 61));
        assert!(budget.reserve(&mut two, FREE) && budget.reserve(&mut two, FREE + 39));
        assert!(!budget.reserve(&mut two, FREE + 40));
        assert!(budget.reserve(&mut BudgetPermit::default(), FREE));
        drop(one);
        assert!(budget.reserve(&mut two, FREE + 100));
        assert!(!budget.reserve(&mut BudgetPermit::default(), usize::MAX));
    }
}
