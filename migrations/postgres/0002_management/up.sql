-- What the rest of the Management API manages, and the indexes its lists read in order.

ALTER TABLE environments ADD COLUMN session_ttl BIGINT NOT NULL DEFAULT 2592000;

CREATE TABLE sessions (
    environment_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    token_hash BYTEA NOT NULL,
    ip TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    last_activity_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CONSTRAINT sessions_token UNIQUE (environment_id, token_hash),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (environment_id, user_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- An invitation dies with the organization it leads to and with the user who made it.
CREATE TABLE invitations (
    environment_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    organization_id BYTEA NOT NULL,
    inviter_id BYTEA NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'accepted', 'declined', 'revoked', 'expired')),
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    FOREIGN KEY (environment_id, organization_id) REFERENCES organizations (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, inviter_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX invitations_pending ON invitations (environment_id, organization_id, email_key)
WHERE status = 'pending';
CREATE INDEX invitations_organization ON invitations (environment_id, organization_id, id);
CREATE INDEX invitations_inviter ON invitations (environment_id, inviter_id);
CREATE INDEX invitations_email ON invitations (environment_id, email_key, id);

CREATE TABLE invitation_roles (
    environment_id BYTEA NOT NULL,
    invitation_id BYTEA NOT NULL,
    role_id BYTEA NOT NULL,
    PRIMARY KEY (environment_id, invitation_id, role_id),
    FOREIGN KEY (environment_id, invitation_id) REFERENCES invitations (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, role_id) REFERENCES roles (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX invitation_roles_role ON invitation_roles (environment_id, role_id);

-- Who may introspect the tokens for a resource server that were issued to others.
CREATE TABLE introspection_clients (
    environment_id BYTEA NOT NULL,
    resource_server_id BYTEA NOT NULL,
    client_id BYTEA NOT NULL,
    PRIMARY KEY (environment_id, resource_server_id, client_id),
    FOREIGN KEY (environment_id, resource_server_id) REFERENCES resource_servers (environment_id, id) ON DELETE CASCADE,
    FOREIGN KEY (environment_id, client_id) REFERENCES clients (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX introspection_clients_client ON introspection_clients (environment_id, client_id);

-- Requests with an Idempotency-Key: what they make, and once it is made, what was answered.
CREATE TABLE idempotency_keys (
    environment_id BYTEA NOT NULL REFERENCES environments (id),
    key_hash BYTEA NOT NULL,
    request_hash BYTEA NOT NULL,
    resource_id BYTEA NOT NULL,
    answer TEXT COLLATE "C",
    locked_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, key_hash)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- A key changes when it becomes primary and when it ceases to be, too.
ALTER TABLE signing_keys ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET updated_at = COALESCE(deactivated_at, created_at);

-- A service user has no address, but a place in a list sorted by address.
UPDATE users SET email_key = 'service:' || encode(id, 'hex') WHERE email_key IS NULL;
-- The few among the many: whoever lists the others meets them soon enough without an index.
CREATE INDEX users_service ON users (environment_id, id) WHERE kind = 'service';
CREATE INDEX users_service_email ON users (environment_id, email_key, id) WHERE kind = 'service';
CREATE INDEX users_inactive ON users (environment_id, id) WHERE NOT active;
CREATE INDEX users_inactive_email ON users (environment_id, email_key, id) WHERE NOT active;
CREATE INDEX clients_name ON clients (environment_id, name, id);
CREATE INDEX organizations_name ON organizations (environment_id, name, id);
CREATE INDEX resource_servers_name ON resource_servers (environment_id, name, id);
CREATE INDEX scopes_name_everywhere ON scopes (environment_id, name, id);
CREATE INDEX scopes_resource_server ON scopes (environment_id, resource_server_id, id);
CREATE INDEX audit_events_action ON audit_events (environment_id, action, id);
CREATE INDEX audit_events_actor ON audit_events (environment_id, actor_id, id);

-- Lists of what belongs to one owner: an index that ends in the id gives them in order.
DROP INDEX user_roles_role;
CREATE INDEX user_roles_role ON user_roles (environment_id, role_id, id);
CREATE INDEX user_roles_holders ON user_roles (environment_id, role_id, user_id);
CREATE INDEX user_roles_user ON user_roles (environment_id, user_id, id);
DROP INDEX memberships_organization;
CREATE INDEX memberships_organization ON memberships (environment_id, organization_id, id);
CREATE INDEX memberships_members ON memberships (environment_id, organization_id, user_id);
CREATE INDEX memberships_user ON memberships (environment_id, user_id, id);
DROP INDEX membership_roles_role;
CREATE INDEX membership_roles_role ON membership_roles (environment_id, role_id, id);
CREATE INDEX membership_roles_membership ON membership_roles (environment_id, membership_id, id);
DROP INDEX role_permissions_permission;
CREATE INDEX role_permissions_permission ON role_permissions (environment_id, permission_id, id);
CREATE INDEX role_permissions_role ON role_permissions (environment_id, role_id, id);
DROP INDEX client_grants_resource_server;
CREATE INDEX client_grants_resource_server ON client_grants (environment_id, resource_server_id, id);
CREATE INDEX client_grants_client ON client_grants (environment_id, client_id, id);
DROP INDEX clients_user;
CREATE INDEX clients_user ON clients (environment_id, user_id, id);

-- As before, with the permissions that a user's memberships hold in each organization.
CREATE OR REPLACE VIEW authorities AS
SELECT
    u.environment_id,
    u.id AS user_id,
    COALESCE(u.email, u.first_name, u.kind) AS name,
    u.active,
    u.generation,
    COALESCE((
        SELECT json_agg(r.name ORDER BY r.name)
        FROM user_roles ur
        JOIN roles r ON r.environment_id = ur.environment_id AND r.id = ur.role_id
        WHERE ur.environment_id = u.environment_id AND ur.user_id = u.id
    )::text, '[]') AS roles,
    COALESCE((
        SELECT json_agg(DISTINCT p.name)
        FROM user_roles ur
        JOIN role_permissions rp ON rp.environment_id = ur.environment_id AND rp.role_id = ur.role_id
        JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id
        WHERE ur.environment_id = u.environment_id AND ur.user_id = u.id
    )::text, '[]') AS permissions,
    COALESCE((
        SELECT json_agg(json_build_object('organization', encode(o.organization_id, 'hex'), 'permission', o.name))
        FROM (
            SELECT DISTINCT m.organization_id, p.name
            FROM memberships m
            JOIN membership_roles mr ON mr.environment_id = m.environment_id AND mr.membership_id = m.id
            JOIN role_permissions rp ON rp.environment_id = mr.environment_id AND rp.role_id = mr.role_id
            JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id
            WHERE m.environment_id = u.environment_id AND m.user_id = u.id
        ) o
    )::text, '[]') AS organizations
FROM users u;
