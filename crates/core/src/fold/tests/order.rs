//! `docs/fold.md` 8, property 1: the order, the copies and the split of the events do not matter.
//!
//! Each property folds the same events in another way and expects the same person.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{
    fact::{FactSpec, alias, hour},
    generator,
    runner::{SeededRng, check_property},
};
use crate::{
    event::{Alias, Event, Kind, WorkerId},
    fold::{Person, fold, people},
};

fn expect_same(expected: &Person, person: &Person, change: &str) -> Result<(), String> {
    if expected == person {
        Ok(())
    } else {
        Err(format!(
            "with the events {change}, the person differs\n{expected:#?}\n{person:#?}"
        ))
    }
}

/// The same events in another order, some of them twice, received later.
fn redelivered(events: &[Event], rng: &mut SeededRng) -> Vec<Event> {
    let mut events = events.to_vec();
    let mut copies: Vec<Event> = events.iter().filter(|_| rng.percent(30)).cloned().collect();
    for copy in &mut copies {
        let later = rng.choose(&[0, 1, 86_400]);
        copy.received = copy
            .received
            .checked_add(SignedDuration::from_secs(later))
            .expect("an instant");
    }
    events.extend(copies);
    rng.shuffle(&mut events);
    events
}

#[test]
fn order_copies_and_other_persons_do_not_change_a_person() {
    check_property("order", generator::history, |history| {
        let (events, rules, now) = (history.events(), history.rules(), hour(history.now));
        let mut rng = SeededRng::new(history.salt);
        let worker = alias(rng.choose(&[0, 1, 2]));
        let person = fold(&events, &worker, now, &rules);

        let mut reversed = events.clone();
        reversed.reverse();
        expect_same(&person, &fold(&reversed, &worker, now, &rules), "reversed")?;

        let mut other = redelivered(&events, &mut rng);
        let shuffled = fold(&other, &worker, now, &rules);
        expect_same(&person, &shuffled, "shuffled, with copies")?;

        let mut stranger = FactSpec::new(90, Kind::Terminated, 0).event();
        stranger.content.subject = WorkerId::parse("E-99").expect("a worker id");
        other.push(stranger);
        let beside_stranger = fold(&other, &worker, now, &rules);
        expect_same(&person, &beside_stranger, "and one of another person")?;

        for alias in &person.aliases {
            let by_alias = fold(&events, alias, now, &rules);
            expect_same(&person, &by_alias, "asked by another alias")?;
        }
        Ok(())
    });
}

#[test]
fn two_processes_that_fold_parts_of_the_set_reach_the_same_person() {
    check_property("split", generator::history, |history| {
        let (events, rules, now) = (history.events(), history.rules(), hour(history.now));
        let mut rng = SeededRng::new(history.salt);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for event in redelivered(&events, &mut rng) {
            let is_in_both = rng.percent(20);
            let is_in_first = rng.percent(50);
            if is_in_first || is_in_both {
                one.push(event.clone());
            }
            if !is_in_first || is_in_both {
                other.push(event);
            }
            // A fold of a part, at an earlier time, must have no effect on a later fold.
            fold(&one, &alias(0), hour(history.now - 24), &rules);
        }

        let union: Vec<Event> = other.into_iter().chain(one).collect();
        expect_same(
            &fold(&events, &alias(0), now, &rules),
            &fold(&union, &alias(0), now, &rules),
            "split over two processes",
        )
    });
}

#[test]
fn people_and_fold_agree_on_the_aliases_of_each_person() {
    check_property("people", generator::history, |history| {
        let (events, rules) = (history.events(), history.rules());
        let shuffled = redelivered(&events, &mut SeededRng::new(history.salt));
        let persons = people(&events);
        if persons != people(&shuffled) {
            return Err("the persons depend on the order of the events".to_owned());
        }

        let all: Vec<&Alias> = persons.iter().flatten().collect();
        if all.iter().collect::<BTreeSet<_>>().len() != all.len() {
            return Err("an alias belongs to two persons".to_owned());
        }

        for person in &persons {
            for alias in person {
                let folded = fold(&events, alias, hour(history.now), &rules);
                if folded.aliases != *person {
                    return Err(format!(
                        "{alias}: the fold gives {:?}, `people` gives {person:?}",
                        folded.aliases
                    ));
                }
            }
        }
        Ok(())
    });
}
