//! What a delivery of the broker is: ours and readable, ours and not, or another instance's.
//!
//! Pure: bytes and properties in, a judgement out. The body is believed before the headers; they say what the body
//! no longer can.

use lapin::{
    message::Delivery as Raw,
    types::{AMQPValue, FieldTable},
};

use super::{publisher::Outgoing, topology::QUARANTINE};
use crate::queue::{Message, UnreadableEnvelope};

/// What came.
pub(super) enum Incoming {
    /// A message of this instance, or bytes that nobody else lays claim to.
    Ours {
        message: Result<Message, UnreadableEnvelope>,
        redelivered: bool,
        poison: bool,
    },
    /// Another instance's, ready to be put aside as it came.
    Foreign {
        instance: String,
        outgoing: Outgoing,
    },
}

/// Judges a delivery.
pub(super) fn read(raw: Raw, instance: &str) -> Incoming {
    let headers = raw.properties.headers().clone().unwrap_or_default();
    let message = Message::decode(raw.data).map_err(|unreadable| UnreadableEnvelope {
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
            let outgoing = Outgoing::new(QUARANTINE, body, &owner, version.unwrap_or_default());
            Incoming::Foreign {
                instance: owner,
                outgoing,
            }
        }
        Some(_) | None => Incoming::Ours {
            message,
            redelivered: raw.redelivered,
            poison: was_delivered_too_often(&headers),
        },
    }
}

/// Whether the broker dead-lettered it for its deliveries.
fn was_delivered_too_often(headers: &FieldTable) -> bool {
    let deaths = headers.inner().get("x-death").and_then(AMQPValue::as_array);
    deaths.is_some_and(|deaths| {
        let mut tables = deaths
            .as_slice()
            .iter()
            .filter_map(AMQPValue::as_field_table);
        tables.any(|death| text(death, "reason").as_deref() == Some("delivery_limit"))
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
