//! What the config must know of a source preset: its usual signature, whether it sends bare dates, its authority.

use crate::{
    fold::Authority,
    source::{Encoding, Grammar, Part, Scheme, TimeFormat, TimestampRule},
};

/// A source preset, as far as the config goes.
#[derive(Clone, Debug)]
pub struct PresetFacts {
    /// How such a source signs, unless the config says otherwise.
    pub scheme: Scheme,
    /// Whether its dates are bare, so that the source needs a zone.
    pub bare_dates: bool,
    /// What its word on employment is worth.
    pub authority: Authority,
}

/// The presets by name.
pub const NAMES: [&str; 3] = ["canonical", "greenhouse", "bamboohr"];

/// A preset by name.
pub fn named(name: &str) -> Option<PresetFacts> {
    let plain = Scheme::style("hmac-sha256", None).ok()?;
    Some(match name {
        "canonical" => {
            PresetFacts { scheme: Scheme::standard_webhooks(), bare_dates: false, authority: Authority::Employment }
        }
        "greenhouse" => PresetFacts {
            scheme: Scheme {
                header: "Signature".into(),
                grammar: Grammar::Prefix("sha256 ".into()),
                event_id: Some("Greenhouse-Event-ID".into()),
                ..plain
            },
            bare_dates: true,
            authority: Authority::PreHire,
        },
        "bamboohr" => PresetFacts {
            scheme: Scheme {
                header: "X-BambooHR-Signature".into(),
                signed: vec![Part::Body, Part::Timestamp],
                timestamp: Some(TimestampRule {
                    format: TimeFormat::SecondsOrIso8601,
                    ..TimestampRule::seconds(Some("X-BambooHR-Timestamp"))
                }),
                signatures: plain
                    .signatures
                    .iter()
                    .map(|kind| crate::source::SignatureKind { encoding: Encoding::Hex, ..kind.clone() })
                    .collect(),
                ..plain
            },
            bare_dates: true,
            authority: Authority::Employment,
        },
        _ => return None,
    })
}
