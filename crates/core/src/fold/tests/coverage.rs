//! `docs/fold.md` 8, property 7: the generator reaches everything that the properties are about.
//!
//! Every kind, every pair of kinds, every finding, every rule and every shape of a history must
//! occur in at least 0.5 % of the histories.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fact::{EffectiveSpec, FactSpec, alias, hour},
    generator,
    history::History,
    oracle::read_person,
    runner::{SeededRng, cases, seed},
};
use crate::{
    event::Kind,
    fold::{FindingKind, Status, fold},
};

/// The least number of histories, in a thousand, that must reach each item.
const AT_LEAST: u64 = 5;

/// The rules of `docs/fold.md` 3, by the names under which the oracle counts them.
const RULES: [&str; 32] = [
    "start 1",
    "start 2",
    "start 3",
    "start 3, rehired later",
    "start 4",
    "start 5",
    "an employment takes an id",
    "ending a",
    "ending b",
    "ending c",
    "ending d",
    "rescinded",
    "rescinded, but begun",
    "deleted",
    "deleted before it began",
    "cancelled by reference",
    "cancelled the last",
    "cancelled nothing",
    "access restored",
    "access restored, nothing to restore",
    "leave started",
    "leave started again",
    "leave ended",
    "leave end moved",
    "missing from a list",
    "a row finds an employment",
    "a row moves the start",
    "a row does not move the start",
    "a row ends an employment",
    "a row without an end, of an ended employment",
    "a row that is over",
    "a row finds no employment",
];

/// The findings that no generated history has: the worker alone raises the last three, and the
/// generator makes no `dates` for a `changed` (`attribute_tests` has tests of their own).
const NOT_GENERATED: [FindingKind; 4] = [
    FindingKind::EndDateWithoutEnding,
    FindingKind::TwoAccounts,
    FindingKind::GroupNotFound,
    FindingKind::EndedUnknown,
];

const STATUSES: [Status; 5] = [
    Status::Unknown,
    Status::Upcoming,
    Status::Active,
    Status::OnLeave,
    Status::Ended,
];

