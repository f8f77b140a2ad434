//! The commands of `hirewire people` that state an operator's event: revoke, restore, void, link,
//! unlink. Each shows the person's status before and after, and asks.

use serde_json::{Value, json};

use super::{
    Exit,
    api::{ApiClient, encoded},
    consent::Consent,
    output::text,
    print,
};

/// A statement of an operator about a person.
pub(super) struct OperatorEvent<'a> {
    statement: &'static str,
    person: &'a str,
    event: Option<String>,
    other: Option<String>,
}

impl<'a> OperatorEvent<'a> {
    pub(super) fn new(statement: &'static str, person: &'a str) -> Self {
        Self {
            statement,
            person,
            event: None,
            other: None,
        }
    }

    pub(super) fn of_event(self, event: Option<String>) -> Self {
        Self { event, ..self }
    }

    pub(super) fn with_other(self, other: String) -> Self {
        Self {
            other: Some(other),
            ..self
        }
    }

    /// Shows the effect, asks, and sends.
    pub(super) async fn send(&self, api: &ApiClient, consent: &Consent) -> Result<(), Exit> {
        let shown = self.post(api, consent, true).await?;
        print(format_args!(
            "{}  status {} -> {}",
            text(&shown, "/worker"),
            text(&shown, "/status_before"),
            text(&shown, "/status_after")
        ))?;
        if !consent.given(&self.action())? {
            return Ok(());
        }

        let stored = self.post(api, consent, false).await?;
        print(format_args!(
            "stored as event {} ({}); the accounts follow at once",
            text(&stored, "/event"),
            text(&stored, "/kind")
        ))
    }

    async fn post(&self, api: &ApiClient, consent: &Consent, dry_run: bool) -> Result<Value, Exit> {
        let path = format!("/api/v1/people/{}/events", encoded(self.person));
        let body = json!({
            "statement": self.statement,
            "event": self.event,
            "other": self.other,
            "reason": consent.reason,
            "dry_run": dry_run,
        });
        api.post(&path, &body).await
    }

    /// For the question: `link acme/E-1 with acme/E-2`.
    fn action(&self) -> String {
        let person = self.person;
        match (self.statement, &self.event, &self.other) {
            ("void", Some(event), _) => format!("void event {event} of {person}"),
            ("restore", Some(event), _) => format!("take revocation {event} of {person} back"),
            ("restore", None, _) => format!("take every revocation of {person} back"),
            ("link", _, Some(other)) => format!("make {person} and {other} one person"),
            ("unlink", _, Some(other)) => format!("make {person} and {other} two people"),
            (statement, _, _) => format!("{statement} the access of {person}"),
        }
    }
}
