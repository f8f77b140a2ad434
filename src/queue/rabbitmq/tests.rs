//! The parts that need no broker: the address, and the classification of a delivery.

use lapin::{
    BasicProperties,
    message::Delivery as BrokerDelivery,
    types::{AMQPValue, FieldArray, FieldTable},
};

use super::{
    address::parse_address,
    inbound::{Inbound, classify},
};
use crate::queue::Message;

fn delivery(body: &[u8], headers: FieldTable) -> BrokerDelivery {
    let mut delivery = BrokerDelivery::mock(
        1,
        "hirewire.prod".into(),
        "events".into(),
        false,
        body.to_vec(),
    );
    delivery.properties = BasicProperties::default().with_headers(headers);
    delivery
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
fn an_address_keeps_host_port_vhost_and_heartbeat() {
    let parse = |url: &str| parse_address(&url.to_owned().into()).unwrap();

    let local = parse("amqp://user:pass@127.0.0.1:5673/%2f");
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
        parse("amqps://broker.example/hr?heartbeat=30")
            .query
            .heartbeat,
        Some(30)
    );
    // lapin alone would connect to localhost.
    assert_eq!(
        parse("amqp://user:pass@[2001:db8::7]:5672/hr")
            .authority
            .host,
        "2001:db8::7"
    );
}

#[test]
fn the_error_for_an_invalid_address_does_not_repeat_it() {
    for url in [
        "amqp://user:s3cret@:5672",
        "http://user:s3cret@host/",
        "s3cret",
        "amqp:s3cret",
    ] {
        let problem = parse_address(&url.to_owned().into()).unwrap_err();
        assert!(!problem.contains("s3cret"), "{url}: {problem}");
    }
}

#[test]
fn only_a_message_over_the_delivery_limit_is_poison() {
    let body = Message::new("prod", Vec::new()).encode().unwrap();
    let dead_lettered_for = |reason| {
        let death = table(&[
            ("queue", text("hirewire.prod.events")),
            ("reason", text(reason)),
        ]);
        table(&[(
            "x-death",
            AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::FieldTable(death)])),
        )])
    };
    let is_poison = |headers| match classify(delivery(&body, headers), "prod") {
        Inbound::Own { poison, .. } => poison,
        Inbound::Foreign { .. } => panic!("the instance is prod"),
    };

    assert!(is_poison(dead_lettered_for("delivery_limit")));
    assert!(!is_poison(dead_lettered_for("expired")));
    assert!(!is_poison(FieldTable::default()));
}

#[test]
fn the_instance_of_the_body_overrides_the_instance_of_the_headers() {
    let body = Message::new("prod", Vec::new()).encode().unwrap();
    let headers = table(&[("instance", text("staging"))]);
    assert!(matches!(
        classify(delivery(&body, headers.clone()), "prod"),
        Inbound::Own { message: Ok(_), .. }
    ));

    match classify(delivery(b"not json", headers), "prod") {
        Inbound::Foreign { instance, message } => {
            assert_eq!(
                (instance.as_str(), &*message.body),
                ("staging", &b"not json"[..])
            );
        }
        Inbound::Own { .. } => panic!("the headers name another instance"),
    }

    assert!(matches!(
        classify(delivery(b"not json", FieldTable::default()), "prod"),
        Inbound::Own {
            message: Err(_),
            ..
        }
    ));
}
