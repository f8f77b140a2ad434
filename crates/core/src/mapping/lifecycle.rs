//! Reads the lifecycle policy: from text such as `start - 7d` to offsets and choices.
//!
//! In: a [`LifecyclePolicy`] as written. Out: a [`Lifecycle`], or every fault in it.
//! `access_evaluator.rs` applies it to a person.

use jiff::SignedDuration;

use super::{document::LifecyclePolicy, faults::MappingFault};

/// A policy that can be applied to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifecycle {
    /// From the start of an employment to the creation of the account.
    pub create: SignedDuration,
    /// From the start of an employment to the activation; not before `create`.
    pub activate: SignedDuration,
    /// From the end of an employment to the deactivation.
    pub deactivate: SignedDuration,
    pub leave: AccessEffect,
    pub record_deleted: AccessEffect,
}

/// The effect of a leave or of a deleted record on access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessEffect {
    Keep,
    Deactivate,
}

/// The longest offset, in days.
const MAX_DAYS: i64 = 3_650;

/// Units of an offset and their seconds.
const UNITS: [(&str, i64); 5] = [
    ("h", 3_600),
    ("d", 86_400),
    ("w", 7 * 86_400),
    ("m", 60),
    ("min", 60),
];

impl Lifecycle {
    /// Reads the policy, or returns all of its faults.
    pub(super) fn read(policy: &LifecyclePolicy) -> Result<Self, Vec<MappingFault>> {
        let mut faults = Vec::new();
        let mut read = |key, anchor, text: &str| {
            offset(anchor, text).unwrap_or_else(|problem| {
                faults.push(fault(key, problem));
                SignedDuration::ZERO
            })
        };

        let create = read("create", "start", &policy.create);
        let activate = read("activate", "start", &policy.activate);
        let deactivate = read("deactivate", "end", &policy.deactivate);

        let leave = effect(&policy.leave);
        let record_deleted = effect(&policy.record_deleted);
        for (key, text, effect) in [
            ("leave", &policy.leave, leave),
            ("record_deleted", &policy.record_deleted, record_deleted),
        ] {
            if effect.is_none() {
                let problem = format!("`{text}`: expected `keep` or `deactivate`");
                faults.push(fault(key, problem));
            }
        }

        let delete_after = &policy.delete_after;
        if delete_after != "never" {
            let problem = format!("`{delete_after}`: not in this version; expected `never`");
            faults.push(fault("delete_after", problem));
        }

        if faults.is_empty() && create > activate {
            let (create, activate) = (&policy.create, &policy.activate);
            let problem = format!("`{create}` is after activate, `{activate}`");
            faults.push(fault("create", problem));
        }

        match (leave, record_deleted) {
            (Some(leave), Some(record_deleted)) if faults.is_empty() => Ok(Self {
                create,
                activate,
                deactivate,
                leave,
                record_deleted,
            }),
            (Some(_) | None, Some(_) | None) => Err(faults),
        }
    }
}

fn fault(key: &str, problem: String) -> MappingFault {
    MappingFault {
        at: vec!["lifecycle".into(), key.into()],
        range: None,
        problem,
    }
}

fn effect(text: &str) -> Option<AccessEffect> {
    match text {
        "keep" => Some(AccessEffect::Keep),
        "deactivate" => Some(AccessEffect::Deactivate),
        _ => None,
    }
}

/// Reads an offset from `anchor`: `start`, `start - 7d`, `end+12h`.
fn offset(anchor: &str, text: &str) -> Result<SignedDuration, String> {
    let expected = || {
        format!(
            "`{text}`: expected `{anchor}`, `{anchor} - 7d` or `{anchor} + 12h` (units w, d, h, m)"
        )
    };

    let shift = text
        .trim()
        .strip_prefix(anchor)
        .ok_or_else(expected)?
        .trim_start();

    if shift.is_empty() {
        return Ok(SignedDuration::ZERO);
    }

    let (sign, length) = match (shift.strip_prefix('-'), shift.strip_prefix('+')) {
        (Some(length), _) => (-1, length),
        (None, Some(length)) => (1, length),
        (None, None) => return Err(expected()),
    };

    let length = length.trim();
    let digits = length.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = length.get(digits.len()..).unwrap_or_default().trim();
    let (_, seconds) = UNITS
        .iter()
        .find(|(known, _)| *known == unit)
        .ok_or_else(expected)?;

    let count = digits.parse::<u32>().map_err(|_| expected())?;
    let seconds = i64::from(count).saturating_mul(*seconds);
    if seconds > MAX_DAYS * 86_400 {
        return Err(format!("`{text}`: more than {MAX_DAYS} days"));
    }

    Ok(SignedDuration::from_secs(sign * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_with_or_without_spaces() {
        for (anchor, text, hours) in [
            ("start", "start", 0),
            ("start", "start - 7d", -7 * 24),
            ("start", " start-1w ", -7 * 24),
            ("end", "end + 12h", 12),
            ("end", "end +120 m", 2),
            ("end", "end+ 120min", 2),
        ] {
            assert_eq!(
                offset(anchor, text),
                Ok(SignedDuration::from_hours(hours)),
                "{text}"
            );
        }

        for text in [
            "",
            "begin",
            "end",
            "start 7d",
            "start - d",
            "start - 7",
            "start - 7y",
            "start - -7d",
            "start x",
        ] {
            assert!(offset("start", text).is_err(), "{text}");
        }

        assert!(offset("start", "start - 4000d").is_err());
        assert!(offset("start", "start - 99999999999d").is_err());
    }

    #[test]
    fn every_fault_is_reported_at_its_key() {
        let policy = LifecyclePolicy {
            create: "end".into(),
            activate: "start".into(),
            deactivate: "start".into(),
            leave: "suspend".into(),
            record_deleted: String::new(),
            delete_after: "30d".into(),
        };

        let faults = Lifecycle::read(&policy).expect_err("faults");
        let keys: Vec<_> = faults.iter().map(|fault| fault.at[1].as_str()).collect();
        assert_eq!(
            keys,
            [
                "create",
                "deactivate",
                "leave",
                "record_deleted",
                "delete_after"
            ]
        );

        let late = LifecyclePolicy {
            create: "start + 1d".into(),
            ..LifecyclePolicy::default()
        };

        assert_eq!(
            Lifecycle::read(&late).expect_err("a fault")[0].at[1],
            "create"
        );
        assert!(Lifecycle::read(&LifecyclePolicy::default()).is_ok());
    }
}
