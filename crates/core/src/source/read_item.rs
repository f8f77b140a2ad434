//! Reads one item of a vendor's body: an event, none, or the reason why it cannot be read.
//!
//! Reasons name fields and rules and never quote the item, because operators see them and they are
//! logged.

use jiff::Timestamp;

use super::{
    attributes,
    dates::date_or_instant,
    field_path::{FieldPath, FieldPaths},
    item::Item,
    rules::{Condition, EffectiveRule, EmploymentRule, EventRule, ItemRules, RuleResult},
    time_format::TimeFormat,
};
use crate::event::{
    Boundary, Change, CloudEvent, ContentDigest, Effective, EmploymentId, EmploymentRow, EventData,
    IdDerivation, Kind, ParsedEvent, WorkerChanges, WorkerId, is_valid_name,
};

/// Reads the item. `unnormalized_phones` counts telephone numbers without E.164 form.
pub(super) fn read(
    rules: &ItemRules,
    item: &Item<'_>,
    unnormalized_phones: &mut usize,
) -> Result<Option<ParsedEvent>, String> {
    let rule = rules
        .rules
        .iter()
        .find(|rule| {
            rule.when
                .iter()
                .all(|(path, condition)| holds(item, path, condition))
        })
        .ok_or("no rule of the preset matches")?;
    let kind = match &rule.event {
        RuleResult::NoEvent => return Ok(None),
        RuleResult::Unreadable(reason) => return Err(reason.clone()),
        RuleResult::Event(kind) => *kind,
    };

    if kind == Kind::Changed {
        known_fields(rules, item)?;
    }

    let (time, has_own_time) = time(rules, item)?;
    let (id, id_derivation) = event_id(rules, item, has_own_time);
    let subject = worker_id(item, rule.worker.as_ref().unwrap_or(&rules.worker))?
        .ok_or_else(|| format!("the {kind} event has no worker id"))?;
    let content = CloudEvent {
        specversion: "1.0".to_owned(),
        id,
        source: rules.origin.clone(),
        kind,
        subject,
        time,
        data: data(rules, item, rule, kind, unnormalized_phones)?,
    };

    match content.violations().first() {
        None => Ok(Some(ParsedEvent {
            id_derivation,
            content,
        })),
        Some(violation) => Err(format!(
            "the {kind} event is invalid: {} must be {}",
            violation.pointer, violation.expected
        )),
    }
}

/// Refuses an item none of whose fields has a known name: somebody renamed them at the vendor, and
/// every later change would be lost in silence.
fn known_fields(rules: &ItemRules, item: &Item<'_>) -> Result<(), String> {
    const SHOWN: usize = 8;
    let Some(unknown) = item.unknown_fields(rules.fields.as_deref(), rules.field_names()) else {
        return Ok(());
    };

    let shown = unknown.iter().take(SHOWN);
    let mut names: Vec<String> = shown
        .map(|name| {
            name.chars()
                .take(40)
                .collect::<String>()
                .escape_debug()
                .to_string()
        })
        .collect();
    if unknown.len() > SHOWN {
        names.push(format!("and {} more", unknown.len() - SHOWN));
    }
    Err(format!(
        "none of the fields has a known name: {}. Give the fields of the webhook their usual names",
        names.join(", ")
    ))
}

fn data(
    rules: &ItemRules,
    item: &Item<'_>,
    rule: &EventRule,
    kind: Kind,
    unnormalized_phones: &mut usize,
) -> Result<EventData, String> {
    let employment_id = match item.first_text(&rules.employment) {
        Change::Set(id) => Some(EmploymentId::parse(id).map_err(|error| error.to_string())?),
        Change::Clear | Change::Keep => None,
    };
    let previous_worker_id = match &rule.previous_worker {
        Some(paths) => worker_id(item, paths)?,
        None => None,
    };

    Ok(EventData {
        effective: match &rule.effective {
            Some(effective_rule) => effective(item, effective_rule, kind)?,
            None => None,
        },
        employment_id: employment_id
            .filter(|_| kind != Kind::Snapshot && !kind.names_previous_worker()),
        employments: rule
            .employment_row
            .as_ref()
            .map(|employment_rule| employments(item, employment_rule))
            .transpose()?,
        previous_worker_id,
        worker: match attributes::worker(rules, item, unnormalized_phones) {
            // An invalid attribute does not drop an ending: the attributes are left out.
            Err(_) if kind.ends_access() => WorkerChanges::default(),
            worker => worker?,
        },
        ..EventData::default()
    })
}

