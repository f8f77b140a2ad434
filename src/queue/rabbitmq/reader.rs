//! Consuming one lane: a channel, what the broker has sent ahead on it, and how it is settled.
//!
//! Giving back one delivery shuts the channel, and with it everything unacked goes back in order: nothing is
//! nacked in a loop while the store is away. The next `receive` opens a new one, later and later as long as nothing
//! is acked. A delivery of an old channel can no longer be acked. Messages of other instances are put aside here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, SelectAll},
};
use lapin::{
    Acker as ChannelAcker, Channel,
    message::Delivery as Raw,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{
    incoming::{self, Incoming},
    publisher::Publisher,
    session::{CALL, Session, State, backoff, within},
    topology::Names,
};
use crate::queue::{Acker, Delivery, QueueName, ReceiveError};

/// How long a receiver waits for the connection before it is told that there is none.
const LINK: Duration = Duration::from_secs(2);

/// One lane of the consuming half.
pub(super) struct Reader {
    lane: QueueName,
    names: Names,
    instance: String,
    prefetch: u16,
    state: watch::Receiver<State>,
    publisher: Arc<Publisher>,
    stop: CancellationToken,
    /// Channels opened since something was last acked.
    fruitless: Arc<AtomicU32>,
    open: Mutex<Option<Open>>,
}

/// An open channel and what the broker has sent ahead on it. `None` in the stream: the consumer has ended.
struct Open {
    session: Arc<Session>,
    gate: Arc<Gate>,
    coming: SelectAll<BoxStream<'static, Option<lapin::Result<Raw>>>>,
}

/// Whether deliveries of one channel can still be settled.
struct Gate {
    shut: CancellationToken,
    gone: CancellationToken,
    fruitless: Arc<AtomicU32>,
}

impl Reader {
    pub fn new(
        lane: QueueName,
        (instance, prefetch): (&str, u16),
        state: watch::Receiver<State>,
        publisher: Arc<Publisher>,
        stop: CancellationToken,
    ) -> Self {
        let (names, instance) = (Names::new(instance), instance.to_owned());
        let fruitless = Arc::new(AtomicU32::new(0));
        Self {
            lane,
            names,
            instance,
            prefetch,
            state,
            publisher,
            stop,
            fruitless,
            open: Mutex::new(None),
        }
    }

    /// Waits for deliveries: at least one, at most `max`. A receiver that goes away loses nothing.
    pub async fn receive(&self, max: usize) -> Result<Vec<Delivery>, ReceiveError> {
        let mut slot = self.open.lock().await;
        loop {
            if self.stop.is_cancelled() {
                return Err(ReceiveError("the queue is closed".to_owned()));
            }
            let open = match &mut *slot {
                Some(open)
                    if !open.gate.shut.is_cancelled() && !open.session.over.is_cancelled() =>
                {
                    open
                }
                shut => {
                    if let Some(shut) = &*shut {
                        shut.gate.shut().await;
                    }
                    shut.insert(self.open().await?)
                }
            };
            let (gate, session) = (Arc::clone(&open.gate), Arc::clone(&open.session));
            let held = tokio::select! {
                biased;
                () = self.stop.cancelled() => continue,
                () = gate.shut.cancelled() => continue,
                () = session.over.cancelled() => return Err(ReceiveError(session.why())),
                held = open.next_of(max.max(1)) => held?,
            };
            let deliveries = self.sort_out(held).await?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }

    /// Opens a channel, after the backoff that is due.
    async fn open(&self) -> Result<Open, ReceiveError> {
        match self.fruitless.load(Ordering::Relaxed) {
            0 => {}
            fruitless => tokio::select! {
                () = tokio::time::sleep(backoff(fruitless)) => {}
                () = self.stop.cancelled() => {}
            },
        }
        let session = self.session().await.map_err(ReceiveError)?;
        self.fruitless.fetch_add(1, Ordering::Relaxed);
        self.open_on(session).await.map_err(ReceiveError)
    }

    async fn session(&self) -> Result<Arc<Session>, String> {
        let mut state = self.state.clone();
        let up = state.wait_for(|state| match state {
            State::Up(session) => !session.over.is_cancelled(),
            State::Closed => true,
            State::Down(_) => false,
        });
        let closed = || "the queue is closed".to_owned();
        match tokio::time::timeout(LINK, up).await {
            Ok(Ok(state)) => match &*state {
                State::Up(session) => return Ok(Arc::clone(session)),
                State::Down(_) | State::Closed => return Err(closed()),
            },
            Ok(Err(_)) => return Err(closed()),
            Err(_) => {}
        }
        match &*self.state.borrow() {
            State::Down(why) => Err(why.clone()),
            State::Up(session) => Err(session.why()),
            State::Closed => Err(closed()),
        }
    }

    async fn open_on(&self, session: Arc<Session>) -> Result<Open, String> {
        let channel = within("opening a channel", session.connection.create_channel()).await?;
        within(
            "setting the prefetch",
            channel.basic_qos(self.prefetch, BasicQosOptions::default()),
        )
        .await?;
        let mut coming = SelectAll::new();
        for queue in self.names.read_for(self.lane) {
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumer = channel.basic_consume(queue, "".into(), options, arguments);
            let consumer = within("starting a consumer", consumer).await?;
            // One consumer's end must be seen while the other goes on.
            coming.push(
                consumer
                    .map(Some)
                    .chain(stream::once(std::future::ready(None)))
                    .boxed(),
            );
        }
        let gate = Gate::over(channel, Arc::clone(&session), Arc::clone(&self.fruitless));
        Ok(Open {
            session,
            gate,
            coming,
        })
    }

    /// Reads what came; puts aside what is another instance's.
    async fn sort_out(&self, held: Vec<(Raw, Held)>) -> Result<Vec<Delivery>, ReceiveError> {
        let mut deliveries = Vec::with_capacity(held.len());
        for (raw, held) in held {
            match incoming::read(raw, &self.instance) {
                Incoming::Ours {
                    message,
                    redelivered,
                    poison,
                } => {
                    deliveries.push(Delivery {
                        message,
                        redelivered,
                        poison,
                        acker: Box::new(held),
                    });
                }
                Incoming::Foreign { instance, outgoing } => {
                    tracing::error!(
                        instance,
                        "a message of another instance was on this one's queue; it is quarantined"
                    );
                    let quarantined = self.publisher.publish(outgoing).await;
                    quarantined.map_err(|error| {
                        ReceiveError(format!("quarantining a message: {error}"))
                    })?;
                    Box::new(held).ack().await;
                }
            }
        }
        Ok(deliveries)
    }

    /// Lets everything unacked go back. `stop` must have been called, so that no receiver holds the lock for long.
    pub async fn close(&self) {
        if let Some(open) = self.open.lock().await.take() {
            open.gate.shut().await;
        }
    }
}

impl Open {
    /// Waits for one, takes with it what else is there. Held from the moment it leaves the stream.
    async fn next_of(&mut self, max: usize) -> Result<Vec<(Raw, Held)>, ReceiveError> {
        let mut next = self.coming.next().await;
        let mut taken = Vec::new();
        loop {
            match next {
                Some(Some(Ok(raw))) => {
                    let held = Held {
                        acker: raw.acker.clone(),
                        gate: Some(Arc::clone(&self.gate)),
                    };
                    taken.push((raw, held));
                }
                Some(Some(Err(error))) => return Err(self.ended(error.to_string())),
                Some(None) | None => {
                    return Err(self.ended("the broker has ended the consumer".to_owned()));
                }
            }
            if taken.len() >= max {
                return Ok(taken);
            }
            match self.coming.next().now_or_never() {
                Some(more) => next = more,
                None => return Ok(taken),
            }
        }
    }

    fn ended(&self, why: String) -> ReceiveError {
        self.gate.shut.cancel();
        ReceiveError(why)
    }
}

impl Gate {
    /// Guards a channel, and closes it when it is shut or its session ends.
    fn over(channel: Channel, session: Arc<Session>, fruitless: Arc<AtomicU32>) -> Arc<Self> {
        let (shut, gone) = (CancellationToken::new(), CancellationToken::new());
        let gate = Arc::new(Self {
            shut: shut.clone(),
            gone: gone.clone(),
            fruitless,
        });
        tokio::spawn(async move {
            tokio::select! {
                () = shut.cancelled() => {}
                () = session.over.cancelled() => shut.cancel(),
            }
            if let Err(problem) =
                within("closing a channel", channel.close(200, "given back".into())).await
            {
                tracing::debug!(problem, "a channel was not closed in good order");
            }
            gone.cancel();
        });
        gate
    }

    /// Shuts it, and waits until the broker has what was unacked.
    async fn shut(&self) {
        self.shut.cancel();
        self.gone.cancelled().await;
    }
}

/// The right to acker one delivery. Dropped unused it gives everything of its channel back.
struct Held {
    acker: ChannelAcker,
    gate: Option<Arc<Gate>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.shut.cancel();
        }
    }
}

impl Acker for Held {
    fn ack(mut self: Box<Self>) -> BoxFuture<'static, bool> {
        let (tag, gate) = (self.acker.clone(), self.gate.take());
        let Some(gate) = gate else {
            return Box::pin(std::future::ready(false));
        };
        // In a task: an ack that was begun is not lost with its caller.
        let acked = tokio::spawn(async move {
            if gate.shut.is_cancelled() {
                return false;
            }
            let written = tokio::time::timeout(CALL, tag.ack(BasicAckOptions::default())).await;
            let acked = matches!(written, Ok(Ok(true)));
            if acked {
                gate.fruitless.store(0, Ordering::Relaxed);
            } else {
                gate.shut.cancel();
            }
            acked
        });
        Box::pin(async move { acked.await.unwrap_or(false) })
    }

    fn requeue(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        let gate = self.gate.take();
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.shut().await;
            }
        })
    }
}
