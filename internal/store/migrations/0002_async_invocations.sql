-- Asynchronous invocations that were started here, and by whom: nobody else may
-- read them. A row names the record of the audit log that says so.
CREATE TABLE async_invocations (
    arn          TEXT   PRIMARY KEY,
    identity     TEXT   NOT NULL,
    grants       TEXT   NOT NULL, -- JSON array
    model        TEXT   NOT NULL, -- as the caller named it
    model_arn    TEXT   NOT NULL,
    region       TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    output_uri   TEXT   NOT NULL,
    output_key   TEXT   NOT NULL, -- KMS key; empty: none named
    output_owner TEXT   NOT NULL, -- account of the bucket; empty: none named
    token        TEXT   NOT NULL, -- client token as Bedrock knows it; empty: none
    record_shard TEXT   NOT NULL,
    record_index BIGINT NOT NULL,
    submitted    BIGINT NOT NULL,
    status       TEXT   NOT NULL, -- as last seen
    modified     BIGINT NOT NULL, -- 0: not said
    ended        BIGINT NOT NULL, -- 0: not yet
    checked      BIGINT NOT NULL  -- when Bedrock was last asked; 0: never
);
CREATE INDEX async_invocations_by_identity ON async_invocations (identity, region, submitted, arn);
CREATE INDEX async_invocations_by_time ON async_invocations (submitted);

-- How far each shard of the log has been read for invocations that are missing
-- from the table.
CREATE TABLE async_scans (
    shard TEXT   PRIMARY KEY,
    upto  BIGINT NOT NULL
);
