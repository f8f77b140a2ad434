//! References from one event to another (`docs/fold.md` 1, "References").
//!
//! In: the events by key, and a reference as an event states it. Out: the key that it names. A key
//! may name an event that is not known yet.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::set::KeyedEvent;
use crate::event::{Event, EventKey, EventReference};

/// Resolves references. It knows, for each source and id, the event that was received first: an
/// operator's bare id names that event, regardless of its origin.
#[derive(Debug, Default)]
pub(super) struct ReferenceResolver(BTreeMap<(String, String), (Timestamp, EventKey)>);

impl ReferenceResolver {
    pub fn over(keyed: &[KeyedEvent<'_>]) -> Self {
        let mut first_received: BTreeMap<(String, String), (Timestamp, EventKey)> = BTreeMap::new();
        for KeyedEvent { key, event } in keyed {
            let name = (key.source.as_str().to_owned(), key.id.clone());
            let candidate = (event.received, key.clone());
            let first = first_received
                .entry(name)
                .or_insert_with(|| candidate.clone());
            if candidate < *first {
                *first = candidate;
            }
        }
        Self(first_received)
    }

    /// The key that `event` names by `reference`. `None`: an operator's bare id that no event has.
    pub fn key(&self, event: &Event, reference: &EventReference) -> Option<EventKey> {
        match reference {
            EventReference::Key { source, origin, id } => Some(EventKey {
                source: source.clone(),
                origin: origin.clone(),
                id: id.clone(),
            }),
            EventReference::Id(id) if event.source.is_ops() => {
                let source = event
                    .content
                    .data
                    .on_behalf_of
                    .as_ref()
                    .unwrap_or(&event.source);
                self.0
                    .get(&(source.as_str().to_owned(), id.clone()))
                    .map(|(_, key)| key.clone())
            }
            EventReference::Id(id) => Some(EventKey {
                source: event.source.clone(),
                origin: event.content.source.clone(),
                id: id.clone(),
            }),
        }
    }
}
