//! fold.md 9.1: in whatever order facts come, however often, and over however many workers: the same person.

use std::collections::BTreeSet;

use super::{
    fact::{Fact, alias, hour},
    generator,
    runner::{Dice, prove},
};
use crate::{
    event::{Alias, Event, Kind, WorkerId},
    fold::{Person, fold, people},
};

fn same(left: &Person, right: &Person, what: &str) -> Result<(), String> {
    if left == right {
        Ok(())
    } else {
        Err(format!("{what}: another person\n{left:#?}\n{right:#?}"))
    }
}

/// What differs in how facts come, and must not matter.
fn another_way(events: &[Event], dice: &mut Dice) -> Vec<Event> {
    let mut events = events.to_vec();
    let mut copies: Vec<Event> = events
        .iter()
        .filter(|_| dice.percent(30))
        .cloned()
        .collect();
    for copy in &mut copies {
        let later = dice.of(&[0, 1, 86_400]);
        copy.received = copy
            .received
            .checked_add(jiff::SignedDuration::from_secs(later))
            .expect("an instant");
    }
    events.extend(copies);
    dice.shuffle(&mut events);
    events
}

#[test]
fn order_copies_and_strangers_do_not_matter() {
    prove("order", generator::history, |history| {
        let (events, rules, now) = (history.events(), history.rules(), hour(history.now));
        let mut dice = Dice::new(history.salt);
        {
            let who = dice.of(&[0, 1, 2]);
            let person = fold(&events, &alias(who), now, &rules);
            let mut reversed = events.clone();
            reversed.reverse();
            same(
                &person,
                &fold(&reversed, &alias(who), now, &rules),
                "reversed",
            )?;
            let mut others = another_way(&events, &mut dice);
            same(
                &person,
                &fold(&others, &alias(who), now, &rules),
                "shuffled, with copies",
            )?;
            let mut stranger = Fact::new(90, Kind::Terminated, 0).event();
            stranger.content.subject = WorkerId::parse("E-99").expect("an id");
            others.push(stranger);
            same(
                &person,
                &fold(&others, &alias(who), now, &rules),
                "with a stranger's event",
            )?;
            for other in &person.aliases {
                same(
                    &person,
                    &fold(&events, other, now, &rules),
                    "by another alias",
                )?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_set_split_over_two_workers_that_read_in_turns_ends_in_the_same_person() {
    prove("split", generator::history, |history| {
        let (events, rules, now) = (history.events(), history.rules(), hour(history.now));
        let mut dice = Dice::new(history.salt);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for event in another_way(&events, &mut dice) {
            let both = dice.percent(20);
            let first = dice.percent(50);
            if first || both {
                one.push(event.clone());
            }
            if !first || both {
                two.push(event);
            }
            // Whatever a worker made of its part at an earlier time leaves no trace.
            fold(&one, &alias(0), hour(history.now - 24), &rules);
        }
        let union: Vec<Event> = two.into_iter().chain(one).collect();
        let now_and_then = fold(&union, &alias(0), now, &rules);
        same(
            &fold(&events, &alias(0), now, &rules),
            &now_and_then,
            "split",
        )
    });
}

#[test]
fn people_are_parted_alike_by_both_doors() {
    prove("people", generator::history, |history| {
        let (events, rules) = (history.events(), history.rules());
        let shuffled = another_way(&events, &mut Dice::new(history.salt));
        let people_of = people(&events);
        if people_of != people(&shuffled) {
            return Err("the people depend on the order".to_owned());
        }
        let all: Vec<&Alias> = people_of.iter().flatten().collect();
        if all.iter().collect::<BTreeSet<_>>().len() != all.len() {
            return Err("an alias is of two people".to_owned());
        }
        for person in &people_of {
            for alias in person {
                let folded = fold(&events, alias, hour(history.now), &rules);
                if folded.aliases != *person {
                    return Err(format!("{alias}: {:?} is not {person:?}", folded.aliases));
                }
            }
        }
        Ok(())
    });
}
