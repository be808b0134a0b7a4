-- The first schema. Ids are UUIDv7 in sixteen bytes, times are microseconds since 1970, lists are JSON in text.
-- Every tenant table is keyed by (environment_id, id), and references stay inside their environment.
-- The same columns exist in the postgres tree; a test compares the two. Tokens are kept by their hash alone: one tree
-- less to write for each.

CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    master_key_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE environments (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB REFERENCES accounts (id),
    handle TEXT NOT NULL,
    custom_domain TEXT,
    not_before BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT environments_handle UNIQUE (handle),
    CONSTRAINT environments_custom_domain UNIQUE (custom_domain)
);

CREATE TABLE users (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'service')),
    email TEXT,
    email_key TEXT,
    email_verified BOOLEAN NOT NULL,
    first_name TEXT,
    last_name TEXT,
    password_hash TEXT,
    active BOOLEAN NOT NULL,
    generation BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT users_email UNIQUE (environment_id, email_key),
    CHECK (kind = 'service' OR email_key IS NOT NULL)
);

CREATE TABLE organizations (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id)
);

-- An account is an organization of the system environment; the two share one id.
CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    environment_id BLOB NOT NULL,
    handle TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT accounts_handle UNIQUE (handle),
    FOREIGN KEY (environment_id, id) REFERENCES organizations (environment_id, id)
);

CREATE TABLE roles (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    system BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT roles_name UNIQUE (environment_id, name)
);

CREATE TABLE permissions (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    system BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT permissions_name UNIQUE (environment_id, name)
);

CREATE TABLE role_permissions (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    role_id BLOB NOT NULL,
    permission_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT role_permissions_pair UNIQUE (environment_id, role_id, permission_id),
    FOREIGN KEY (environment_id, role_id) REFERENCES roles (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, permission_id) REFERENCES permissions (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX role_permissions_permission ON role_permissions (environment_id, permission_id);

CREATE TABLE user_roles (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    role_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT user_roles_pair UNIQUE (environment_id, user_id, role_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, role_id) REFERENCES roles (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX user_roles_role ON user_roles (environment_id, role_id);

CREATE TABLE memberships (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    organization_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT memberships_pair UNIQUE (environment_id, user_id, organization_id),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, organization_id) REFERENCES organizations (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX memberships_organization ON memberships (environment_id, organization_id);

CREATE TABLE membership_roles (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    membership_id BLOB NOT NULL,
    role_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT membership_roles_pair UNIQUE (environment_id, membership_id, role_id),
    FOREIGN KEY (environment_id, membership_id) REFERENCES memberships (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, role_id) REFERENCES roles (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX membership_roles_role ON membership_roles (environment_id, role_id);

CREATE TABLE clients (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    client_type TEXT NOT NULL CHECK (client_type IN ('confidential', 'public')),
    secret_hash BLOB,
    redirect_uris TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    token_format TEXT NOT NULL CHECK (token_format IN ('jwt', 'opaque')),
    first_party BOOLEAN NOT NULL,
    require_pkce BOOLEAN NOT NULL,
    access_token_ttl INTEGER,
    active BOOLEAN NOT NULL,
    generation BIGINT NOT NULL DEFAULT 0,
    user_id BLOB,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT clients_client_id UNIQUE (environment_id, client_id),
    CHECK ((client_type = 'confidential') = (secret_hash IS NOT NULL)),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id)
);
CREATE INDEX clients_user ON clients (environment_id, user_id);

-- The Management API has no stored identifier: it follows from the environment's address.
CREATE TABLE resource_servers (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    identifier TEXT,
    token_ttl INTEGER NOT NULL,
    allow_offline_access BOOLEAN NOT NULL,
    system BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT resource_servers_identifier UNIQUE (environment_id, identifier),
    CHECK (system = (identifier IS NULL))
);
CREATE UNIQUE INDEX resource_servers_system ON resource_servers (environment_id) WHERE system;

CREATE TABLE scopes (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    resource_server_id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT scopes_name UNIQUE (environment_id, resource_server_id, name),
    FOREIGN KEY (environment_id, resource_server_id) REFERENCES resource_servers (environment_id, id) ON DELETE CASCADE
);

CREATE TABLE client_grants (
    environment_id BLOB NOT NULL,
    id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    resource_server_id BLOB NOT NULL,
    allowed_scopes TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT client_grants_pair UNIQUE (environment_id, client_id, resource_server_id),
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, resource_server_id) REFERENCES resource_servers (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX client_grants_resource_server ON client_grants (environment_id, resource_server_id);

CREATE TABLE signing_keys (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_size INTEGER NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed_private_key BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive')),
    is_primary BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    deactivated_at BIGINT,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT signing_keys_kid UNIQUE (kid),
    CHECK (status = 'active' OR NOT is_primary)
);
CREATE UNIQUE INDEX signing_keys_primary ON signing_keys (environment_id) WHERE is_primary;

CREATE TABLE access_tokens (
    environment_id BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    client_id TEXT NOT NULL,
    user_id BLOB NOT NULL,
    audience TEXT NOT NULL,
    scope TEXT NOT NULL,
    client_generation BIGINT NOT NULL,
    user_generation BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (environment_id, token_hash),
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, client_id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX access_tokens_client ON access_tokens (environment_id, client_id);
CREATE INDEX access_tokens_user ON access_tokens (environment_id, user_id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

CREATE TABLE denied_tokens (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, jti)
) WITHOUT ROWID;
CREATE INDEX denied_tokens_expiry ON denied_tokens (expires_at);

CREATE TABLE audit_events (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    action TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    targets TEXT NOT NULL,
    changes TEXT NOT NULL,
    ip TEXT,
    user_agent TEXT,
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id)
);

-- What a user may do, in one row: the names of its roles and permissions as sorted JSON arrays. CROSS JOIN keeps SQLite
-- from starting at the environment's roles, of which there may be many, instead of at the user's own.
CREATE VIEW authorities AS
SELECT
    u.environment_id,
    u.id AS user_id,
    COALESCE(u.email, u.first_name, u.kind) AS name,
    u.active,
    u.generation,
    (
        SELECT json_group_array(name) FROM (
            SELECT r.name
            FROM user_roles ur
            CROSS JOIN roles r ON r.environment_id = ur.environment_id AND r.id = ur.role_id
            WHERE ur.environment_id = u.environment_id AND ur.user_id = u.id
            ORDER BY r.name
        )
    ) AS roles,
    (
        SELECT json_group_array(name) FROM (
            SELECT DISTINCT p.name
            FROM user_roles ur
            CROSS JOIN role_permissions rp ON rp.environment_id = ur.environment_id AND rp.role_id = ur.role_id
            CROSS JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id
            WHERE ur.environment_id = u.environment_id AND ur.user_id = u.id
            ORDER BY p.name
        )
    ) AS permissions
FROM users u;

-- The people who can still administer the environment: there must always be one once there was one.
CREATE VIEW admins AS
SELECT u.environment_id, u.id AS user_id
FROM users u
JOIN user_roles ur ON ur.environment_id = u.environment_id AND ur.user_id = u.id
JOIN roles r ON r.environment_id = ur.environment_id AND r.id = ur.role_id
WHERE u.active AND u.kind = 'person' AND r.system AND r.name = 'admin';

-- A client with all that a client-credentials token depends on, in one row, so that issuing one is one read.
CREATE VIEW machines AS
SELECT
    c.environment_id,
    c.client_id,
    c.client_type,
    c.secret_hash,
    c.grant_types,
    c.token_format,
    c.access_token_ttl,
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
