//! The canonical event: one fact about one worker, as the HR system states it.
//!
//! The wire form is a `CloudEvents` 1.0 structured JSON document ([`CloudEvent`]). An [`Event`]
//! adds its provenance: the source, the hook and the time of receipt. `source` builds
//! [`ParsedEvent`]s from a request body; `fold` interprets the facts. Nothing here reads a clock or
//! does I/O.

mod attribute;
mod authority;
mod change;
mod cloud_event;
mod digest;
mod effective;
mod employment_row;
mod examples;
mod ids;
mod kind;
mod schema;
mod violations;
mod worker;

pub use attribute::Attribute;
pub use authority::Authority;
pub use change::Change;
pub use cloud_event::{CloudEvent, EventData, EventReference, OtherWorker};
pub use digest::{ContentDigest, InvalidDigest};
pub use effective::{Boundary, Effective, Moment, UnknownTimeZone, time_zone};
pub use employment_row::EmploymentRow;
pub use ids::{Alias, EmploymentId, EventKey, HookId, IdDerivation, InvalidId, SourceId, WorkerId};
pub use kind::Kind;
pub(crate) use kind::Rank;
pub use schema::schemas;
pub(crate) use violations::is_valid_name;
pub use worker::{
    Address, CivilDate, Contact, Dates, Job, Location, Manager, Name, Unit, WorkerChanges,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest text of an attribute, in bytes. A longer one is no name, title or address.
pub(crate) const MAX_TEXT: usize = 4096;

/// How far an event's `time` may be ahead of its receipt (docs/fold.md, section 1).
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A canonical event as Hirewire stores it: the fact and its provenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The configured source. It comes from the URL of the hook, never from the body.
    pub source: SourceId,
    /// The hook (HTTP request) that contained it.
    pub hook: HookId,
    /// The time of that hook's receipt, by the clock of the intake.
    pub received: Timestamp,
    /// The way its id is derived; it decides what [`Event::key`] contains.
    #[serde(rename = "identity")]
    pub id_derivation: IdDerivation,
    /// The fact as the sender states it.
    pub content: CloudEvent,
}

impl Event {
    /// The key under which the fact counts once (docs/fold.md, section 1).
    pub fn key(&self) -> EventKey {
        let id = match self.id_derivation {
            IdDerivation::Given | IdDerivation::Digest => self.content.id.clone(),
            IdDerivation::DigestInHook => format!("{}@{}", self.content.id, self.hook.as_str()),
        };
        EventKey {
            source: self.source.clone(),
            origin: self.content.source.clone(),
            id,
        }
    }

    /// The kind of the fact, from `type`.
    pub fn kind(&self) -> Kind {
        self.content.kind
    }

    /// The alias that the fact is about: a worker of the event's own source. For an operator's
    /// event it is a worker of the `on_behalf_of` source (docs/fold.md, section 4).
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

    /// Every alias in the event: its own, the previous worker's, and the other one of a link.
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

    /// Whether the stated `time` is plausible: the year 2000 or later, and at most five minutes
    /// after the receipt. A fact without a `time` is plausible.
    pub(crate) fn time_is_plausible(&self) -> bool {
        self.content.time.is_none_or(|time| {
            time >= year_2000() && time.duration_since(self.received) <= MAX_CLOCK_SKEW
        })
    }

    /// The time at which HR learned the fact: `time` if it is plausible, else the receipt.
    pub fn occurred(&self) -> Timestamp {
        match self.content.time {
            Some(time) if self.time_is_plausible() => time,
            Some(_) | None => self.received,
        }
    }

    /// Whether the event may take back access that has begun, although it is no ending: it states a
    /// start that lies ahead of its receipt, or takes back another event. An edit without a start of
    /// its own keeps the start of the event that it replaces.
    pub fn may_withdraw_access(&self) -> bool {
        let data = &self.content.data;
        let lies_ahead = |effective: &Effective| effective.may_be_after(self.received);
        let lists_later_start = || {
            let rows = data.employments.iter().flatten();
            rows.filter_map(|row| row.start.as_ref()).any(lies_ahead)
        };

        match self.kind().rank() {
            Rank::Start => data.effective.as_ref().is_some_and(lies_ahead),
            Rank::Link => matches!(self.kind(), Kind::Voided | Kind::Unlinked),
            Rank::Restoration => data.supersedes.is_some(),
            Rank::Change => lists_later_start(),
            Rank::Ending | Rank::Revocation => false,
        }
    }

    /// The digest of the content: a sender's retry has the same one, a reused id another one.
    pub fn content_digest(&self) -> ContentDigest {
        self.content.digest()
    }
}

/// A canonical event parsed from a body, without the provenance that makes it an [`Event`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParsedEvent {
    /// The way its id is derived.
    #[serde(default, rename = "identity")]
    pub id_derivation: IdDerivation,
    /// The fact as the sender states it.
    pub content: CloudEvent,
}

fn year_2000() -> Timestamp {
    Timestamp::from_second(946_684_800).unwrap_or(Timestamp::UNIX_EPOCH)
}
