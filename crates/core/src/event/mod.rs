//! The canonical event: one fact about one worker, as HR stated it.
//!
//! On the wire it is a `CloudEvents` 1.0 structured JSON document ([`CloudEvent`]); inside it is an
//! [`Event`]: that document plus where it came from ([`SourceId`], [`HookId`]) and when it came.
//! Pure: nothing here reads a clock, does I/O or decides what a fact means (that is `fold`).

mod change;
mod cloud;
mod effective;
mod identity;
mod kind;
mod schema;
mod worker;

pub use change::Change;
pub use cloud::{CloudEvent, EmploymentRow, EventData, OtherWorker, Reference, Violation};
pub use effective::{Boundary, Effective, Moment, UnknownTimeZone, time_zone};
pub use identity::{
    Alias, ContentDigest, EmploymentId, EventKey, HookId, Identity, InvalidId, SourceId, WorkerId,
};
pub use kind::{Kind, Rank};
pub use schema::schemas;
pub use worker::{
    Address, Attribute, CivilDate, Contact, Dates, Job, Location, Manager, Name, Unit,
    WorkerChanges,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far an event's `time` may lie ahead of its receipt before it is not believed (fold.md 1).
pub const TIME_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A canonical event as Hirewire holds it: the fact, and how it reached us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The configured source (its `id`), never taken from the body.
    pub source: SourceId,
    /// The hook (HTTP request) that brought it.
    pub hook: HookId,
    /// When that hook was received, by the intake's clock.
    pub received: Timestamp,
    /// How its id came about.
    pub identity: Identity,
    /// The fact itself.
    pub content: CloudEvent,
}

impl Event {
    /// The key under which the fact counts once (fold.md 1).
    pub fn key(&self) -> EventKey {
        let id = match self.identity {
            Identity::Given | Identity::Digest => self.content.id.clone(),
            Identity::DigestInHook => format!("{}@{}", self.content.id, self.hook.as_str()),
        };
        EventKey {
            source: self.source.clone(),
            origin: self.content.source.clone(),
            id,
        }
    }

    /// What the fact says about whom.
    pub fn kind(&self) -> Kind {
        self.content.kind
    }

    /// The alias it speaks of: its own source's worker, or for an operator's event the worker of the
    /// source it is `on_behalf_of` (fold.md 4).
    pub fn alias(&self) -> Alias {
        let source = self
            .content
            .data
            .on_behalf_of
            .clone()
            .unwrap_or_else(|| self.source.clone());
        Alias {
            source,
            worker: self.content.subject.clone(),
        }
    }

    /// Every alias it names: its own, the previous worker's, the other one of a link.
    pub fn aliases(&self) -> Vec<Alias> {
        let own = self.alias();
        let data = &self.content.data;
        let previous = data.previous_worker_id.clone().map(|worker| Alias {
            source: own.source.clone(),
            worker,
        });
        let other = data.other.clone().map(|other| Alias {
            source: other.source,
            worker: other.worker_id,
        });
        std::iter::once(own).chain(previous).chain(other).collect()
    }

    /// Whether the stated `time` can be believed: not before 2000, not over [`TIME_AHEAD`] after receipt.
    pub fn time_is_plausible(&self) -> bool {
        self.content.time.is_none_or(|time| {
            time >= year_2000() && time.duration_since(self.received) <= TIME_AHEAD
        })
    }

    /// When the fact became known to HR: its `time` where plausible, else when we received it.
    pub fn occurred(&self) -> Timestamp {
        match self.content.time {
            Some(time) if self.time_is_plausible() => time,
            Some(_) | None => self.received,
        }
    }

    /// Digest of the content alone: equal for a sender's retry, different for a reused id.
    pub fn content_digest(&self) -> ContentDigest {
        self.content.digest()
    }
}

/// A canonical event as read, before it is tied to its hook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadEvent {
    /// How its id came about.
    #[serde(default)]
    pub identity: Identity,
    /// The fact.
    pub content: CloudEvent,
}

fn year_2000() -> Timestamp {
    Timestamp::from_second(946_684_800).unwrap_or(Timestamp::UNIX_EPOCH)
}
