-- What is counted against budgets: one row for each limit, whom it is for, and
-- window. settled + leased never exceeds lim, unless a call used more than was
-- reserved for it, or the limit was lowered below what was out.
CREATE TABLE budget_accounts (
    id       TEXT   PRIMARY KEY,
    budget   TEXT   NOT NULL,
    key      TEXT   NOT NULL, -- whose it is, where the budget is split
    unit     TEXT   NOT NULL,
    span     TEXT   NOT NULL, -- the kind of window
    starts   BIGINT NOT NULL, -- 0: no window, or a session's
    ends     BIGINT NOT NULL, -- 0: no window
    lim      BIGINT NOT NULL, -- as of the newest ask; -1: not known
    settled  BIGINT NOT NULL, -- by calls that ended
    leased   BIGINT NOT NULL, -- the sum of its slices
    reserved BIGINT NOT NULL, -- of them, by open calls
    crossed  BIGINT NOT NULL, -- the highest percent that somebody was told of
    updated  BIGINT NOT NULL
);
CREATE INDEX budget_accounts_by_budget ON budget_accounts (budget, key, id);
CREATE INDEX budget_accounts_by_end ON budget_accounts (ends);

-- What each replica, named by its shard of the log, may spend without asking.
CREATE TABLE budget_slices (
    account  TEXT   NOT NULL,
    shard    TEXT   NOT NULL,
    amount   BIGINT NOT NULL,
    reserved BIGINT NOT NULL, -- of it, by open calls, as the replica last said
    PRIMARY KEY (account, shard)
);
CREATE INDEX budget_slices_by_shard ON budget_slices (shard);

-- Limits that let nothing through until a human has looked, in every window.
CREATE TABLE budget_freezes (
    budget  TEXT   NOT NULL,
    key     TEXT   NOT NULL,
    unit    TEXT   NOT NULL,
    account TEXT   NOT NULL, -- the one that it happened in
    why     TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (budget, key, unit)
);

-- Up to where in each shard of the log the accounts are settled.
CREATE TABLE budget_marks (
    shard TEXT   PRIMARY KEY,
    boot  TEXT   NOT NULL, -- of the process that may move it
    turn  BIGINT NOT NULL, -- of that process: what comes late is refused
    seq   BIGINT NOT NULL, -- of the last report that was applied
    head  BIGINT NOT NULL, -- the log's size then
    first BIGINT NOT NULL, -- no open call has an earlier intent
    calls TEXT   NOT NULL, -- JSON: ids of the calls open then
    at    BIGINT NOT NULL
);

-- Who is to be told: once for each account and percent; percent 0: it froze.
CREATE TABLE budget_crossings (
    seq      BIGINT PRIMARY KEY, -- rises in commit order
    account  TEXT   NOT NULL,
    percent  BIGINT NOT NULL,
    budget   TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    unit     TEXT   NOT NULL,
    why      TEXT   NOT NULL,
    settled  BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    lim      BIGINT NOT NULL,
    ends     BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    UNIQUE (account, percent)
);
CREATE TABLE budget_sequence (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    last BIGINT NOT NULL
);

-- What was spent, summed by day and by what it was spent on. id is a digest of
-- the other columns of text.
CREATE TABLE spend (
    id              TEXT   PRIMARY KEY,
    day             TEXT   NOT NULL, -- 2006-01-02 in UTC, of the call's beginning
    identity        TEXT   NOT NULL,
    team            TEXT   NOT NULL,
    owner           TEXT   NOT NULL,
    sponsor         TEXT   NOT NULL,
    environment     TEXT   NOT NULL,
    entitlement     TEXT   NOT NULL,
    model           TEXT   NOT NULL,
    profile         TEXT   NOT NULL,
    region          TEXT   NOT NULL,
    account         TEXT   NOT NULL,
    operation       TEXT   NOT NULL,
    tier            TEXT   NOT NULL,
    requests        BIGINT NOT NULL,
    unpriced        BIGINT NOT NULL, -- requests without a known price
    estimated       BIGINT NOT NULL, -- requests without usage, at what was reserved
    input           BIGINT NOT NULL, -- tokens, without those of caches
    output          BIGINT NOT NULL,
    cache_read      BIGINT NOT NULL,
    cache_write     BIGINT NOT NULL,
    cache_hour      BIGINT NOT NULL, -- written to a cache of an hour
    guardrail_units BIGINT NOT NULL,
    micro_usd       BIGINT NOT NULL,
    estimated_usd   BIGINT NOT NULL  -- of it, in micro-USD too, of estimated requests
);
CREATE INDEX spend_by_day ON spend (day);
