//! The assertions of a case: `expected.toml`.
//!
//! Everything that is listed must hold, and what is a list is complete: exactly these users, exactly
//! these open dead letters. Each problem is one line.

use std::collections::BTreeMap;

use hirewire::store::DeadLetter;
use serde::Deserialize;
use serde_json::Value;

use super::server::{FakeServer, LoggedRequest};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    /// The reason of the pause; `None`: the connection is not paused.
    pub paused: Option<String>,
    /// The users that the server really holds at the end, as far as they are stated.
    pub users: Vec<ExpectedUser>,
    /// How many more users there are.
    pub other_users: usize,
    /// The groups at the end, if they are stated.
    pub groups: Option<Vec<ExpectedGroup>>,
    /// The open dead letters at the end.
    pub dead_letters: Vec<ExpectedDeadLetter>,
    /// How many requests were sent: `"POST /Users"`, `"PATCH /Users/*"`.
    pub requests: BTreeMap<String, usize>,
    /// The last outcome of the account by worker.
    pub outcomes: BTreeMap<String, String>,
    /// The folded people by worker: `status`, and whether an employment has an `end`.
    pub people: BTreeMap<String, ExpectedPerson>,
    /// The status of the answer to each raw hook.
    pub answers: Vec<u16>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedUser {
    /// Members and their values; a list is complete, in any order.
    pub has: Value,
    /// Members that the user must not have.
    #[serde(default)]
    pub lacks: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedGroup {
    pub name: String,
    /// The user names of all members.
    pub members: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedDeadLetter {
    /// `None`: it is about a hook.
    pub worker: Option<String>,
    /// `None`: any cause.
    pub cause: Option<String>,
    /// Texts that its summary or its detail has, without regard to case.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that neither has.
    #[serde(default)]
    pub says_not: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedPerson {
    pub status: String,
    /// Whether an employment has an end.
    pub ends: bool,
}

/// The state of the service at the end.
pub struct Known {
    pub paused: Option<String>,
    /// Each open dead letter, with the worker that it is about.
    pub dead_letters: Vec<(Option<String>, DeadLetter)>,
    pub outcomes: BTreeMap<String, String>,
    pub people: BTreeMap<String, (String, bool)>,
    pub answers: Vec<u16>,
}

impl Expected {
    /// The assertions that do not hold, one line each.
    pub fn problems(&self, server: &FakeServer, known: &Known) -> Vec<String> {
        let mut problems = Vec::new();
        if self.paused != known.paused {
            problems.push(format!("pause: {:?}, not {:?}", known.paused, self.paused));
        }
        if !self.answers.is_empty() && self.answers != known.answers {
            problems.push(format!(
                "answers: {:?}, not {:?}",
                known.answers, self.answers
            ));
        }

        self.check_server(server, &mut problems);
        self.check_dead_letters(known, &mut problems);
        for (worker, outcome) in &self.outcomes {
            let found = known.outcomes.get(worker);
            if found != Some(outcome) {
                problems.push(format!("outcome of {worker}: {found:?}, not {outcome}"));
            }
        }
        for (worker, person) in &self.people {
            let found = known.people.get(worker);
            if found != Some(&(person.status.clone(), person.ends)) {
                problems.push(format!("{worker} is {found:?}, not {person:?}"));
            }
        }
        problems
    }

    fn check_server(&self, server: &FakeServer, problems: &mut Vec<String>) {
        let state = server.state();
        let total = self.users.len() + self.other_users;
        if state.users.len() != total {
            problems.push(format!("{} users, not {total}", state.users.len()));
        }
        for user in &self.users {
            let holds = state
                .users
                .iter()
                .filter(|found| user.matches(found))
                .count();
            if holds != 1 {
                let users = state.users.iter().take(5).map(ToString::to_string);
                let users: Vec<String> = users.collect();
                problems.push(format!(
                    "{holds} users are {} without {:?}; there are\n      {}",
                    user.has,
                    user.lacks,
                    users.join("\n      ")
                ));
            }
        }

        for (pattern, expected) in &self.requests {
            let sent = state
                .log
                .iter()
                .filter(|sent| is_like(pattern, sent))
                .count();
            if sent != *expected {
                problems.push(format!("{sent} requests {pattern}, not {expected}"));
            }
        }
        if let Some(expected) = &self.groups {
            let mut found: Vec<(String, Vec<String>)> = state
                .groups
                .iter()
                .map(|group| {
                    (
                        text(&group["displayName"]),
                        member_names(group, &state.users),
                    )
                })
                .collect();
            let mut expected: Vec<(String, Vec<String>)> = expected
                .iter()
                .map(|group| (group.name.clone(), sorted(group.members.clone())))
                .collect();
            found.sort();
            expected.sort();
            if found != expected {
                problems.push(format!("groups: {found:?}, not {expected:?}"));
            }
        }
    }

    fn check_dead_letters(&self, known: &Known, problems: &mut Vec<String>) {
        for expected in &self.dead_letters {
            let fitting = known
                .dead_letters
                .iter()
                .filter(|filed| expected.matches(filed));
            let fitting = fitting.count();
            if fitting != 1 {
                problems.push(format!("{fitting} dead letters are {expected:?}"));
            }
        }
        if known.dead_letters.len() != self.dead_letters.len() || !problems.is_empty() {
            for (worker, filed) in &known.dead_letters {
                problems.push(format!(
                    "open dead letter: {worker:?} {}: {} {}",
                    filed.cause, filed.summary, filed.detail
                ));
            }
        }
        // A letter that nobody expects is a problem of its own.
        let (open, expected) = (known.dead_letters.len(), self.dead_letters.len());
        if open != expected {
            problems.push(format!("{open} open dead letters, not {expected}"));
        }
    }
}

impl ExpectedUser {
    fn matches(&self, user: &Value) -> bool {
        let lacks = |name: &String| {
            let path: Vec<&str> = name.split('.').collect();
            let mut at = user;
            for name in path {
                at = &at[name];
            }
            at.is_null() || *at == Value::Array(Vec::new())
        };
        contains(user, &self.has) && self.lacks.iter().all(lacks)
    }
}

impl ExpectedDeadLetter {
    fn matches(&self, (worker, filed): &(Option<String>, DeadLetter)) -> bool {
        let text = format!("{} {}", filed.summary, filed.detail).to_lowercase();
        let says = |words: &String| text.contains(&words.to_lowercase());
        *worker == self.worker
            && self
                .cause
                .as_ref()
                .is_none_or(|cause| *cause == filed.cause)
            && self.says.iter().all(says)
            && !self.says_not.iter().any(says)
    }
}

/// Whether the value has everything that is stated. A stated list is complete.
fn contains(found: &Value, stated: &Value) -> bool {
    match (found, stated) {
        (Value::Object(found), Value::Object(stated)) => stated.iter().all(|(name, stated)| {
            let value = found.get(name).unwrap_or(&Value::Null);
            contains(value, stated)
        }),
        (Value::Array(found), Value::Array(stated)) => {
            found.len() == stated.len()
                && stated
                    .iter()
                    .all(|stated| found.iter().any(|found| contains(found, stated)))
        }
        (found, stated) => found == stated,
    }
}

/// `PATCH /Users/*` is like each PATCH of one user.
fn is_like(pattern: &str, sent: &LoggedRequest) -> bool {
    let request = format!("{} {}", sent.method, sent.path);
    match pattern.strip_suffix('*') {
        Some(begin) => request.starts_with(begin),
        None => request == pattern,
    }
}

fn member_names(group: &Value, users: &[Value]) -> Vec<String> {
    let members = group["members"].as_array().into_iter().flatten();
    let names = members.map(|member| {
        let user = users.iter().find(|user| user["id"] == member["value"]);
        user.map_or_else(|| text(&member["value"]), |user| text(&user["userName"]))
    });
    sorted(names.collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
