-- Requests with an Idempotency-Key: what was asked, and what was answered. Kept for a day.

CREATE TABLE replay (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    key BLOB NOT NULL CHECK (length(key) = 32),
    request BLOB NOT NULL CHECK (length(request) = 32),
    status INTEGER NOT NULL CHECK (status = 0 OR status BETWEEN 200 AND 599),
    response BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX replay_by_time ON replay (tenant, created_us);
