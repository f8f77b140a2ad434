//! `signature` of a source: a style by name, or a table that changes parts of a style.
//!
//! `{ scheme = "hmac-sha256", header = "X-Acme", encoding = "base64" }` starts from the named style
//! (HMAC-SHA256 in hex without `scheme`) and changes the keys that are given. Each key is a field
//! of [`Scheme`].

use jiff::SignedDuration;

use super::{reader::WithSpan, section::Section, suggest::one_of, units};
use hirewire_core::source::{
    Algorithm, Encoding, Grammar, KeyForm, Scheme, SignatureKind, SignedPart, TimestampRule,
};

/// Reads `signature`; without it, the preset's scheme counts.
pub(super) fn signature(source: &Section<'_>, preset: Scheme) -> Option<Scheme> {
    let Some(value) = source.value("signature") else {
        report_faults(source, None, &preset);
        return Some(preset);
    };
    if value.get_ref().is_str() {
        let name = source.text("signature")?;
        return style(source, &name, None);
    }

    let table = source.section("signature")?;
    let scheme = customized(&table);
    if let Some(scheme) = &scheme {
        report_faults(source, Some(&table), scheme);
    }
    table.finish();
    scheme
}

/// Reports a scheme that would accept forged, changed or replayed requests, or none at all.
fn report_faults(source: &Section<'_>, table: Option<&Section<'_>>, scheme: &Scheme) {
    for fault in scheme.faults() {
        let span = match table {
            Some(table) if table.is_given(fault.key) => table.key_span(fault.key),
            Some(_) => source.key_span("signature"),
            None => source.key_span("preset"),
        };
        let label = format!("expected {}", fault.expected);
        source.reader.mistake(span, fault.problem, label);
    }
}

fn style(section: &Section<'_>, name: &WithSpan<String>, header: Option<&str>) -> Option<Scheme> {
    let scheme = Scheme::style(&name.value, header).ok();
    if scheme.is_none() {
        let title = format!("`{}` is not a signature style", name.value);
        section.reader.mistake(
            name.span.clone(),
            title,
            one_of(&name.value, Scheme::STYLES),
        );
    }
    scheme
}

fn customized(table: &Section<'_>) -> Option<Scheme> {
    let header = table.text("header");
    let header_name = header.as_ref().map(|header| header.value.as_str());

    let mut scheme = if let Some(name) = table.text("scheme") {
        style(table, &name, header_name)?
    } else {
        table.require(
            "header",
            "the header with the signature, or `scheme`, a style by name",
        );
        Scheme::style("hmac-sha256", header_name).ok()?
    };

    if let Some(header) = header {
        scheme.header = header.value;
    }
    if let Some(prefix) = table.text("prefix") {
        scheme.grammar = Grammar::Prefix(prefix.value);
    }
    if let Some(grammar) = table.read::<Grammar>("grammar") {
        scheme.grammar = grammar.value;
    }
    if let Some(kinds) = table.read::<Vec<SignatureKind>>("signatures") {
        scheme.signatures = kinds.value;
    }

    let algorithm = table.choice::<Algorithm>("algorithm");
    let encoding = table.choice::<Encoding>("encoding");
    let key = table.choice::<KeyForm>("key");
    for kind in &mut scheme.signatures {
        kind.algorithm = algorithm.unwrap_or(kind.algorithm);
        kind.encoding = encoding.unwrap_or(kind.encoding);
        kind.key = key.unwrap_or(kind.key);
    }

    if let Some(parts) = table.read::<Vec<SignedPart>>("signed") {
        scheme.signed = parts.value;
    }
    if let Some(rule) = table.read::<TimestampRule>("timestamp") {
        scheme.timestamp = Some(rule.value);
    }
    if let Some(header) = table.text("event_id") {
        scheme.event_id = Some(header.value);
    }
    tolerance(table, &mut scheme);
    Some(scheme)
}

fn tolerance(table: &Section<'_>, scheme: &mut Scheme) {
    let Some(tolerance) = table.parsed("tolerance", units::DURATION, units::duration) else {
        return;
    };

    let duration = SignedDuration::try_from(tolerance.value).ok();
    match (&mut scheme.timestamp, duration) {
        (Some(rule), Some(duration)) => (rule.past, rule.future) = (duration, duration),
        (None, _) | (_, None) => {
            table.reader.mistake(
                tolerance.span,
                "`tolerance` without a signed time",
                "expected `timestamp` in the same table",
            );
        }
    }
}
