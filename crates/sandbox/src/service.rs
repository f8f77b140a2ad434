//! The protocol: what a SCIM request does to the store, and its answer (RFC 7644 section 3). No I/O here.
//!
//! In goes a request whose caller is known already; out comes a status and a body. Faults that change what a write
//! does (no uniqueness, an ignored deactivation, a refused value, search lag) are met here, the others at
//! [`super::door`].

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::SandboxProfile;
use super::discovery;
use super::fault::Effect;
use super::faults::Faults;
use super::filter::Filter;
use super::listing::Search;
use super::matching::matches;
use super::refusal::{Refusal, Result};
use super::schema::ResourceType;
use super::shelf::Row;
use super::store::{Side, Store};
use super::workplace;
use super::write::{self, Written};

/// A request, its path below the base URL.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Bytes,
    /// The base URL as the client sees it, for locations.
    pub base: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Option<Value>,
    pub location: Option<String>,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            location: None,
        }
    }
}

impl Call {
    /// Whether it may change anything.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/.search")
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::invalid_syntax(format!("the body is no JSON: {error}")))
    }
}

/// What the sandbox knows, behind one lock.
#[derive(Debug)]
pub(super) struct Service {
    pub profile: SandboxProfile,
    pub store: Store,
    pub faults: Faults,
}

impl Service {
    /// Answers one request.
    pub fn answer(&mut self, call: &Call, now: Timestamp) -> Result<Answer> {
        let path: Vec<&str> = call
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        let side = match path.first().copied() {
            Some("Users") => Some(Side::Users),
            Some("Groups") => Some(Side::Groups),
            _ => None,
        };
        let method = call.method.as_str();
        match (side, path.as_slice()) {
            (None, [".search"]) if method == "POST" => {
                let search = Search::from_body(&call.json()?)?;
                self.list(&[Side::Users, Side::Groups], &search, call, now)
            }
            (Some(side), [_, ".search"]) if method == "POST" => {
                let search = Search::from_body(&call.json()?)?;
                self.list(&[side], &search, call, now)
            }
            (Some(side), [_]) => match method {
                "GET" => self.list(&[side], &Search::from_query(&call.query)?, call, now),
                "POST" => self.write(side, None, call, now),
                _ => Err(not_allowed(call)),
            },
            (Some(side), [_, id]) => match method {
                "GET" => {
                    let row = self.store.get(side, id)?;
                    Ok(Answer::ok(self.shown(
                        side,
                        row.map.clone(),
                        &Search::from_query(&call.query)?,
                        &call.base,
                    )))
                }
                "PUT" | "PATCH" | "DELETE" => self.write(side, Some(id), call, now),
                _ => Err(not_allowed(call)),
            },
            (_, other) => match discovery::document(other, self.profile, &call.base) {
                None if matches!(other, ["Bulk" | "Me", ..]) => Err(Refusal::plain(
                    501,
                    format!("{} is not supported here", call.path),
                )),
                None => Err(Refusal::plain(
                    404,
                    format!("there is nothing at {}", call.path),
                )),
                Some(_) if method != "GET" => Err(not_allowed(call)),
                Some(_) if call.query.iter().any(|(key, _)| key == "filter") => Err(
                    Refusal::plain(403, "discovery takes no filter (RFC 7644 section 4)"),
                ),
                Some(document) => document.map(Answer::ok),
            },
        }
    }

    fn write(
        &mut self,
        side: Side,
        id: Option<&str>,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer> {
        let search = Search::from_query(&call.query)?;
        match write::write(self, side, id, call, now)? {
            Written::Gone => Ok(Answer {
                status: 204,
                body: None,
                location: None,
            }),
            Written::Made(map) => {
                let body = self.shown(side, map, &search, &call.base);
                let location =
                    super::render::location(side.resource_type(self.profile), &body, &call.base);
                Ok(Answer {
                    status: 201,
                    body: Some(body),
                    location: Some(location),
                })
            }
            Written::Kept(map) => Ok(Answer::ok(self.shown(side, map, &search, &call.base))),
        }
    }

    fn shown(&self, side: Side, map: Map<String, Value>, search: &Search, base: &str) -> Value {
        let of = side.resource_type(self.profile);
        let map = super::render::located(map, of, base);
        Value::Object(search.projection.show(map, of))
    }

    fn list(
        &mut self,
        sides: &[Side],
        search: &Search,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer> {
        let lag = self.lag(sides, call, now);
        let mut found: Vec<(&'static ResourceType, &Map<String, Value>)> = Vec::new();
        let mut refusal = None;
        let mut understood = false;
        for side in sides {
            let of = side.resource_type(self.profile);
            let parse = |text| {
                let filter = Filter::parse(text, of)?;
                if self.profile == SandboxProfile::Workplace {
                    workplace::check_filter(*side, &filter)?;
                }
                Ok(filter)
            };
            let filter = match search.filter.as_deref().map(parse).transpose() {
                Ok(filter) => filter,
                Err(error) => {
                    // Over all resources, a filter need not make sense for each type.
                    refusal = Some(error);
                    continue;
                }
            };
            understood = true;
            let seen =
                |row: &&Row| lag.is_none_or(|lag| *side == Side::Groups || visible(row, lag, now));
            let rows = self
                .store
                .shelf(*side)
                .candidates(filter.as_ref())
                .into_iter()
                .filter(seen);
            found.extend(
                rows.filter(|row| {
                    filter
                        .as_ref()
                        .is_none_or(|filter| matches(filter, &row.map))
                })
                .map(|row| (of, &row.map)),
            );
        }
        if let (false, Some(refusal)) = (understood, refusal) {
            return Err(refusal);
        }
        search.sort(&mut found)?;
        let page = found.iter().skip(search.start - 1).take(search.count);
        let page = page.map(|(of, map)| {
            let map = super::render::located((*map).clone(), of, &call.base);
            Value::Object(search.projection.show(map, of))
        });
        let page: Vec<Value> = page.collect();
        Ok(Answer::ok(search.answer(found.len(), &page)))
    }

    /// How long new users are hidden, if such a fault is on and there is one to hide.
    fn lag(&mut self, sides: &[Side], call: &Call, now: Timestamp) -> Option<u64> {
        let newest = self.store.shelf(Side::Users).newest()?;
        let hides = |effect: &Effect| {
            let Effect::SearchLag(ms) = effect else {
                return None;
            };
            (sides.contains(&Side::Users) && !before(newest, *ms, now)).then_some(*ms)
        };
        self.faults.take(&call.method, &call.path, hides)
    }
}

fn visible(row: &Row, lag: u64, now: Timestamp) -> bool {
    before(row.created, lag, now)
}

/// Whether `then` is at least so many milliseconds ago.
fn before(then: Timestamp, ms: u64, now: Timestamp) -> bool {
    now.duration_since(then) >= SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn not_allowed(call: &Call) -> Refusal {
    Refusal::plain(
        405,
        format!("{} is not allowed at {}", call.method, call.path),
    )
}
