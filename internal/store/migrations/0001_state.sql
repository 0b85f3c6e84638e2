-- Times are microseconds since 1970 in UTC. Column types are those that both
-- engines accept; SQLite keeps whatever value it is given.

-- The revision of the whole: one row, raised by one with every commit.
CREATE TABLE head (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    revision BIGINT NOT NULL
);
INSERT INTO head (one, revision) VALUES (1, 0);

-- What is, and, as tombstones without a spec, what was.
CREATE TABLE resources (
    kind         TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    spec         TEXT    NOT NULL, -- canonical JSON; empty when deleted
    digest       BYTEA   NOT NULL, -- manifest.DigestOf(kind, name, spec)
    op           TEXT    NOT NULL, -- create, update or delete: the last change
    revision     BIGINT  NOT NULL, -- of the last change
    record_shard TEXT    NOT NULL, -- the log record that authorised it
    record_index BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX resources_by_revision ON resources (revision);

-- The outbox: every change ever committed, in order.
CREATE TABLE changes (
    revision     BIGINT  NOT NULL,
    position     BIGINT  NOT NULL, -- within the commit, from 0, by kind and name
    kind         TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    op           TEXT    NOT NULL,
    digest       BYTEA   NOT NULL,
    record_shard TEXT    NOT NULL,
    record_index BIGINT  NOT NULL,
    at           BIGINT  NOT NULL,
    PRIMARY KEY (revision, position)
);

-- Which log record led to which revision: a control record without a row here
-- is an orphan, whose commit never happened.
CREATE TABLE control_ops (
    record_shard TEXT   NOT NULL,
    record_index BIGINT NOT NULL,
    revision     BIGINT NOT NULL,
    PRIMARY KEY (record_shard, record_index)
);

-- The lowest epoch at which each identity that ever was may be committed.
CREATE TABLE epochs (
    identity TEXT   PRIMARY KEY,
    floor    BIGINT NOT NULL
);

-- Keys, wrapped by the key-encryption key, never plain.
CREATE TABLE keys (
    purpose      TEXT   NOT NULL,
    id           BIGINT NOT NULL,
    wrapped      BYTEA  NOT NULL,
    epoch        BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    retired      BIGINT NOT NULL, -- 0 while in use
    record_shard TEXT   NOT NULL,
    record_index BIGINT NOT NULL,
    PRIMARY KEY (purpose, id)
);

-- Salts of the log's commitments: erasing a salt erases the person.
CREATE TABLE salts (
    subject TEXT  NOT NULL,
    day     TEXT  NOT NULL, -- 2006-01-02
    salt    BYTEA NOT NULL,
    PRIMARY KEY (subject, day)
);

-- Facts about this installation, each set once.
CREATE TABLE instance (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
