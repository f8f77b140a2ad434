//! The kinds of findings (`docs/fold.md` 7), in one list: the type, all of its values and their names.

use serde::{Deserialize, Serialize};

macro_rules! finding_kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// The kinds of findings (`docs/fold.md` 7). The worker alone raises `two_accounts`,
        /// `group_not_found` and `ended_unknown`.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        #[allow(
            missing_docs,
            reason = "docs/fold.md describes each kind under the rule that raises it"
        )]
        pub enum FindingKind {
            $($kind,)*
        }

        impl FindingKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name in `docs/fold.md`, the store and the filters.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

finding_kinds! {
    IdReused = "id_reused",
    ImplausibleTime = "implausible_time",
    ImplausibleEffective = "implausible_effective",
    SupersedingMismatch = "superseding_mismatch",
    StartInsideEnded = "start_inside_ended",
    StartWithoutDate = "start_without_date",
    EndedSeveral = "ended_several",
    WhichEmployment = "which_employment",
    NothingToCancel = "nothing_to_cancel",
    HrSaysActive = "hr_says_active",
    MissingFromList = "missing_from_list",
    EndDateWithoutEnding = "end_date_without_ending",
    TwoAccounts = "two_accounts",
    GroupNotFound = "group_not_found",
    EndedUnknown = "ended_unknown",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_by_its_name() {
        for kind in FindingKind::ALL {
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
    }
}
