//! The golden table of `outcome` for changes that the target did not take.

use super::{
    golden::{Fixture, answered, title_change},
    next_step::Conclusion,
    outcome_tests::{Before, Commits, update},
    refusals::{Reason, Refusal},
};
use hirewire_core::{
    plan::{Operation, Phase},
    scim::AttributePath,
};

#[test]
fn golden_outcome_of_refused_changes() {
    let mut commits = Commits::default();
    let employee = Fixture::employee();
    let refused = |name: &str, status| {
        let mut change = title_change();
        change.path = AttributePath::parse(name).unwrap();
        Refusal {
            operation: Operation::Update(vec![change]),
            reason: Reason::Answered(answered(Phase::Update { attributes: 1 }, status)),
        }
    };
    let without_effect = Refusal {
        operation: update(),
        reason: Reason::WithoutEffect,
    };
    let before = |sent: Before, refusals: Vec<Refusal>| Before { refusals, ..sent };

    let one = before(Before::sent(update(), 200), vec![refused("nickName", 400)]);
    let applied = || Conclusion::Applied;
    commits.case("one change of two was refused", &employee, one, applied());

    let all = before(
        Before::bound(),
        vec![refused("nickName", 400), refused("title", 500)],
    );
    commits.case("both changes were refused", &employee, all, applied());

    let silent = before(Before::sent(update(), 200), vec![without_effect]);
    commits.case("a change had no effect", &employee, silent, applied());

    let second = Before {
        second_accounts: vec!["u-2".to_owned()],
        ..before(Before::sent(update(), 200), vec![refused("nickName", 400)])
    };
    let name = "a change was refused, and a second account exists";
    commits.case(name, &employee, second, applied());
    commits.table.assert_golden("outcome_refused");
}