pub(super) fn holds(item: &Item<'_>, path: &FieldPath, condition: &Condition) -> bool {
    match condition {
        Condition::Is(expected) => has_text(item, path, std::slice::from_ref(expected)),
        Condition::IsOneOf(list) => has_text(item, path, list),
        Condition::Cleared { cleared } => (item.text(path) == Change::Clear) == *cleared,
        Condition::Lists { lists, without } => {
            item.lists(path, lists)
                && !without
                    .as_deref()
                    .is_some_and(|name| item.lists(path, name))
        }
        Condition::Present { present } => item.has(path) == *present,
    }
}

/// Whether the text of the field is one of these, compared without case.
fn has_text(item: &Item<'_>, path: &FieldPath, list: &[String]) -> bool {
    item.text(path).set().is_some_and(|text| {
        list.iter()
            .any(|expected| text.eq_ignore_ascii_case(expected))
    })
}

fn worker_id(item: &Item<'_>, paths: &FieldPaths) -> Result<Option<WorkerId>, String> {
    match item.first_text(paths) {
        Change::Set(id) => WorkerId::parse(id)
            .map(Some)
            .map_err(|error| error.to_string()),
        Change::Clear | Change::Keep => Ok(None),
    }
}

/// The time of the item, and whether it is in the body. A time in a header belongs to the delivery
/// attempt, so it does not identify the item.
fn time(rules: &ItemRules, item: &Item<'_>) -> Result<(Option<Timestamp>, bool), String> {
    let Some((path, text)) = item.find(&rules.time) else {
        return Ok((None, false));
    };
    let time = TimeFormat::SecondsOrIso8601
        .parse(&text)
        .ok_or("the time is neither Unix seconds nor ISO 8601")?;
    Ok((Some(time), path.is_in_body()))
}

/// The vendor's id of the event, else the digest of the item: an id that is too long or has a
/// control character must not hold up a termination.
fn event_id(rules: &ItemRules, item: &Item<'_>, has_own_time: bool) -> (String, IdDerivation) {
    let vendor_id = item.find(&rules.id).filter(|(_, id)| is_valid_name(id));
    if let Some((_, id)) = vendor_id {
        return (id, IdDerivation::Given);
    }

    // serde_json sorts the members by name, so the digest depends neither on their order nor on the
    // position of the item in its batch.
    let digest = ContentDigest::of(item.value.to_string().as_bytes()).to_string();
    let derivation = if has_own_time {
        IdDerivation::Digest
    } else {
        IdDerivation::DigestInHook
    };
    (digest, derivation)
}

fn effective(
    item: &Item<'_>,
    rule: &EffectiveRule,
    kind: Kind,
) -> Result<Option<Effective>, String> {
    let effective = match item.first_text(&rule.at) {
        Change::Set(text) => date_or_instant(&text, rule.boundary),
        Change::Clear | Change::Keep if rule.required => {
            return Err(format!("the {kind} event has no effective date"));
        }
        Change::Clear | Change::Keep => return Ok(None),
    };

    match effective {
        Some(effective) => Ok(Some(effective)),
        // An invalid date does not drop an ending: it takes effect at its time.
        None if kind.ends_access() && !rule.required => Ok(None),
        None => Err(format!(
            "the effective date of the {kind} event is neither YYYY-MM-DD nor ISO 8601"
        )),
    }
}

fn employments(item: &Item<'_>, rule: &EmploymentRule) -> Result<Vec<EmploymentRow>, String> {
    let start = employment_date(item, &rule.start, Boundary::StartOfDay)?;
    let end = employment_date(item, &rule.end, Boundary::EndOfDay)?
        .filter(|end| !is_before(end, start.as_ref()));
    Ok(vec![EmploymentRow {
        start,
        end,
        ..EmploymentRow::default()
    }])
}

fn employment_date(
    item: &Item<'_>,
    paths: &FieldPaths,
    boundary: Boundary,
) -> Result<Option<Effective>, &'static str> {
    match item.first_text(paths) {
        Change::Set(text) => date_or_instant(&text, boundary)
            .map(Some)
            .ok_or("a date of the employment is neither YYYY-MM-DD nor ISO 8601"),
        Change::Clear | Change::Keep => Ok(None),
    }
}

fn is_before(end: &Effective, start: Option<&Effective>) -> bool {
    match (start, end) {
        (Some(Effective::Day { date: start, .. }), Effective::Day { date: end, .. }) => end < start,
        (Some(Effective::Instant(start)), Effective::Instant(end)) => end < start,
        (
            Some(Effective::Day { .. } | Effective::Instant(_)) | None,
            Effective::Day { .. } | Effective::Instant(_),
        ) => false,
    }
}
