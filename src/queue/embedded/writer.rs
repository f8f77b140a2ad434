//! The one task that owns the queue's file: gathers requests, commits them as one transaction, then answers.
//!
//! In: requests over one channel. Out: an answer for each, never before the commit. In memory it keeps only which
//! messages are in flight; everything else is in the file. A transaction that fails fails every request in it
//! (acks get a second chance alone: they free space on a full disk), and the queue is not ready until one succeeds.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::file::{Contents, QueueFile, Row, is_full};
use crate::queue::{QueueName, PublishError, QueueHealth, ReceiveError};

/// Most requests in one transaction.
const GROUP: usize = 128;

/// How often a failing file is tried again while nobody asks for anything.
const PROBE: Duration = Duration::from_secs(1);

type TakeDone = oneshot::Sender<Result<Vec<Taken>, ReceiveError>>;

/// What can be asked of the writer.
pub(super) enum Request {
    Publish {
        lane: QueueName,
        body: Vec<u8>,
        done: oneshot::Sender<Result<(), PublishError>>,
        permit: OwnedSemaphorePermit,
    },
    Take {
        lane: QueueName,
        max: usize,
        done: TakeDone,
    },
    Ack {
        lane: QueueName,
        seq: i64,
        done: oneshot::Sender<bool>,
    },
    GiveBack {
        lane: QueueName,
        seq: i64,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A message handed out.
pub(super) struct Taken {
    pub row: Row,
    /// Whether this process has had it before.
    pub again: bool,
    pub ticket: Ticket,
}

/// The right to acker one message. Dropped unused it gives the message back.
pub(super) struct Ticket {
    lane: QueueName,
    seq: i64,
    requests: Option<mpsc::UnboundedSender<Request>>,
}

impl Ticket {
    /// Asks for the message to be forgotten; the answer is whether it was.
    pub fn acked_by(mut self) -> oneshot::Receiver<bool> {
        let (done, answer) = oneshot::channel();
        if let Some(requests) = self.requests.take() {
            // If the writer has ended, the answer's other end is dropped: not acked.
            let _ = requests.send(Request::Ack {
                lane: self.lane,
                seq: self.seq,
                done,
            });
        }
        answer
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(requests) = self.requests.take() {
            // If the writer has ended, the next process delivers it again.
            let _ = requests.send(Request::GiveBack {
                lane: self.lane,
                seq: self.seq,
            });
        }
    }
}

/// What is known about the queue without asking the writer.
pub(super) struct Shared {
    events: AtomicU64,
    dead: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Shared {
    pub fn new(contents: &Contents) -> Self {
        Self {
            events: AtomicU64::new(contents.events),
            dead: AtomicU64::new(contents.dead),
            trouble: Mutex::new(None),
        }
    }

    fn ready(&self, lane: QueueName) -> &AtomicU64 {
        match lane {
            QueueName::Events => &self.events,
            QueueName::Dead => &self.dead,
        }
    }

    pub fn depth(&self, lane: QueueName) -> u64 {
        self.ready(lane).load(Ordering::Relaxed)
    }

    pub fn health(&self) -> QueueHealth {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble
            .clone()
            .map_or(QueueHealth::Ready, QueueHealth::NotReady)
    }

    /// Notes how the last transaction went; whether that changed anything.
    fn note(&self, trouble: Option<String>) -> bool {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = known.is_some() != trouble.is_some();
        *known = trouble;
        changed
    }
}

/// One lane's messages as the writer knows them.
struct Line {
    lane: QueueName,
    /// Highest `seq` handed out by this process.
    cursor: i64,
    /// Messages above the cursor.
    fresh: u64,
    /// Given back: handed out before, older than the cursor, to go out again first.
    returned: BTreeSet<i64>,
    /// Who waits for messages.
    waiting: VecDeque<(usize, TakeDone)>,
}

impl Line {
    fn new(lane: QueueName, fresh: u64) -> Self {
        Self {
            lane,
            cursor: 0,
            fresh,
            returned: BTreeSet::new(),
            waiting: VecDeque::new(),
        }
    }

    fn ready(&self) -> u64 {
        self.fresh
            .saturating_add(u64::try_from(self.returned.len()).unwrap_or(u64::MAX))
    }

    /// Whether somebody waits who can be served, given that so many are just being added.
    fn can_serve(&mut self, added: usize) -> bool {
        self.waiting.retain(|(_, done)| !done.is_closed());
        !self.waiting.is_empty() && (self.ready() > 0 || added > 0)
    }
}

/// One lane's part of a group of requests.
#[derive(Default)]
struct Part {
    bodies: Vec<Vec<u8>>,
    published: Vec<(
        oneshot::Sender<Result<(), PublishError>>,
        OwnedSemaphorePermit,
    )>,
    acked: Vec<i64>,
    ackers: Vec<oneshot::Sender<bool>>,
}

/// What a transaction took from a lane for its waiters.
#[derive(Default)]
struct Catch {
    again: Vec<Row>,
    fresh: Vec<Row>,
}

/// The one of that lane.
fn of<T>(both: &mut [T; 2], lane: QueueName) -> &mut T {
    let [events, dead] = both;
    match lane {
        QueueName::Events => events,
        QueueName::Dead => dead,
    }
}

/// The task; see the module.
pub(super) struct Writer {
    file: QueueFile,
    next_seq: i64,
    lines: [Line; 2],
    inbox: mpsc::UnboundedReceiver<Request>,
    requests: mpsc::WeakUnboundedSender<Request>,
    shared: Arc<Shared>,
}

impl Writer {
    pub fn new(
        file: QueueFile,
        contents: &Contents,
        inbox: mpsc::UnboundedReceiver<Request>,
        requests: mpsc::WeakUnboundedSender<Request>,
        shared: Arc<Shared>,
    ) -> Self {
        let lines = [
            Line::new(QueueName::Events, contents.events),
            Line::new(QueueName::Dead, contents.dead),
        ];
        Self {
            file,
            next_seq: contents.next_seq,
            lines,
            inbox,
            requests,
            shared,
        }
    }

    /// Serves until asked to close, or until nobody is left who could ask.
    pub async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            let probe = self.shared.health() != QueueHealth::Ready;
            let gathered = if probe {
                // Nothing gathered in time is a probe; an empty group otherwise means that all senders are gone.
                tokio::time::timeout(PROBE, self.inbox.recv_many(&mut group, GROUP))
                    .await
                    .unwrap_or(usize::MAX)
            } else {
                self.inbox.recv_many(&mut group, GROUP).await
            };
            let (parts, closing) = self.sort(&mut group);
            self.serve(parts, probe).await;
            if gathered == 0 || closing.is_some() {
                self.shared.note(Some("the queue is closed".to_owned()));
                self.file.close().await;
                // Whoever asked may have gone away.
                let _ = closing.map(|done| done.send(()));
                return;
            }
        }
    }

    /// Puts each request where it belongs.
    fn sort(&mut self, group: &mut Vec<Request>) -> ([Part; 2], Option<oneshot::Sender<()>>) {
        let mut parts = [Part::default(), Part::default()];
        let mut closing = None;
        for request in group.drain(..) {
            match request {
                Request::Publish {
                    lane,
                    body,
                    done,
                    permit,
                } => {
                    let part = of(&mut parts, lane);
                    part.bodies.push(body);
                    part.published.push((done, permit));
                }
                Request::Take { lane, max, done } => {
                    of(&mut self.lines, lane).waiting.push_back((max, done))
                }
                Request::Ack { lane, seq, done } => {
                    let part = of(&mut parts, lane);
                    part.acked.push(seq);
                    part.ackers.push(done);
                }
                Request::GiveBack { lane, seq } => {
                    of(&mut self.lines, lane).returned.insert(seq);
                }
                Request::Close { done } => closing = Some(done),
            }
        }
        (parts, closing)
    }

    /// Commits one group and answers it.
    async fn serve(&mut self, mut parts: [Part; 2], probe: bool) {
        let [events, dead] = &mut self.lines;
        let [events_part, dead_part] = &parts;
        let waited_for =
            events.can_serve(events_part.bodies.len()) | dead.can_serve(dead_part.bodies.len());
        let written = parts
            .iter()
            .any(|part| !part.bodies.is_empty() || !part.acked.is_empty());
        if written || waited_for || probe {
            match self.transact(&mut parts).await {
                Ok(catches) => {
                    self.note(None);
                    self.account_for(&parts, &catches);
                    self.answer(parts, catches);
                }
                Err(error) => {
                    self.file.rollback().await;
                    self.fail(parts, &error).await;
                }
            }
        }
        // Once more for what was given back or failed.
        self.tell_depths();
    }

    fn tell_depths(&self) {
        for line in &self.lines {
            self.shared
                .ready(line.lane)
                .store(line.ready(), Ordering::Relaxed);
        }
    }

    async fn transact(&mut self, parts: &mut [Part; 2]) -> Result<[Catch; 2], sqlx::Error> {
        self.file.begin().await?;
        let mut catches = [Catch::default(), Catch::default()];
        for ((line, part), caught) in self.lines.iter_mut().zip(parts).zip(&mut catches) {
            let bodies = std::mem::take(&mut part.bodies);
            let added = bodies.len();
            if added > 0 {
                let first = self.next_seq;
                self.next_seq = first.saturating_add(i64::try_from(added).unwrap_or(i64::MAX));
                self.file.insert(line.lane, first, bodies).await?;
            }
            if !part.acked.is_empty() {
                self.file.delete(line.lane, &part.acked).await?;
            }
            if line.can_serve(added) {
                let wanted = line
                    .waiting
                    .iter()
                    .map(|(max, _)| *max)
                    .fold(0, usize::saturating_add);
                let again: Vec<i64> = line.returned.iter().take(wanted).copied().collect();
                if !again.is_empty() {
                    caught.again = self.file.read(line.lane, &again).await?;
                }
                let more = wanted.saturating_sub(again.len());
                if more > 0 {
                    caught.fresh = self.file.read_on(line.lane, line.cursor, more).await?;
                }
            }
            // Written even where nothing was caught: it is what a probe tries.
            let taken = caught.fresh.last().map_or(line.cursor, |row| row.seq);
            if taken > line.cursor || self.shared.health() != QueueHealth::Ready {
                self.file.mark(line.lane, taken).await?;
            }
        }
        self.file.commit().await?;
        Ok(catches)
    }

    /// Brings the lines up to date with a committed group: before anybody is told, so that who was told finds it so.
    fn account_for(&mut self, parts: &[Part; 2], catches: &[Catch; 2]) {
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        for ((line, part), caught) in self.lines.iter_mut().zip(parts).zip(catches) {
            for row in &caught.again {
                line.returned.remove(&row.seq);
            }
            line.fresh = line
                .fresh
                .saturating_add(number(part.published.len()))
                .saturating_sub(number(caught.fresh.len()));
            line.cursor = caught.fresh.last().map_or(line.cursor, |row| row.seq);
        }
        self.tell_depths();
    }

    /// Tells everybody in a committed group.
    fn answer(&mut self, parts: [Part; 2], catches: [Catch; 2]) {
        // Nobody needs tickets if all who could acker them are gone.
        let requests = self.requests.upgrade();
        for ((line, part), caught) in self.lines.iter_mut().zip(parts).zip(catches) {
            for (done, permit) in part.published {
                drop(permit);
                let _ = done.send(Ok(()));
            }
            for done in part.ackers {
                let _ = done.send(true);
            }
            let mut rows = caught
                .again
                .into_iter()
                .map(|row| (row, true))
                .chain(caught.fresh.into_iter().map(|row| (row, false)))
                .map(|(row, again)| {
                    let ticket = Ticket {
                        lane: line.lane,
                        seq: row.seq,
                        requests: requests.clone(),
                    };
                    Taken { row, again, ticket }
                })
                .peekable();
            while rows.peek().is_some() {
                let Some((max, done)) = line.waiting.pop_front() else {
                    break;
                };
                // A caller that has gone away drops its tickets, and so gives the messages back.
                let _ = done.send(Ok(rows.by_ref().take(max).collect()));
            }
        }
    }

    /// Tells everybody in a group that could not be committed; acks are tried once more alone.
    async fn fail(&mut self, parts: [Part; 2], error: &sqlx::Error) {
        let problem = error.to_string();
        self.note(Some(problem.clone()));
        let publishing = parts.iter().any(|part| !part.published.is_empty());
        let acked = publishing && self.delete_alone(&parts).await.is_ok();
        for (line, part) in self.lines.iter_mut().zip(parts) {
            for (done, permit) in part.published {
                drop(permit);
                let refusal = if is_full(error) {
                    PublishError::Refused("the disk is full".to_owned())
                } else {
                    PublishError::Unreachable(problem.clone())
                };
                let _ = done.send(Err(refusal));
            }
            if !acked {
                line.returned.extend(&part.acked);
            }
            for done in part.ackers {
                let _ = done.send(acked);
            }
            for (_, done) in line.waiting.drain(..) {
                let _ = done.send(Err(ReceiveError(problem.clone())));
            }
        }
    }

    async fn delete_alone(&mut self, parts: &[Part; 2]) -> Result<(), sqlx::Error> {
        if parts.iter().all(|part| part.acked.is_empty()) {
            return Ok(());
        }
        let deleted = async {
            self.file.begin().await?;
            for (line, part) in self.lines.iter().zip(parts) {
                self.file.delete(line.lane, &part.acked).await?;
            }
            self.file.commit().await
        };
        let deleted = deleted.await;
        if deleted.is_err() {
            self.file.rollback().await;
        }
        deleted
    }

    fn note(&self, trouble: Option<String>) {
        let problem = trouble.clone().unwrap_or_default();
        if !self.shared.note(trouble) {
            return;
        }
        if problem.is_empty() {
            tracing::info!("the queue's file can be written again");
        } else {
            tracing::error!(
                problem,
                "the queue's file cannot be written: publishing is refused until it can"
            );
        }
    }
}
