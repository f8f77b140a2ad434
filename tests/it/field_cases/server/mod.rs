//! A SCIM server whose quirks are data.
//!
//! Without a quirk it follows RFC 7643 and RFC 7644: users, groups, filters, PATCH, PUT, DELETE,
//! discovery. It shares no code with Hirewire and none with the sandbox, so that one wrong reading
//! of the RFC cannot hide in both.

mod patch;
mod path;
mod quirks;
mod refusal;
mod state;
mod users;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use quirks::Quirks;
pub use state::LoggedRequest;

use path::{Comparison, all_hold, parse_filter};
use refusal::{Refusal, answer};
use state::ServerState;

/// The bearer token that the server takes.
pub const TOKEN: &str = "field-case-token";

/// The server of one case.
#[derive(Clone)]
pub struct FakeServer {
    state: Arc<Mutex<ServerState>>,
    pub address: SocketAddr,
}

impl FakeServer {
    /// Starts a server with the seed of the quirks. `active`: whether its quirks are in force yet.
    pub async fn start(quirks: Quirks, active: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Self {
            state: Arc::new(Mutex::new(ServerState::new(quirks, active))),
            address,
        };

        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&server.state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// The real content of the server, which its answers may hide.
    pub fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().expect("no panic in the server")
    }
}

/// One request, taken apart.
pub struct Incoming {
    method: Method,
    collection: String,
    id: Option<String>,
    query: Vec<(String, String)>,
    if_match: Option<String>,
    body: Value,
}

async fn handle(
    State(state): State<Arc<Mutex<ServerState>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut state = state.lock().expect("no panic in the server");
    let response = respond(&mut state, &method, &uri, &headers, &body);
    state.log.push(LoggedRequest {
        method: method.to_string(),
        path: uri.path().trim_start_matches("/scim/v2").to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        status: response.status().as_u16(),
        body: serde_json::from_slice(&body).ok(),
    });
    response
}

fn respond(
    state: &mut ServerState,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let header =
        |name: &header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if header(&header::AUTHORIZATION) != Some(&format!("Bearer {TOKEN}")) {
        return Refusal::new(401, None, "no such token").response();
    }
    if let Some(response) = state.rate_limited(method.as_str()) {
        return response;
    }

    let kind = header(&header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let required = state.quirks().require_content_type.clone();
    let taken = required.map_or_else(
        || ["application/scim+json", "application/json"].contains(&kind),
        |required| kind == required,
    );
    if matches!(*method, Method::POST | Method::PUT | Method::PATCH) && !taken {
        return Refusal::new(415, None, "no such Content-Type").response();
    }

    let path = uri.path().trim_start_matches("/scim/v2").trim_matches('/');
    let (collection, id) = path.split_once('/').unwrap_or((path, ""));
    let id = percent_decoded(id);
    let incoming = Incoming {
        method: method.clone(),
        collection: collection.to_owned(),
        id: Some(id).filter(|id| !id.is_empty()),
        query: url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        if_match: header(&header::IF_MATCH).map(str::to_owned),
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
    };
    route(state, &incoming).unwrap_or_else(|refusal| refusal.response())
}

fn percent_decoded(text: &str) -> String {
    let pair = format!("k={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn route(state: &mut ServerState, incoming: &Incoming) -> Result<Response, Refusal> {
    match (incoming.collection.as_str(), &incoming.id, &incoming.method) {
        ("Users", None, &Method::GET) => list_users(state, incoming),
        ("Users", None, &Method::POST) => users::create(state, &incoming.body),
        ("Users", Some(id), method) => users::on_one(state, incoming, id, method),
        ("Groups", ..) if state.quirks().no_groups => {
            Err(Refusal::new(404, None, "there are no groups"))
        }
        ("Groups", None, &Method::GET) => list_groups(state, incoming),
        ("Groups", None, &Method::POST) => state.create_group(&incoming.body),
        ("Groups", Some(id), method) => state.on_group(incoming, id, method),
        ("ServiceProviderConfig", None, &Method::GET) => {
            Ok(answer(200, Some(&capabilities(state))))
        }
        ("Schemas" | "ResourceTypes", None, &Method::GET) => {
            let empty = json!({ "schemas": [LIST], "totalResults": 0, "Resources": [] });
            Ok(answer(200, Some(&empty)))
        }
        _ => Err(Refusal::new(404, None, "no such endpoint")),
    }
}

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

fn capabilities(state: &ServerState) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": state.quirks().patch_status.is_none() },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": 200 },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": state.quirks().versions },
        "authenticationSchemes": [],
    })
}

