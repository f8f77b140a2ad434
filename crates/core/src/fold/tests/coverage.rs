//! fold.md 9.7: the generator reaches every kind, every pair of kinds, every finding and every rule.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fact::{Fact, History, When, alias, hour},
    generator,
    oracle::see,
    runner::{Dice, cases, seed},
};
use crate::{
    event::Kind,
    fold::{FindingKind, Status, fold},
};

/// In how many of a thousand histories each thing must happen.
const AT_LEAST: u64 = 5;

/// The rules of fold.md 3, as the oracle counts them.
const RULES: [&str; 32] = [
    "start 1",
    "start 2",
    "start 3",
    "start 3, rehired later",
    "start 4",
    "start 5",
    "an id is taken",
    "ending a",
    "ending b",
    "ending c",
    "ending d",
    "rescinded",
    "rescinded, begun",
    "deleted",
    "deleted before it began",
    "cancelled by name",
    "cancelled the last",
    "cancelled nothing",
    "restored",
    "restored nothing",
    "leave",
    "leave again",
    "returned",
    "return moved",
    "missing",
    "a row found",
    "a row moves the start",
    "a row does not move the start",
    "a row ends",
    "a row says active",
    "a row of the past",
    "a row not found",
];

/// The findings that a fold can have: `two_accounts` is the worker's, the dates of `changed` have tests of their own.
const FINDINGS: [FindingKind; 11] = [
    FindingKind::IdReused,
    FindingKind::ImplausibleTime,
    FindingKind::ImplausibleEffective,
    FindingKind::SupersedingMismatch,
    FindingKind::StartInsideEnded,
    FindingKind::StartWithoutDate,
    FindingKind::EndedSeveral,
    FindingKind::WhichEmployment,
    FindingKind::NothingToCancel,
    FindingKind::HrSaysActive,
    FindingKind::MissingFromList,
];

/// What else must happen.
const SHAPES: [&str; 14] = [
    "effective differs from occurred",
    "a planned start",
    "a planned ending",
    "a planned leave",
    "an edit",
    "a resend under a new number",
    "a copy, or a number used again",
    "neither id nor time",
    "a cancel before its target",
    "an equal instant",
    "a list without rows",
    "a snapshot without a list",
    "several workers",
    "an applicant system",
];

/// What else a history may contain, beyond its kinds.
fn shapes(history: &History) -> BTreeSet<&'static str> {
    let facts = &history.facts;
    let any = |what: &dyn Fn(&Fact) -> bool| facts.iter().any(what);
    let effective = |fact: &Fact| fact.effective.map(When::hours);
    let ahead = |fact: &Fact| effective(fact).is_some_and(|hours| hours > fact.known() + 24);
    let copies = |fact: &Fact| {
        facts
            .iter()
            .filter(|other| other.reference() == fact.reference())
            .count()
    };
    let target = |to| facts.iter().find(|fact| fact.reference() == to);
    let ends = |kind: Kind| kind.ends_access() && kind != Kind::AccessRevoked;
    [
        (
            "effective differs from occurred",
            any(&|fact| effective(fact).is_some_and(|hours| hours != fact.known())),
        ),
        (
            "a planned start",
            any(&|fact| matches!(fact.kind, Kind::Hired | Kind::Rehired) && ahead(fact)),
        ),
        (
            "a planned ending",
            any(&|fact| ends(fact.kind) && ahead(fact)),
        ),
        (
            "a planned leave",
            any(&|fact| fact.kind == Kind::LeaveStarted && ahead(fact)),
        ),
        (
            "back-dated",
            any(&|fact| effective(fact).is_some_and(|hours| hours < fact.known() - 24)),
        ),
        (
            "an edit",
            any(&|fact| fact.supersedes.is_some_and(|to| target(to).is_some())),
        ),
        (
            "a resend under a new number",
            any(&|fact| {
                fact.supersedes.is_none()
                    && facts
                        .iter()
                        .any(|first| *fact == first.resent(fact.n, fact.known()))
            }),
        ),
        (
            "a copy, or a number used again",
            any(&|fact| copies(fact) > 1),
        ),
        ("neither id nor time", any(&|fact| fact.hook.is_some())),
        (
            "a cancel before its target",
            any(&|fact| {
                let later = |to: &super::fact::Ref| {
                    target(*to).is_some_and(|to| to.received > fact.received)
                };
                matches!(
                    fact.kind,
                    Kind::TerminationCancelled | Kind::Voided | Kind::AccessRestored
                ) && fact.refers.iter().any(later)
            }),
        ),
        (
            "an equal instant",
            any(&|fact| {
                facts
                    .iter()
                    .any(|other| other.n != fact.n && other.known() == fact.known())
            }),
        ),
        (
            "a list without rows",
            any(&|fact| fact.rows.as_ref().is_some_and(Vec::is_empty)),
        ),
        (
            "a snapshot without a list",
            any(&|fact| fact.kind == Kind::Snapshot && fact.rows.is_none()),
        ),
        ("several workers", any(&|fact| fact.who > 0)),
        (
            "an applicant system",
            history.pre_hire && any(&|fact| fact.who == 2),
        ),
    ]
    .into_iter()
    .filter_map(|(name, is)| is.then_some(name))
    .collect()
}

