//! The log of the last requests, in the order of arrival, for the page and for tests.
//!
//! An entry begins when the request arrives and gets its status with the response. A request
//! without a response (a fault, or the client disconnected) keeps status 0. The log keeps
//! [`CAPACITY`] entries.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// The number of entries; a new one replaces the oldest.
const CAPACITY: usize = 2_000;

/// The longest body that an entry keeps, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A SCIM request that the sandbox received.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoggedRequest {
    /// Counts the requests of this sandbox, from 1.
    pub number: u64,
    /// The time of arrival.
    pub at: Timestamp,
    /// The HTTP method in upper case.
    pub method: String,
    /// The path below the base URL, with the query as the client sent it: `/Users?filter=...`. A
    /// request that was not authorized is kept without its query.
    pub path: String,
    /// The HTTP status of the response; 0 without a response.
    pub status: u16,
    /// The body of an authorized request, if it is JSON of at most 64 KiB.
    pub body: Option<Value>,
    /// The fault that affected the request, or the reason of an error response.
    pub note: Option<String>,
}

#[derive(Clone, Debug)]
struct LogEntry {
    request: LoggedRequest,
    body: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<LogEntry>,
    count: u64,
}

impl RequestLog {
    /// Begins an entry; returns the number of the request.
    pub(crate) fn begin(&mut self, at: Timestamp, method: &str, path: String) -> u64 {
        self.count += 1;

        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }

        let request = LoggedRequest {
            number: self.count,
            at,
            method: method.to_owned(),
            path,
            status: 0,
            body: None,
            note: None,
        };
        let body = Bytes::new();
        self.entries.push_back(LogEntry { request, body });

        self.count
    }

    /// Adds query and body to the entry of an authorized request; a long body is left out.
    pub(crate) fn accept(&mut self, number: u64, query: Option<&str>, body: &Bytes) {
        let Some(entry) = self.entry(number) else {
            return;
        };

        if let Some(query) = query {
            entry.request.path = format!("{}?{query}", entry.request.path);
        }
        if body.len() <= MAX_BODY {
            entry.body = body.clone();
        }
    }

    /// Adds the status of the response, and its note if there is one.
    pub(crate) fn end(&mut self, number: u64, status: u16, note: Option<String>) {
        let Some(request) = self.find(number) else {
            return;
        };

        request.status = status;
        if note.is_some() {
            request.note = note;
        }
    }

    /// Replaces the note.
    pub(crate) fn set_note(&mut self, number: u64, note: &str) {
        if let Some(request) = self.find(number) {
            request.note = Some(note.to_owned());
        }
    }

    fn find(&mut self, number: u64) -> Option<&mut LoggedRequest> {
        self.entry(number).map(|entry| &mut entry.request)
    }

    fn entry(&mut self, number: u64) -> Option<&mut LogEntry> {
        let first = self.entries.front()?.request.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.entries.get_mut(at)
    }

    /// The number of all requests so far, also of those that the log no longer has.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The newest `limit` entries, oldest first. Bodies are parsed only here.
    pub(crate) fn requests(&self, limit: usize) -> Vec<LoggedRequest> {
        let skipped = self.entries.len().saturating_sub(limit);

        self.entries
            .iter()
            .skip(skipped)
            .map(|entry| LoggedRequest {
                body: serde_json::from_slice(&entry.body).ok(),
                ..entry.request.clone()
            })
            .collect()
    }

    /// Removes all entries; the numbers continue.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_drops_the_oldest_entry_and_finds_the_others_by_number() {
        let mut log = RequestLog::default();
        for at in 0..=CAPACITY {
            log.begin(Timestamp::UNIX_EPOCH, "GET", format!("/{at}"));
        }

        log.end(1, 200, None);
        log.end(CAPACITY as u64 + 1, 201, Some("why".into()));

        let all = log.requests(usize::MAX);
        assert_eq!(
            (all.len(), all[0].path.as_str(), all[0].status),
            (CAPACITY, "/1", 0)
        );
        let last = log.requests(1);
        assert_eq!(
            (last[0].status, last[0].note.as_deref()),
            (201, Some("why"))
        );
    }
}
