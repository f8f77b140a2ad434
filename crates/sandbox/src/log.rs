//! The last requests, in the order of their arrival: what the page shows and tests read.
//!
//! A request is written down when it arrives and again when it is answered; one that was never answered (a fault,
//! or the client hung up) keeps status 0. Only the newest [`KEPT`] stay.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// How many requests are remembered.
pub(super) const KEPT: usize = 2_000;

/// A SCIM request that the sandbox received.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoggedRequest {
    /// Counts up from 1.
    pub number: u64,
    /// When it arrived.
    pub at: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// Path below the base URL, with the query as it was sent: `/Users?filter=...`.
    pub path: String,
    /// What was answered; 0 if nothing was.
    pub status: u16,
    /// The JSON that was sent, if it was JSON.
    pub body: Option<Value>,
    /// The fault that it met, or why it was refused.
    pub note: Option<String>,
}

#[derive(Clone, Debug)]
struct Line {
    request: LoggedRequest,
    raw: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<Line>,
    count: u64,
}

impl Log {
    /// Writes down a request that arrived, and tells its number.
    pub fn begin(&mut self, at: Timestamp, method: &str, path: String, raw: Bytes) -> u64 {
        self.count += 1;
        if self.lines.len() == KEPT {
            self.lines.pop_front();
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
        self.lines.push_back(Line { request, raw });
        self.count
    }

    /// Adds what became of it.
    pub fn end(&mut self, number: u64, status: u16, note: Option<String>) {
        let Some(request) = self.find(number) else {
            return;
        };
        request.status = status;
        if note.is_some() {
            request.note = note;
        }
    }

    /// Adds which fault it met.
    pub fn note(&mut self, number: u64, note: &str) {
        if let Some(request) = self.find(number) {
            request.note = Some(note.to_owned());
        }
    }

    fn find(&mut self, number: u64) -> Option<&mut LoggedRequest> {
        let first = self.lines.front()?.request.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.lines.get_mut(at).map(|line| &mut line.request)
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The newest `last` of those kept, oldest first. Bodies are read only now.
    pub fn requests(&self, last: usize) -> Vec<LoggedRequest> {
        let skipped = self.lines.len().saturating_sub(last);
        let read = |line: &Line| LoggedRequest {
            body: serde_json::from_slice(&line.raw).ok(),
            ..line.request.clone()
        };
        self.lines.iter().skip(skipped).map(read).collect()
    }

    pub fn clear(&mut self) {
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_an_answer_finds_its_request() {
        let mut log = Log::default();
        for at in 0..=KEPT {
            log.begin(Timestamp::UNIX_EPOCH, "GET", format!("/{at}"), Bytes::new());
        }
        log.end(1, 200, None);
        log.end(KEPT as u64 + 1, 201, Some("why".into()));
        let all = log.requests(usize::MAX);
        assert_eq!(
            (all.len(), all[0].path.as_str(), all[0].status),
            (KEPT, "/1", 0)
        );
        let last = log.requests(1);
        assert_eq!(
            (last[0].status, last[0].note.as_deref()),
            (201, Some("why"))
        );
    }
}