#[test]
fn the_generator_reaches_every_kind_pair_finding_rule_and_shape() {
    let seed = seed();
    let cases = cases();
    println!("coverage: {cases} cases from HIREWIRE_SEED={seed}");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for kind in Kind::ALL {
        for other in Kind::ALL.into_iter().filter(|other| *other >= kind) {
            counts.insert(
                if other == kind {
                    kind.to_string()
                } else {
                    format!("{kind} + {other}")
                },
                0,
            );
        }
    }
    counts.extend(RULES.iter().map(|rule| (format!("rule: {rule}"), 0)));
    counts.extend(
        FINDINGS
            .iter()
            .map(|finding| (format!("finding: {finding:?}"), 0)),
    );
    counts.extend(SHAPES.iter().map(|shape| (format!("shape: {shape}"), 0)));
    let statuses = [
        Status::Unknown,
        Status::Upcoming,
        Status::Active,
        Status::OnLeave,
        Status::Ended,
    ];
    counts.extend(
        statuses
            .iter()
            .map(|status| (format!("status: {status:?}"), 0)),
    );
    let mut dice = Dice::new(seed);
    for _ in 0..cases {
        let history = generator::history(&mut Dice::new(dice.next()));
        for what in happened(&history) {
            counts.entry(what).and_modify(|count| *count += 1);
        }
    }
    for (what, count) in &counts {
        println!(
            "{:3}.{:02} % {what}",
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
        "in less than 0.5 % of the cases: {rare:#?}"
    );
}

fn happened(history: &History) -> BTreeSet<String> {
    let (events, rules) = (history.events(), history.rules());
    let mut happened: BTreeSet<String> = shapes(history)
        .into_iter()
        .map(|shape| format!("shape: {shape}"))
        .collect();
    let kinds: BTreeSet<Kind> = history.facts.iter().map(|fact| fact.kind).collect();
    for kind in &kinds {
        happened.extend(kinds.range(kind..).map(|other| {
            if other == kind {
                kind.to_string()
            } else {
                format!("{kind} + {other}")
            }
        }));
    }
    let seen = see(&events, &alias(0), &rules);
    happened.extend(seen.fired().keys().map(|rule| format!("rule: {rule}")));
    let person = fold(&events, &alias(0), hour(history.now), &rules);
    happened.extend(
        person
            .findings
            .iter()
            .map(|finding| format!("finding: {:?}", finding.kind)),
    );
    happened.insert(format!("status: {:?}", person.status));
    happened
}