/// The filter of a query; `None`: it has none.
fn filter(state: &ServerState, incoming: &Incoming) -> Result<Option<Vec<Comparison>>, Refusal> {
    let Some((_, text)) = incoming.query.iter().find(|(key, _)| key == "filter") else {
        return Ok(None);
    };
    let text = state.quirks().text(text);
    let filter = parse_filter(&text)
        .ok_or_else(|| Refusal::bad("invalidFilter", "only eq and and are known"))?;
    Ok(Some(filter))
}

fn list_users(state: &mut ServerState, incoming: &Incoming) -> Result<Response, Refusal> {
    let filter = filter(state, incoming)?;
    let quirks = state.quirks();
    let refused = filter.iter().flatten().find_map(|comparison| {
        let attribute = &comparison.path.attribute;
        quirks
            .filter_refused
            .get(attribute)
            .map(|status| (attribute, *status))
    });
    if let Some((attribute, status)) = refused {
        let detail = format!("no filter on {attribute}");
        return Err(Refusal::new(
            status,
            quirks.filter_refused_type.as_deref(),
            &detail,
        ));
    }

    let shown = |user: &&Value| user["_hidden"] != true;
    let all: Vec<&Value> = state.users.iter().filter(shown).collect();
    let found: Vec<Value> = all
        .iter()
        .filter(|user| filter.as_ref().is_none_or(|filter| all_hold(filter, user)))
        .map(|user| users::shown(user, quirks))
        .collect();
    if let (Some(status), true, true) =
        (quirks.find_none_status, found.is_empty(), filter.is_some())
    {
        return Err(Refusal::new(status, None, "no such user"));
    }
    Ok(page(quirks, found, all.len(), incoming))
}

fn list_groups(state: &mut ServerState, incoming: &Incoming) -> Result<Response, Refusal> {
    let filter = filter(state, incoming)?;
    if let Some(status) = state.quirks().group_lookup_status {
        return Err(Refusal::new(status, None, "no filter on groups"));
    }
    if filter.is_some() {
        state.group_filters += 1;
    }
    let quirks = state.quirks();
    let visible: Vec<&Value> = state
        .groups
        .iter()
        .filter(|group| state.group_shows(group))
        .collect();
    let found: Vec<Value> = visible
        .iter()
        .filter(|group| filter.as_ref().is_none_or(|filter| all_hold(filter, group)))
        .map(|group| state.shown_group(group))
        .collect();
    Ok(page(quirks, found, visible.len(), incoming))
}

/// One page of a list, in the form that the quirks give it.
fn page(quirks: &Quirks, found: Vec<Value>, all: usize, incoming: &Incoming) -> Response {
    let number = |name: &str| {
        let pair = incoming.query.iter().find(|(key, _)| key == name);
        pair.and_then(|(_, value)| value.parse::<usize>().ok())
    };
    let total = if quirks.total_is_all {
        all
    } else {
        found.len()
    };
    let start = number("startIndex").filter(|_| !quirks.start_index_ignored);
    let start = start.unwrap_or(1).max(1);
    let count = number("count").unwrap_or(100).min(100);
    let resources: Vec<Value> = found.into_iter().skip(start - 1).take(count).collect();

    if let (true, [lone]) = (quirks.lone_resource, resources.as_slice()) {
        return answer(200, Some(lone));
    }
    if quirks.bare_array {
        return answer(200, Some(&Value::Array(resources)));
    }
    let on_page = resources.len();
    let mut list = json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": on_page,
        "Resources": resources,
    });
    let members = list.as_object_mut().expect("an object");
    if quirks.no_total {
        members.remove("totalResults");
        members.remove("itemsPerPage");
    }
    if quirks.null_resources_when_empty && on_page == 0 {
        members.insert("Resources".to_owned(), Value::Null);
    }
    answer(200, Some(&list))
}
