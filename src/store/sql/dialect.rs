//! The two databases, and every place where their SQL differs.
//!
//! Statements are written once, with `$n` parameters, and the chunks that differ in braces: `{now}` (the store's clock
//! in microseconds) and `{skip_locked}`. Parameter 1 is always this process's clock: what `{now}` is on `SQLite`,
//! where the store's clock is ours; unused on `PostgreSQL`, whose own clock counts.

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Dialect {
    /// One file, one process.
    Sqlite,
    /// A server that several processes share.
    Postgres,
}

/// How a piece of work is kept together, and what it must not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Scope {
    /// One statement: it is its own transaction.
    Statement,
    /// Several statements that hold together.
    Transaction,
    /// As `Transaction`, while nobody joins clusters.
    AliasesShared,
    /// As `Transaction`, while nobody else records: clusters may be joined.
    AliasesAlone,
}

impl Dialect {
    /// The database of that URL.
    pub(in crate::store) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The statement in this database's words.
    pub(in crate::store) fn render(self, statement: &str) -> String {
        let (now, skip_locked) = match self {
            Self::Sqlite => ("$1", ""),
            // The statement's time, not the transaction's: it moves on, and an index can be searched by it.
            Self::Postgres => (
                "(CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT))",
                "FOR UPDATE OF accounts SKIP LOCKED",
            ),
        };
        statement
            .replace("{now}", now)
            .replace("{skip_locked}", skip_locked)
    }

    /// What opens a transaction of that scope. The lock on the aliases comes in the same round trip.
    pub(in crate::store) fn begin(self, scope: Scope) -> &'static str {
        match (self, scope) {
            (Self::Sqlite, _) => "BEGIN IMMEDIATE",
            (Self::Postgres, Scope::Statement | Scope::Transaction) => "BEGIN",
            (Self::Postgres, Scope::AliasesShared) => {
                "BEGIN; SELECT pg_advisory_xact_lock_shared(7235419001)"
            }
            (Self::Postgres, Scope::AliasesAlone) => {
                "BEGIN; SELECT pg_advisory_xact_lock(7235419001)"
            }
        }
    }

    /// What every new connection is told first.
    pub(in crate::store) fn greeting(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 15000; \
                 PRAGMA wal_autocheckpoint = 4000"
            }
            // A transaction that hangs is ended by the server. And whatever we statement has an index: a statement is planned once,
            // maybe while the tables are all but empty, when to read one whole looks cheap.
            Self::Postgres => {
                "SET idle_in_transaction_session_timeout = '60s'; SET statement_timeout = '60s'; SET lock_timeout = '30s'; \
                 SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
            }
        }
    }

    /// How rows are kept, beyond what the schema says: an account is written three times in a propagation_delay, each of which stays on
    /// its page where there is room, and touches no index.
    pub(in crate::store) fn storage(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_class WHERE oid = 'accounts'::regclass \
                 AND reloptions @> ARRAY['fillfactor=50']) THEN ALTER TABLE accounts SET (fillfactor = 50); END IF; END $$",
            ),
        }
    }

    /// How many tables of that name ($2) there are.
    pub(in crate::store) fn has_table(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = $2"
            }
            Self::Postgres => {
                "SELECT COUNT(*) AS n FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $2"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_rendered_for_each_database() {
        let statement = "SELECT 1 WHERE next_run_at <= {now} {skip_locked}";
        assert_eq!(
            Dialect::Sqlite.render(statement),
            "SELECT 1 WHERE next_run_at <= $1 "
        );
        assert!(
            Dialect::Postgres
                .render(statement)
                .ends_with("AS BIGINT)) FOR UPDATE OF accounts SKIP LOCKED")
        );
    }

    #[test]
    fn the_url_says_which_database() {
        assert_eq!(Dialect::of("sqlite:///var/lib/h.db"), Some(Dialect::Sqlite));
        assert_eq!(Dialect::of("postgresql://h/d"), Some(Dialect::Postgres));
        assert_eq!(Dialect::of("mysql://h/d"), None);
    }
}
