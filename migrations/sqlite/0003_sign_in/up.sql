-- Signing in to applications: codes, families of tokens, refresh tokens, consents.

ALTER TABLE clients ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT '[]';
ALTER TABLE clients ADD COLUMN backchannel_logout_uri TEXT;
ALTER TABLE clients ADD COLUMN jwks TEXT;
ALTER TABLE clients ADD COLUMN id_token_claims BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE clients ADD COLUMN jwks_uri TEXT;
ALTER TABLE clients ADD COLUMN allowed_origins TEXT NOT NULL DEFAULT '[]';
CREATE INDEX clients_origins ON clients (environment_id) WHERE allowed_origins <> '[]';

-- A confidential client proves itself in one way at most: with a secret or with keys. A public one has neither.
-- SQLite has no other way to change a CHECK, short of a new table (https://www.sqlite.org/lang_altertable.html).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(
    sql,
    'CHECK ((client_type = ''confidential'') = (secret_hash IS NOT NULL))',
    'CHECK (
        CASE client_type WHEN ''confidential'' THEN 1 ELSE 0 END
        >= CASE WHEN secret_hash IS NULL THEN 0 ELSE 1 END
        + CASE WHEN jwks IS NULL THEN 0 ELSE 1 END
        + CASE WHEN jwks_uri IS NULL THEN 0 ELSE 1 END
    )'
) WHERE type = 'table' AND name = 'clients';
PRAGMA writable_schema = RESET;

-- When the person last proved who they are.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET authenticated_at = created_at;

-- No foreign key: an access token dies with its family whether or not the row is still there.
ALTER TABLE access_tokens ADD COLUMN family_id BLOB;

-- What a person granted a client at one time. Kept a day longer than its last token can live.
CREATE TABLE token_families (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    user_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    audience TEXT NOT NULL,
    scope TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    id_token_claims TEXT NOT NULL,
    client_generation BIGINT NOT NULL,
    user_generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (environment_id, id),
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX token_families_client ON token_families (environment_id, client_id);
CREATE INDEX token_families_user ON token_families (environment_id, user_id);
CREATE INDEX token_families_session ON token_families (environment_id, session_id);
CREATE INDEX token_families_expiry ON token_families (expires_at);

CREATE TABLE authorization_codes (
    environment_id BLOB NOT NULL,
    code_hash BLOB NOT NULL,
    request_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    redirect_uri TEXT NOT NULL,
    redirect_uri_sent BOOLEAN NOT NULL,
    audience TEXT NOT NULL,
    scope TEXT NOT NULL,
    nonce TEXT,
    code_challenge BLOB,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    id_token_claims TEXT NOT NULL,
    client_generation BIGINT NOT NULL,
    user_generation BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    wrong_verifiers INTEGER NOT NULL,
    family_id BLOB,
    PRIMARY KEY (environment_id, code_hash),
    CONSTRAINT authorization_codes_request UNIQUE (environment_id, request_id),
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX authorization_codes_client ON authorization_codes (environment_id, client_id);
CREATE INDEX authorization_codes_user ON authorization_codes (environment_id, user_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    environment_id BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    family_id BLOB NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    parameters BLOB,
    response BLOB,
    successor_hash BLOB,
    PRIMARY KEY (environment_id, token_hash),
    FOREIGN KEY (environment_id, family_id) REFERENCES token_families (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (environment_id, family_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE consents (
    environment_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    audience TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, user_id, client_id, audience),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE
);
CREATE INDEX consents_client ON consents (environment_id, client_id);

-- Assertions that clients proved themselves with, so that none is used twice.
CREATE TABLE used_assertions (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    client_id TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, client_id, jti)
);
CREATE INDEX used_assertions_expiry ON used_assertions (expires_at);

-- A client and a person of its environment, with all that the tokens of one at the other depend on, in one row.
CREATE VIEW parties AS
SELECT
    c.environment_id,
    c.client_id,
    u.id AS user_id,
    c.client_type,
    c.secret_hash,
    c.grant_types,
    c.token_format,
    c.access_token_ttl,
    c.jwks,
    c.jwks_uri,
    c.id_token_claims,
    c.active,
    c.generation,
    a.active AS user_active,
    a.generation AS user_generation,
    a.roles,
    a.permissions,
    u.first_name,
    u.last_name,
    u.email,
    u.email_verified,
    u.updated_at AS profile_updated_at,
    (SELECT k.kid FROM signing_keys k WHERE k.environment_id = c.environment_id AND k.is_primary) AS primary_kid,
    e.not_before
FROM clients c
CROSS JOIN users u ON u.environment_id = c.environment_id
CROSS JOIN authorities a ON a.environment_id = u.environment_id AND a.user_id = u.id
CROSS JOIN environments e ON e.id = c.environment_id;

-- A resource server with its scopes.
CREATE VIEW audiences AS
SELECT
    s.environment_id,
    s.id,
    s.identifier,
    s.system,
    s.token_ttl,
    s.allow_offline_access,
    (
        SELECT json_group_array(json_object('name', n.name, 'description', n.description)) FROM scopes n
        WHERE n.environment_id = s.environment_id AND n.resource_server_id = s.id
    ) AS scopes
FROM resource_servers s;

-- As before, with what a client authenticates with and what its ID tokens say.
DROP VIEW machines;
CREATE VIEW machines AS
SELECT
    c.environment_id,
    c.client_id,
    c.client_type,
    c.secret_hash,
    c.grant_types,
    c.token_format,
    c.access_token_ttl,
    c.jwks,
    c.jwks_uri,
    c.id_token_claims,
    c.active,
    c.generation,
    a.user_id,
    a.active AS user_active,
    a.generation AS user_generation,
    a.roles,
    a.permissions,
    (SELECT k.kid FROM signing_keys k WHERE k.environment_id = c.environment_id AND k.is_primary) AS primary_kid,
    (
        SELECT json_group_array(json_object(
            'identifier', s.identifier,
            'token_ttl', s.token_ttl,
            'scopes', json((
                SELECT json_group_array(n.name) FROM scopes n
                WHERE n.environment_id = s.environment_id AND n.resource_server_id = s.id
            )),
            'allowed_scopes', json(g.allowed_scopes)
        ))
        FROM client_grants g
        JOIN resource_servers s ON s.environment_id = g.environment_id AND s.id = g.resource_server_id
        WHERE g.environment_id = c.environment_id AND g.client_id = c.id
    ) AS grants
FROM clients c
LEFT JOIN authorities a ON a.environment_id = c.environment_id AND a.user_id = c.user_id;

-- Clients still to be told that a session ended. No foreign key to session and user: a client is told although they are
-- deleted meanwhile.
CREATE TABLE logout_deliveries (
    environment_id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    session_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    uri TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, client_id, session_id),
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE
);
CREATE INDEX logout_deliveries_due ON logout_deliveries (next_attempt_at);
