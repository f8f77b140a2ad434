//! Commands and quarantined messages while no service runs.

use hirewire::{
    queue::{Hook, Message, Payload, UnreadableEnvelope},
    store::{Store, StoreSettings},
};
use hirewire_core::event::{ContentDigest, HookId, IdDerivation, ParsedEvent, SourceId};
use serde_json::json;

use super::{assert_in_order, hired, json_of, open_dead_letters, run, stdout_of, write_event_file};
use crate::{
    installation::{Installation, TIMEOUT, event},
    waiting::wait_until,
};

#[tokio::test]
async fn commands_work_on_the_store_without_a_service() {
    let mut installation = Installation::start("apply", "").await;
    installation
        .post("1", "hired", "E-1", &hired("Ada", "Engineer"))
        .await;
    installation.wait_for_outcome("E-1", "created").await;
    installation.stop_service().await;

    let person = json_of(&installation, &["people", "show", "E-1", "-o", "json"]).await;
    assert_eq!(
        person.pointer("/accounts/0/account/outcome/kind"),
        Some(&json!("created"))
    );
    assert_eq!(open_dead_letters(&installation).await, Vec::<String>::new());
    let people = json_of(&installation, &["people", "list", "-o", "json"]).await;
    assert_eq!(people.as_array().map(Vec::len), Some(1), "{people}");

    write_event_file(&installation, &event("2", "terminated", "E-1", &json!({})));
    let preview = stdout_of(&installation, &["preview", "event.json", "-o", "table"]).await;
    assert_in_order(
        &preview,
        &[
            "E-1 on app: ",
            "desired access inactive",
            "PATCH /Users/",
            "false",
        ],
    );

    assert_eq!(
        stdout_of(&installation, &["connections", "pause", "app", "--yes"]).await,
        "connection app is paused\n"
    );
    let output = run(&installation, &["tail"]).await;
    assert_eq!(
        (output.exit_code, output.stdout.as_str()),
        (3, ""),
        "{output:?}"
    );

    assert_the_pause_holds_after_a_start(&mut installation).await;
}

async fn assert_the_pause_holds_after_a_start(installation: &mut Installation) {
    installation.start_service().await;
    installation
        .post("2", "terminated", "E-1", &json!({}))
        .await;
    wait_until("the leaver is pending", TIMEOUT, async || {
        let listed = json_of(installation, &["connections", "list", "-o", "json"]).await;
        (listed[0]["pending_leavers"] == 1).then_some(())
    })
    .await;
    assert_eq!(installation.sandbox_state().await["active"], 1);

    assert_eq!(
        stdout_of(installation, &["connections", "resume", "app", "--yes"]).await,
        "connection app is resumed\n"
    );
    installation.wait_for_outcome("E-1", "deactivated").await;
    assert_eq!(installation.sandbox_state().await["active"], 0);
}

#[tokio::test]
async fn a_quarantined_message_is_stored_once_it_can_be_read() {
    let mut installation = Installation::start("apply", "").await;
    installation.stop_service().await;
    let database = installation.folder.path().join("data/hirewire.db");
    let settings = StoreSettings {
        url: format!("sqlite://{}", database.display()).into(),
        instance: "test".to_owned(),
        connections: 1,
    };

    // An older version would have quarantined these messages: it could not read them.
    let store = Store::open(settings.clone()).await.expect("the store");
    let nonsense = UnreadableEnvelope {
        bytes: b"{}".to_vec(),
        version: None,
        instance: None,
        problem: "none".to_owned(),
    };
    for envelope in [
        readable_envelope("test"),
        readable_envelope("another"),
        nonsense,
    ] {
        store.quarantine(&envelope).await.expect("quarantined");
    }
    assert_eq!(store.quarantined_count().await.expect("a count"), 3);
    store.close().await;

    installation.start_service().await;
    installation.wait_for_outcome("E-1", "created").await;
    installation.stop_service().await;

    // The message of the other instance and the one without a version stay in quarantine.
    let store = Store::open(settings).await.expect("the store");
    assert_eq!(store.quarantined_count().await.expect("a count"), 2);
    store.close().await;
}

/// Builds a quarantined message that this version can read: the hire of E-1.
fn readable_envelope(instance: &str) -> UnreadableEnvelope {
    let hire = event("1", "hired", "E-1", &hired("Ada", "Engineer"));
    let parsed = ParsedEvent {
        id_derivation: IdDerivation::Given,
        content: serde_json::from_value(hire).expect("an event"),
    };
    let hook = Hook {
        source: SourceId::parse("acme").expect("a source"),
        hook: HookId::parse("h-1").expect("an id"),
        received: hirewire::telemetry::now(),
        secret: None,
        digest: ContentDigest::of(b"body"),
        payload: Payload::Events(vec![parsed]),
    };
    let message = Message::new(instance, vec![hook]);

    UnreadableEnvelope {
        bytes: message.encode().expect("bytes"),
        version: Some(1),
        instance: Some(instance.to_owned()),
        problem: "too new".to_owned(),
    }
}
