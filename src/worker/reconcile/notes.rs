//! The notes of a plan, for people, and the conclusion that follows from them alone.

use super::next_step::NextStep;
use crate::store::OutcomeKind;
use hirewire_core::plan::Note;

/// The conclusion of a plan without requests.
pub(super) fn nothing_to_send(notes: &[Note]) -> NextStep {
    for note in notes {
        match note {
            Note::Incomplete(missing) => {
                return NextStep::reconciled(OutcomeKind::Incomplete, missing.join(", "));
            }
            Note::DisabledElsewhere | Note::FoundInactive => {
                return NextStep::reconciled(OutcomeKind::DisabledElsewhere, note_text(note));
            }
            Note::Held => return NextStep::reconciled(OutcomeKind::Waiting, "held"),
            Note::GroupNotFound(_)
            | Note::GroupAmbiguous(..)
            | Note::GroupUnknown(_)
            | Note::GroupsUnsupported
            | Note::RefusedBefore(_) => {}
        }
    }
    NextStep::reconciled(OutcomeKind::Unchanged, left_out(notes))
}

/// The notes about what a plan leaves out for good, for people.
pub(super) fn left_out(notes: &[Note]) -> String {
    let lasting = notes.iter().filter(|note| match note {
        Note::GroupNotFound(_)
        | Note::GroupAmbiguous(..)
        | Note::GroupUnknown(_)
        | Note::GroupsUnsupported
        | Note::RefusedBefore(_)
        | Note::DisabledElsewhere
        | Note::FoundInactive => true,
        Note::Incomplete(_) | Note::Held => false,
    });
    lasting.map(note_text).collect::<Vec<_>>().join(", ")
}

/// A note, for people.
pub(crate) fn note_text(note: &Note) -> String {
    match note {
        Note::Incomplete(missing) => {
            format!(
                "required attributes have no value yet: {}",
                missing.join(", ")
            )
        }
        Note::DisabledElsewhere => "another system deactivated the account".to_owned(),
        Note::FoundInactive => "the account was inactive when it was found: activate it at the \
                                target, or set `adopt.activate`"
            .to_owned(),
        Note::Held => "the account is held".to_owned(),
        Note::GroupNotFound(name) => format!("no group is named {name}"),
        Note::GroupUnknown(name) => format!("the lookup of group {name} failed"),
        Note::GroupAmbiguous(name, _) => format!("several groups are named {name}"),
        Note::GroupsUnsupported => "groups are desired, but the target has none".to_owned(),
        Note::RefusedBefore(name) => format!("the target refused {name} before"),
    }
}
