//! Members of a canonical event in the wrong place, where they would silently have no effect.
//!
//! `CloudEvents` has other attributes, so serde ignores a member of `data` that stands beside it; and
//! `worker.dates` is for mappings only. In both cases an event would take effect at another time than
//! HR says. In: a document, or an event. Out: the member, and its right place.

use jiff::tz::TimeZone;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::parsed_body::InvalidMember;
use crate::event::{CloudEvent, Kind};

/// Members of `data` that senders put beside it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Beside {
    effective: Option<IgnoredAny>,
    employment_id: Option<IgnoredAny>,
    employments: Option<IgnoredAny>,
    previous_worker_id: Option<IgnoredAny>,
    refers_to: Option<IgnoredAny>,
    supersedes: Option<IgnoredAny>,
    worker: Option<IgnoredAny>,
}

impl Beside {
    fn names(&self) -> Vec<&'static str> {
        [
            ("effective", &self.effective),
            ("employment_id", &self.employment_id),
            ("employments", &self.employments),
            ("previous_worker_id", &self.previous_worker_id),
            ("refers_to", &self.refers_to),
            ("supersedes", &self.supersedes),
            ("worker", &self.worker),
        ]
        .into_iter()
        .filter_map(|(name, member)| member.as_ref().map(|_| name))
        .collect()
    }
}

/// Whether a document, or one of a batch, has a member of `data` beside it.
pub(super) fn is_in(body: &[u8], is_batch: bool) -> bool {
    let found = if is_batch {
        serde_json::from_slice::<Vec<Beside>>(body)
    } else {
        serde_json::from_slice::<Beside>(body).map(|one| vec![one])
    };
    found.is_ok_and(|documents| {
        documents
            .iter()
            .any(|document| !document.names().is_empty())
    })
}

/// The members of `data` that a document has beside it.
pub(super) fn beside_data(document: &Value) -> Vec<InvalidMember> {
    let found = Beside::deserialize(document).unwrap_or_default();
    let names = found.names().into_iter();
    names
        .map(|name| InvalidMember {
            pointer: format!("/{name}"),
            problem: format!("it belongs into `data`: /data/{name}"),
        })
        .collect()
}

/// A start or an end that is still to come and stands in `worker.dates` alone: the event would take
/// effect at once.
pub(super) fn date_without_effect(content: &CloudEvent) -> Option<InvalidMember> {
    if content.data.effective.is_some() {
        return None;
    }
    let dates = content.data.worker.dates.set()?;
    let starts = matches!(content.kind, Kind::Hired | Kind::Rehired);
    let date = if starts {
        dates.start.set()
    } else if content.kind == Kind::Terminated {
        dates.end.set().or(dates.last_day.set())
    } else {
        None
    }?;

    let known = content
        .time
        .map(|time| time.to_zoned_datetime(TimeZone::UTC).date());
    // An ending is refused only if it is certain to be still to come.
    let is_to_come = known.map_or(starts, |known| date.0 > known);
    is_to_come.then(|| InvalidMember {
        pointer: "/data/effective".to_owned(),
        problem: format!(
            "missing: `worker.dates` is for mappings only, so this event would take effect at its \
             `time` and not on {}",
            date.0
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_of_data_beside_it_is_found() {
        for (body, is_batch, expected) in [
            (r#"{"effective": {}, "worker": {}}"#, false, true),
            (r#"{"data": {"effective": {}}}"#, false, false),
            (r#"[{"data": {}}, {"worker": {}}]"#, true, true),
            (r#"{"comexampleextension": 1}"#, false, false),
        ] {
            assert_eq!(is_in(body.as_bytes(), is_batch), expected, "{body}");
        }

        let found = beside_data(&json!({"effective": {"date": "2026-12-01"}, "data": {}}));
        assert_eq!(found[0].pointer, "/effective");
        assert!(found[0].problem.contains("/data/effective"));
    }

    #[test]
    fn a_date_to_come_in_worker_dates_alone_is_found() {
        let refused = |kind: &str, data: Value| {
            let event = CloudEvent::example(kind, &data.to_string());
            date_without_effect(&event).is_some()
        };
        let dates = |name: &str, date: &str| json!({"worker": {"dates": {name: date}}});

        assert!(refused("hired", dates("start", "2026-12-01")));
        assert!(refused("rehired", dates("start", "2026-12-01")));
        assert!(refused("terminated", dates("end", "2026-12-31")));
        assert!(
            !refused("terminated", dates("end", "2026-11-01")),
            "a leaver is never held up"
        );
        assert!(!refused("hired", dates("start", "2026-01-05")));
        assert!(!refused("changed", dates("end", "2026-12-31")));
        let mut both = dates("start", "2026-12-01");
        both["effective"] = json!({"date": "2026-12-01"});
        assert!(!refused("hired", both));
    }
}
