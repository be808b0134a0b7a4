-- Applications of organizations, what was connected to them, and tokens that never expire.

-- A client that an organization owns. Not deleted with the organization: that would leave a client without an owner and
-- without its allow list. Whoever deletes an organization deletes its clients first.
CREATE TABLE applications (
    environment_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    organization_id BYTEA NOT NULL,
    resource_server_id BYTEA NOT NULL,
    grant_type TEXT COLLATE "C" NOT NULL CHECK (grant_type IN ('authorization_code', 'client_credentials')),
    permissions TEXT COLLATE "C" NOT NULL,
    ip_allow_list TEXT COLLATE "C" NOT NULL,
    ip_allow_list_mode TEXT COLLATE "C" NOT NULL CHECK (ip_allow_list_mode IN ('enforce', 'observe')),
    notification_emails TEXT COLLATE "C" NOT NULL,
    previous_secret_hash BYTEA,
    previous_secret_expires_at BIGINT,
    PRIMARY KEY (environment_id, id),
    -- A token that never expires is bound to addresses.
    CHECK (grant_type <> 'client_credentials' OR ip_allow_list <> ''),
    CHECK ((previous_secret_hash IS NULL) = (previous_secret_expires_at IS NULL)),
    FOREIGN KEY (environment_id, id) REFERENCES clients (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, organization_id) REFERENCES organizations (environment_id, id),
    FOREIGN KEY (environment_id, resource_server_id) REFERENCES resource_servers (environment_id, id)
);
CREATE INDEX applications_organization ON applications (environment_id, organization_id, id);
CREATE INDEX applications_resource_server ON applications (environment_id, resource_server_id);

