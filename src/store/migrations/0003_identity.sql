-- People, programs that act as themselves, what they may do and how they prove who they are.
-- Rows of user are never deleted: their ids stay in the ledger.

CREATE TABLE user (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id TEXT NOT NULL CHECK (length(id) = 30),
    kind TEXT NOT NULL CHECK (kind IN ('human', 'service')),
    state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'suspended', 'deprovisioned')),
    email BLOB NOT NULL,
    email_token BLOB CHECK (email_token IS NULL OR length(email_token) = 16),
    name BLOB NOT NULL,
    owner TEXT NOT NULL CHECK (length(owner) <= 63),
    is_canary INTEGER NOT NULL CHECK (is_canary IN (0, 1)),
    created_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX user_by_email ON user (tenant, email_token)
    WHERE email_token IS NOT NULL AND state <> 'deprovisioned';

-- Which role a user has: the newest row that is in force. effective_us 0: it waits for approval.
CREATE TABLE role_grant (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id INTEGER NOT NULL CHECK (id > 0),
    user TEXT NOT NULL,
    role TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 64),
    reason BLOB NOT NULL,
    asked_by TEXT NOT NULL CHECK (length(asked_by) BETWEEN 1 AND 63),
    approved_by TEXT NOT NULL CHECK (length(approved_by) <= 63),
    asked_us INTEGER NOT NULL,
    effective_us INTEGER NOT NULL,
    ended_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user) REFERENCES user (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX role_grant_by_user ON role_grant (tenant, user, id);

-- Roles that people made. The shipped ones are of the program.
CREATE TABLE role (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id INTEGER NOT NULL CHECK (id > 0),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    actions BLOB NOT NULL,
    author TEXT NOT NULL CHECK (length(author) BETWEEN 1 AND 63),
    created_us INTEGER NOT NULL,
    ended_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX role_by_name ON role (tenant, name) WHERE ended_us = 0;

CREATE TABLE session (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id TEXT NOT NULL CHECK (length(id) = 30),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    user TEXT NOT NULL,
    method TEXT NOT NULL CHECK (length(method) BETWEEN 1 AND 32),
    is_mfa INTEGER NOT NULL CHECK (is_mfa IN (0, 1)),
    agent BLOB NOT NULL,
    ip BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL,
    step_up_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    revoked_us INTEGER NOT NULL DEFAULT 0,
    revoked_why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user) REFERENCES user (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_user ON session (tenant, user, revoked_us);

CREATE TABLE api_token (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id TEXT NOT NULL CHECK (length(id) = 30),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    user TEXT NOT NULL,
    name BLOB NOT NULL,
    scopes BLOB NOT NULL,
    author TEXT NOT NULL CHECK (length(author) BETWEEN 1 AND 63),
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    used_us INTEGER NOT NULL DEFAULT 0,
    revoked_us INTEGER NOT NULL DEFAULT 0,
    revoked_why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user) REFERENCES user (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_token_by_user ON api_token (tenant, user, revoked_us);

-- A password's hash, a TOTP secret, recovery codes by number; each sealed. counter: the last one used.
CREATE TABLE credential (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    user TEXT NOT NULL CHECK (length(user) BETWEEN 1 AND 39),
    kind TEXT NOT NULL CHECK (kind IN ('password', 'totp', 'totp_new', 'recovery')),
    number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 100),
    secret BLOB NOT NULL,
    counter INTEGER NOT NULL CHECK (counter >= 0),
    created_us INTEGER NOT NULL,
    used_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, user, kind, number),
    FOREIGN KEY (tenant, user) REFERENCES user (tenant, id)
) STRICT, WITHOUT ROWID;

-- Failed attempts by account and by source; both only as tokens.
CREATE TABLE throttle (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    kind TEXT NOT NULL CHECK (kind IN ('account', 'source')),
    key BLOB NOT NULL CHECK (length(key) = 16),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    last_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, key)
) STRICT, WITHOUT ROWID;

-- One-time links and the tickets between the steps of a sign-in: only the hash of their secret.
CREATE TABLE ticket (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('mfa', 'enrol', 'invite', 'reset')),
    user TEXT NOT NULL CHECK (length(user) BETWEEN 1 AND 39),
    source BLOB NOT NULL CHECK (length(source) = 16),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    used_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, digest),
    FOREIGN KEY (tenant, user) REFERENCES user (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ticket_by_user ON ticket (tenant, user, kind);
