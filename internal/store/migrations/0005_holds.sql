-- What waits for a human, sealed: answers, and arguments that were edited. The
-- holds themselves are resources.
CREATE TABLE held_contents (
    hold    TEXT   NOT NULL,
    part    TEXT   NOT NULL,
    sealed  BYTEA  NOT NULL,
    size    BIGINT NOT NULL, -- of sealed, in bytes
    created BIGINT NOT NULL,
    PRIMARY KEY (hold, part)
);
CREATE INDEX held_contents_by_time ON held_contents (created);

-- Which tool calls wait in which hold, to find one by.
CREATE TABLE held_calls (
    hold     TEXT   NOT NULL,
    position BIGINT NOT NULL, -- the call's place in the answer
    identity TEXT   NOT NULL,
    tool_use TEXT   NOT NULL, -- the call's id
    PRIMARY KEY (hold, position)
);
CREATE INDEX held_calls_by_use ON held_calls (identity, tool_use, hold);

-- When what was released was first collected.
CREATE TABLE held_collected (
    hold TEXT   PRIMARY KEY,
    at   BIGINT NOT NULL
);
