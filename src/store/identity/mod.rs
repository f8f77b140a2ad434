//! Identity: decides who is one person, and lets bindings follow.
//!
//! An alias is a worker id of a source. A *cluster* is all aliases that any event ever named
//! together: clusters only merge, and a cluster holds every event that can matter to its people.
//! Which aliases of a cluster are one person is the decision of the fold, from all events, so the
//! order of arrival does not matter (`representatives`). After a merge the binding moves to the
//! person that represents both; after a split it returns to the alias that it was made for
//! (`bindings`).

mod bindings;
mod clusters;
mod representatives;

pub(super) use clusters::{Clusters, Member, advance_versions};
pub(super) use representatives::resolve;
