-- The store's first schema, one text for SQLite and PostgreSQL.
-- Times are BIGINT microseconds since 1970 UTC, JSON is TEXT, a flag is BIGINT 0 or 1. Every index is written with every
-- row, so one serves all that it can: its columns stand in the order that the most searches have.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row for each worker id of a source ever heard of, with the person it was at home with first. `cluster`: all
-- worker ids that any event ever named together. `forwarded_to`: the person they are one with now, by the fold.
CREATE TABLE people (
    person TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    worker TEXT NOT NULL,
    cluster TEXT NOT NULL,
    forwarded_to TEXT,
    UNIQUE (worker, source)
);
CREATE INDEX people_of_cluster ON people (cluster);

CREATE TABLE clusters (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

-- A set: two contents under one id are two rows, and the fold decides which counts. `copies`: how often it came with
-- an earlier time of receipt than was known.
CREATE TABLE events (
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    cluster TEXT NOT NULL,
    kind TEXT NOT NULL,
    received BIGINT NOT NULL,
    hook TEXT NOT NULL,
    identity TEXT NOT NULL,
    content TEXT NOT NULL,
    stored_at BIGINT NOT NULL,
    copies BIGINT NOT NULL,
    PRIMARY KEY (source, origin, id, digest)
);
CREATE INDEX events_of_cluster ON events (cluster);

-- One row for each person on a connection.
-- person_version, wanted_mapping, merged_into: what is to be settled, written by whoever moves it, so that a claim
-- reads them under the row's own lock. next_run_at: when to look next. changed_since_claim: since the claim, something moved (1),
-- an ending came (2).
CREATE TABLE accounts (
    connection TEXT NOT NULL,
    person TEXT NOT NULL,
    alias_source TEXT NOT NULL,
    alias_worker TEXT NOT NULL,
    scim_id TEXT,
    applied TEXT NOT NULL,
    reconciled_version BIGINT NOT NULL,
    reconciled_access TEXT,
    mapping_version BIGINT NOT NULL,
    due BIGINT,
    priority BIGINT NOT NULL,
    next_run_at BIGINT,
    pending_since BIGINT,
    attempts BIGINT NOT NULL,
    not_before BIGINT,
    intent TEXT,
    verify_at BIGINT,
    audits BIGINT NOT NULL,
    held BIGINT NOT NULL,
    as_of BIGINT,
    outcome TEXT,
    outcome_kind TEXT,
    person_version BIGINT NOT NULL,
    wanted_mapping BIGINT NOT NULL,
    merged_into TEXT,
    changed_since_claim BIGINT NOT NULL,
    has_dead_letters BIGINT NOT NULL,
    fencing_token TEXT,
    lease_until BIGINT,
    taken_over BIGINT NOT NULL,
    PRIMARY KEY (person, connection)
);
CREATE UNIQUE INDEX accounts_by_scim_id ON accounts (connection, scim_id) WHERE scim_id IS NOT NULL;
CREATE INDEX accounts_pending ON accounts (connection, priority, next_run_at) WHERE next_run_at IS NOT NULL;

CREATE TABLE mappings (
    connection TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    text TEXT NOT NULL,
    fold_version BIGINT NOT NULL,
    published BIGINT NOT NULL,
    staged TEXT,
    staged_fold_version BIGINT
);

CREATE TABLE connections (
    name TEXT NOT NULL PRIMARY KEY,
    paused_reason TEXT,
    paused_by TEXT,
    paused_since BIGINT
);

-- `subject`: what it is about, in one text; one open letter for each subject and cause.
CREATE TABLE dead_letters (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    about TEXT NOT NULL,
    connection TEXT,
    person TEXT,
    cause TEXT NOT NULL,
    summary TEXT NOT NULL,
    detail TEXT NOT NULL,
    filed BIGINT NOT NULL,
    last BIGINT NOT NULL,
    count BIGINT NOT NULL,
    closed BIGINT,
    raw BYTEA
);
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (subject, cause) WHERE closed IS NULL;
CREATE INDEX dead_letters_of_subject ON dead_letters (subject);
CREATE INDEX dead_letters_of_person ON dead_letters (person);
CREATE INDEX dead_letters_filed ON dead_letters (filed);

CREATE TABLE history (
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    connection TEXT NOT NULL,
    person TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (at, id)
);
CREATE INDEX history_of_person ON history (person, at);

CREATE TABLE quarantined_messages (
    digest TEXT NOT NULL PRIMARY KEY,
    bytes BYTEA NOT NULL,
    version BIGINT,
    instance TEXT,
    problem TEXT NOT NULL,
    quarantined_at BIGINT NOT NULL
);