-- What an organization, or one person, lets an application do. Without a user it is the whole organization's; whoever
-- made it is remembered without a foreign key, for it stays when they go.
CREATE TABLE connections (
    environment_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    application_id BYTEA NOT NULL,
    organization_id BYTEA,
    user_id BYTEA,
    connected_by BYTEA NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    last_used_at BIGINT,
    last_used_ip TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CHECK (organization_id IS NOT NULL OR user_id IS NOT NULL),
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, organization_id) REFERENCES organizations (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
-- One connection of each party: the whole organization, a member of it, a person who acts for none.
CREATE UNIQUE INDEX connections_company ON connections (environment_id, application_id, organization_id)
WHERE user_id IS NULL;
CREATE UNIQUE INDEX connections_member ON connections (environment_id, application_id, organization_id, user_id)
WHERE user_id IS NOT NULL AND organization_id IS NOT NULL;
CREATE UNIQUE INDEX connections_person ON connections (environment_id, application_id, user_id)
WHERE organization_id IS NULL;
CREATE INDEX connections_application ON connections (environment_id, application_id, id);
CREATE INDEX connections_organization ON connections (environment_id, organization_id, id);
CREATE INDEX connections_user ON connections (environment_id, user_id);

-- By which connection the tokens live. No foreign key: without its row they are dead.
ALTER TABLE authorization_codes ADD COLUMN connection_id BYTEA;
ALTER TABLE token_families ADD COLUMN connection_id BYTEA;
CREATE INDEX authorization_codes_connection ON authorization_codes (environment_id, connection_id)
WHERE connection_id IS NOT NULL;
CREATE INDEX token_families_connection ON token_families (environment_id, connection_id)
WHERE connection_id IS NOT NULL;

-- The access tokens that never expire, as people tell them apart. The token goes first, and this with it.
CREATE TABLE static_tokens (
    environment_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    application_id BYTEA NOT NULL,
    token_hash BYTEA NOT NULL,
    prefix TEXT COLLATE "C" NOT NULL,
    last_used_at BIGINT,
    last_used_ip TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT static_tokens_hash UNIQUE (environment_id, token_hash),
    FOREIGN KEY (environment_id, token_hash) REFERENCES access_tokens (environment_id, token_hash) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, application_id) REFERENCES applications (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX static_tokens_application ON static_tokens (environment_id, application_id, id);

-- As before, with the key by which a client is found to be an application.
CREATE OR REPLACE VIEW parties AS
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
    e.not_before,
    c.id
FROM clients c
JOIN users u ON u.environment_id = c.environment_id
JOIN authorities a ON a.environment_id = u.environment_id AND a.user_id = u.id
JOIN environments e ON e.id = c.environment_id;

CREATE OR REPLACE VIEW machines AS
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
    COALESCE((
        SELECT json_agg(json_build_object(
            'identifier', s.identifier,
            'token_ttl', s.token_ttl,
            'scopes', COALESCE((
                SELECT json_agg(n.name) FROM scopes n
                WHERE n.environment_id = s.environment_id AND n.resource_server_id = s.id
            ), '[]'::json),
            'allowed_scopes', g.allowed_scopes::json
        ))
        FROM client_grants g
        JOIN resource_servers s ON s.environment_id = g.environment_id AND s.id = g.resource_server_id
        WHERE g.environment_id = c.environment_id AND g.client_id = c.id
    )::text, '[]') AS grants,
    c.id
FROM clients c
LEFT JOIN authorities a ON a.environment_id = c.environment_id AND a.user_id = c.user_id;

-- People may connect applications of organizations to the Management API, which takes refresh tokens.
UPDATE resource_servers SET allow_offline_access = true WHERE system;

-- What environments of before lack of the Management API's rights, as in 0006.
UPDATE permissions SET system = true
WHERE name IN (
    'application-connections:read', 'application-connections:update', 'application-connections:delete',
    'application-tokens:read', 'application-tokens:delete'
);

INSERT INTO permissions (environment_id, id, name, description, system, created_at, updated_at)
SELECT
    e.id,
    decode(
        lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || '7' || substr(random.digits, 1, 3)
        || '8' || substr(random.digits, 4, 3) || substr(random.digits, 17, 12), 'hex'
    ),
    n.name, NULL, true, (extract(epoch FROM now()) * 1000000)::BIGINT, (extract(epoch FROM now()) * 1000000)::BIGINT
FROM environments e
CROSS JOIN (VALUES
    ('application-connections:read'), ('application-connections:update'), ('application-connections:delete'),
    ('application-tokens:read'), ('application-tokens:delete')
) n (name)
CROSS JOIN LATERAL (SELECT replace(gen_random_uuid()::TEXT, '-', '') AS digits, e.id, n.name) random
WHERE NOT EXISTS (SELECT 1 FROM permissions p WHERE p.environment_id = e.id AND p.name = n.name);

INSERT INTO role_permissions (environment_id, id, role_id, permission_id, created_at)
SELECT
    r.environment_id,
    decode(
        lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || '7' || substr(random.digits, 1, 3)
        || '8' || substr(random.digits, 4, 3) || substr(random.digits, 17, 12), 'hex'
    ),
    r.id, p.id, (extract(epoch FROM now()) * 1000000)::BIGINT
FROM roles r
JOIN permissions p ON p.environment_id = r.environment_id
CROSS JOIN LATERAL (SELECT replace(gen_random_uuid()::TEXT, '-', '') AS digits, r.id, p.id) random
WHERE r.system
AND p.name IN (
    'application-connections:read', 'application-connections:update', 'application-connections:delete',
    'application-tokens:read', 'application-tokens:delete'
)
AND (r.name = 'admin' OR p.name LIKE '%:read')
AND NOT EXISTS (
    SELECT 1 FROM role_permissions rp
    WHERE rp.environment_id = r.environment_id AND rp.role_id = r.id AND rp.permission_id = p.id
);

INSERT INTO scopes (environment_id, id, resource_server_id, name, description, created_at, updated_at)
SELECT
    s.environment_id,
    decode(
        lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || '7' || substr(random.digits, 1, 3)
        || '8' || substr(random.digits, 4, 3) || substr(random.digits, 17, 12), 'hex'
    ),
    s.id, n.name, NULL, (extract(epoch FROM now()) * 1000000)::BIGINT, (extract(epoch FROM now()) * 1000000)::BIGINT
FROM resource_servers s
CROSS JOIN (VALUES
    ('application-connections:read'), ('application-connections:write'), ('application-connections:delete'),
    ('application-tokens:read'), ('application-tokens:delete')
) n (name)
CROSS JOIN LATERAL (SELECT replace(gen_random_uuid()::TEXT, '-', '') AS digits, s.id, n.name) random
WHERE s.system
AND NOT EXISTS (
    SELECT 1 FROM scopes o
    WHERE o.environment_id = s.environment_id AND o.resource_server_id = s.id AND o.name = n.name
);
