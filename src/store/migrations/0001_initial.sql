-- First schema. Applied migrations never change: their SHA-256 is recorded in the database.
-- Columns named in docs/spec/store.md as sealed hold XChaCha20-Poly1305 cells, never plain text.

CREATE TABLE meta (
    key TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 128),
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    tenant INTEGER PRIMARY KEY CHECK (tenant > 0),
    name BLOB NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE data_key (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    epoch INTEGER NOT NULL CHECK (epoch BETWEEN 1 AND 255),
    wrapped BLOB NOT NULL CHECK (length(wrapped) = 81),
    created_us INTEGER NOT NULL,
    rewrapped_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    event_id BLOB NOT NULL UNIQUE CHECK (length(event_id) = 16),
    record BLOB NOT NULL CHECK (length(record) BETWEEN 1 AND 512),
    sealed BLOB NOT NULL
) STRICT;

CREATE TABLE register (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id INTEGER NOT NULL CHECK (id > 0),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    value BLOB NOT NULL,
    author BLOB NOT NULL,
    time_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX register_by_name ON register (tenant, name, id);

CREATE TABLE flag_state (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    time_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE intent (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id BLOB NOT NULL CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 128),
    detail BLOB NOT NULL,
    time_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
