-- Programs: what the operator allows, whose signatures count, which texts the ledger holds already.

CREATE TABLE program_grant (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    id INTEGER NOT NULL CHECK (id > 0),
    file TEXT NOT NULL CHECK (length(file) BETWEEN 1 AND 1024),
    entry TEXT NOT NULL CHECK (length(entry) <= 255),
    clause TEXT NOT NULL CHECK (length(clause) <= 128),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    caps BLOB NOT NULL,
    author BLOB NOT NULL,
    granted_us INTEGER NOT NULL,
    effective_us INTEGER NOT NULL CHECK (effective_us >= granted_us),
    revoked_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE trust_key (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    vkey TEXT NOT NULL CHECK (length(vkey) BETWEEN 1 AND 512),
    level TEXT NOT NULL CHECK (level IN ('vendor', 'organisation')),
    time_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE program_stored (
    tenant INTEGER NOT NULL REFERENCES tenant (tenant),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    time_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;
