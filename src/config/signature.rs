//! `signature`: a style by name, or a table of knobs on top of one.
//!
//! `{ scheme = "hmac-sha256", header = "X-Acme", encoding = "base64" }` starts from the named style (plain HMAC-SHA256
//! where none is named) and changes what is written; each knob is one of [`Scheme`]'s.

use jiff::SignedDuration;

use super::{
    reader::{Located, Section},
    suggest::one_of,
    units,
};
use hirewire_core::source::{
    Algorithm, Encoding, Grammar, KeyForm, Scheme, SignatureKind, SignedPart, TimestampRule,
};

/// Reads `signature`; without it the preset's.
pub(super) fn signature(source: &Section<'_>, preset: Scheme) -> Option<Scheme> {
    let Some(value) = source.value("signature") else {
        return Some(preset);
    };
    if value.get_ref().is_str() {
        let name = source.text("signature")?;
        return style(source, &name, None);
    }
    let knobs = source.section("signature")?;
    let scheme = with_knobs(&knobs);
    knobs.finish();
    scheme
}

fn style(section: &Section<'_>, name: &Located<String>, header: Option<&str>) -> Option<Scheme> {
    let scheme = Scheme::style(&name.value, header).ok();
    if scheme.is_none() {
        let title = format!("`{}` is no signature style", name.value);
        section.reader.mistake(
            name.place.clone(),
            title,
            one_of(&name.value, Scheme::STYLES),
        );
    }
    scheme
}

fn with_knobs(knobs: &Section<'_>) -> Option<Scheme> {
    let header = knobs.text("header");
    let header_name = header.as_ref().map(|header| header.value.as_str());
    let mut scheme = if let Some(name) = knobs.text("scheme") {
        style(knobs, &name, header_name)?
    } else {
        knobs.require(
            "header",
            "the header with the signature, or `scheme`, a style by name",
        );
        Scheme::style("hmac-sha256", header_name).ok()?
    };
    if let Some(header) = header {
        scheme.header = header.value;
    }
    if let Some(prefix) = knobs.text("prefix") {
        scheme.grammar = Grammar::Prefix(prefix.value);
    }
    if let Some(grammar) = knobs.read::<Grammar>("grammar") {
        scheme.grammar = grammar.value;
    }
    if let Some(kinds) = knobs.read::<Vec<SignatureKind>>("signatures") {
        scheme.signatures = kinds.value;
    }
    let algorithm = knobs.choice::<Algorithm>("algorithm");
    let encoding = knobs.choice::<Encoding>("encoding");
    let key = knobs.choice::<KeyForm>("key");
    for kind in &mut scheme.signatures {
        kind.algorithm = algorithm.unwrap_or(kind.algorithm);
        kind.encoding = encoding.unwrap_or(kind.encoding);
        kind.key = key.unwrap_or(kind.key);
    }
    if let Some(parts) = knobs.read::<Vec<SignedPart>>("signed") {
        scheme.signed = parts.value;
    }
    if let Some(rule) = knobs.read::<TimestampRule>("timestamp") {
        scheme.timestamp = Some(rule.value);
    }
    if let Some(header) = knobs.text("event_id") {
        scheme.event_id = Some(header.value);
    }
    tolerance(knobs, &mut scheme);
    Some(scheme)
}

fn tolerance(knobs: &Section<'_>, scheme: &mut Scheme) {
    let Some(tolerance) = knobs.parsed("tolerance", units::DURATION, units::duration) else {
        return;
    };
    let duration = SignedDuration::try_from(tolerance.value).ok();
    match (&mut scheme.timestamp, duration) {
        (Some(rule), Some(duration)) => (rule.past, rule.future) = (duration, duration),
        (None, _) | (_, None) => {
            knobs.reader.mistake(
                tolerance.place,
                "`tolerance` without a signed time",
                "expected `timestamp` beside it",
            );
        }
    }
}
