//! What can be told without a broker: the address, the backoff, whose a delivery is.

use std::time::Duration;

use lapin::{
    BasicProperties,
    message::Delivery as Raw,
    types::{AMQPValue, FieldArray, FieldTable},
};

use super::{
    incoming::{Incoming, read},
    session::{address, backoff},
};
use crate::queue::Message;

fn raw(body: &[u8], headers: FieldTable) -> Raw {
    let mut raw = Raw::mock(
        1,
        "hirewire.prod".into(),
        "events".into(),
        false,
        body.to_vec(),
    );
    raw.properties = BasicProperties::default().with_headers(headers);
    raw
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert((*key).into(), value.clone());
    }
    table
}

#[test]
fn an_address_is_read_as_it_is_written() {
    let read = |url: &str| address(&url.to_owned().into()).unwrap();
    let local = read("amqp://user:pass@127.0.0.1:5673/%2f");
    assert_eq!(
        (
            local.authority.host.as_str(),
            local.authority.port,
            local.vhost.as_str()
        ),
        ("127.0.0.1", 5673, "/")
    );
    assert_eq!(local.query.heartbeat, Some(10));
    assert_eq!(
        read("amqps://broker.example/hr?heartbeat=30")
            .query
            .heartbeat,
        Some(30)
    );
    // The client alone would have gone to localhost.
    assert_eq!(
        read("amqp://user:pass@[2001:db8::7]:5672/hr")
            .authority
            .host,
        "2001:db8::7"
    );
}

#[test]
fn an_address_that_cannot_be_read_is_not_repeated() {
    for url in [
        "amqp://user:s3cret@:5672",
        "http://user:s3cret@host/",
        "s3cret",
        "amqp:s3cret",
    ] {
        let problem = address(&url.to_owned().into()).unwrap_err();
        assert!(!problem.contains("s3cret"), "{url}: {problem}");
    }
}

#[test]
fn the_backoff_grows_to_five_seconds_and_no_further() {
    for (failures, longest) in [(1, 200), (2, 400), (5, 3200), (6, 5000), (u32::MAX, 5000)] {
        let longest = Duration::from_millis(longest);
        let drawn = backoff(failures);
        assert!(
            drawn <= longest && drawn >= longest / 2,
            "{failures}: {drawn:?}"
        );
    }
}

#[test]
fn only_what_the_broker_gave_up_on_is_poison() {
    let body = Message::new("prod", Vec::new()).encode().unwrap();
    let died_of = |reason| {
        let death = table(&[
            ("queue", text("hirewire.prod.events")),
            ("reason", text(reason)),
        ]);
        table(&[(
            "x-death",
            AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::FieldTable(death)])),
        )])
    };
    let is_poison = |headers| match read(raw(&body, headers), "prod") {
        Incoming::Ours { poison, .. } => poison,
        Incoming::Foreign { .. } => panic!("it is ours"),
    };
    assert!(is_poison(died_of("delivery_limit")));
    assert!(!is_poison(died_of("expired")));
    assert!(!is_poison(FieldTable::default()));
}

#[test]
fn the_body_is_believed_before_the_headers() {
    let body = Message::new("prod", Vec::new()).encode().unwrap();
    let astray = table(&[("instance", text("staging"))]);
    assert!(matches!(
        read(raw(&body, astray.clone()), "prod"),
        Incoming::Ours { message: Ok(_), .. }
    ));
    let foreign = read(raw(b"rubbish", astray), "prod");
    assert!(
        matches!(&foreign, Incoming::Foreign { instance, outgoing } if instance == "staging" && outgoing.body == b"rubbish")
    );
    assert!(matches!(
        read(raw(b"rubbish", FieldTable::default()), "prod"),
        Incoming::Ours {
            message: Err(_),
            ..
        }
    ));
}
