//! A message as it is published: routing key, body and headers.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};

use crate::telemetry;

/// A message to publish to the instance's exchange.
pub(super) struct OutboundMessage {
    routing_key: &'static str,
    pub body: Vec<u8>,
    headers: FieldTable,
}

impl OutboundMessage {
    /// `version` is the envelope version of the body.
    pub fn new(routing_key: &'static str, body: Vec<u8>, instance: &str, version: u32) -> Self {
        let mut headers = FieldTable::default();
        headers.insert("instance".into(), AMQPValue::LongString(instance.into()));
        headers.insert("envelope".into(), AMQPValue::LongLongInt(version.into()));
        Self {
            routing_key,
            body,
            headers,
        }
    }

    /// Splits it for `basic.publish`: persistent (delivery mode 2), JSON, with a new message id.
    pub fn into_parts(self) -> (&'static str, Vec<u8>, BasicProperties) {
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(telemetry::new_id().into())
            .with_headers(self.headers);
        (self.routing_key, self.body, properties)
    }
}
