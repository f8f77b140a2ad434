//! Classifies a delivery of the broker: a message of this instance, or of another.
//!
//! In: bytes and properties. Out: a readable or unreadable message, or one ready for the quarantine
//! queue. Pure: it acks nothing. The body names the instance; the headers count only where the body
//! cannot be read.

use lapin::{
    message::Delivery as BrokerDelivery,
    types::{AMQPValue, FieldTable},
};

use super::{outbound::OutboundMessage, topology::QUARANTINE};
use crate::queue::{Message, UnreadableEnvelope};

/// A delivery of the broker, classified by instance.
pub(super) enum Inbound {
    /// A message of this instance, or bytes that name no instance.
    Own {
        message: Result<Message, UnreadableEnvelope>,
        redelivered: bool,
        poison: bool,
    },
    /// A message of another instance, to be published to the quarantine queue.
    Foreign {
        instance: String,
        message: OutboundMessage,
    },
}

/// Classifies a delivery for `instance`.
pub(super) fn classify(delivery: BrokerDelivery, instance: &str) -> Inbound {
    let headers = delivery.properties.headers().clone().unwrap_or_default();
    let message = Message::decode(delivery.data).map_err(|unreadable| UnreadableEnvelope {
        version: unreadable.version.or_else(|| number(&headers, "envelope")),
        instance: unreadable.instance.or_else(|| text(&headers, "instance")),
        ..unreadable
    });
    let (owner, version) = match &message {
        Ok(message) => (Some(message.instance.clone()), Some(message.version)),
        Err(unreadable) => (unreadable.instance.clone(), unreadable.version),
    };

    match owner {
        Some(owner) if owner != instance => {
            let body = match message {
                Ok(message) => message.encode().unwrap_or_default(),
                Err(unreadable) => unreadable.bytes,
            };
            let version = version.unwrap_or_default();
            Inbound::Foreign {
                message: OutboundMessage::new(QUARANTINE, body, &owner, version),
                instance: owner,
            }
        }
        Some(_) | None => Inbound::Own {
            message,
            redelivered: delivery.redelivered,
            poison: reached_delivery_limit(&headers),
        },
    }
}

/// Whether the broker dead-lettered the message because it reached the delivery limit.
fn reached_delivery_limit(headers: &FieldTable) -> bool {
    let deaths = headers.inner().get("x-death").and_then(AMQPValue::as_array);
    deaths.is_some_and(|deaths| {
        deaths
            .as_slice()
            .iter()
            .filter_map(AMQPValue::as_field_table)
            .any(|death| text(death, "reason").as_deref() == Some("delivery_limit"))
    })
}

fn text(table: &FieldTable, key: &str) -> Option<String> {
    let value = table.inner().get(key)?;
    let long = value
        .as_long_string()
        .map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
    long.or_else(|| value.as_short_string().map(ToString::to_string))
}

fn number(table: &FieldTable, key: &str) -> Option<u32> {
    table
        .inner()
        .get(key)?
        .as_long_long_int()
        .and_then(|number| u32::try_from(number).ok())
}
