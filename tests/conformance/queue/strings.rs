//! Every string that intake accepts is delivered as it was published.

use hirewire::queue::{Message, Queue as _, QueueName};

use super::{Harness, ack, receive};
use crate::strings::accepted_hooks;

pub async fn every_string_that_intake_accepts_is_delivered(harness: &impl Harness) {
    let queue = harness.open().await;
    let hooks: Vec<_> = accepted_hooks().collect();

    for hooks in hooks.chunks(64) {
        let message = Message::new(harness.instance(), hooks.to_vec());
        queue
            .publish(QueueName::Events, message.clone())
            .await
            .expect("a confirm");

        let mut deliveries = receive(&queue, QueueName::Events, 1).await;
        let delivery = deliveries.pop().expect("a delivery");
        assert_eq!(delivery.message.as_ref(), Ok(&message));
        ack(vec![delivery]).await;
    }
    queue.close().await;
}
