//! Every string that intake accepts is stored and read back.

use super::harness::*;
use crate::strings::accepted_hooks;

pub async fn every_string_that_intake_accepts_is_read_back(harness: &StoreHarness) {
    let store = harness.ready().await;

    for hook in accepted_hooks() {
        store
            .store_hooks(std::slice::from_ref(&hook), &routing())
            .await
            .unwrap_or_else(|error| panic!("{error}: {hook:?}"));

        for event in hook.events() {
            let person = store.person_of(&event.alias()).await.expect("read");
            let facts = store.facts(&person.expect("a person")).await.expect("read");
            let contents: Vec<_> = facts
                .expect("facts")
                .events
                .into_iter()
                .map(|stored| stored.content)
                .collect();
            assert!(contents.contains(&event.content), "{event:?}");
        }
    }
}

pub async fn a_message_that_the_store_refuses_is_refused_as_a_whole(harness: &StoreHarness) {
    let store = harness.ready().await;
    harness.refuse_events("refused").await;
    let hooks = ["fine", "refused"].map(|id| hook(0, vec![event("hired", id, id)]));

    let stored = store.store_hooks(&hooks, &routing()).await;
    assert!(
        matches!(stored, Err(hirewire::store::StoreError::Refused(_))),
        "{stored:?}"
    );
    assert_eq!(store.find_person("fine").await.expect("read"), []);
}
