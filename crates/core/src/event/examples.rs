//! One complete event of each kind, for the `examples` of the JSON Schemas.

use serde_json::{Value, json};

use super::Kind;

/// An event of that kind about an invented worker. It is valid; for a kind that only operators may
/// state, it is what an operator's command makes.
pub(super) fn example(kind: Kind) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("evt-{kind}-1"),
        "source": "/hr/acme",
        "type": kind.type_name(),
        "subject": "E-1001",
        "time": "2026-11-27T09:00:00Z",
        "data": data(kind),
    })
}

fn data(kind: Kind) -> Value {
    let on = |date: &str| json!({ "date": date });
    let until = |date: &str| json!({ "date": date, "boundary": "end_of_day" });

    match kind {
        Kind::Hired | Kind::Rehired => json!({ "effective": on("2026-12-01"), "worker": worker() }),
        Kind::Changed => json!({
            "worker": { "title": "Principal Engineer", "manager": { "id": "E-1000" } },
        }),
        Kind::Terminated | Kind::RecordDeleted => json!({ "effective": until("2026-12-31") }),
        Kind::AccessRevoked | Kind::HireRescinded => json!({}),
        Kind::TerminationCancelled => json!({ "refers_to": ["evt-terminated-1"] }),
        Kind::LeaveStarted => json!({ "effective": on("2026-12-01") }),
        Kind::LeaveEnded => json!({ "effective": until("2027-02-28") }),
        Kind::Converted | Kind::IdentifierChanged => json!({
            "effective": on("2026-12-01"), "previous_worker_id": "C-77",
        }),
        Kind::Snapshot => json!({
            "worker": worker(),
            "employments": [{ "id": "1", "start": "2024-03-01", "primary": true }],
        }),
        Kind::AccessRestored => json!({
            "refers_to": ["evt-access_revoked-1"], "on_behalf_of": "acme",
            "actor": "ada", "reason": "revoked by mistake",
        }),
        Kind::Voided => json!({
            "refers_to": ["evt-hired-1"], "on_behalf_of": "acme",
            "actor": "ada", "reason": "a test of the HR system",
        }),
        Kind::Linked | Kind::Unlinked => json!({
            "other": { "source": "acme", "worker_id": "E-2001" }, "on_behalf_of": "acme",
            "actor": "ada", "reason": "one person with two numbers",
        }),
    }
}

fn worker() -> Value {
    json!({
        "name": { "given": "Ada", "family": "Lovelace" },
        "work_email": "ada@acme.example",
        "employee_number": "1001",
        "title": "Engineer",
        "type": "employee",
        "department": { "id": "d1", "name": "Engineering" },
        "manager": { "id": "E-1000" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CloudEvent;

    #[test]
    fn the_example_of_each_kind_is_a_valid_event() {
        for kind in Kind::ALL {
            let event: CloudEvent = serde_json::from_value(example(kind)).expect("an event");
            assert_eq!((event.kind, event.violations()), (kind, vec![]), "{kind}");
        }
    }
}
