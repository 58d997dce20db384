-- Tenants by name, and the tenant of a one-time link or ticket. The default tenant has no token: it is
-- named without looking it up.

ALTER TABLE tenant ADD COLUMN name_token BLOB
    CHECK (name_token IS NULL OR length(name_token) = 16);

CREATE UNIQUE INDEX tenant_by_name ON tenant (name_token) WHERE name_token IS NOT NULL;

CREATE UNIQUE INDEX ticket_by_digest ON ticket (digest);
