-- What resources can be found by, besides their names: made from the spec, and
-- no authority for anything.
ALTER TABLE resources ADD COLUMN subject TEXT NOT NULL DEFAULT ''; -- whom it is about: an identity, an operator, a model
ALTER TABLE resources ADD COLUMN parent  TEXT NOT NULL DEFAULT ''; -- what it is made from: a grant's entitlement
ALTER TABLE resources ADD COLUMN state   TEXT NOT NULL DEFAULT '';
ALTER TABLE resources ADD COLUMN due     BIGINT NOT NULL DEFAULT 0; -- when something happens to it by itself; 0: never
CREATE INDEX resources_by_subject ON resources (kind, subject, name);
CREATE INDEX resources_by_parent ON resources (kind, parent, name);
CREATE INDEX resources_by_state ON resources (kind, state, name);
CREATE INDEX resources_by_due ON resources (due) WHERE due > 0;

-- What has ended, with its last spec, and the record that closed it: requests,
-- grants, quarantines that were lifted. Nothing is decided on it.
CREATE TABLE archive (
    kind         TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    revision     BIGINT NOT NULL, -- of the closing
    spec         TEXT   NOT NULL,
    digest       BYTEA  NOT NULL,
    subject      TEXT   NOT NULL,
    parent       TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    record_shard TEXT   NOT NULL,
    record_index BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    PRIMARY KEY (kind, name, revision)
);
CREATE INDEX archive_by_time ON archive (kind, ended_at, name);
CREATE INDEX archive_by_subject ON archive (kind, subject, ended_at);

-- Each replica writes its own shard of the audit log; here its control records
-- are for the others to read, each signed with the log's key and numbered.
CREATE TABLE shards (
    name       TEXT   PRIMARY KEY,
    origin     TEXT   NOT NULL,
    registered BIGINT NOT NULL
);
CREATE TABLE feed (
    shard        TEXT   NOT NULL,
    position     BIGINT NOT NULL, -- from 0, without gaps
    record_index BIGINT NOT NULL,
    entry        BYTEA  NOT NULL,
    signature    BYTEA  NOT NULL,
    PRIMARY KEY (shard, position)
);
CREATE INDEX feed_by_record ON feed (shard, record_index);

-- Which replicas there are, how far each has come, and until when it may decide
-- on what it knows without asking (by the database's clock).
CREATE TABLE replicas (
    name     TEXT   PRIMARY KEY,
    shard    TEXT   NOT NULL,
    boot     TEXT   NOT NULL, -- of the process
    started  BIGINT NOT NULL,
    renewed  BIGINT NOT NULL,
    lease    BIGINT NOT NULL, -- microseconds
    revision BIGINT NOT NULL, -- the newest that it decides on
    left_at  BIGINT NOT NULL  -- 0 while it runs
);

-- Answers to requests that carried an idempotency key.
CREATE TABLE idempotency (
    operator TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    digest   BYTEA  NOT NULL, -- of the request
    status   BIGINT NOT NULL, -- 0 while it is worked on
    answer   BYTEA  NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (operator, key)
);
CREATE INDEX idempotency_by_time ON idempotency (at);

-- Sign-in links and states that have been used, so that none is used twice.
CREATE TABLE used_once (
    id      TEXT   PRIMARY KEY,
    expires BIGINT NOT NULL
);

-- How far each sink has been told of changes, and what is on its way to it.
CREATE TABLE sinks (
    name     TEXT   PRIMARY KEY,
    since    BIGINT NOT NULL, -- when it was first held: nothing older is told
    revision BIGINT NOT NULL,
    position BIGINT NOT NULL,
    holder   TEXT   NOT NULL, -- the replica that tells it
    until    BIGINT NOT NULL  -- how long it holds it
);
CREATE TABLE deliveries (
    id       TEXT   PRIMARY KEY,
    sink     TEXT   NOT NULL,
    subject  TEXT   NOT NULL, -- what the event is about: its events go out in order
    seq      BIGINT NOT NULL, -- that order, within the sink
    event    TEXT   NOT NULL, -- JSON
    state    TEXT   NOT NULL, -- waiting, delivered, dead
    attempts BIGINT NOT NULL,
    next_at  BIGINT NOT NULL,
    error    TEXT   NOT NULL,
    created  BIGINT NOT NULL
);
CREATE INDEX deliveries_by_order ON deliveries (sink, state, seq);
CREATE INDEX deliveries_by_number ON deliveries (sink, seq);
CREATE INDEX deliveries_by_time ON deliveries (created);
