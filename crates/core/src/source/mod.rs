//! The webhooks of HR systems: verification of their signature, and reading of their bodies.
//!
//! A [`Scheme`] describes the signature of a source as data. [`Scheme::verify`] turns an
//! [`Unverified`] request into a [`Verified`] one, or returns a [`SignatureError`]. A [`Preset`]
//! describes an HR system as data; [`Preset::read`] turns a verified body into a [`ParsedBody`] of
//! canonical events. Nothing here does I/O or stores an event.

mod attributes;
mod body;
mod canonical_shape;
mod dates;
mod encoding;
mod field_path;
#[cfg(test)]
mod fixture_tests;
mod hint;
mod item;
mod mac;
mod misplaced;
mod parsed_body;
mod phone;
mod preset;
mod read;
mod read_canonical;
mod read_item;
#[cfg(test)]
mod read_limits_tests;
#[cfg(test)]
mod read_tests;
mod rules;
mod scheme;
mod secret;
mod sensitive;
mod sign;
#[cfg(test)]
mod signature_vectors;
mod soundness;
mod time_format;
#[cfg(test)]
mod vector_tests;
mod verify;
#[cfg(test)]
mod verify_tests;

pub use encoding::Encoding;
pub use parsed_body::{ContentError, InvalidMember, ParsedBody};
pub use preset::{InvalidPreset, Preset, SampleWorker, Signature};
pub use scheme::{
    Algorithm, Grammar, Scheme, SignatureKind, SignedPart, TimestampRule, UnknownStyle,
};
pub use secret::{InvalidSecret, KeyForm, Secret};
pub use sign::SignError;
pub use soundness::{SchemeFault, SecretFault};
pub use time_format::TimeFormat;
pub use verify::{SignatureError, Unverified, Verified};
