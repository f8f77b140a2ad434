//! The two databases, and every difference between their SQL.
//!
//! A statement is written once. The parts that differ are fragments in braces: `{now}`, the store's
//! clock in microseconds since 1970 UTC, and `{skip_locked}`.

/// The SQL of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Dialect {
    /// One file, one process.
    Sqlite,
    /// A server that several processes share.
    Postgres,
}

/// How the statements of one piece of work belong together, and which locks it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Scope {
    /// One statement: it is its own transaction.
    Statement,
    /// Several statements, all or none.
    Transaction,
    /// A transaction that assigns events to clusters: no cluster is merged meanwhile.
    SharedClusters,
    /// A transaction that merges clusters: no other one assigns events or merges meanwhile.
    ExclusiveClusters,
}

impl Dialect {
    /// The dialect of that URL.
    pub(in crate::store) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The text of `{name}` in a statement.
    pub(in crate::store) fn fragment(self, name: &str) -> Option<&'static str> {
        match (self, name) {
            // The clock of this process: it is the only one.
            (Self::Sqlite, "now") => Some("$1"),
            // The server's clock, because processes share it. The time of the statement, not of the
            // transaction: it moves on, and an index can be searched by it.
            (Self::Postgres, "now") => {
                Some("(CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT))")
            }
            (Self::Sqlite, "skip_locked") => Some(""),
            (Self::Postgres, "skip_locked") => Some("FOR UPDATE OF accounts SKIP LOCKED"),
            _ => None,
        }
    }

    /// The statement that begins a transaction of that scope. The lock on the clusters comes in the
    /// same round trip.
    pub(in crate::store) fn begin(self, scope: Scope) -> &'static str {
        match (self, scope) {
            (Self::Sqlite, _) => "BEGIN IMMEDIATE",
            (Self::Postgres, Scope::Statement | Scope::Transaction) => "BEGIN",
            (Self::Postgres, Scope::SharedClusters) => {
                "BEGIN; SELECT pg_advisory_xact_lock_shared(7235419001)"
            }
            (Self::Postgres, Scope::ExclusiveClusters) => {
                "BEGIN; SELECT pg_advisory_xact_lock(7235419001)"
            }
        }
    }

    /// The settings of every new connection.
    pub(in crate::store) fn connection_settings(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA busy_timeout = 15000;
                 PRAGMA wal_autocheckpoint = 4000"
            }
            // The server ends a transaction that hangs. Every query of the store has an index, but
            // a statement is planned once, perhaps while the tables are almost empty and a
            // sequential scan looks cheap: so the planner may not choose one.
            Self::Postgres => {
                "SET idle_in_transaction_session_timeout = '60s';
                 SET statement_timeout = '60s';
                 SET lock_timeout = '30s';
                 SET enable_seqscan = off;
                 SET enable_hashjoin = off;
                 SET enable_mergejoin = off"
            }
        }
    }

    /// The storage parameters that the schema does not name. A reconcile writes its account three
    /// times; with free space on the page each write stays there and touches no index (a HOT
    /// update). Without it a reconcile takes 1.27 times the CPU (docs/benchmarks.md).
    pub(in crate::store) fn storage(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "DO $$ BEGIN
                   IF NOT EXISTS (SELECT 1 FROM pg_class WHERE oid = 'accounts'::regclass
                                  AND reloptions @> ARRAY['fillfactor=50']) THEN
                     ALTER TABLE accounts SET (fillfactor = 50);
                   END IF;
                 END $$",
            ),
        }
    }

    /// Counts the tables of that `:name`.
    pub(in crate::store) fn has_table(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = :name"
            }
            Self::Postgres => {
                "SELECT COUNT(*) AS n FROM pg_catalog.pg_tables
                 WHERE schemaname = current_schema() AND tablename = :name"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_the_url_names_the_dialect() {
        assert_eq!(Dialect::of("sqlite:///var/lib/h.db"), Some(Dialect::Sqlite));
        assert_eq!(Dialect::of("postgresql://h/d"), Some(Dialect::Postgres));
        assert_eq!(Dialect::of("mysql://h/d"), None);
    }

    #[test]
    fn each_dialect_has_each_fragment() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert!(dialect.fragment("now").is_some());
            assert!(dialect.fragment("skip_locked").is_some());
            assert_eq!(dialect.fragment("later"), None);
        }
    }
}