/// A name, and whether a history has that shape.
type Shape = (&'static str, fn(&History) -> bool);

/// The shapes that a history can have, beyond its kinds.
const SHAPES: [Shape; 15] = [
    ("effective differs from occurred", |history| {
        any_fact(history, |fact| {
            effective_hours(fact).is_some_and(|hours| hours != fact.occurred())
        })
    }),
    ("a planned start", |history| {
        any_fact(history, |fact| {
            matches!(fact.kind, Kind::Hired | Kind::Rehired) && is_planned(fact)
        })
    }),
    ("a planned ending", |history| {
        any_fact(history, |fact| {
            fact.kind.ends_access() && fact.kind != Kind::AccessRevoked && is_planned(fact)
        })
    }),
    ("a planned leave", |history| {
        any_fact(history, |fact| {
            fact.kind == Kind::LeaveStarted && is_planned(fact)
        })
    }),
    ("a back-dated fact", |history| {
        any_fact(history, |fact| {
            effective_hours(fact).is_some_and(|hours| hours < fact.occurred() - 24)
        })
    }),
    ("an edit", |history| {
        any_fact(history, |fact| {
            fact.supersedes
                .is_some_and(|to| any_fact(history, |superseded| superseded.reference() == to))
        })
    }),
    ("a resend under a new id", |history| {
        any_fact(history, |fact| {
            let is_resend = |first: &FactSpec| *fact == first.resent(fact.id, fact.occurred());
            fact.supersedes.is_none() && any_fact(history, is_resend)
        })
    }),
    ("a copy, or an id used twice", |history| {
        any_fact(history, |fact| {
            let same = history
                .facts
                .iter()
                .filter(|other| other.reference() == fact.reference());
            same.count() > 1
        })
    }),
    ("neither id nor time", |history| {
        any_fact(history, |fact| fact.hook.is_some())
    }),
    ("a cancellation before its target", cancels_before_target),
    ("two facts at one instant", |history| {
        any_fact(history, |fact| {
            any_fact(history, |other| {
                other.id != fact.id && other.occurred() == fact.occurred()
            })
        })
    }),
    ("a list without rows", |history| {
        any_fact(history, |fact| {
            fact.rows.as_ref().is_some_and(Vec::is_empty)
        })
    }),
    ("a snapshot without a list", |history| {
        any_fact(history, |fact| {
            fact.kind == Kind::Snapshot && fact.rows.is_none()
        })
    }),
    ("several workers", |history| {
        any_fact(history, |fact| fact.worker > 0)
    }),
    ("an applicant system", |history| {
        history.pre_hire && any_fact(history, |fact| fact.worker == 2)
    }),
];

fn any_fact(history: &History, fits: impl Fn(&FactSpec) -> bool) -> bool {
    history.facts.iter().any(fits)
}

fn effective_hours(fact: &FactSpec) -> Option<i32> {
    fact.effective.map(EffectiveSpec::hours)
}

/// Effective more than a day after the fact occurred.
fn is_planned(fact: &FactSpec) -> bool {
    effective_hours(fact).is_some_and(|hours| hours > fact.occurred() + 24)
}

fn cancels_before_target(history: &History) -> bool {
    any_fact(history, |fact| {
        let is_cancellation = matches!(
            fact.kind,
            Kind::TerminationCancelled | Kind::Voided | Kind::AccessRestored
        );
        let target_is_later = fact.refers_to.iter().any(|to| {
            let target = history.facts.iter().find(|fact| fact.reference() == *to);
            target.is_some_and(|target| target.received > fact.received)
        });
        is_cancellation && target_is_later
    })
}

fn pair(kind: Kind, other: Kind) -> String {
    if kind == other {
        kind.to_string()
    } else {
        format!("{kind} + {other}")
    }
}

/// Everything that some history must reach.
fn items() -> BTreeSet<String> {
    let mut items = BTreeSet::new();

    for kind in Kind::ALL {
        let others = Kind::ALL.into_iter().filter(|other| *other >= kind);
        items.extend(others.map(|other| pair(kind, other)));
    }
    items.extend(RULES.iter().map(|rule| format!("rule: {rule}")));
    let findings = FindingKind::ALL.iter();
    let findings = findings.filter(|finding| !NOT_GENERATED.contains(finding));
    items.extend(findings.map(|finding| format!("finding: {finding:?}")));
    items.extend(SHAPES.iter().map(|(shape, _)| format!("shape: {shape}")));
    items.extend(STATUSES.iter().map(|status| format!("status: {status:?}")));
    items
}

/// Everything that this history reaches.
fn reached(history: &History) -> BTreeSet<String> {
    let (events, rules) = (history.events(), history.rules());
    let shapes = SHAPES.iter().filter(|(_, fits)| fits(history));
    let mut reached: BTreeSet<String> =
        shapes.map(|(shape, _)| format!("shape: {shape}")).collect();

    let kinds: BTreeSet<Kind> = history.facts.iter().map(|fact| fact.kind).collect();
    for kind in &kinds {
        reached.extend(kinds.range(kind..).map(|other| pair(*kind, *other)));
    }

    let oracle = read_person(&events, &alias(0), &rules);
    let rules_applied = oracle.rule_counts().keys();
    reached.extend(rules_applied.map(|rule| format!("rule: {rule}")));

    let person = fold(&events, &alias(0), hour(history.now), &rules);
    let findings = person.findings.iter();
    reached.extend(findings.map(|finding| format!("finding: {:?}", finding.kind)));
    reached.insert(format!("status: {:?}", person.status));
    reached
}

#[test]
fn the_generator_reaches_every_kind_pair_finding_rule_and_shape() {
    let seed = seed();
    let cases = cases();
    println!("coverage: {cases} cases from HIREWIRE_SEED={seed}");
    let mut counts: BTreeMap<String, u64> = items().into_iter().map(|item| (item, 0)).collect();
    let mut rng = SeededRng::new(seed);
    for _ in 0..cases {
        let history = generator::history(&mut SeededRng::new(rng.next()));
        for item in reached(&history) {
            counts.entry(item).and_modify(|count| *count += 1);
        }
    }

    for (item, count) in &counts {
        println!(
            "{:3}.{:02} % {item}",
            count * 100 / cases,
            count * 10_000 / cases % 100
        );
    }
    let rare: Vec<_> = counts
        .iter()
        .filter(|(_, count)| **count * 1_000 < AT_LEAST * cases)
        .collect();
    assert!(
        rare.is_empty(),
        "fewer than 0.5 % of the histories reach: {rare:#?}"
    );
}
