-- The store's first schema, one text for SQLite and PostgreSQL. docs/schema.md explains each column.
--
-- A time is a BIGINT: microseconds since 1970-01-01 UTC. The views (`accounts_view` ...) show times as
-- timestamps. JSON is TEXT, a flag is a BIGINT 0 or 1, a code is its name as TEXT.
-- Every write of a row also writes its indexes, so one index serves as many queries as it can.
--
-- A later migration that changes a table drops that table's view first; the program creates it again.

-- Facts about the store itself: `instance` is the instance that owns it.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row for each alias (source, worker id). Its person key never changes; `merged_into` names the
-- person that represents it now. `cluster` groups all aliases that any event ever named together.
CREATE TABLE people (
    person TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    worker TEXT NOT NULL,
    cluster TEXT NOT NULL,
    merged_into TEXT,
    UNIQUE (worker, source)
);
CREATE INDEX people_by_cluster ON people (cluster);

-- The version of a cluster grows by one with each batch that stores a new event of it.
CREATE TABLE clusters (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- A set of events: two contents under one id are two rows, and the fold decides which one counts.
CREATE TABLE events (
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    cluster TEXT NOT NULL,
    kind TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    hook TEXT NOT NULL,
    id_derivation TEXT NOT NULL,
    content TEXT NOT NULL,
    stored_at BIGINT NOT NULL,
    times_written BIGINT NOT NULL,
    PRIMARY KEY (source, origin, id, digest)
);
CREATE INDEX events_by_cluster ON events (cluster);

-- One row for each person on each connection: the account.
CREATE TABLE accounts (
    connection TEXT NOT NULL,
    person TEXT NOT NULL,
    alias_source TEXT NOT NULL,
    alias_worker TEXT NOT NULL,
    scim_id TEXT,

    -- the desired state: written with the fact that changes it, so that a claim reads it under the row's lock
    person_version BIGINT NOT NULL,
    desired_mapping_version BIGINT NOT NULL,
    merged_into TEXT,
    changed_since_claim TEXT NOT NULL,

    -- the reconciled state
    last_applied TEXT NOT NULL,
    reconciled_version BIGINT NOT NULL,
    reconciled_mapping_version BIGINT NOT NULL,
    reconciled_access TEXT,
    outcome TEXT,
    outcome_kind TEXT,
    last_run_at BIGINT,

    -- the schedule
    priority TEXT NOT NULL,
    next_run_at BIGINT,
    pending_since BIGINT,
    leaver_since BIGINT,
    next_due_at BIGINT,
    attempts BIGINT NOT NULL,
    not_before BIGINT,
    intent TEXT,
    verify_at BIGINT,
    audits BIGINT NOT NULL,
    held BIGINT NOT NULL,
    has_dead_letters BIGINT NOT NULL,

    -- the lease
    fencing_token TEXT,
    lease_until BIGINT,
    lease_taken_over BIGINT NOT NULL,

    PRIMARY KEY (person, connection)
);
CREATE UNIQUE INDEX accounts_by_scim_id ON accounts (connection, scim_id) WHERE scim_id IS NOT NULL;
CREATE INDEX accounts_pending ON accounts (connection, priority, next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX accounts_leavers ON accounts (leaver_since, connection) WHERE leaver_since IS NOT NULL;

-- The published mapping of each connection, and the one that waits for `connections apply`.
CREATE TABLE mappings (
    connection TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    fold_version BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    staged_document TEXT,
    staged_fold_version BIGINT
);

-- Connections that were paused or unreachable at least once.
CREATE TABLE connections (
    name TEXT NOT NULL PRIMARY KEY,
    paused_reason TEXT,
    paused_by TEXT,
    paused_at BIGINT,
    unreachable_since BIGINT,
    next_try_at BIGINT
);

-- Names of groups that were created, or are being created: one create at a time for each name.
CREATE TABLE created_groups (
    connection TEXT NOT NULL,
    name TEXT NOT NULL,
    scim_id TEXT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (connection, name)
);

-- At most one open dead letter for each subject and cause; the same problem again counts up `occurrences`.
CREATE TABLE dead_letters (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    connection TEXT,
    person TEXT,
    cause TEXT NOT NULL,
    summary TEXT NOT NULL,
    detail TEXT NOT NULL,
    filed_at BIGINT NOT NULL,
    last_filed_at BIGINT NOT NULL,
    occurrences BIGINT NOT NULL,
    closed_at BIGINT,
    raw BYTEA
);
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (subject, cause) WHERE closed_at IS NULL;
CREATE INDEX dead_letters_by_subject ON dead_letters (subject);
CREATE INDEX dead_letters_by_person ON dead_letters (person);
CREATE INDEX dead_letters_by_filed_at ON dead_letters (filed_at);

-- The log of what reconciles and operators did. Rows are added, never changed.
CREATE TABLE history (
    id TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    connection TEXT NOT NULL,
    person TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (recorded_at, id)
);
CREATE INDEX history_by_person ON history (person, recorded_at);

-- Messages that this version cannot read or store, kept as bytes.
CREATE TABLE quarantined_messages (
    digest TEXT NOT NULL PRIMARY KEY,
    bytes BYTEA NOT NULL,
    envelope_version BIGINT,
    instance TEXT,
    problem TEXT NOT NULL,
    quarantined_at BIGINT NOT NULL
);
