//! Views for people: each table that holds times, with its times readable.
//!
//! The tables keep times as BIGINT, because sqlx's `Any` driver has no time type and so both
//! databases share one set of queries. A view shows them as `timestamptz` on PostgreSQL and as ISO
//! 8601 text in UTC on SQLite. The program itself reads no view.

use std::fmt::Write as _;

use super::dialect::Dialect;

/// A view: the table, its columns in the order in which a person reads them, and which of them are
/// times. Columns that hold bytes or JSON come last or are left out.
pub(super) struct View {
    pub(super) table: &'static str,
    columns: &'static [&'static str],
}

pub(super) const VIEWS: [View; 8] = [
    View {
        table: "accounts",
        columns: &[
            "connection",
            "person",
            "alias_source",
            "alias_worker",
            "scim_id",
            "outcome_kind",
            "outcome",
            "last_run_at",
            "priority",
            "next_run_at",
            "pending_since",
            "leaver_since",
            "next_due_at",
            "attempts",
            "not_before",
            "verify_at",
            "audits",
            "held",
            "has_dead_letters",
            "merged_into",
            "person_version",
            "reconciled_version",
            "desired_mapping_version",
            "reconciled_mapping_version",
            "reconciled_access",
            "changed_since_claim",
            "lease_until",
            "lease_taken_over",
            "intent",
            "last_applied",
        ],
    },
    View {
        table: "events",
        columns: &[
            "cluster",
            "received_at",
            "kind",
            "source",
            "origin",
            "id",
            "hook",
            "stored_at",
            "times_written",
            "content",
        ],
    },
    View {
        table: "dead_letters",
        columns: &[
            "id",
            "subject",
            "cause",
            "summary",
            "occurrences",
            "filed_at",
            "last_filed_at",
            "closed_at",
            "connection",
            "person",
            "detail",
        ],
    },
    View {
        table: "history",
        columns: &["recorded_at", "connection", "person", "outcome", "detail"],
    },
    View {
        table: "mappings",
        columns: &[
            "connection",
            "version",
            "fold_version",
            "published_at",
            "staged_fold_version",
            "document",
            "staged_document",
        ],
    },
    View {
        table: "connections",
        columns: &[
            "name",
            "paused_at",
            "paused_by",
            "paused_reason",
            "unreachable_since",
            "next_try_at",
        ],
    },
    View {
        table: "created_groups",
        columns: &["connection", "name", "scim_id", "expires_at"],
    },
    View {
        table: "quarantined_messages",
        columns: &[
            "digest",
            "quarantined_at",
            "envelope_version",
            "instance",
            "problem",
        ],
    },
];

/// The columns that are times but do not end in `_at`.
const OTHER_TIMES: [&str; 5] = [
    "pending_since",
    "leaver_since",
    "not_before",
    "lease_until",
    "unreachable_since",
];

/// Creates the views that are missing, as one script.
pub(super) fn script(dialect: Dialect) -> String {
    let mut script = String::new();
    for view in &VIEWS {
        let (table, select) = (view.table, select(view, dialect));
        // Writing to a String does not fail.
        let _ = match dialect {
            Dialect::Sqlite => write!(
                script,
                "CREATE VIEW IF NOT EXISTS {table}_view AS {select};"
            ),
            Dialect::Postgres => write!(
                script,
                "IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_views
                   WHERE schemaname = current_schema() AND viewname = '{table}_view') THEN
                   CREATE VIEW {table}_view AS {select};
                 END IF;"
            ),
        };
    }

    match dialect {
        Dialect::Sqlite => script,
        // The lock: several processes may open a new store at the same time.
        Dialect::Postgres => {
            format!("DO $$ BEGIN PERFORM pg_advisory_xact_lock(7235419002); {script} END $$")
        }
    }
}

fn select(view: &View, dialect: Dialect) -> String {
    let columns: Vec<String> = view
        .columns
        .iter()
        .map(|column| {
            if !column.ends_with("_at") && !OTHER_TIMES.contains(column) {
                return (*column).to_owned();
            }
            match dialect {
                Dialect::Sqlite => format!(
                    "strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000.0, 'unixepoch') AS {column}"
                ),
                Dialect::Postgres => format!("to_timestamp({column} / 1000000.0) AS {column}"),
            }
        })
        .collect();
    format!("SELECT {} FROM {}", columns.join(", "), view.table)
}
