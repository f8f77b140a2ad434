//! An HR system's webhooks: is it really from them, and what does it say? Pure.
//!
//! [`Scheme`] describes how a source signs, as data. [`Scheme::verify`] takes the raw request ([`Unverified`]) and
//! gives a [`Verified`] one or a [`SignatureError`]; nothing reads a body that has not passed through it.
//! [`Preset`] describes what its bodies mean, as data; [`Preset::read`] gives the events ([`Reading`]).

mod attributes;
mod body;
mod encoding;
mod field_path;
mod preset;
mod read;
mod read_canonical;
mod read_item;
#[cfg(test)]
mod read_tests;
mod rules;
mod scheme;
mod secret;
mod sign;
#[cfg(test)]
mod vectors_tests;
mod verify;

pub use encoding::Encoding;
pub use preset::{Authority, InvalidPreset, Preset, SampleWorker, Signature};
pub use read::{Invalid, Reading, Trouble};
pub use scheme::{
    Algorithm, Grammar, Part, Scheme, SignatureKind, TimeFormat, TimestampRule, UnknownStyle,
};
pub use secret::{InvalidSecret, KeyForm, Secret};
pub use sign::SignError;
pub use verify::{SignatureError, Unverified, Verified};
