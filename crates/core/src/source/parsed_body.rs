//! The result of reading a body: its events, and the error if it has one.

use crate::event::ParsedEvent;

/// The content of a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedBody {
    /// The events, in the order of the body; none for a ping.
    pub events: Vec<ParsedEvent>,
    /// The error, if there is one. Only with [`ContentError::Unreadable`] there may be events too.
    pub error: Option<ContentError>,
    /// The number of sensitive members (pay, birth dates and the like) that were dropped.
    pub dropped: usize,
    /// The number of telephone numbers that are kept although they have no E.164 form.
    pub unnormalized_phones: usize,
}

/// The error of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentError {
    /// A canonical body that is not JSON; the sender gets a 400.
    Malformed(String),
    /// A canonical body with an invalid event; the sender gets a 422, and no event is taken.
    Invalid(Vec<InvalidMember>),
    /// A vendor's body with an unreadable item, with the reason. The body becomes a dead letter;
    /// the events of its other items are taken.
    Unreadable(String),
}

/// A member of a canonical event that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMember {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// The broken rule. It may quote the body: it is for the sender and must not be logged.
    pub problem: String,
}

/// The maximum number of problems that a result contains.
pub(super) const MAX_PROBLEMS: usize = 20;

impl ParsedBody {
    /// A result with an error and no events.
    pub(super) fn failed(error: ContentError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    /// The result for a canonical body with invalid members.
    pub(super) fn invalid(mut members: Vec<InvalidMember>) -> Self {
        members.truncate(MAX_PROBLEMS);
        Self::failed(ContentError::Invalid(members))
    }
}
